"""Adapter: rule audit."""

from irm_bench import job

with job.run(snakemake, "coverage") as (config, coverage):
    coverage.run(config, snakemake.output[0])
