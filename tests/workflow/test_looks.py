"""The real Snakefile on seeds that are added until claims are decided."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from irm_bench import config, library
from irm_bench.running import adding
from tests.workflow import tiny

RESULTS = "results/notebook"
# The claim needs five seeds, so that both looks leave it open.
CONFIG = """\
title: Looks
shards: 1
defaults: {n_samples: 40, n_test_samples: 40, steps: 20, seeds: SEEDS}
studies:
  - {name: notebook, methods: [{name: erm}, {name: oracle}]}
claims: [beats_best_possible]
figures: []
audit: {replicates: 20, seed_counts: [5]}
"""
ADDED = "{until: decided, first: 2, at_most: 4}"


def records(project: Path, stage: str) -> dict[str, Any]:
    """The records of the jobs of a stage, by name."""
    found = {}
    for path in (project / RESULTS / "logs" / stage).glob("*.log"):
        found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
    return found


def look(project: Path) -> tuple[int, str]:
    """Run Snakemake once, as ``make report`` does; the status and last line of its check."""
    done = tiny.run(project)
    assert done.returncode == 0, done.stderr[-3000:]
    checked = tiny.check_results(project, "--asked", tiny.CONFIGFILE)
    return checked.returncode, checked.stdout


def test_seeds_are_added_until_claims_are_decided_and_none_is_trained_twice(tmp_path: Path) -> None:
    project = tiny.create(tmp_path)
    (project / tiny.CONFIGFILE).write_text(CONFIG.replace("SEEDS", ADDED), encoding="utf-8")
    next_look = "look 1, 2 seeds: 1 of 1 claims open; look 2 of at most 2 is next\n"
    assert look(project) == (adding.ANOTHER_LOOK, next_look)
    status, said = look(project)
    assert (status, said.startswith("The page is at")) == (0, True)

    looks = pd.read_csv(project / RESULTS / "tables/looks.csv")
    assert looks["n_seeds"].tolist() == [2, 4]
    assert "Were there seeds enough?" in (project / RESULTS / "report.html").read_text("utf-8")

    # a shard a look, and the first look's was trained before the second's was drawn, not again
    drawn, trained = records(project, "simulate"), records(project, "train")
    assert set(drawn) == {"0", "1"}
    first = [job for name, job in trained.items() if name.endswith(".0")]
    assert first
    assert all(job["finished"] < drawn["1"]["started"] for job in first)

    overlay = tmp_path / "fixed.yaml"
    overlay.write_text(CONFIG.replace("SEEDS", "4"), encoding="utf-8")
    fixed = config.parse(config.laid_over(config.read(overlay)))
    library.run_stages(fixed, tmp_path / "fixed", until="aggregate")
    for table in ("models", "errors"):
        path = f"tables/{table}.csv"
        assert (project / RESULTS / path).read_bytes() == (tmp_path / "fixed" / path).read_bytes()

    again = tiny.run(project)
    assert "Nothing to be done" in again.stderr
