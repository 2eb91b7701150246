"""Adapter: rule diagnose."""

from pathlib import Path

from irm_bench import config, diagnose, job

with job.run(snakemake):
    diagnose.run(
        config.parse(snakemake.config),
        int(snakemake.wildcards.shard),
        snakemake.input.moments,
        snakemake.input.trained,
        Path(snakemake.output[0]).parent,
    )
