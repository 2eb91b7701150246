"""Adapter: rule provenance."""

from irm_bench import job, provenance

with job.run(snakemake) as config:
    provenance.write(config, "results", snakemake.output[0])
