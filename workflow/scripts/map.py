"""Adapter: rule map."""

from pathlib import Path

from irm_bench.running import job

with job.run(snakemake, "stages.locate") as (config, locate):
    parts = list(zip(snakemake.input.runs, snakemake.input.minima, strict=True))
    locate.merge(config, parts, Path(snakemake.output[0]).parent)
