"""Adapter: rule judge."""

from pathlib import Path

from irm_bench import job, judge

with job.run(snakemake) as config:
    folders = (Path(paths[0]).parent for paths in (snakemake.input.results, snakemake.output))
    judge.run(config, *folders)
