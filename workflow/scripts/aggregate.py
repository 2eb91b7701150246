"""Adapter: rule aggregate."""

from pathlib import Path

from irm_bench.running import job

with job.run(snakemake, "stages.aggregate") as (config, aggregate):
    parts = sorted({str(Path(part).parent) for part in snakemake.input.parts})
    aggregate.run(config, parts, Path(snakemake.output[0]).parent)
