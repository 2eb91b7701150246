"""Adapter: rule map_method."""

from irm_bench.running import job

with job.run(snakemake, "stages.locate") as (config, locate):
    locate.run(config, snakemake.wildcards.method, snakemake.output.runs, snakemake.output.minima)
