"""Adapter: rule simulate."""

from irm_bench import job, simulate

with job.run(snakemake) as config:
    simulate.run(
        config,
        int(snakemake.wildcards.shard),
        snakemake.output[0],
    )
