"""Adapter: rule train."""

from irm_bench.running import job

with job.run(snakemake, "stages.train") as (config, train):
    train.run(
        config,
        snakemake.wildcards.group,
        int(snakemake.wildcards.shard),
        snakemake.input.moments,
        snakemake.output[0],
    )
