"""Adapter: rule diagnosis."""

from pathlib import Path

from irm_bench.running import job

with job.run(snakemake, "stages.diagnose") as (config, diagnose):
    parts = sorted({str(Path(part).parent) for part in snakemake.input.parts})
    diagnose.merge(config, parts, Path(snakemake.output[0]).parent)
