"""Features with means, and a constant feature beside them, against rows with a column of ones."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irm_bench.planning.sampling import all_rows
from irm_bench.plugins.model import with_intercept
from irm_bench.theory.moments import risk
from tests.unit import books
from tests.unit.books import IRM, Run, study

SIGMAS = (0.5, 1.0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """ERM and IRM with an intercept, on features whose means are not 0."""
    sets = [[{"sigma": sigma, "shift": 1.5} for sigma in SIGMAS]]
    return books.create(tmp_path_factory.mktemp("intercept")).run(
        study(
            train_environments=sets,
            test_environments=[{"sigma": 1.0, "shift": [-1.0, 2.0]}],
            intercept=True,
            methods=[{"name": "erm"}, IRM, {"name": "oracle"}],
            steps=2000,
            learning_rate={"rule": "fixed", "value": 0.0003},
        )
    )


def training_rows(run: Run, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of both environments, one below the other, features and their constant."""
    drawn = [all_rows(run.dataset("train", sigma, 1.5), 4, seed) for sigma in SIGMAS]
    x, y = (np.concatenate(part) for part in zip(*drawn, strict=True))
    return x, y


def test_the_constant_stands_behind_the_features(run: Run) -> None:
    assert run.config.studies[0].model.feature_names == ["x_1", "x_2", "z", "intercept"]
    assert run.config.studies[0].model.n_features == 4
    x, _ = training_rows(run, 0)
    assert (x[:, 3] == 1).all()
    assert x[:, :3].mean() > 0.5


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_least_squares_are_numpys_on_rows_with_ones(run: Run, seed: int) -> None:
    x, y = training_rows(run, seed)
    expected = np.linalg.lstsq(x, y, rcond=None)[0]
    ended = run.table("converged")
    (row,) = ended[(ended["method"] == "erm") & (ended["seed"] == seed)].itertuples()
    found = [getattr(row, f"phi_{j + 1}") for j in range(4)]
    assert found == pytest.approx(expected, rel=1e-6)


def test_exact_risks_are_those_of_many_rows(run: Run) -> None:
    errors, models = run.table("errors"), run.table("models")
    test = errors[(errors["split"] == "test") & (errors["seed"] == 1)]
    keys = ["method", "penalty", "seed"]
    for row in test.merge(models, on=keys).itertuples():
        phi = np.array([getattr(row, f"phi_{j + 1}") for j in range(4)])
        x, y = all_rows(run.dataset("test", row.sigma, row.shift, n=50_000), 4, 1)
        squares = (x @ phi - y) ** 2
        assert abs(squares.mean() - row.risk) < 6 * squares.std() / np.sqrt(len(y))


def test_the_oracle_has_no_intercept_of_its_own(run: Run) -> None:
    models = run.table("models")
    assert (models.loc[models["method"] == "oracle", "phi_4"] == 0).all()


def test_a_constant_correlates_with_nothing(run: Run) -> None:
    table = run.table("environments")
    assert table["corr_4"].isna().all()
    assert table[["corr_1", "corr_2", "corr_3"]].abs().le(1).all(axis=None)


@settings(max_examples=30, deadline=None)
@given(
    shift=st.floats(-5, 5),
    sigma=st.floats(0.1, 3),
    phi=st.lists(st.floats(-2, 2), min_size=3, max_size=3),
    constant=st.floats(-2, 2),
)
def test_the_population_follows_from_means(
    shift: float, sigma: float, phi: list[float], constant: float
) -> None:
    """A constant c shifts the residual: risk(φ, c) = risk(φ) + 2c (φᵀE x − E y) + c²."""
    module: dict[str, object] = {}
    exec(books.DRAWN, module)
    mechanism = {"weights": np.array([0.7, -1.2])}
    environment = {"sigma": sigma, "shift": shift}
    moments = module["population"](environment, mechanism)  # type: ignore[operator]
    extended = with_intercept(moments, None)  # type: ignore[arg-type]
    found = risk(np.array([*phi, constant]), extended)
    distance = np.dot(phi, moments.mean[:-1]) - moments.mean[-1]
    expected = risk(np.array(phi), moments) + 2 * constant * distance + constant**2
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert extended.mean.tolist() == [*moments.mean[:-1], 1.0, moments.mean[-1]]


def test_without_means_an_intercept_has_no_population(tmp_path: Path) -> None:
    book = books.create(tmp_path)
    source = books.SHIFTED.replace(", np.array([mean, mean_y]))", ")")
    book.add("sems/no_means", source)
    given_ = study(
        sem="no_means",
        train_environments=[[0.0, 1.0]],
        test_environments=[{"centre": 2.0}],
        methods=[{"name": "erm"}],
    )
    book.run(given_)
    with pytest.raises(ValueError, match=r"no_means\.py.*intercept needs the means"):
        book.run({**given_, "intercept": True})


def test_the_audit_knows_what_it_does_not_know(tmp_path: Path) -> None:
    """Its truths are those of Gaussian rows of mean zero, without a constant."""
    book = books.create(tmp_path)
    given_ = study(
        sem="example_1",
        train_environments=[[0.5, 1.0]],
        test_environments=[{"sigma": 1.0}],
        intercept=True,
        methods=[{"name": "irm", "penalty": "u_statistic"}],
    )
    run = book.run(given_)
    assert run.table("coverage").empty
    assert len(run.table("penalty_draws"))
    assert run.table("penalty_draws")["exact_bias"].isna().all()
