"""Adapter: rule figures."""

from pathlib import Path

from irm_bench import config, job
from irm_bench.report import drawing

with job.run(snakemake):
    parsed = config.parse(snakemake.config)
    folders = (Path(paths[0]).parent for paths in (snakemake.input.tables, snakemake.output))
    drawing.run(parsed, drawing.shown(parsed), *folders)
