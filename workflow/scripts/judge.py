"""Adapter: rule judge."""

from pathlib import Path

from irm_bench import job

with job.run(snakemake, "judge") as (config, judge):
    folders = (Path(paths[0]).parent for paths in (snakemake.input.results, snakemake.output))
    judge.run(config, *folders)
