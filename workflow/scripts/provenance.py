"""Adapter: rule provenance."""

from irm_bench import config, job, provenance

with job.run(snakemake):
    provenance.write(config.parse(snakemake.config), "results", snakemake.output[0])
