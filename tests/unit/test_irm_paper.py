"""The book irm_paper: its data, its own ERM, the shipped table, and its claims."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from irm_bench import config, library
from irm_bench.books.irm_paper import shipped
from irm_bench.books.irm_paper.methods import erm
from irm_bench.books.irm_paper.settings import Setting
from irm_bench.config import ConfigError
from irm_bench.judging import repeated
from irm_bench.planning.sampling import all_rows
from irm_bench.statistics.power import repetitions
from irm_bench.theory.moments import products, unpack_products
from tests.unit.problems import problem_of

OPTIONS = {"dim": 2, "hidden": [0, 1], "hetero": [0, 1], "scramble": [0, 1]}


def overlay(**changes: Any) -> dict[str, Any]:
    """The book's first study on few rows."""
    study = {
        "name": "pooled",
        "train_environments": [[0.2, 2, 5]],
        "methods": [{"name": "erm"}, {"name": "icp"}, {"name": "oracle"}],
    }
    small = {"n_samples": 60, "n_test_samples": 60, "n_validation_samples": 60, "seeds": 3}
    page: dict[str, Any] = {"claims": [], "figures": [], "sections": [], "lead": []}
    return {"defaults": {"options": OPTIONS, **small}, "studies": [study | changes], **page}


@pytest.mark.parametrize("weights", ["ones", "random"])
def test_rows_of_all_settings_have_the_moments_of_the_population(weights: str) -> None:
    """Within six standard errors, through the rotation, and with the target's own weights."""
    parsed = config.of_book("irm_paper", overlay(options={**OPTIONS, "weights": weights}))
    study = parsed.studies[0]
    assert len(study.models) == 8
    for model in study.models:
        cell = next(iter(_cells(study, model)))
        dataset = cell.datasets()[1]
        mechanism = model.mechanism(parsed.root_seed, 1)
        truth = model.population(dataset.environment.mapping, mechanism)
        assert truth is not None
        rng = np.random.default_rng(0)
        x, y = model.sample(rng, 40_000, dataset.environment.mapping, mechanism)
        of_rows = products(x, y)
        means = unpack_products(of_rows.mean(axis=1), 4)
        errors = unpack_products(of_rows.std(axis=1) / np.sqrt(len(y)), 4)
        for mean, error, exact in zip(means, errors, (truth.gram, truth.cross), strict=True):
            assert (np.abs(mean - exact) < 6 * error).all()
        floor = model.noise_floor(dataset.environment.mapping, mechanism)
        residual = y - x @ model.causal(mechanism)
        assert abs((residual**2).mean() - floor) < 6 * (residual**2).std() / np.sqrt(len(y))


def _cells(study: Any, model: Any) -> Any:
    from irm_bench.planning.plan import cells_of

    return (cell for cell in cells_of(study) if cell.model == model)


def test_errors_of_weights_are_those_before_the_rotation() -> None:
    """Of the oracle 0; of ERM as unscrambled by hand from φ."""
    tables = library.run("irm_paper", config=overlay())
    models = tables["models"]
    oracle = models[models["method"] == "oracle"]
    assert (oracle[["causal_error", "noncausal_error"]].abs() < 1e-20).all(axis=None)
    parsed = config.of_book("irm_paper", overlay())
    rotated = models[(models["method"] == "erm") & (models["scramble"] == 1)]
    for row in rotated.itertuples():
        option = {"hidden": row.hidden, "hetero": row.hetero, "scramble": 1}
        (model,) = [m for m in parsed.studies[0].models if option.items() <= m.option.items()]
        mechanism = model.mechanism(parsed.root_seed, row.seed)
        phi = np.array([getattr(row, f"phi_{j + 1}") for j in range(4)])
        weights = mechanism["rotation"] @ phi
        assert np.isclose(((weights[:2] - 1) ** 2).mean(), row.causal_error)
        assert np.isclose((weights[2:] ** 2).mean(), row.noncausal_error)


def test_erm_is_least_squares_on_all_rows_and_of_least_norm_where_singular() -> None:
    rng = np.random.default_rng(0)
    whole = [(rng.normal(size=(40, 4)), rng.normal(size=40)) for _ in range(2)]
    singular = [(np.repeat(x[:, :2], 2, axis=1), y) for x, y in whole]
    found = erm.fit(problem_of([whole, singular]))
    for i, run in enumerate((whole, singular)):
        x, y = (np.concatenate(part) for part in zip(*run, strict=True))
        expected = np.linalg.lstsq(x, y, rcond=None)[0]
        np.testing.assert_allclose(found.phi[:, i].numpy(), expected, atol=1e-9)
    assert found.extras["rank"].tolist() == [4.0, 2.0]


def test_the_third_environment_has_to_be_named() -> None:
    with pytest.raises(ConfigError, match="held_out_environment needs environments"):
        config.of_book("irm_paper", overlay(selection=["held_out_environment"]))


