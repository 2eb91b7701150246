"""Where every number came from: a record of each job, and all of them in one file.

The log of a job that went well is its record: rule, wildcards, SHA-256 of every file that it read
and wrote, commit, machine and times. ``collect`` follows the records back from the tables and
figures that are there, so that it tells of these and not of what an earlier config left behind.
"""

import csv
import importlib.metadata
import json
import os
import platform
import re
import resource
import subprocess
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from irm_bench.config import Config
from irm_bench.plugins import registry
from irm_bench.plugins.registry import Book
from irm_bench.storage import archives

ROOT = registry.PACKAGE.parent
# Version of the file's layout.
SCHEMA = 1
# What a run may do as it likes without changing a number.
OF_THE_RUN = ("shards", "device")

Record = dict[str, Any]


def record(snakemake: Any, started: float) -> Record:
    """The record of a job that is done, from Snakemake's account of it."""
    return {
        "rule": snakemake.rule,
        "wildcards": dict(snakemake.wildcards.items()),
        "threads": snakemake.threads,
        "memory_mb": dict(snakemake.resources.items()).get("mem_mb"),
        "started": round(started, 6),
        "finished": round(time.time(), 6),
        **_used(),
        "inputs": {path: archives.digest(path) for path in map(str, snakemake.input)},
        "outputs": {path: archives.digest(path) for path in map(str, snakemake.output)},
        "code": code(),
        "host": host(),
    }


def _used() -> dict[str, float]:
    """Processor time and largest memory of this process; Snakemake's samples miss short peaks."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
        "max_rss_mb": round(used.ru_maxrss / 1024, 1),
    }


def as_text(record: Record) -> str:
    """JSON with a line an entry."""
    return json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def write(config: Config, folder: Path | str, output: Path | str) -> None:
    """Write what ``collect`` finds."""
    archives.write_text(output, as_text(collect(config, folder)))


def collect(config: Config, folder: Path | str) -> Record:
    """All that is known of the tables and figures in a folder of a book's results.

    Wherever the folder is, its files are called ``results/<book>/…``.
    ``results`` is the same wherever and however often they are computed from the same config, code
    and packages; ``run`` tells of this one time: machine, shards, jobs and how long they took.
    """
    folder = Path(folder)
    wanted = [*folder.glob("tables/*.csv"), *folder.glob("figures/*.svg")]
    made = {name_of(config, folder, path.as_posix()): archives.digest(path) for path in wanted}
    made = dict(sorted(made.items()))
    producers = records(config, folder)
    jobs = list(trace(made, producers))
    return {
        "schema": SCHEMA,
        "results": _results(config, made, producers, jobs),
        "run": _run(config, made, producers, jobs),
    }


def name_of(config: Config, folder: Path, path: str) -> str:
    """What a file is called: ``results/<book>/…`` where it is in the folder of results."""
    start = f"{folder.as_posix()}/"
    inside = path.startswith(start)
    return f"results/{config.book.name}/{path.removeprefix(start)}" if inside else path


def _results(
    config: Config, made: dict[str, str], producers: dict[str, Record], jobs: list[Record]
) -> Record:
    resolved = {k: v for k, v in config.resolved.items() if k not in OF_THE_RUN}
    reads: dict[str, set[str]] = defaultdict(set)
    for job in jobs:
        reads[job["rule"]] |= {producers[p]["rule"] for p in job["inputs"] if p in producers}
    return {
        "config": resolved,
        "config_hash": config.results_hash,
        "book": _book(config.book),
        "root_seed": config.root_seed,
        "seeds": {study.name: list(study.seeds) for study in config.studies},
        "version": _project().get("version") or installed("irm-bench"),
        "code": code(),
        "packages": packages(),
        "lock": lock(),
        "files": {
            path: {"sha256": sha256, "rule": producers.get(path, {}).get("rule")}
            for path, sha256 in made.items()
        },
        "rules": {rule: {"reads": sorted(reads[rule])} for rule in sorted(reads)},
    }


def _book(book: Book) -> Record:
    """Its name; of a book elsewhere, which no commit of the project tells of, its files too."""
    if registry.PACKAGE in book.folder.parents:
        return {"name": book.name, "files": {}}
    paths = book.own_files()
    files = {p.relative_to(book.folder).as_posix(): archives.digest(p) for p in paths}
    return {"name": book.name, "files": files}


def _run(
    config: Config, made: dict[str, str], producers: dict[str, Record], jobs: list[Record]
) -> Record:
    known = [producers[path]["outputs"][path] for path in made if path in producers]
    return {
        **{key: config.resolved[key] for key in OF_THE_RUN},
        "book": os.path.relpath(config.book.folder),
        "host": host(),
        "hosts": _distinct(job["host"] for job in jobs),
        "commits": _distinct(job["code"] for job in jobs),
        "wall_seconds": _wall(jobs),
        "stages": _stages(jobs),
        "unexplained": [path for path, sha256 in made.items() if sha256 not in known],
        "jobs": jobs,
    }


def records(config: Config, folder: Path) -> dict[str, Record]:
    """The record of the last job that wrote a file, by the file's name, with its benchmark."""
    jobs = []
    for log in sorted(folder.glob("logs/**/*.log")):
        # a log of a job that failed is no record
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            job = json.loads(log.read_text(encoding="utf-8"))
            for key in ("inputs", "outputs"):
                files = job[key].items()
                job[key] = {name_of(config, folder, path): digest for path, digest in files}
            measured = folder / "benchmarks" / log.relative_to(folder / "logs")
            jobs.append({**job, "benchmark": benchmark(measured.with_suffix(".tsv"))})
    jobs.sort(key=lambda job: float(job["finished"]))
    return {path: job for job in jobs for path in job["outputs"]}


