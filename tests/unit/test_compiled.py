"""The compiled loop makes the updates that torch makes one by one."""

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from irm_bench.books.unit_tests.methods import erm as unit_tests_erm
from irm_bench.books.unit_tests.methods import irm as unit_tests_irm
from irm_bench.engine import compiled, compiled_draws, training
from irm_bench.engine.descent import Path, descend
from irm_bench.engine.problem import Problem, no_draws
from irm_bench.engine.signs import SignStream
from irm_bench.engine.split_law import LawDraws, NormalMeans
from irm_bench.engine.splits import SignedMeans, SplitDraws
from irm_bench.plugins.methods import and_mask, erm, iga, irm, irm_matrix, vrex
from irm_bench.plugins.optimisers import adam, gd
from irm_bench.plugins.penalties import plug_in, split_half, u_statistic
from irm_bench.theory.moments import products
from tests.unit.problems import draw_rows, problem_of

N_STEPS = 40
RECORD = [0, 7, 8, 40]
SIGMAS = (0.2, 1.0, 0.5)
N_PRODUCTS = 14  # of two features twice, and the target


@pytest.fixture(autouse=True, scope="module")
def _any_number_of_updates() -> Iterator[None]:
    """Compile for the few updates of a test too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "FEWEST_UPDATES", 0)
        yield


def problem(counts: list[int], seed: int = 0, rate: float = 1e-2, **params: float) -> Problem:
    """Runs with so many environments each, the most first."""
    runs = [draw_rows(seed + i, 30, 2, SIGMAS[:count]) for i, count in enumerate(counts)]
    params = {**adam.PARAMS, **params}
    return problem_of(runs, rate, error_weight=params.pop("error_weight", 0.05), **params)


def by_torch(of: Problem) -> Path:
    """The same descent, one update at a time."""
    _, route = training.route_of(irm_matrix, plug_in, adam, of)
    assert route.advance is not None
    parameters = training.initial_of(irm_matrix, of)
    alone = replace(route, advance=None)
    return descend(of, alone, parameters, plug_in.value, N_STEPS, RECORD)


def by_loop(of: Problem) -> Path:
    return training.train(irm_matrix, plug_in, adam, of, N_STEPS, RECORD, no_draws)


@settings(max_examples=15, deadline=None)
@given(
    counts=st.lists(st.integers(1, 3), min_size=1, max_size=2 * compiled.WIDTH + 3),
    seed=st.integers(0, 10**6),
    error_weight=st.sampled_from([0.0, 1e-3, 1.0]),
    weight_decay=st.sampled_from([0.0, 0.1]),
)
def test_the_loop_makes_the_updates_of_torch(
    counts: list[int], seed: int, error_weight: float, weight_decay: float
) -> None:
    """Any number of runs, with other numbers of environments: φ at every recorded step."""
    counts = sorted(counts, reverse=True)
    of = problem(counts, seed, error_weight=error_weight, weight_decay=weight_decay)
    expected, found = by_torch(of), by_loop(of)
    assert list(found.steps) == list(expected.steps)
    torch.testing.assert_close(found.phi, expected.phi, rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(found.penalty, expected.penalty, rtol=1e-7, atol=1e-9)


def test_a_runs_bits_do_not_depend_on_its_neighbours() -> None:
    whole = problem([3] * 5 + [2] * 40 + [1] * 7)
    together = by_loop(whole).phi
    for run in (0, 4, 5, 31, 32, 44, 45, 51):
        alone = by_loop(whole.select(torch.tensor([run])))
        assert torch.equal(alone.phi[..., 0], together[..., run])


def test_a_run_that_diverges_is_found_at_its_step_and_changes_no_other() -> None:
    of = problem([2] * 4)
    rates = of.learning_rate.clone()
    rates[2] = 1e200
    broken = replace(of, learning_rate=rates)
    expected, found = by_torch(broken), by_loop(broken)
    assert torch.equal(found.diverged_at, expected.diverged_at)
    assert found.diverged_at[2] > 0
    others = [0, 1, 3]
    assert torch.equal(found.phi[..., others], by_loop(of).phi[..., others])


def test_only_what_has_a_kernel_throughout_is_compiled() -> None:
    of = problem([2])
    assert compiled.advance_of(vrex, plug_in, adam, of) is None
    assert compiled.advance_of(irm, u_statistic, adam, of) is None
    assert compiled.advance_of(irm, plug_in, adam, of) is not None
    assert compiled.advance_of(irm_matrix, u_statistic, adam, of) is not None


def test_a_kernels_gradient_is_that_of_the_method() -> None:
    """One call of each, at parameters that are no multiple of the identity."""
    width, d = 4, 4
    of = problem([2] * width)
    generator = torch.Generator().manual_seed(0)
    parameters = torch.randn(d, d, width, generator=generator, dtype=torch.float64)
    slope = of.slope(irm_matrix.predictor(parameters))
    expected = irm_matrix.gradient(parameters, slope, of, lambda: None)
    gram = of.moments.gram.reshape(d, d, 2, width).permute(2, 0, 1, 3).numpy()
    cross = of.moments.cross.reshape(d, 2, width).permute(1, 0, 2).numpy()
    out = np.empty((d * d, width))
    params = of.error_weight[None].numpy()
    kernel = irm_matrix.kernel(d, width)
    counts = np.full(width, 2.0)
    kernel(parameters.reshape(-1, width).numpy(), gram, cross, counts, params, out)
    np.testing.assert_allclose(out.reshape(d, d, width), expected.numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("method", "optimiser", "params"),
    [
        (unit_tests_erm, adam, {}),
        (unit_tests_irm, adam, {"penalty_share": 0.8}),
        (erm, adam, {}),
        (irm, adam, {}),
        (irm, gd, {"rate": 5e-4}),
        (iga, adam, {"gradient_weight": 20.0}),
        (and_mask, gd, {"agreement": 0.9, "decay": 0.2}),
    ],
)
@pytest.mark.parametrize("counts", [[3, 3, 2, 1, 1], [2] * (compiled.WIDTH + 3)])
def test_every_kernel_makes_the_updates_of_torch(
    method: ModuleType, optimiser: ModuleType, params: dict[str, float], counts: list[int]
) -> None:
    """Runs with other numbers of environments, and a batch that is no multiple of the width."""
    of = problem(counts, weight_decay=0.01, **params)
    of.start.copy_(torch.randn(of.start.shape, generator=torch.Generator().manual_seed(0)))
    _, route = training.route_of(method, plug_in, optimiser, of)
    assert route.advance is not None
    alone = replace(route, advance=None)
    expected = descend(of, alone, of.start, plug_in.value, N_STEPS, RECORD)
    found = training.train(method, plug_in, optimiser, of, N_STEPS, RECORD, no_draws)
    assert (found.phi[-1] - found.phi[0]).abs().max() > 0.1
    torch.testing.assert_close(found.phi, expected.phi, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("counts", [[3, 3, 2, 1, 1], [2] * (compiled.WIDTH + 3)])
def test_a_gradient_that_is_one_polynomial_is_stepped_in_the_loop(counts: list[int]) -> None:
    of = problem(counts, rate=1e-3, error_weight=0.1)
    whole, route = training.route_of(irm, u_statistic, gd, of)
    assert whole.cubic is not None
    assert route.advance is not None
    alone = replace(route, advance=None)
    expected = descend(whole, alone, of.start, u_statistic.value, N_STEPS, RECORD)
    by_loop = training.train(irm, u_statistic, gd, of, N_STEPS, RECORD, no_draws)
    assert (by_loop.phi[-1] - by_loop.phi[0]).abs().max() > 0.1
    torch.testing.assert_close(by_loop.phi, expected.phi, rtol=1e-11, atol=1e-12)


# --- splits, by their law and of rows ---------------------------------------------------------


def law_draws(of: Problem, n_columns: int) -> LawDraws:
    """Draws of the pairs, which share so many columns in turn, of covariances that are large."""
    n_pairs = sum(of.slots.widths)
    rng = np.random.default_rng(0)
    roots = 0.1 * rng.normal(size=(n_columns, N_PRODUCTS, N_PRODUCTS))
    covariances = roots @ roots.transpose(0, 2, 1)
    means = NormalMeans(covariances, [np.random.default_rng(i) for i in range(n_columns)])
    return LawDraws(means, np.arange(n_pairs) % n_columns, of.slots, 4, lambda n_steps: None)


def split_half_by(of: Problem, draws: SplitDraws, is_compiled: bool) -> Path:
    _, route = training.route_of(irm, split_half, gd, of, draws)
    assert route.advance is not None
    chosen = route if is_compiled else replace(route, advance=None)
    return descend(of, chosen, of.start, split_half.value, N_STEPS, RECORD, draws)


@pytest.mark.parametrize(
    "counts", [[3, 3, 2, 1, 1], [3] * 3 + [2] * compiled_draws.WIDTH_BY_LAW + [1] * 2]
)
def test_the_loop_draws_the_splits_that_torch_is_given(counts: list[int]) -> None:
    of = problem(counts, rate=5e-4)
    draws = law_draws(of, 7)
    expected, found = split_half_by(of, draws, False), split_half_by(of, draws, True)
    torch.testing.assert_close(found.phi, expected.phi, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.penalty, expected.penalty, rtol=1e-3, atol=1e-3)
    # without the splits, or with other ones, it would end elsewhere
    plain = training.train(irm, plug_in, gd, of, N_STEPS, RECORD, no_draws)
    other = split_half_by(of, law_draws(of, 5), True)
    for path in (plain, other):
        assert (path.phi[-1] - expected.phi[-1]).abs().amax(0).median() > 1e-3


def test_a_split_run_that_diverges_changes_no_other() -> None:
    of = problem([2] * 5, rate=5e-4)
    draws = law_draws(of, 10)
    rates = of.learning_rate.clone()
    rates[1] = 1e200
    whole = split_half_by(of, draws, True)
    found = split_half_by(replace(of, learning_rate=rates), draws, True)
    others = [0, 2, 3, 4]
    assert found.diverged_at[1] > 0
    assert torch.equal(found.phi[..., others], whole.phi[..., others])


def draws_of_rows(of: Problem, n_columns: int, ahead: int) -> SplitDraws:
    """Splits of fifty rows, whose products are large, of columns that the pairs share in turn."""
    rng = np.random.default_rng(1)
    columns = [
        3 * products(rng.normal(size=(50, 4)), rng.normal(size=50)) for _ in range(n_columns)
    ]
    means = SignedMeans(columns, n_columns, SignStream(3, 50))
    pair_columns = np.arange(sum(of.slots.widths)) % n_columns
    return SplitDraws([means], pair_columns, of.slots, ahead)


@pytest.mark.parametrize("ahead", [1, 16, 1024])
@pytest.mark.parametrize("counts", [[3, 3, 2, 1, 1], [3] * 3 + [2] * compiled.WIDTH + [1] * 2])
def test_the_loop_takes_the_splits_of_rows_that_torch_is_given(
    counts: list[int], ahead: int
) -> None:
    of = problem(counts, rate=5e-4)
    draws = draws_of_rows(of, 7, ahead)
    assert draws.n_products == N_PRODUCTS
    expected, by_loop = split_half_by(of, draws, False), split_half_by(of, draws, True)
    torch.testing.assert_close(by_loop.phi, expected.phi, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(by_loop.penalty, expected.penalty, rtol=1e-9, atol=1e-10)
    plain = training.train(irm, plug_in, gd, of, N_STEPS, RECORD, no_draws)
    assert (plain.phi[-1] - expected.phi[-1]).abs().amax(0).median() > 1e-3


def test_a_split_run_of_rows_has_its_bits_whatever_stands_beside_it() -> None:
    whole = problem([3] * 5 + [2] * 70 + [1] * 3, rate=5e-4)
    draws = draws_of_rows(whole, 11, 16)
    together = split_half_by(whole, draws, True)
    for run in (0, 4, 5, 63, 64, 74, 77):
        runs = torch.tensor([run])
        alone = whole.select(runs)
        columns = draws.columns(runs)
        own = draws_of_rows(whole, 11, 32)
        own = SplitDraws(own._means, columns, alone.slots, 32)
        assert torch.equal(split_half_by(alone, own, True).phi[..., 0], together.phi[..., run])


def test_what_tells_no_kernel_of_a_draw_goes_step_by_step() -> None:
    of = problem([2])
    assert compiled.advance_of(irm, split_half, gd, of) is None
    draws = law_draws(of, 2)
    assert compiled.advance_of(irm, split_half, gd, of, draws) is not None
    assert compiled.advance_of(irm, split_half, gd, of, draws_of_rows(of, 2, 4)) is not None
    silent = ModuleType("silent")  # on what a draw adds to its gradient
    silent.TAKES_PENALTY, silent.kernel = True, irm.kernel  # type: ignore[attr-defined]
    assert compiled.advance_of(silent, split_half, gd, of, draws) is None
    assert compiled.advance_of(silent, plug_in, gd, of) is not None
    needy = ModuleType("needy")  # a penalty that does not say what a draw counts for
    needy.NEEDS, needy.kernel = ("splits",), split_half.kernel  # type: ignore[attr-defined]
    assert compiled.advance_of(irm, needy, gd, of, draws) is None
