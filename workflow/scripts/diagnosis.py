"""Adapter: rule diagnosis."""

from pathlib import Path

from irm_bench import config, diagnose, job

with job.run(snakemake):
    parts = sorted({str(Path(part).parent) for part in snakemake.input.parts})
    diagnose.merge(config.parse(snakemake.config), parts, Path(snakemake.output[0]).parent)
