"""Adapter: rule simulate."""

from irm_bench.running import job

with job.run(snakemake, "stages.simulate") as (config, simulate):
    simulate.run(
        config,
        int(snakemake.wildcards.shard),
        snakemake.output[0],
    )
