"""Adapter: rule audit."""

from pathlib import Path

from irm_bench.running import job

with job.run(snakemake, "stages.audit") as (config, audit):
    audit.run(config, Path(snakemake.output[0]).parent)
