"""Adapter: rule figures."""

from pathlib import Path

from irm_bench.presentation import gallery
from irm_bench.running import job

with job.run(snakemake, "stages.draw") as (config, draw):
    folders = (Path(paths[0]).parent for paths in (snakemake.input.tables, snakemake.output))
    draw.run(config, gallery.shown(config), *folders)
