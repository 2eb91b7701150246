"""Adapter: rule audit."""

from irm_bench import coverage, job

with job.run(snakemake) as config:
    coverage.run(config, snakemake.output[0])
