"""Adapter: rule score."""

from irm_bench.running import job

with job.run(snakemake, "stages.select") as (config, select):
    select.score(
        config,
        int(snakemake.wildcards.shard),
        snakemake.input.moments,
        snakemake.input.trained,
        snakemake.output[0],
    )
