"""Adapter: rule figures."""

from pathlib import Path

from irm_bench.presentation import gallery
from irm_bench.running import job

with job.run(snakemake, "presentation.drawing") as (config, drawing):
    folders = (Path(paths[0]).parent for paths in (snakemake.input.tables, snakemake.output))
    drawing.run(config, gallery.shown(config), *folders)
