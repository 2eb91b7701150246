"""Adapter: rule simulate."""

from irm_bench import job

with job.run(snakemake, "simulate") as (config, simulate):
    simulate.run(
        config,
        int(snakemake.wildcards.shard),
        snakemake.output[0],
    )
