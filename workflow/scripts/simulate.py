"""Adapter: rule simulate."""

from irm_bench import config, job, simulate

with job.run(snakemake):
    simulate.run(
        config.parse(snakemake.config),
        int(snakemake.wildcards.shard),
        snakemake.output[0],
    )
