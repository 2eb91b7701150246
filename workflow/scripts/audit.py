"""Adapter: rule audit."""

from irm_bench.running import job

with job.run(snakemake, "stages.audit") as (config, coverage):
    coverage.run(config, snakemake.output[0])
