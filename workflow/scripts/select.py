"""Adapter: rule select."""

from irm_bench.running import job

with job.run(snakemake, "stages.select") as (config, select):
    select.merge(config, snakemake.input.scores, snakemake.output.selected, snakemake.output.table)
