"""Adapter: rule provenance."""

from irm_bench import job

with job.run(snakemake, "provenance") as (config, provenance):
    provenance.write(config, "results", snakemake.output[0])
