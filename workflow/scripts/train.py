"""Adapter: rule train."""

from irm_bench import config, job, train

with job.run(snakemake):
    train.run(
        config.parse(snakemake.config),
        snakemake.wildcards.group,
        int(snakemake.wildcards.shard),
        snakemake.input.moments,
        snakemake.output[0],
    )
