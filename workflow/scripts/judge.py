"""Adapter: rule judge."""

from pathlib import Path

from irm_bench.running import job

with job.run(snakemake, "stages.judge") as (config, judge):
    folders = (Path(paths[0]).parent for paths in (snakemake.input.results, snakemake.output))
    judge.run(config, *folders)
