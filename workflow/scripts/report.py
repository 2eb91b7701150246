"""Adapter: rule report."""

from pathlib import Path

from irm_bench.report import inputs
from irm_bench.running import job

with job.run(snakemake, "stages.report") as (config, report):
    page = Path(snakemake.output[0])
    report.run(
        config,
        page.parent / "tables",
        page,
        page.parent / "figures",
        published=inputs.folder_of_published(config),
        baseline=next(iter(snakemake.input.baseline), None),
    )
