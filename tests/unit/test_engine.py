"""The batched engine against the notebook's per-row autograd loop, and against itself."""

import numpy as np
import pytest
import torch

from benchmarks import notebook_loop
from irm_bench.config import Environment
from irm_bench.engine.descent import BLOCK
from irm_bench.engine.problem import Slots, no_draws
from irm_bench.planning.plan import curvature, population
from irm_bench.plugins.methods import erm, irm, oracle
from irm_bench.plugins.model import model_of
from irm_bench.plugins.penalties import plug_in, split_half
from irm_bench.plugins.registry import find_book
from irm_bench.plugins.sems import example_1
from tests.unit.problems import FixedSigns, Rows, draw_rows, problem_of, split_draws, train

pytestmark = pytest.mark.spread

BOOK = find_book("notebook")

N_STEPS = 600  # more than a block of signs
N_SAMPLES = 40


def stable_rate(dim: int, sigmas: tuple[float, ...]) -> float:
    environments = [Environment((("sigma", s), ("gamma", 1.0), ("tau", 1.0))) for s in sigmas]
    model = model_of(
        BOOK.plugin("sems", "example_1"),
        {"dim": dim},
        False,
        {"sigma": 1.0, "gamma": 1.0, "tau": 1.0},
    )
    moments = population(model, environments)
    return 0.3 * 2 / curvature(BOOK.plugin("methods", "irm"), moments, 1e-5)


def random_permutations(n_steps: int) -> np.ndarray:
    rng = np.random.default_rng(7)
    return np.stack([rng.permutation(N_SAMPLES) for _ in range(n_steps)])


def signs_of(permutations: np.ndarray) -> np.ndarray:
    """+1 for the rows that a permutation puts in the notebook's first half, p[0::2]."""
    n_blocks = len(permutations) // BLOCK + 1
    signs = np.ones((n_blocks * BLOCK, N_SAMPLES), dtype=np.int8)
    for step, permutation in enumerate(permutations):
        signs[step, permutation[1::2]] = -1
    return signs


def as_torch(run: list[Rows]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(torch.tensor(x), torch.tensor(y)[:, None]) for x, y in run]


@pytest.mark.parametrize(
    ("dim", "sigmas"), [(1, (0.2, 1.0)), (2, (0.1, 0.5, 1.0)), (5, (0.2, 1.0))], ids=str
)
@pytest.mark.parametrize("name", ["erm", *BOOK.names("penalties")])
def test_equals_the_notebooks_loop_step_by_step(
    name: str, dim: int, sigmas: tuple[float, ...]
) -> None:
    """Same rows, same permutations, float64: φ equal after every one of 600 updates."""
    run = draw_rows(dim, N_SAMPLES, dim, sigmas)
    permutations = random_permutations(N_STEPS)
    rate = stable_rate(dim, sigmas)
    expected = notebook_loop.train(
        as_torch(run),
        notebook_loop.PENALTIES.get(name),
        N_STEPS,
        rate,
        1e-5,
        lambda step: torch.from_numpy(permutations[step]),
    )
    problem = problem_of([run], learning_rate=rate)
    penalty = plug_in if name == "erm" else BOOK.plugin("penalties", name).load()
    draws = split_draws([run], problem.slots, FixedSigns(signs_of(permutations), BLOCK))
    method = erm if name == "erm" else irm
    path = train(method, problem, penalty, N_STEPS, range(N_STEPS), draws)
    assert list(path.steps) == list(range(N_STEPS + 1))
    reference = torch.stack(expected)
    error = (path.phi[..., 0] - reference).abs().max(dim=1).values
    assert (error / reference.abs().max(dim=1).values).max() < 1e-9
    assert reference[-1].isfinite().all()
    assert (reference[-1] - reference[0]).abs().max() > 0.01  # it did learn


def test_reports_the_penalty_that_the_notebook_would_print() -> None:
    run = draw_rows(3, N_SAMPLES, 2, (0.2, 1.0))
    permutations = random_permutations(BLOCK)
    problem = problem_of([run])
    draws = split_draws([run], problem.slots, FixedSigns(signs_of(permutations), BLOCK))
    path = train(irm, problem, split_half, 100, [50], draws)
    phi = path.phi[0, :, 0][:, None]
    total = 0.0
    for x, y in as_torch(run):
        p = torch.from_numpy(permutations[50])
        w = torch.ones(N_SAMPLES, 1, dtype=torch.float64, requires_grad=True)
        total += notebook_loop.split_half((x[p] @ phi * w - y[p]) ** 2, w).item()
    assert float(path.penalty[0, 0]) == pytest.approx(total, rel=1e-9)


def many_runs(n_runs: int) -> list[list[Rows]]:
    return [draw_rows(seed, N_SAMPLES, 2, (0.2, 1.0)) for seed in range(n_runs)]


@pytest.mark.parametrize("name", BOOK.names("penalties"))
def test_bits_of_a_run_do_not_depend_on_its_neighbours(name: str) -> None:
    runs = many_runs(23)
    penalty = BOOK.plugin("penalties", name).load()
    signs = FixedSigns(signs_of(random_permutations(BLOCK)), BLOCK)

    def trained(chosen: list[list[Rows]]) -> torch.Tensor:
        problem = problem_of(chosen)
        draws = split_draws(chosen, problem.slots, signs)
        return train(irm, problem, penalty, 200, [], draws).phi[-1]

    whole = trained(runs)
    for part in (slice(0, 1), slice(3, 10), slice(11, 23)):
        assert torch.equal(trained(runs[part]), whole[:, part])


