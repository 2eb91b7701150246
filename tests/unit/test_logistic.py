"""Studies of the logistic loss: classes, and what is measured of them on rows."""

import numpy as np
import pytest

from irm_bench.planning.sampling import all_rows
from tests.unit import books
from tests.unit.books import IRM, Run, study


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two methods on labels 0 and 1, with two weights of the penalty and a choice among them."""
    return books.create(tmp_path_factory.mktemp("logistic")).run(
        study(
            sem="classes",
            loss="logistic",
            train_environments=[[1.0, 2.0]],
            test_environments=[{"width": [0.5, 2.0], "tilt": 0.3}],
            methods=[{"name": "erm"}, IRM | {"error_weight": [0.1, 1.0]}],
            learning_rate={"rule": "fixed", "value": 0.1},
            selection=["in_distribution"],
            trajectories=True,
        )
    )


def test_metrics_are_those_of_the_rows(run: Run) -> None:
    """Log loss Σ log(1 + exp(−(2y − 1) φᵀx)) / n, and the share of logits of the wrong sign."""
    keys = ["method", "error_weight", "selection", "seed"]
    merged = run.table("errors").merge(run.table("models"), on=keys)
    assert len(merged) == 4 * (1 + 2 + 2) * 3
    for row in merged.itertuples():
        where = (row.width, row.tilt)
        x, y = all_rows(run.dataset(row.split, *where), 4, row.seed)
        logits = x @ np.array([row.phi_1, row.phi_2])
        assert row.log_loss == pytest.approx(np.log1p(np.exp(-(2 * y - 1) * logits)).mean())
        assert row.error_rate == pytest.approx(((logits > 0) != (y == 1)).mean())


def test_the_loss_is_what_training_lowers(run: Run) -> None:
    paths = run.table("trajectories")
    erm = paths[paths["method"] == "erm"]
    for _, path in erm.groupby("seed"):
        assert path.sort_values("step")["train_risk"].is_monotonic_decreasing
    first = paths[paths["step"] == 0]
    assert set(first["phi_1"]) == {1.0}


def test_columns_of_the_squared_loss_are_not_there(run: Run) -> None:
    errors = run.table("errors")
    assert "mse" not in errors
    assert errors[["risk", "optimum"]].isna().all(axis=None)
    assert set(errors["loss"]) == {"logistic"}
    assert set(run.table("summary")["quantity"]) >= {"log_loss", "error_rate"}
    for name in ("converged", "decomposition", "starts"):
        assert run.table(name).empty


def test_classes_are_chosen_by_their_loss(run: Run) -> None:
    table = run.table("selections")
    models = run.table("models")
    for row in table[table["method"] == "irm"].itertuples():
        scores = {}
        candidates = models[(models["method"] == "irm") & (models["selection"] == "")]
        for candidate in candidates[candidates["seed"] == row.seed].itertuples():
            losses = []
            for width in (1.0, 2.0):
                x, y = all_rows(run.dataset("validation", width), 4, row.seed)
                logits = x @ np.array([candidate.phi_1, candidate.phi_2])
                losses.append(np.mean(np.logaddexp(0, logits) - y * logits))
            scores[candidate.error_weight] = np.mean(losses)
        assert row.error_weight == min(scores, key=lambda weight: scores[weight])
        assert row.score == pytest.approx(min(scores.values()))
