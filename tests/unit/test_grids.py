"""Lists in a config: every choice is a cell of its own, and a column says which."""

import itertools

import numpy as np
import pandas as pd
import pytest

from irm_bench.config.layout import layout_of
from irm_bench.planning import plan
from irm_bench.planning.sampling import all_rows
from tests.unit import books
from tests.unit.books import IRM, Run, WrittenBook, study

RATES = [0.0005, 0.002]
ADAM = {"name": "adam", "beta1": [0.5, 0.9], "weight_decay": 0.01}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    methods = [
        {"name": "erm"},
        IRM | {"error_weight": [0.01, 1.0]},
        {"name": "spread", "beta": [0.0, 0.5], "ridge": [0.0, 0.1, 1.0]},
        {"name": "ridge", "ridge": [0.5, 5.0]},
        {"name": "oracle"},
    ]
    return books.create(tmp_path_factory.mktemp("grids")).run(
        study(
            methods=methods,
            optimiser=["gd", ADAM],
            learning_rate={"rule": "fixed", "value": RATES},
        )
    )


# Of each method, the names that it has values of, and all choices of them.
OPTIMISERS = [("gd", np.nan), ("adam", 0.5), ("adam", 0.9)]
CHOICES: dict[str, list[tuple[object, ...]]] = {
    "erm": [()],
    "irm": [(0.01,), (1.0,)],
    "spread": list(itertools.product([0.0, 0.5], [0.0, 0.1, 1.0])),
    "ridge": [(0.5,), (5.0,)],
    "oracle": [()],
}
PARAMS = {"erm": [], "irm": ["error_weight"], "spread": ["beta", "ridge"], "ridge": ["ridge"]}
STEPPED = ("erm", "irm", "spread")


@pytest.mark.parametrize("method", CHOICES)
def test_every_choice_is_there_once_a_seed(run: Run, method: str) -> None:
    models = run.table("models")
    mine = models[models["method"] == method]
    params = PARAMS.get(method, [])
    columns = [*params, "optimiser", "beta1", "learning_rate"]
    of_steps = (
        itertools.product(OPTIMISERS, RATES) if method in STEPPED else [(("", np.nan), np.nan)]
    )
    wanted = [
        (*chosen, *optimiser, rate)
        for chosen, (optimiser, rate) in itertools.product(CHOICES[method], list(of_steps))
    ]
    expected = pd.DataFrame(wanted, columns=columns)
    expected = expected.loc[expected.index.repeat(3)].sort_values(columns)
    found = mine[columns].sort_values(columns)
    pd.testing.assert_frame_equal(
        found.reset_index(drop=True), expected.reset_index(drop=True), check_dtype=False
    )
    others = {"error_weight", "beta", "ridge"} - set(params)
    assert mine[list(others)].isna().all(axis=None)


def test_cells_differ_in_what_they_trained(run: Run) -> None:
    """No two choices of what is stepped end at the same φ: each column reaches the training."""
    models = run.table("models")
    stepped = models[models["method"].isin(["irm", "spread"]) & (models["seed"] == 0)]
    ended = stepped[["phi_1", "phi_2", "phi_3"]]
    assert ended.notna().all(axis=None)
    assert not ended.round(12).duplicated().any()


def test_a_fitted_methods_parameter_reaches_it(run: Run) -> None:
    models = run.table("models")
    for row in models[models["method"] == "ridge"].itertuples():
        drawn = [all_rows(run.dataset("train", s), 4, int(row.seed)) for s in (0.5, 1.0)]
        gram = sum(x.T @ x / len(y) for x, y in drawn) + row.ridge * np.eye(3)
        expected = np.linalg.solve(gram, sum(x.T @ y / len(y) for x, y in drawn))
        found = np.array([row.phi_1, row.phi_2, row.phi_3])
        assert found == pytest.approx(expected)
        assert row.size == pytest.approx(expected @ expected)
    assert models.loc[models["method"] != "ridge", "size"].isna().all()


def test_adam_goes_where_torchs_goes(run: Run) -> None:
    import torch

    models = run.table("models")
    mine = models[(models["method"] == "spread") & (models["optimiser"] == "adam")]
    for row in mine[(mine["seed"] == 1) & (mine["beta"] == 0.5)].itertuples():
        rows = [all_rows(run.dataset("train", s), 4, 1) for s in (0.5, 1.0)]
        drawn = [(torch.tensor(x), torch.tensor(y)) for x, y in rows]
        phi = torch.ones(3, dtype=torch.float64, requires_grad=True)
        rule = torch.optim.Adam(
            [phi], row.learning_rate, betas=(row.beta1, 0.999), weight_decay=0.01
        )
        for _ in range(60):
            rule.zero_grad()
            risks = torch.stack([((x @ phi - y) ** 2).mean() for x, y in drawn])
            loss = risks.mean() + 0.5 * risks.var(correction=0) + row.ridge * (phi**2).sum()
            loss.backward()
            rule.step()
        found = [row.phi_1, row.phi_2, row.phi_3]
        assert found == pytest.approx(phi.detach().numpy(), rel=1e-8)


def test_rates_that_are_capped_alike_are_one_cell(book: WrittenBook) -> None:
    """A rate that stability caps is another rate no more."""
    given = {
        "sem": "example_1",
        "test_environments": [{"sigma": 1.0}],
        "methods": [{"name": "irm", "penalty": "plug_in"}],
        "learning_rate": {"rule": "capped", "value": [1e-4, 10.0, 100.0], "safety": 0.5},
    }
    cells = list(plan.cells_of(book.parse(study(**given)).studies[0]))
    assert len(cells) == len(set(cells)) == 2
    assert cells[0].learning_rate == 1e-4
    assert cells[1].learning_rate < 10


def test_usual_factors_are_no_columns(book: WrittenBook) -> None:
    layout = layout_of(book.parse(study()))
    assert layout.factors == ()
    layout = layout_of(book.parse(study(optimiser=ADAM), study(name="two")))
    names = [name for name, _ in layout.factors]
    assert names == ["optimiser", "beta1", "beta2", "epsilon", "weight_decay"]


def test_more_cells_make_more_shards(book: WrittenBook) -> None:
    """What a job holds grows with every list, and so must the number of jobs."""
    few = study(seeds=200_000, methods=[IRM])
    many = [
        {"learning_rate": {"rule": "fixed", "value": [1e-4 * (i + 1) for i in range(40)]}},
        {"methods": [IRM | {"error_weight": [float(i) for i in range(40)]}]},
        {"methods": [{"name": "spread", "beta": [float(i) for i in range(40)]}]},
        {"start": ["ones", "zeros", "erm", "random"], "optimiser": ["gd", "adam"]},
    ]
    one = book.parse(few).shards
    assert one > 1
    for keys in many:
        assert book.parse(few | keys).shards > 4 * one
