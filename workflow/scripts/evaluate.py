"""Adapter: rule evaluate."""

from pathlib import Path

from irm_bench.running import job

with job.run(snakemake, "stages.evaluate") as (config, evaluate):
    evaluate.run(
        config,
        int(snakemake.wildcards.shard),
        snakemake.input.moments,
        snakemake.input.trained,
        Path(snakemake.output[0]).parent,
        snakemake.input.get("chosen"),
    )
