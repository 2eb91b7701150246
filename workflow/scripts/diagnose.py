"""Adapter: rule diagnose."""

from pathlib import Path

from irm_bench import diagnose, job

with job.run(snakemake) as config:
    diagnose.run(
        config,
        int(snakemake.wildcards.shard),
        snakemake.input.moments,
        snakemake.input.trained,
        Path(snakemake.output[0]).parent,
    )
