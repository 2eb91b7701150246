"""Adapter: rule figures."""

from pathlib import Path

from irm_bench import job
from irm_bench.report import drawing, gallery

with job.run(snakemake) as config:
    folders = (Path(paths[0]).parent for paths in (snakemake.input.tables, snakemake.output))
    drawing.run(config, gallery.shown(config), *folders)
