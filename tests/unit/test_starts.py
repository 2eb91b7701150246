"""Where training starts, as a factor: what is recorded at step 0 is the start of its row."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from irm_bench.planning.sampling import all_rows
from tests.unit import books
from tests.unit.books import IRM, Run, study

STARTS = ["ones", "zeros", "oracle", "erm", "random"]
COLUMNS = ["phi_1", "phi_2", "phi_3"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every start, with a method in closed form, one that steps, and two that are not stepped."""
    methods = [{"name": "erm"}, IRM, {"name": "spread"}, {"name": "oracle"}, {"name": "ridge"}]
    return books.create(tmp_path_factory.mktemp("starts")).run(
        study(start=STARTS, methods=methods, trajectories=True)
    )


def first(run: Run, start: str, method: str) -> pd.DataFrame:
    """What is recorded of a method before its first update, by seed."""
    frame = run.table("trajectories")
    chosen = frame[(frame["step"] == 0) & (frame["start"] == start) & (frame["method"] == method)]
    return chosen.set_index("seed")[COLUMNS]


def expected(run: Run, start: str, seed: int) -> np.ndarray | None:
    """The start by its definition; None for a random one."""
    match start:
        case "ones":
            return np.ones(3)
        case "zeros":
            return np.zeros(3)
        case "oracle":
            weights = run.config.studies[0].model.mechanism(4, seed)["weights"]
            return np.array([*weights, 0.0])
        case "erm":
            drawn = [all_rows(run.dataset("train", sigma), 4, seed) for sigma in (0.5, 1.0)]
            x, y = (np.concatenate(part) for part in zip(*drawn, strict=True))
            return np.linalg.lstsq(x, y, rcond=None)[0]
    return None


@pytest.mark.parametrize("method", ["erm", "irm", "spread"])
@pytest.mark.parametrize("start", STARTS[:-1])
def test_step_0_is_the_start(run: Run, start: str, method: str) -> None:
    found = first(run, start, method)
    assert found.index.tolist() == [0, 1, 2]
    for seed in found.index:
        assert found.loc[seed].to_numpy() == pytest.approx(
            expected(run, start, int(seed)), rel=1e-9
        )


def test_random_starts_are_a_seeds_own_and_shared_by_methods(run: Run) -> None:
    found = first(run, "random", "erm")
    assert found.nunique().min() == 3
    for method in ("irm", "spread"):
        pd.testing.assert_frame_equal(first(run, "random", method), found)
    assert found.abs().lt(6).all(axis=None)


def test_random_starts_are_standard_normal(run: Run) -> None:
    from irm_bench.planning import plan, starts

    cell = next(plan.cells_of(run.config.studies[0]))
    drawn = np.array([starts.random_start(4, cell, seed) for seed in range(2000)])
    assert np.abs(drawn.mean(axis=0)).max() < 5 / np.sqrt(2000)
    assert np.abs(np.cov(drawn.T) - np.eye(3)).max() < 5 * np.sqrt(2 / 2000)


def test_a_method_that_is_not_stepped_has_no_start(run: Run) -> None:
    models = run.table("models")
    sizes = models.groupby(["method", "start"]).size()
    assert (sizes == 3).all()
    for method in ("oracle", "ridge"):
        assert set(models.loc[models["method"] == method, "start"]) == {""}
    for method in ("erm", "irm", "spread"):
        assert set(models.loc[models["method"] == method, "start"]) == set(STARTS)


def test_from_least_squares_descent_of_the_risks_goes_nowhere(run: Run) -> None:
    models = run.table("models")
    ended = models[(models["method"] == "erm") & (models["start"] == "erm")]
    assert ended[COLUMNS].to_numpy() == pytest.approx(first(run, "erm", "erm").to_numpy())


def test_one_start_that_is_not_the_usual_is_a_column_too(tmp_path: Path) -> None:
    book = books.create(tmp_path)
    assert "start" not in book.run(study()).table("models")
    assert set(book.run(study(start="zeros")).table("errors")["start"]) == {"zeros", ""}
