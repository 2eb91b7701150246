"""Adapter: rule judge."""

from pathlib import Path

from irm_bench import config, job, judge

with job.run(snakemake):
    folders = (Path(paths[0]).parent for paths in (snakemake.input.results, snakemake.output))
    judge.run(config.parse(snakemake.config), *folders)
