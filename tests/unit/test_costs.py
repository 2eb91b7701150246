"""What a published run cost is what the records of its jobs say."""

import json
from pathlib import Path
from typing import Any

import pytest

from irm_bench import config
from irm_bench.publishing import costs


def write_job(results: Path, name: str, start: float, end: float, **more: Any) -> None:
    """The record of a job that began its work a second after Snakemake began to measure it."""
    record = {
        "rule": name.split("/")[0],
        "wildcards": {},
        "memory_mb": 1000,
        "started": start + 1,
        "finished": end,
        "cpu_seconds": 0.5 * (end - start),
        "max_rss_mb": 10 * end,
        "inputs": {},
        "outputs": {f"{results}/{name}.csv": ""},
        "host": {"cpu": "a processor", "cores": 3},
    }
    log, measured = results / f"logs/{name}.log", results / f"benchmarks/{name}.tsv"
    for path in (log, measured):
        path.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(json.dumps(record | more), encoding="utf-8")
    measured.write_text(f"s\th:m:s\n{end - start}\t0:00:01\n", encoding="utf-8")


@pytest.fixture
def run(tmp_path: Path) -> dict[str, Any]:
    """Two jobs side by side, and a third long after them: the run was interrupted. A fourth is of
    another run, before it."""
    quick = {"wildcards": {"group": "quick"}}
    write_job(tmp_path, "train/0", 100, 110, **quick)
    write_job(tmp_path, "train/1", 104, 118, **quick)
    write_job(tmp_path, "train/2", 50, 60, **quick)  # of a config with more shards
    trained = dict.fromkeys((f"{tmp_path}/train/{shard}.csv" for shard in (0, 1)), "")
    claims = {f"{tmp_path}/tables/claims.csv": ""}
    write_job(tmp_path, "judge", 500, 503, inputs=trained, outputs=claims)
    found = costs.of_run(config.of_book("notebook"), tmp_path)
    assert found is not None
    return found


def test_a_time_in_which_no_job_was_at_work_is_not_counted(run: dict[str, Any]) -> None:
    assert run["wall_seconds"] == 18 + 3
    assert run["cpu_seconds"] == 0.5 * (10 + 14 + 3)
    assert (run["cpu"], run["cores"]) == ("a processor", 3)


def test_jobs_of_a_kind_are_told_together(run: dict[str, Any]) -> None:
    assert list(run["jobs"]) == ["train quick", "judge"]
    assert run["jobs"]["train quick"] == {
        "number": 2,
        "seconds": 12.0,
        "start_up_seconds": 1.0,
        "peak_mb": 1180,
        "asked_mb": 1000,
    }


def test_a_run_without_records_cost_nobody_knows_what(tmp_path: Path) -> None:
    assert costs.of_run(config.of_book("notebook"), tmp_path) is None


def test_the_documents_are_renewed_in_place(run: dict[str, Any]) -> None:
    text = "before\n| `one` | a book | old |\n| `other` | another | old |\nafter\n"
    assert costs.in_readme(text, {"one": run}) == text.replace(
        "a book | old", "a book | 0.35 minutes on 3 cores (a processor); 13.5 CPU seconds"
    )
    rows = "| train quick | 2 | 12.0 | 1.0 | 1,180 | 1,000 |\n| judge | 1 | 3.0 | 1.0 | 5,030 |"
    renewed = costs.in_document(f"before\n\n{costs.HEADER}| old |\n\nafter\n", run)
    assert renewed == f"before\n\n{costs.HEADER}{rows} 1,000 |\n\nafter\n"


def test_a_document_without_the_place_is_refused(run: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="0 rows of the book 'one'"):
        costs.in_readme("| `other` | another | old |\n", {"one": run})
    with pytest.raises(ValueError, match="0 tables of jobs"):
        costs.in_document("nothing\n", run)
