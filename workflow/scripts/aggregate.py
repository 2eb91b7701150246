"""Adapter: rule aggregate."""

from pathlib import Path

from irm_bench import aggregate, config, job

with job.run(snakemake):
    parts = sorted({str(Path(part).parent) for part in snakemake.input.parts})
    aggregate.run(config.parse(snakemake.config), parts, Path(snakemake.output[0]).parent)