def test_population_sampling_trains_on_exact_moments() -> None:
    changed = overlay(sampling="population", methods=[{"name": "erm"}])
    parsed = config.of_book("irm_paper", changed)
    models = library.run("irm_paper", config=changed)["models"]
    plain = models[(models["scramble"] == 0) & (models["hidden"] == 0)]
    for model in parsed.studies[0].models[:1]:
        mechanism = model.mechanism(parsed.root_seed, 0)
        moments = [model.population({"e": e}, mechanism) for e in (0.2, 2.0, 5.0)]
        gram, cross = (sum(getattr(m, name) for m in moments) for name in ("gram", "cross"))
        expected = np.linalg.solve(gram, cross)
        mine = plain[(plain["hetero"] == 0) & (plain["seed"] == 0)]
        found = mine[[f"phi_{j + 1}" for j in range(4)]].to_numpy()[0]
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_population_sampling_refuses_what_needs_rows() -> None:
    with pytest.raises(ConfigError, match=r"sampling: 'population'.*icp needs rows \(n_samples\)"):
        config.of_book("irm_paper", overlay(sampling="population"))


# --- the shipped table --------------------------------------------------------------------------


LINES = """\
chain_hidden=0_hetero=1_scramble=0 SEM [+1.000, +0.000] 0.00000 0.00000
chain_hidden=0_hetero=1_scramble=0 ERM [+0.890, +0.106] 0.50000 0.25000
chain_hidden=0_hetero=1_scramble=0 SEM [+1.000, +0.000] 0.00000 0.00000
chain_hidden=0_hetero=1_scramble=0 ERM [+0.890, +0.106] 1.50000 0.25000
"""


def test_the_shipped_file_is_summarised_cell_by_cell() -> None:
    found = shipped.summary(shipped.read(io.StringIO(LINES)))
    cell = found[found["quantity"] == "causal_error"].set_index("statistic")
    assert len(found) == 2 * 3
    assert cell["printed"].to_dict() == {"mean": 1.0, "sd": np.sqrt(0.5), "median": 1.0}
    assert (cell["hetero"] == 1).all()
    assert (cell["n"] == 2).all()


def test_a_line_of_another_file_is_named() -> None:
    with pytest.raises(ValueError, match="line 2 is no result"):
        shipped.read(io.StringIO(LINES.splitlines()[0] + "\nEpoch 3, loss 0.1\n"))
    with pytest.raises(ValueError, match="holds no result"):
        shipped.read(io.StringIO(""))


def test_the_books_printed_file_has_every_cell() -> None:
    printed = pd.read_csv(Path(shipped.__file__).with_name("printed.csv"))
    keys = ["model", *shipped.SETTING, "quantity", "statistic"]
    assert len(printed) == 3 * 8 * 2 * 3
    assert not printed.duplicated(keys).any()


def test_standard_errors_are_those_of_theory() -> None:
    """Of normal values: σ/√n for the mean, σ/√(2n) for the sd, σ√(π/2n) for the median."""
    values = np.random.default_rng(3).normal(2.0, 3.0, size=4000)
    found = repeated.statistics_of(values).set_index("statistic")["standard_error"]
    expected = {"mean": 1.0, "sd": np.sqrt(0.5), "median": np.sqrt(np.pi / 2)}
    for name, factor in expected.items():
        assert np.isclose(found[name], 3 * factor / np.sqrt(4000), rtol=0.15)


@pytest.mark.parametrize(("shift", "least", "most"), [(0.0, 0.85, 1.0), (1.0, 0.0, 0.2)])
def test_equal_samples_agree_and_shifted_ones_do_not(
    shift: float, least: float, most: float
) -> None:
    """Of 100 pairs of samples of 100, 95% intervals hold the true difference about as often."""
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(100):
        theirs, ours = rng.exponential(size=100), rng.exponential(size=100) + shift
        rows = repeated.statistics_of(theirs).rename(columns={"value": "printed"})
        found = repeated.beside(rows.assign(half_unit=0.0), ours).set_index("statistic")
        inside.append(found.loc[["mean", "median"], "inside"].to_numpy())
    share = np.mean(inside)
    assert least <= share <= most


# --- claims -------------------------------------------------------------------------------------


def test_letters_are_those_of_the_repositorys_plots() -> None:
    assert Setting(0, 0, 0).letters == "FOU"
    assert Setting(1, 1, 1).letters == "PES"


@pytest.mark.parametrize(
    ("effect", "n"), [(1.0, 10), (0.5, 34), (0.2, 199)]
)  # the usual table of a paired t test at 5% and a power of 80%
def test_repetitions_are_those_of_the_tables_of_power(effect: float, n: int) -> None:
    sample = np.array([-1.0, 1.0] * 50)
    sample = effect + sample / sample.std(ddof=1)
    assert repetitions(sample) == n


def test_rows_are_drawn_through_the_rotation() -> None:
    parsed = config.of_book("irm_paper", overlay())
    model = parsed.studies[0].models[1]
    assert model.option["scramble"] == 1
    cell = next(iter(_cells(parsed.studies[0], model)))
    x, _ = all_rows(cell.datasets()[0], parsed.root_seed, 0)
    mechanism = model.mechanism(parsed.root_seed, 0)
    variables = x @ np.linalg.inv(model.mixing(mechanism))
    # at e = 0.2 the variance of X, which is H and as much noise, is 2 e²
    assert abs(variables[:, 0].var() - 0.08) < 0.05
