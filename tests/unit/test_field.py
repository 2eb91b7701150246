"""The claims of the book "field" follow its tables: right ones support them, wrong ones do not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from irm_bench import config
from irm_bench.books.field.figures import who_is_right
from irm_bench.config import Config
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import REFUTED, SUPPORTED
from irm_bench.plugins.registry import find_book
from irm_bench.presentation.series import Looks
from irm_bench.stages import judge, locate
from irm_bench.storage import tables
from tests.unit import claims_case

# Claims that look at the tables alone, and not at a search of their own.
OF_TABLES = (
    "no_method_everywhere",
    "rivals_on_example_1",
    "rivals_on_the_dual",
    "rex_and_noise",
    "iga_is_dantzig",
    "matching_predicts_nothing",
    "two_environments_suffice",
    "start_decides",
    "irmx_repairs",
    "anchor_and_shifts",
    "hidden_cause",
    "shared_limit",
    "icp_and_noise",
    "small_samples",
    "bottleneck",
)


@pytest.fixture(scope="module")
def field() -> Config:
    return config.of_book("field")


def evidence_of(field: Config, folder: Path, offset: float) -> Evidence:
    """Tables in which every method is ``offset`` from the invariant predictor everywhere."""
    runs, ends = [], []
    for study in field.studies:
        causal = locate.Data(field, study, locate.LIMIT).causal[0]
        phi = causal + offset * np.eye(len(causal))[0]
        for name in locate.methods(field):
            keys = {"data": study.name, "method": name}
            for regime, seeds in (("limit", [0]), ("sample", range(6))):
                for quantity in ("distance", "worst_risk", "shift_risk"):
                    for seed in seeds:
                        value = offset + 0.01 * seed * (name == "irm")
                        told = {"regime": regime, "quantity": quantity, "seed": seed}
                        runs.append({**keys, **told, "value": value, "reason": ""})
            for start in range(4):
                told = {"seed": start, "objective": 0.0, "converged": 1}
                told |= {"distance": offset, "share": 1.0}
                weights = {f"phi_{j + 1}": value for j, value in enumerate(phi)}
                ends.append({**keys, **told, **weights})
    contracts = tables.contracts(field)
    found = {}
    for name, rows in (("map_runs", runs), ("minima", ends)):
        frame = pd.DataFrame(rows, columns=contracts[name].names)
        tables.write(folder / f"{name}.csv", frame, contracts[name])
        found[name] = tables.open_rows(folder / f"{name}.csv", contracts[name])
    return Evidence(field, found)


def verdicts(field: Config, folder: Path, offset: float) -> dict[str, str]:
    claims = [claim for claim in field.claims if claim.name in OF_TABLES]
    found = judge.judge(evidence_of(field, folder, offset), claims)
    return {finding.name: finding.verdict for finding in found}


def test_where_all_methods_are_right_the_claims_that_some_are_not_are_refuted(
    field: Config, tmp_path: Path
) -> None:
    found = verdicts(field, tmp_path, 0.0)
    refuted = ("no_method_everywhere", "rivals_on_example_1", "rex_and_noise", "hidden_cause")
    assert {found[name] for name in refuted} == {REFUTED}
    supported = ("rivals_on_the_dual", "irmx_repairs", "start_decides", "small_samples")
    assert {found[name] for name in supported} == {SUPPORTED}
    assert found["two_environments_suffice"] == REFUTED


def test_where_all_methods_are_wrong_so_are_the_claims_that_some_are_right(
    field: Config, tmp_path: Path
) -> None:
    found = verdicts(field, tmp_path, 0.5)
    refuted = ("rivals_on_the_dual", "irmx_repairs", "anchor_and_shifts", "icp_and_noise")
    assert {found[name] for name in refuted} == {REFUTED}
    assert found["no_method_everywhere"] == SUPPORTED
    assert found["two_environments_suffice"] == SUPPORTED


def test_the_figure_of_the_map_counts_what_is_right() -> None:
    """A limit at the margin is not right; no answer is a dash, and is counted nowhere."""
    settings = config.of_book("field", {})
    assert settings.map is not None
    names = [method.name for method in settings.map.methods][:2]
    values = {names[0]: [0.5, who_is_right.NEAR], names[1]: [0.0, float("nan")]}
    rows = [
        {"data": data, "method": name, "regime": "limit", "quantity": "distance", "value": value}
        for name, of_method in values.items()
        for data, value in zip(("a", "b"), of_method, strict=True)
    ]
    cells = pd.DataFrame(rows).assign(reason="")
    found = who_is_right.data({"map": cells}, settings)
    assert dict(zip(found["method"], found["n_right"], strict=True)) == {names[0]: 0, names[1]: 1}
    assert [who_is_right.told(v) for v in found["value"]] == ["0", "–", "0.5", "0.01"]
    who_is_right.draw(found, Figure(), Looks(settings))


PUBLISHED = Path(__file__).parents[2] / "results/published/field/tables"


@pytest.fixture(scope="module")
def published(field: Config) -> Evidence:
    """The map as it was published."""
    names = ("map_runs", "minima")
    return claims_case.known(field, {n: pd.read_csv(PUBLISHED / f"{n}.csv") for n in names})


@pytest.mark.parametrize("name", find_book("field").names("claims"))
def test_a_claims_false_twin_is_refuted(published: Evidence, name: str) -> None:
    row = controls.row_of(published, find_book("field").plugin("claims", name), judge.judge)
    assert row is not None, "has no twin"
    assert row["verdict"] == REFUTED, row["sentence"]
