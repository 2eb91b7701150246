"""Adapter: rule diagnosis."""

from pathlib import Path

from irm_bench import diagnose, job

with job.run(snakemake) as config:
    parts = sorted({str(Path(part).parent) for part in snakemake.input.parts})
    diagnose.merge(config, parts, Path(snakemake.output[0]).parent)
