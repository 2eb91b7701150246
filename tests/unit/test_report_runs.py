"""Single runs beside each other: the numbers of the tables, and known answers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from irm_bench.report import runs
from irm_bench.storage import tables
from irm_bench.storage.paged import Rows
from tests.unit.report_case import Case


@pytest.fixture(scope="module")
def errors(case: Case) -> Rows:
    found = tables.load(case.config, case.tables, ["errors"])["errors"]
    assert isinstance(found, Rows)
    return found


def one_study(case: Case, name: str = "notebook") -> Case:
    """The case with a single study in its config."""
    studies = tuple(study for study in case.config.studies if study.name == name)
    return replace(case, config=replace(case.config, studies=studies))


def test_runs_of_more_seeds_than_there_is_room_for_are_not_even_read(
    case: Case, errors: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(number: int) -> pd.DataFrame:
        raise AssertionError("a page of the errors is read")

    monkeypatch.setattr(runs, "MOST_VALUES", min(len(s.seeds) for s in case.config.studies) - 1)
    assert runs.table(Rows(errors.keys, unread, 1, len(errors)), case.config).empty


def test_every_run_is_the_one_of_the_table(case: Case, errors: Rows) -> None:
    study = one_study(case).config.studies[0]
    found = runs.table(errors, one_study(case).config)
    assert len(found) == len(study.methods) * len(study.test_environments)
    assert runs.seeds_of(found) == [str(seed) for seed in study.seeds]
    whole = errors.find(study=study.name, split="test")
    for _, row in found.iterrows():
        sigma = float(str(row["environment"]).removeprefix("σ = "))
        own = whole[np.isclose(whole["sigma"], sigma)]
        for seed in runs.seeds_of(found):
            values = own.loc[own["seed"] == int(seed), "mse"]
            assert np.isclose(values, row[seed], rtol=1e-6).any()


def test_models_of_an_environment_stand_together_in_the_order_of_the_config(
    case: Case, errors: Rows
) -> None:
    found = runs.table(errors, one_study(case).config)
    n_methods = len(one_study(case).config.studies[0].methods)
    environments = found["environment"].to_list()
    assert environments == sorted(environments, key=environments.index)
    models = found["model"].to_list()
    assert models == models[:n_methods] * (len(models) // n_methods)
    assert len(set(models[:n_methods])) == n_methods


def test_a_study_without_room_is_left_out_whole(
    case: Case, errors: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = runs.table(errors, case.config)
    first = found["study"].iloc[0]
    rows = found[found["study"] == first]
    n_values = int(rows[runs.seeds_of(rows)].notna().sum().sum())
    assert len(set(found["study"])) > 1
    monkeypatch.setattr(runs, "MOST_VALUES", n_values)
    assert set(runs.table(errors, case.config)["study"]) == {first}
    monkeypatch.setattr(runs, "MOST_VALUES", 1)
    assert runs.table(errors, case.config).empty


def test_one_seed_is_beside_nothing(case: Case, errors: Rows) -> None:
    study = one_study(case).config.studies[0]
    pieces = errors.select(study=study.name)
    alone = errors.read(pieces)
    alone = alone[alone["seed"] == 0]
    config = one_study(case).config
    assert runs.table(Rows.of(alone, errors.keys), config).empty


def frame(*values: tuple[float, ...]) -> pd.DataFrame:
    """A table of runs of one study: a row a model, a column a seed."""
    keys = {"study": "a_study", "metric": "error", "environment": "σ = 1"}
    lines = [
        {**keys, "model": f"model {i}"} | {str(seed): v for seed, v in enumerate(row)}
        for i, row in enumerate(values)
    ]
    return pd.DataFrame(lines)


def test_two_runs_and_all_of_them_by_hand() -> None:
    (line,) = runs.pair(frame((2.0, 1.5, 4.0, 0.5))).lines
    assert (line.first, line.second, line.difference) == ("2.000", "1.500", "0.500")
    assert (line.mean, line.least, line.most) == ("2.000", "0.5000", "4.000")
    assert line.n_lower == "2 of 4"


def test_a_run_that_diverged_is_told_and_is_in_no_mean() -> None:
    first, second, nobody = runs.pair(
        frame((np.nan, 1.0, 3.0), (1.0, np.nan, 3.0), (np.nan, np.nan, np.nan))
    ).lines
    assert (first.first, first.difference, first.n_lower) == ("diverged", "diverged", "")
    assert first.mean == second.mean == "2.000"
    assert (second.second, second.n_lower) == ("diverged", "0 of 2")
    assert {nobody.mean, nobody.least, nobody.most} == {"diverged"}


def test_the_pair_is_of_seeds_that_its_study_has() -> None:
    other = frame((1.0, 2.0)).assign(study="other")
    first = frame((1.0, 2.0)).rename(columns={"0": "3", "1": "7"})
    both = pd.concat([first, other], ignore_index=True)[[*runs.KEYS, "0", "1", "3", "7"]]
    found = runs.pair(both)
    assert (found.study, found.first, found.second) == ("a study", "seed 3", "seed 7")
