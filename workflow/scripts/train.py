"""Adapter: rule train."""

from irm_bench import job, train

with job.run(snakemake) as config:
    train.run(
        config,
        snakemake.wildcards.group,
        int(snakemake.wildcards.shard),
        snakemake.input.moments,
        snakemake.output[0],
    )
