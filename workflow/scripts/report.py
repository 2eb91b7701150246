"""Adapter: rule report."""

from pathlib import Path

from irm_bench.running import job

with job.run(snakemake, "report") as (config, report):
    report.run(
        config,
        Path(snakemake.input.tables[0]).parent,
        snakemake.output[0],
        "results/figures",
        published="results/published",
        baseline=next(iter(snakemake.input.baseline), None),
    )
