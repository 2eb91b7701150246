"""Adapter: rule provenance."""

from irm_bench.running import job

with job.run(snakemake, "running.provenance") as (config, provenance):
    provenance.write(config, "results", snakemake.output[0])
