"""Where methods tend to: known answers, against closed forms and other routes."""

from types import ModuleType

import numpy as np
import pytest
from scipy import optimize

from irm_bench import config
from irm_bench.books.field.sems import example_1_dual, mean_shift, two_bit
from irm_bench.config import Config
from irm_bench.engine import limits
from irm_bench.engine.limits import Pool
from irm_bench.plugins.registry import find_book
from irm_bench.plugins.sems import example_1
from irm_bench.stages import locate
from irm_bench.theory.moments import Moments, risk, stack

ONE = {"dim": 1}
BOOK = find_book("field")
CAUSAL, ANTI_CAUSAL = np.array([1.0, 0.0]), np.array([0.0, 1.0])
TO_ANTI_CAUSAL = ("vrex", "mm_rex", "iga", "causal_dantzig", "drig")


@pytest.fixture(scope="module")
def field() -> Config:
    return config.of_book("field")


def one_run(parts: list[Moments]) -> Pool:
    """The pool of one run of environments' exact moments."""
    moments = stack(parts)
    arrays = [part[:, None] for part in (moments.gram, moments.cross, moments.target, moments.mean)]
    return Pool(Moments(*arrays), 10**9)


def example(sigmas: tuple[float, ...], sem: ModuleType = example_1) -> Pool:
    environments = [{"sigma": sigma, "gamma": 1.0, "tau": 1.0} for sigma in sigmas]
    return one_run([sem.population(environment, ONE) for environment in environments])


def some_starts(pool: Pool, n: int = 8) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 1, pool.n_features))


def limit_of(name: str, pool: Pool, starts: np.ndarray | None = None) -> np.ndarray:
    """Where a method tends to on a pool of one run."""
    return ends_of(name, pool, starts).best()[0][0]


def ends_of(
    name: str, pool: Pool, starts: np.ndarray | None = None, **params: float
) -> limits.Ends:
    method = BOOK.plugin("methods", name)
    penalty = BOOK.plugin("penalties", "plug_in").load()
    starts = some_starts(pool) if starts is None else starts
    known = {**method.get("PARAMS", {}), **params}
    limit = {} if params else method.get("LIMIT", {})
    return limits.ends(method.load(), penalty, pool, starts, known, limit, not params)


@pytest.mark.parametrize("name", TO_ANTI_CAUSAL)
def test_rivals_tend_to_the_effect_on_example_1_and_to_the_cause_on_its_dual(name: str) -> None:
    tolerance = 1e-3 if name == "mm_rex" else 1e-5
    assert limit_of(name, example((0.5, 2.0))) == pytest.approx(ANTI_CAUSAL, abs=tolerance)
    dual = example((0.5, 2.0), example_1_dual)
    assert limit_of(name, dual) == pytest.approx(CAUSAL, abs=tolerance)


def test_irm_has_the_origin_and_the_cause_alone_on_example_1() -> None:
    ends = ends_of("irm", example((0.5, 2.0)))
    distances = [np.linalg.norm(ends.phi[:, 0] - point, axis=1) for point in (0 * CAUSAL, CAUSAL)]
    assert np.minimum(*distances)[ends.converged[:, 0]].max() < 1e-3
    assert ends.best()[0][0] == pytest.approx(CAUSAL, abs=1e-4)


def test_irm_has_a_spurious_local_minimum_on_the_dual() -> None:
    ends = ends_of("irm", example((0.5, 2.0), example_1_dual), np.array([[[0.0, 0.6]]]))
    assert ends.converged.all()
    assert np.linalg.norm(ends.phi[0, 0] - CAUSAL) > 0.5
    assert np.linalg.norm(ends.phi[0, 0]) > 0.1


def test_the_bias_of_irm_falls_like_the_cube_root_of_the_weight() -> None:
    pool = example((0.5, 2.0))
    start = CAUSAL[None, None] + 0.01
    weights = np.array([1e-4, 1e-5, 1e-6, 1e-7])
    distances = []
    for weight in weights:
        end = ends_of("irm", pool, start, error_weight=float(weight)).phi[0, 0]
        distances.append(np.linalg.norm(end - CAUSAL))
    slope = np.polyfit(np.log(weights), np.log(distances), 1)[0]
    assert slope == pytest.approx(1 / 3, abs=0.02)