@pytest.mark.parametrize("name", BOOK.names("penalties"))
def test_training_leaves_its_problem_as_it_was(name: str) -> None:
    runs = many_runs(3)
    problem, untouched = problem_of(runs), problem_of(runs)
    signs = FixedSigns(signs_of(random_permutations(BLOCK)), BLOCK)
    draws = split_draws(runs, problem.slots, signs)
    train(irm, problem, BOOK.plugin("penalties", name).load(), 3, [0, 2], draws)
    assert torch.equal(problem.start, untouched.start)
    assert torch.equal(problem.moments.gram, untouched.moments.gram)
    assert torch.equal(problem.moments.cross, untouched.moments.cross)
    assert torch.equal(problem.product_variance, untouched.product_variance)


def test_bits_do_not_depend_on_threads() -> None:
    runs = many_runs(40) * 50
    problem = problem_of(runs)
    before = torch.get_num_threads()
    results = []
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            results.append(train(irm, problem, plug_in, 50, [], no_draws).phi)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*results)


def test_runs_with_different_numbers_of_environments_share_a_batch() -> None:
    three = draw_rows(1, N_SAMPLES, 2, (0.1, 0.5, 1.0))
    two = draw_rows(2, N_SAMPLES, 2, (0.2, 1.0))
    together = train(irm, problem_of([three, two]), plug_in, 300, [], no_draws).phi[-1]
    for i, run in enumerate((three, two)):
        alone = train(irm, problem_of([run]), plug_in, 300, [], no_draws).phi[-1]
        assert torch.equal(alone[:, 0], together[:, i])


def divergence_of_the_loop(run: list[Rows], rate: float, method: str) -> int:
    penalty = None if method == "erm" else notebook_loop.plug_in
    path = notebook_loop.train(
        as_torch(run), penalty, 3000, rate, 1e-5, lambda step: torch.arange(N_SAMPLES)
    )
    assert not path[-1].isfinite().all()
    return len(path) - 1


@pytest.mark.parametrize(("method", "rate"), [("irm", 0.02), ("erm", 2.0)])
def test_a_diverging_run_stops_alone_and_is_flagged(method: str, rate: float) -> None:
    runs = many_runs(5)
    module = BOOK.plugin("methods", method).load()
    rates = [1e-3, rate, 1e-3, 1e-3, rate]
    path = train(module, problem_of(runs, rates), plug_in, 3000, [0, 1, 2, 2000], no_draws)
    calm = [0, 2, 3]
    undisturbed = train(
        module, problem_of([runs[i] for i in calm], 1e-3), plug_in, 3000, [0, 1, 2, 2000], no_draws
    )
    assert path.diverged_at[calm].tolist() == [-1, -1, -1]
    assert torch.equal(path.phi[..., calm], undisturbed.phi)
    assert torch.equal(path.penalty[..., calm], undisturbed.penalty)
    for i in (1, 4):
        step = int(path.diverged_at[i])
        assert step == divergence_of_the_loop(runs[i], rate, method)
        for row, recorded in enumerate(path.steps):
            assert bool(path.phi[row, :, i].isfinite().all()) == (recorded < step)


def test_all_runs_diverging_is_not_an_error() -> None:
    path = train(irm, problem_of(many_runs(3), 1.0), plug_in, 2000, [], no_draws)
    assert (path.diverged_at > 0).all()
    assert path.phi[-1].isnan().all()


def test_erm_is_exact_when_features_are_redundant() -> None:
    """A singular Hessian (a feature twice) keeps its start in the null space."""
    x, y = draw_rows(0, N_SAMPLES, 1, (1.0,))[0]
    run = [(np.column_stack([x, x[:, 0], x[:, 1]]), y)]
    path = train(erm, problem_of([run], 1e-2), plug_in, 500, range(500), no_draws)
    expected = notebook_loop.train(
        as_torch(run), None, 500, 1e-2, 0.0, lambda step: torch.arange(N_SAMPLES)
    )
    assert torch.allclose(path.phi[..., 0], torch.stack(expected), rtol=1e-9, atol=1e-11)


def test_the_oracle_is_the_causal_solution_at_every_step() -> None:
    path = train(oracle, problem_of(many_runs(2)), plug_in, 10, [0, 5], no_draws)
    expected = torch.tensor(example_1.causal_solution({"dim": 2}))
    assert all(torch.equal(phi[:, 1], expected) for phi in path.phi)


def test_slots_spread_total_and_select() -> None:
    slots = Slots((4, 4, 2))
    per_run = torch.arange(4.0)
    spread = slots.spread(per_run)
    assert spread.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert slots.total(spread).tolist() == [0, 3, 4, 6]
    kept, pairs = slots.select(torch.tensor([1, 3]))
    assert kept.widths == (2, 2, 1)
    assert spread[pairs].tolist() == [1, 3, 1, 3, 1]
