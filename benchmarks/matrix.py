"""Measure the training of a matrix Φ: ``python benchmarks/matrix.py [--quick]``, about a minute.

The IRM paper's repository trains a 10 × 10 matrix on the rows of two environments, one model at a
time, in single precision. Its loop, written anew, and the compiled one of the project
(``engine/compiled.py``), in single and in double precision, run in turn, one thread each, and the
CPU seconds of an update of one model are compared: medians. Beside them: the same with torch's
calls in place of the compiled loop, growth over dimensions and environments, and the floor: what
the multiplications, additions, divisions and roots of an update cost at the rates that the machine
reaches on such data, measured in the same session.
"""

import argparse
import resource
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from numba import njit
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.clock import now
from irm_bench.engine import compiled, training
from irm_bench.engine.descent import descend
from irm_bench.engine.problem import Problem, Quadratic, Slots, no_draws
from irm_bench.plugins.methods import irm_matrix
from irm_bench.plugins.optimisers import adam
from irm_bench.plugins.penalties import plug_in
from irm_bench.plugins.sems import chain

N_SAMPLES, RATE, ERROR_WEIGHT = 1000, 1e-3, 1e-3
SINGLE, DOUBLE = torch.float32, torch.float64


def problem_of(n_runs: int, dim: int, n_environments: int) -> Problem:
    """Runs on random moments of 2·dim features."""
    d, n_pairs = 2 * dim, n_runs * n_environments
    generator = torch.Generator().manual_seed(0)
    factor = torch.randn(d, 3 * d, n_pairs, dtype=torch.float64, generator=generator)
    gram = torch.einsum("ikp,jkp->ijp", factor, factor) / (3 * d)
    cross = torch.randn(d, n_pairs, dtype=torch.float64, generator=generator)

    def per_run(value: float) -> Tensor:
        return torch.full((n_runs,), value, dtype=torch.float64)

    params = {**adam.PARAMS, "error_weight": ERROR_WEIGHT}
    return Problem(
        slots=Slots((n_runs,) * n_environments),
        moments=Quadratic(gram, cross),
        target=torch.full((n_pairs,), 50.0, dtype=torch.float64),
        learning_rate=per_run(RATE),
        start=torch.ones(d, n_runs, dtype=torch.float64),
        params={name: per_run(value) for name, value in params.items()},
    )


def draw_rows(dim: int, n_environments: int) -> list[tuple[Tensor, Tensor]]:
    """Rows of the chain in single precision, torch's default, as the repository has them."""
    options = {"dim": dim, "hidden": 0, "hetero": 0, "scramble": 0, "weights": "ones"}
    rng = np.random.default_rng(0)
    mechanism = chain.mechanism(rng, options)
    environments = []
    for e in np.geomspace(0.2, 2.0, n_environments):
        x, y = chain.sample(rng, N_SAMPLES, {"e": float(e)}, mechanism)
        environments.append((torch.tensor(x).float(), torch.tensor(y).float()[:, None]))
    return environments


def rows_loop(environments: list[tuple[Tensor, Tensor]], n_steps: int) -> None:
    """One model by rows and autograd, twice a step."""
    d = environments[0][0].shape[1]
    phi = torch.nn.Parameter(torch.eye(d))
    w = torch.ones(d, 1, requires_grad=True)
    optimiser = torch.optim.Adam([phi], lr=RATE)
    for _ in range(n_steps):
        objective = torch.zeros(())
        for x, y in environments:
            risk = ((x @ phi @ w - y) ** 2).mean()
            (along,) = torch.autograd.grad(risk, w, create_graph=True)
            objective = objective + ERROR_WEIGHT * risk + (1 - ERROR_WEIGHT) * (along**2).mean()
        optimiser.zero_grad()
        objective.backward()
        optimiser.step()


def cpu_seconds(work: Callable[[], object]) -> float:
    start = now()
    work()
    return float((now() - start)[1])


def of_rows(dim: int, n_environments: int, n_steps: int) -> Callable[[], float]:
    """CPU seconds of an update of the loop through rows."""
    environments = draw_rows(dim, n_environments)
    return lambda: cpu_seconds(lambda: rows_loop(environments, n_steps)) / n_steps


def of_engine(
    dim: int, n_environments: int, n_runs: int, n_steps: int, precision: torch.dtype
) -> Callable[[], float]:
    """CPU seconds of an update of one model of the compiled loop."""
    problem = problem_of(n_runs, dim, n_environments)

    def train() -> None:
        training.train(irm_matrix, plug_in, adam, problem, n_steps, [], no_draws, precision)

    train()  # compiles it
    return lambda: cpu_seconds(train) / n_steps / n_runs