def test_anchor_regression_is_erm_where_environments_have_equal_means() -> None:
    pool = example((0.3, 1.0, 2.0))
    erm = limit_of("erm", pool)
    assert limit_of("anchor_regression", pool) == pytest.approx(erm, abs=1e-8)
    total = (0.3**2 + 1 + 4) / 3
    assert erm == pytest.approx(example_1.pooled_erm(total), abs=1e-8)


def test_anchor_regression_finds_the_cause_where_means_are_shifted() -> None:
    environments = [(-2, 1), (0, -2), (2, 1)]
    parts = []
    for shift, shift_z in environments:
        environment = {"shift": shift, "shift_z": shift_z, "gamma": 1.0}
        parts.append(mean_shift.population(environment, {}))
    assert limit_of("anchor_regression", one_run(parts)) == pytest.approx(CAUSAL, abs=1e-5)


@pytest.mark.parametrize(("alpha", "has_spurious"), [(0.10, True), (0.14, True), (0.155, False)])
def test_two_bit_environments_have_spurious_invariant_predictors_below_a_threshold(
    alpha: float, has_spurious: bool
) -> None:
    """Kamath et al. 2021: a = 1/(2r), b = ±√(½ − 1/(4r²)), real for α < (1 − 1/√2)/2 = 0.1464."""
    parts = [two_bit.population({"beta_flip": b}, {"alpha": alpha}) for b in (0.2, 0.25)]
    r = 1 - 2 * alpha
    square = 0.5 - 1 / (4 * r**2)
    assert (square > 0) == has_spurious
    phi = np.array([1 / (2 * r), np.sqrt(max(square, 0.0))])
    for moments in parts:
        value = phi @ (moments.gram @ phi - moments.cross)
        assert (abs(value) < 1e-12) == has_spurious
    if has_spurious:
        assert limit_of("irm", one_run(parts)) == pytest.approx(phi, abs=1e-3)
    assert limit_of("irmx", one_run(parts)) == pytest.approx([r, 0.0], abs=1e-3)


def test_unlike_flips_make_irm_prefer_the_invariant_predictor() -> None:
    parts = [two_bit.population({"beta_flip": b}, {"alpha": 0.1}) for b in (0.2, 0.7)]
    assert limit_of("irm", one_run(parts)) == pytest.approx([0.8, 0.0], abs=1e-3)


@pytest.mark.parametrize("beta", [1.0, 100.0])
def test_vrex_ends_where_another_search_of_its_formula_ends(beta: float) -> None:
    pool = example((0.5, 2.0))
    flat = pool.moments.at((slice(None), 0))

    def objective(phi: np.ndarray) -> float:
        risks = risk(phi, flat)
        return float(risks.mean() + beta * risks.var())

    found = ends_of("vrex", pool, beta=beta)
    starts = np.random.default_rng(1).normal(size=(20, 2))
    options = {"xatol": 1e-10, "fatol": 1e-14, "maxiter": 4000}
    others = [
        optimize.minimize(objective, s, method="Nelder-Mead", options=options) for s in starts
    ]
    best = min(others, key=lambda end: end.fun)
    assert objective(found.best()[0][0]) <= best.fun + 1e-9
    assert found.best()[0][0] == pytest.approx(best.x, abs=1e-4)


def test_group_dro_has_the_least_largest_risk() -> None:
    pool = example((0.5, 1.0, 2.0))
    flat = pool.moments.at((slice(None), 0))
    phi = limit_of("group_dro", pool)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 2, 301)] * 2), axis=-1).reshape(-1, 1, 2)
    assert risk(phi, flat).max() <= risk(grid, flat).max(axis=1).min() + 1e-9


def test_extrapolation_is_exact_for_a_power_law() -> None:
    weights = 1e-3 * 0.5 ** np.arange(3)
    path = [np.array([[1.0, 2.0]]) + w ** (1 / 3) for w in weights]
    assert limits.extrapolated(path) == pytest.approx(np.array([[1.0, 2.0]]), abs=1e-9)


@pytest.mark.parametrize(
    ("method", "study", "words"),
    [
        ("causal_dantzig", "anti_causal", "identify"),
        ("icp", "example_1", "rejected"),
        ("fishr", "unit_regression", "fourth moments"),
    ],
)
def test_a_method_without_an_answer_gives_its_reason_and_no_number(
    field: Config, method: str, study: str, words: str
) -> None:
    of_name = {one.name: one for one in field.studies}
    rows, _ = locate.locate(field, locate.methods(field)[method], of_name[study], locate.LIMIT)
    for row in rows:
        assert np.isnan(row["value"])
        assert words in row["reason"]
