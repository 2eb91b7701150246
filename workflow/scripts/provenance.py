"""Adapter: rule provenance."""

from pathlib import Path

from irm_bench.running import job

with job.run(snakemake, "running.provenance") as (config, provenance):
    provenance.write(config, Path(snakemake.output[0]).parent, snakemake.output[0])
