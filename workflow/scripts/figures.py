"""Adapter: rule figures."""

from pathlib import Path

from irm_bench import job

with job.run(snakemake, "report.drawing") as (config, drawing):
    folders = (Path(paths[0]).parent for paths in (snakemake.input.tables, snakemake.output))
    drawing.run(config, snakemake.params.figures, *folders)
