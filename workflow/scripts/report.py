"""Adapter: rule report."""

from pathlib import Path

from irm_bench import config, job, report

with job.run(snakemake):
    report.run(
        config.parse(snakemake.config),
        Path(snakemake.input.tables[0]).parent,
        snakemake.output[0],
        "results/figures",
        published="results/published",
        baseline=next(iter(snakemake.input.baseline), None),
    )