def of_torch(dim: int, n_environments: int, n_runs: int, n_steps: int) -> Callable[[], float]:
    """The same by torch's calls, update by update."""
    problem = problem_of(n_runs, dim, n_environments)
    _, route = training.route_of(irm_matrix, plug_in, adam, problem)
    start = training.initial_of(irm_matrix, problem)
    plain = replace(route, advance=None)
    value = plug_in.value
    return lambda: (
        cpu_seconds(lambda: descend(problem, plain, start, value, n_steps, [])) / n_steps / n_runs
    )


# The rates of the floor: each on vectors of as many numbers as the loop's that stay in the nearest
# cache.


@njit(error_model="numpy")
def multiply_add(a, b, c, n):  # type: ignore[no-untyped-def]
    """Per call 16 products and sums an element of c (16, width), all in registers."""
    for _ in range(n):
        for i in range(16):
            for k in range(c.shape[1]):
                factor, term = a[i, k], b[i, k]
                total = c[i, k]
                for _ in range(16):
                    total = total * factor + term
                c[i, k] = total


@njit(error_model="numpy")
def divide_and_root(a, b, c, n):  # type: ignore[no-untyped-def]
    """Per call one division and one square root an element of c (16, width)."""
    flat, above, below = c.ravel(), a.ravel(), b.ravel()
    for _ in range(n):
        for k in range(len(flat)):
            flat[k] = above[k] / np.sqrt(below[k])


def floor(dim: int, n_environments: int, n: int, precision: torch.dtype) -> float:
    """Seconds that the arithmetic of an update of one model would take alone.

    For each of the d × d numbers: of Φ1 one sum, an environment's r, a, s, Gs and outer product
    five products with their sums, of Adam four, a division and a root.
    """
    width = compiled.WIDTH * 8 // precision.itemsize
    a, b = np.random.default_rng(0).uniform(0.5, 0.9, size=(2, 16, width))
    a, b, c = (torch.tensor(array, dtype=precision).numpy() for array in (a, b, np.ones_like(a)))
    for kernel in (multiply_add, divide_and_root):
        kernel(a, b, c, 1)
    elements = n * 16 * width
    of_sum = cpu_seconds(lambda: multiply_add(a, b, c, n)) / elements / 16
    of_root = cpu_seconds(lambda: divide_and_root(a, b, c, n)) / elements
    d = 2 * dim
    sums = d * d * (1 + 5 * n_environments + 4)
    return sums * of_sum + d * d * of_root


# What is measured in a few updates stands for many, which are compiled.
@mock.patch.object(compiled, "FEWEST_UPDATES", 0)
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--quick", action="store_true", help="a few updates, for the tests")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    repeats, steps, n_runs = (1, 5, 64) if quick else (5, 400, 512)
    # a dimension that is new has to be compiled, for seconds
    dim, dims, counts = (2, (1, 2), (1, 2)) if quick else (5, (2, 5, 10), (1, 2, 4, 8))
    rows = of_rows(dim, 2, steps)
    plain = of_torch(dim, 2, n_runs, max(2, steps // 10))
    sides = [rows, plain]
    for precision in (SINGLE, DOUBLE):
        sides.append(of_engine(dim, 2, n_runs, steps, precision))
        sides.append(partial(floor, dim, 2, 100 if quick else 20_000, precision))
    turns = np.array([[side() for side in sides] for _ in range(repeats)])
    by_rows, by_torch, *of_loops = 1e6 * np.median(turns, axis=0)
    print("an update of a model, microseconds:")
    print(f"rows and autograd {by_rows:.0f}, torch's calls on moments {by_torch:.2f}, in double")
    for i, name in enumerate(("single", "double")):
        loop, bound = turns[:, 2 + 2 * i], turns[:, 3 + 2 * i]
        over_rows, over_torch = (np.median(turns[:, side] / loop) for side in (0, 1))
        print(
            f"compiled, in {name} {of_loops[2 * i]:.3f}, its arithmetic {of_loops[2 * i + 1]:.3f}:"
        )
        print(
            f"  {over_rows:.0f} times the loop through rows a core, {over_torch:.1f} times torch's"
        )
        print(f"  calls; it takes {np.median(loop / bound):.2f} times its floor")
    for name, sizes in (
        ("features", [(d, 2) for d in dims]),
        ("environments", [(dim, n) for n in counts]),
    ):
        spent = [of_engine(*size, n_runs, max(2, steps // 4), SINGLE)() for size in sizes]
        x = [2 * d if name == "features" else n for d, n in sizes]
        slope = np.polyfit(np.log(x), np.log(spent), 1)[0]
        told = ", ".join(f"{n}: {1e6 * s:.3f}" for n, s in zip(x, spent, strict=True))
        print(f"microseconds in single precision over {name} ({told}), slope {slope:.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory: {peak:.0f} MB, torch included")


if __name__ == "__main__":
    main()
