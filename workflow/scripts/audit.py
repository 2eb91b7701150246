"""Adapter: rule audit."""

from irm_bench import config, coverage, job

with job.run(snakemake):
    coverage.run(config.parse(snakemake.config), snakemake.output[0])
