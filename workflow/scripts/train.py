"""Adapter: rule train."""

from irm_bench import job

with job.run(snakemake, "train") as (config, train):
    train.run(
        config,
        snakemake.wildcards.group,
        int(snakemake.wildcards.shard),
        snakemake.input.moments,
        snakemake.output[0],
    )
