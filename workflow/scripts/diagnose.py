"""Adapter: rule diagnose."""

from pathlib import Path

from irm_bench.running import job

with job.run(snakemake, "stages.diagnose") as (config, diagnose):
    diagnose.run(
        config,
        int(snakemake.wildcards.shard),
        snakemake.input.moments,
        snakemake.input.trained,
        Path(snakemake.output[0]).parent,
    )
