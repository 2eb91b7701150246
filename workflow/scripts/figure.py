"""Adapter: rule figure."""

from pathlib import Path

from irm_bench import config, job
from irm_bench.report import drawing

with job.run(snakemake):
    drawing.run(
        config.parse(snakemake.config),
        snakemake.wildcards.figure,
        Path(snakemake.input.tables[0]).parent,
        Path(snakemake.output[0]).parent,
    )