def trace(wanted: Iterable[str], producers: Mapping[str, Record]) -> Iterator[Record]:
    """The jobs that files come from, each once, those of the first stages last."""
    seen: set[int] = set()
    queue = list(wanted)
    for path in queue:
        job = producers.get(path)
        if job and id(job) not in seen:
            seen.add(id(job))
            queue += job["inputs"]
            yield job


def _stages(jobs: list[Record]) -> dict[str, Record]:
    """Jobs, wall time and use of each rule, in the order in which they began."""
    by_rule: dict[str, list[Record]] = defaultdict(list)
    for job in sorted(jobs, key=lambda job: float(job["started"])):
        by_rule[job["rule"]].append(job)
    return {
        rule: {
            "jobs": len(of_rule),
            "wall_seconds": _wall(of_rule),
            "job_seconds": round(sum(seconds(job) for job in of_rule), 3),
            "cpu_seconds": round(sum(job["cpu_seconds"] for job in of_rule), 3),
            "max_rss_mb": max(job["max_rss_mb"] for job in of_rule),
        }
        for rule, of_rule in by_rule.items()
    }


def _wall(jobs: list[Record]) -> float:
    """Seconds from the first job's start to the last one's end."""
    if not jobs:
        return 0.0
    return round(max(j["finished"] for j in jobs) - min(j["started"] for j in jobs), 3)


def seconds(job: Record) -> float:
    """Of the whole process where Snakemake measured it, else of the work alone."""
    return float(job["benchmark"].get("s") or job["finished"] - job["started"])


def _distinct(values: Iterable[Record]) -> list[Record]:
    return [json.loads(text) for text in sorted({json.dumps(v, sort_keys=True) for v in values})]


def benchmark(path: Path) -> dict[str, float | None]:
    """Snakemake's measurements of a job (seconds, MB); empty where there are none."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            *_, last = csv.DictReader(file, delimiter="\t")
    except (OSError, ValueError):
        return {}
    return {name: _number(value) for name, value in last.items() if name != "h:m:s"}


def _number(text: str | None) -> float | None:
    number = re.fullmatch(r"-?\d+(\.\d*)?(e[-+]?\d+)?", text or "")
    return float(number[0]) if number else None  # Snakemake writes NA and - for what it missed


@cache
def code() -> dict[str, Any]:
    """Commit of the sources and whether they differ from it; None where that is not known."""
    unknown: dict[str, Any] = {"commit": None, "dirty": None}
    if not (ROOT / ".git").exists():
        return unknown
    try:
        commit = _git("rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return unknown


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.strip()


@cache
def host() -> dict[str, Any]:
    """The machine, without its name."""
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }


def processor() -> str:
    """What the system calls the processor."""
    with suppress(OSError):
        line = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
        if line:
            return line[1].strip()
    return platform.processor() or "unknown"


def packages() -> dict[str, str | None]:
    """Installed versions of the packages that the project depends on."""
    names = [re.split(r"[^\w.-]", need)[0] for need in _needs()]
    return {name: installed(name) for name in names}


def _needs() -> list[str]:
    """What pyproject.toml depends on, or what the installed package says of it."""
    written = _project().get("dependencies")
    if written is not None:
        return list(written)
    with suppress(importlib.metadata.PackageNotFoundError):
        needs = importlib.metadata.requires("irm-bench") or []
        return [need for need in needs if "extra ==" not in need]
    return []


def _project() -> dict[str, Any]:
    """The table [project] of pyproject.toml; empty where the package is installed without it."""
    try:
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    except OSError:
        return {}
    return tomllib.loads(text)["project"]


@cache
def installed(name: str) -> str | None:
    """Version of an installed package, without the tag of its build; None if it is not there."""
    try:
        return importlib.metadata.version(name).split("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return None


def lock() -> dict[str, Any]:
    """Digest of requirements.lock, and where what is installed differs from its pins."""
    path = ROOT / "requirements.lock"
    if not path.exists():
        return {"sha256": None, "differing": {}}
    pins = dict(line.split("==") for line in path.read_text(encoding="utf-8").split())
    versions = {name: installed(name) for name in pins}
    differing = {name: versions[name] for name, pin in pins.items() if versions[name] != pin}
    return {"sha256": archives.digest(path), "differing": differing}
