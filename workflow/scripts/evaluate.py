"""Adapter: rule evaluate."""

from pathlib import Path

from irm_bench import config, evaluate, job

with job.run(snakemake):
    evaluate.run(
        config.parse(snakemake.config),
        int(snakemake.wildcards.shard),
        snakemake.input.moments,
        snakemake.input.trained,
        Path(snakemake.output[0]).parent,
    )
