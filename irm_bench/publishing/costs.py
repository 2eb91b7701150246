"""What a published run cost: kept with it, and told in README.md and docs/cluster.md.

No one writes these numbers by hand: a run's jobs say what they took (``running.provenance``),
``make publish`` keeps it, and ``make docs`` writes it into the documents.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from irm_bench.config import Config
from irm_bench.presentation import numbers
from irm_bench.running import chain, provenance

HEADER = (
    "| job | number | seconds each | of these start-up | peak MB | asked MB |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: |\n"
)


def of_run(config: Config, results: Path) -> dict[str, Any] | None:
    """The machine of a finished run, its clock and processor seconds, and its jobs by kind.

    Of a kind of job: how many, the mean seconds of one and of these those before its work began,
    the largest memory of one (MB), and the memory that is asked for it. The machine is that of the
    job that began first. Only jobs count that what there is comes from, not those of an earlier
    config. None of a run without the records of its jobs.
    """
    made = [*chain.made_of(config, results), *(results / page for page in chain.PAGES)]
    names = [provenance.name_of(config, results, path.as_posix()) for path in made]
    jobs = list(provenance.trace(names, provenance.records(config, results)))
    if not jobs:
        return None
    jobs.sort(key=lambda job: float(job["started"]))
    kinds: dict[str, list[provenance.Record]] = defaultdict(list)
    for job in jobs:
        group = job["wildcards"].get("group", "")
        kinds[f"{job['rule']} {group}".rstrip()].append(job)
    host = jobs[0]["host"]
    return {
        "cpu": host["cpu"],
        "cores": host["cores"],
        "wall_seconds": round(_busy(jobs), 3),
        "cpu_seconds": round(sum(job["cpu_seconds"] for job in jobs), 3),
        "jobs": {kind: _of_kind(of_kind) for kind, of_kind in kinds.items()},
    }


def _busy(jobs: list[provenance.Record]) -> float:
    """Seconds in which some job was at work: a run may have been interrupted and gone on with."""
    busy = until = 0.0
    for job in sorted(jobs, key=lambda job: float(job["finished"]) - provenance.seconds(job)):
        started = job["finished"] - provenance.seconds(job)
        busy += max(0.0, job["finished"] - max(started, until))
        until = max(until, job["finished"])
    return busy


def _of_kind(jobs: list[provenance.Record]) -> dict[str, Any]:
    seconds = fmean(provenance.seconds(job) for job in jobs)
    of_work = fmean(job["finished"] - job["started"] for job in jobs)
    return {
        "number": len(jobs),
        "seconds": round(seconds, 3),
        "start_up_seconds": round(max(0.0, seconds - of_work), 3),
        "peak_mb": max(job["max_rss_mb"] for job in jobs),
        "asked_mb": jobs[0]["memory_mb"],
    }


def words(run: Mapping[str, Any]) -> str:
    """``1.7 minutes on 2 cores (AMD EPYC); 176 CPU seconds``."""
    minutes = numbers.significant(run["wall_seconds"] / 60, 2)
    seconds = numbers.significant(run["cpu_seconds"], 3)
    return f"{minutes} minutes on {run['cores']} cores ({run['cpu']}); {seconds} CPU seconds"


def table(run: Mapping[str, Any]) -> str:
    """The jobs of a run in Markdown, in the order in which they began."""
    lines = []
    for kind, job in run["jobs"].items():
        seconds = (numbers.fixed(job[name], 1) for name in ("seconds", "start_up_seconds"))
        memory = (numbers.fixed(job[name] or 0, 0) for name in ("peak_mb", "asked_mb"))
        lines.append(f"| {' | '.join([kind, str(job['number']), *seconds, *memory])} |\n")
    return HEADER + "".join(lines)


def in_readme(text: str, runs: Mapping[str, Mapping[str, Any]]) -> str:
    """README.md with the costs of published runs in the last column of its table of books."""
    for book, run in runs.items():
        rows = re.findall(rf"^\| `{book}` \| .*\|$", text, flags=re.MULTILINE)
        if len(rows) != 1:
            raise ValueError(f"README.md has {len(rows)} rows of the book {book!r} in its table")
        before, _, _ = rows[0].removesuffix(" |").rpartition(" | ")
        text = text.replace(rows[0], f"{before} | {words(run)} |")
    return text


def in_document(text: str, run: Mapping[str, Any]) -> str:
    """docs/cluster.md with the jobs of a published run."""
    tables = re.findall(re.escape(HEADER) + r"(?:\|.*\n)*", text)
    if len(tables) != 1:
        raise ValueError(f"docs/cluster.md has {len(tables)} tables of jobs")
    return text.replace(tables[0], table(run))
