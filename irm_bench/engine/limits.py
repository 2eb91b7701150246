"""Where a method *tends to*: the minimum of its objective on given moments, with no training.

Parameters that a method names in LIMIT go from their defaults to their limit in a few stages, each
started where the former ended (continuation). A stage is damped Newton, of all starts at once. It
needs the gradient alone: curvature is its central difference, and a step is judged by the exact
fall of the objective along it, the integral of the gradient by Gauss's rule, which no large
constant cancels.

At the limit a path may still move like a power of the parameter, as IRM's does like λ^(−1/3): the
ends of three equal stages are then extrapolated (Aitken 1926), which is exact for such a law.

A method whose step is the gradient of nothing (IS_GRADIENT = False) is followed instead, in steps
that shrink, and what it ends at depends on its start.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from irm_bench.engine import training
from irm_bench.engine.problem import Problem, Quadratic, Slots
from irm_bench.statistics import elementary
from irm_bench.theory.moments import Moments

Array = np.ndarray
# Stages of a continuation, and Newton's steps of each.
N_STAGES, MAX_ITERATIONS = 12, 100
# A start has ended when Newton's step is this small beside φ.
TOLERANCE = 1e-10
# What φ may grow to before a start counts as lost.
LARGEST = 1e6
# Central differences of the gradient: the cube root of the rounding error.
STEP = 6e-6
# Gauss's rule on [0, 1]: exact for gradients of degree nine along a line.
NODES, WEIGHTS = (part / 2 for part in np.polynomial.legendre.leggauss(5))
NODES = NODES + 0.5
# Of methods that are followed: updates, and the first and last of their sizes.
N_UPDATES, FIRST_RATE, LAST_RATE = 1000, 3e-2, 1e-5

# Points (n, d) of runs (n,) → gradients (n, d).
Gradients = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Pool:
    """What runs see of their environments: moments (E, run, …), and what NEEDS names.

    ``product_variance`` (E, run, P, P) is the covariance of a row's products over n; ``causal``
    (run, d) the oracle. Either is None where it is not known.
    """

    moments: Moments
    n_samples: int
    product_variance: Array | None = None
    causal: Array | None = None

    @property
    def n_runs(self) -> int:
        return int(self.moments.gram.shape[1])

    @property
    def n_features(self) -> int:
        return self.moments.n_features


@dataclass(frozen=True)
class Ends:
    """Where starts end: φ (start, run, d), the objective there less that at 0, and whether at all.

    ``extras`` (run,) are what a closed form reports.
    """

    phi: Array
    objective: Array
    converged: Array
    extras: Mapping[str, Array]

    def best(self) -> tuple[Array, Array]:
        """Of each run the end of least objective: φ (run, d), NaN if none converged; its start."""
        objective = np.where(self.converged, self.objective, np.inf)
        start = objective.argmin(axis=0)
        phi = self.phi[start, np.arange(len(start))]
        lost = ~np.isfinite(objective.min(axis=0))
        return np.where(lost[:, None], np.nan, phi), start


def ends(
    method: ModuleType,
    penalty: ModuleType,
    pool: Pool,
    starts: Array,
    params: Mapping[str, float],
    limit: Mapping[str, float],
    is_limit: bool,
) -> Ends:
    """Where a method ends on a pool from starts (start, run, d): with its parameters, or, if
    ``is_limit``, with those of its LIMIT going there."""
    if hasattr(method, "fit"):
        return _fitted(method, pool, {**params, **limit} if is_limit else params)
    n_starts, n_runs, d = starts.shape
    flat = starts.reshape(-1, d)
    runs = np.tile(np.arange(n_runs), n_starts)
    if not getattr(method, "IS_GRADIENT", True):
        gradients = _gradients(method, penalty, pool, params)
        phi = _followed(gradients, flat, runs)
        done = np.isfinite(phi).all(axis=1)
        objective = np.zeros(len(phi))
    else:
        path = stages(params, limit, is_limit)
        phi, done, objective = _continued(method, penalty, pool, (flat, runs), path, is_limit)
    shape = (n_starts, n_runs)
    return Ends(phi.reshape(*shape, d), objective.reshape(shape), done.reshape(shape), {})


def _fitted(method: ModuleType, pool: Pool, params: Mapping[str, float]) -> Ends:
    """The one end of a closed form or a search."""
    problem = _problem(pool, np.arange(pool.n_runs), params)
    with torch.no_grad():
        given = method.fit(problem)
    fitted = given if isinstance(given, training.Fitted) else training.Fitted(given)
    phi = fitted.phi.T.numpy()[None]
    done = np.isfinite(phi).all(axis=2)
    extras = {name: values.numpy() for name, values in fitted.extras.items()}
    return Ends(phi, np.zeros(done.shape), done, extras)


def _continued(
    method: ModuleType,
    penalty: ModuleType,
    pool: Pool,
    starts: tuple[Array, Array],
    path: Sequence[Mapping[str, float]],
    is_limit: bool,
) -> tuple[Array, Array, Array]:
    """Ends (n, d), whether they are minima (n,), and the objective less that at 0 (n,)."""
    points, runs = starts
    of_stages = []
    for values in path:
        gradients = _gradients(method, penalty, pool, values)
        points, done = _newton(gradients, points, runs)
        of_stages.append(points)
    objective = _fall(gradients, np.zeros_like(points), points, runs)
    if is_limit and len(path) > 2:
        points = extrapolated(of_stages[-3:])
    return points, done & np.isfinite(points).all(axis=1), objective


def stages(
    params: Mapping[str, float], limit: Mapping[str, float], is_limit: bool
) -> list[dict[str, float]]:
    """The values of all parameters, stage by stage, in equal ratios.

    To the limit they start at the defaults. To the defaults they start as far on their other side,
    where the penalty is weak and the minimum easy to find.
    """
    if not limit:
        return [dict(params)]
    spaced = {}
    for name, end in limit.items():
        first, last = params[name], end
        if not is_limit:
            first, last = first * first / end, first
        spaced[name] = elementary.geometric(first, last, N_STAGES if is_limit else N_STAGES // 2)
    n_stages = min(len(values) for values in spaced.values())
    stages = []
    for i in range(n_stages):
        stage = dict(params)
        for name, values in spaced.items():
            stage[name] = float(values[i])
        stages.append(stage)
    return stages


def extrapolated(path: Sequence[Array]) -> Array:
    """The limit of three points (n, d) each whose differences shrink in a fixed ratio.

    Where they do not shrink, or are rounding errors, it is the last of them.
    """
    first, second, third = path
    step, last_step = second - first, third - second
    size = np.abs(last_step).max(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (step * last_step).sum(axis=1, keepdims=True) / (step**2).sum(axis=1, keepdims=True)
    shrinks = (ratio > 0) & (ratio < 0.9) & (size > 1e-9)
    gain = np.where(shrinks, ratio, 0.0)
    return third + last_step * gain / (1 - gain)


def _problem(pool: Pool, runs: Array, params: Mapping[str, float]) -> Problem:
    """The problem of runs of a pool, one column a run."""

    def pairs(values: Any) -> Tensor:
        # (E, run, …) → (…, pair), slot by slot
        moved = np.moveaxis(np.asarray(values)[:, runs], (0, 1), (-2, -1))
        return torch.tensor(moved.reshape(*moved.shape[:-2], -1).copy(), dtype=torch.float64)

    moments = pool.moments
    n_environments = len(moments.gram)
    slots = Slots((len(runs),) * n_environments)
    gathered: dict[str, Any] = {
        "n_samples": torch.full((n_environments * len(runs),), float(pool.n_samples)).double()
    }
    if moments.mean is not None:
        gathered["means"] = pairs(moments.mean)
    if pool.product_variance is not None:
        gathered["product_variance"] = pairs(pool.product_variance)
    if pool.causal is not None:
        gathered["causal"] = torch.tensor(pool.causal[runs].T.copy(), dtype=torch.float64)
    return Problem(
        slots=slots,
        moments=Quadratic(pairs(moments.gram), pairs(moments.cross)),
        target=pairs(moments.target),
        learning_rate=torch.ones(len(runs), dtype=torch.float64),
        start=torch.zeros(pool.n_features, len(runs), dtype=torch.float64),
        params={
            name: torch.full((len(runs),), value, dtype=torch.float64)
            for name, value in params.items()
        },
        gathered=gathered,
    )


def _gradients(
    method: ModuleType, penalty: ModuleType, pool: Pool, params: Mapping[str, float]
) -> Gradients:
    """The method's gradient of points of runs; problems are kept, since sizes recur."""
    kept: dict[bytes, Problem] = {}

    def no_draw() -> Any:
        raise ValueError("a limit has no random draws")

    def gradients(points: Array, runs: Array) -> Array:
        key = runs.tobytes()
        if key not in kept:
            kept[key] = _problem(pool, runs, params)
        problem = kept[key]
        parameters = torch.tensor(points.T.copy(), dtype=torch.float64)
        if hasattr(method, "value"):
            gradient = training.differentiated(method, parameters, problem, no_draw)
        else:
            extra = {"penalty": penalty} if getattr(method, "TAKES_PENALTY", False) else {}
            slope = problem.slope(parameters)
            with torch.no_grad():
                gradient = method.gradient(parameters, slope, problem, no_draw, **extra)
        return gradient.T.numpy()

    return gradients


def _newton(gradients: Gradients, points: Array, runs: Array) -> tuple[Array, Array]:
    """Damped Newton from points (n, d): where it ends, and whether it does, (n,)."""
    points = points.copy()
    damping = np.full(len(points), 1e-6)
    done = np.zeros(len(points), dtype=bool)
    active = np.arange(len(points))
    for _ in range(MAX_ITERATIONS):
        here, of_runs = points[active], runs[active]
        slope, values, vectors = _curvature(gradients, here, of_runs)
        scale = np.abs(values).max(axis=1)
        # negative curvature is turned round: a saddle is left, not sought
        floor = (damping[active] + 1e-15) * np.maximum(scale, 1e-300)
        inverse = 1 / (np.abs(values) + floor[:, None])
        step = -np.einsum("nij,nj,nkj,nk->ni", vectors, inverse, vectors, slope)
        length = np.linalg.norm(step, axis=1)
        size = 1 + np.linalg.norm(here, axis=1)
        step *= np.minimum(1, size / np.maximum(length, 1e-300))[:, None]
        tiny = length < TOLERANCE * size
        falls = (_fall(gradients, here, here + step, of_runs) <= 0) | tiny
        points[active] = np.where(falls[:, None], here + step, here)
        damping[active] = np.where(
            falls, damping[active] / 10, np.maximum(damping[active], 1e-12) * 30
        )
        done[active] = tiny & (values.min(axis=1) > -1e-6 * scale)
        lost = (np.linalg.norm(points[active], axis=1) > LARGEST) | ~np.isfinite(length)
        stuck = damping[active] > 1e12
        # what no longer falls has come as near as rounding allows
        done[active] |= stuck & (length < 1e-4 * size)
        active = active[~(done[active] | lost | stuck)]
        if not len(active):
            break
    # a step that is small already is an end: only a valley without floor leaves none
    return points, done


def _curvature(gradients: Gradients, points: Array, runs: Array) -> tuple[Array, Array, Array]:
    """Gradients (n, d), and eigenvalues (n, d) and eigenvectors (n, d, d) of the curvature."""
    n, d = points.shape
    size = STEP * (1 + np.abs(points).max(axis=1))
    moves = size[None, :, None] * np.eye(d)[:, None, :]
    places = np.concatenate([points[None], points + moves, points - moves])
    around = gradients(places.reshape(-1, d), np.tile(runs, 2 * d + 1)).reshape(2 * d + 1, n, d)
    derivative = (around[1 : d + 1] - around[d + 1 :]) / (2 * size[None, :, None])
    hessian = np.moveaxis(derivative, 0, 1)
    hessian = (hessian + np.swapaxes(hessian, 1, 2)) / 2
    usable = np.isfinite(hessian).all(axis=(1, 2))
    hessian[~usable] = np.eye(d)
    values, vectors = np.linalg.eigh(hessian)
    return around[0], values, vectors


def _fall(gradients: Gradients, before: Array, after: Array, runs: Array) -> Array:
    """How much the objective changes from one point to another, (n,)."""
    n, d = before.shape
    step = after - before
    places = before + NODES[:, None, None] * step
    at_nodes = gradients(places.reshape(-1, d), np.tile(runs, len(NODES)))
    return np.einsum("k,knd,nd->n", WEIGHTS, at_nodes.reshape(len(NODES), n, d), step)


def _followed(gradients: Gradients, points: Array, runs: Array) -> Array:
    """Where steps that shrink lead from points (n, d); NaN where they leave all bounds."""
    for rate in elementary.geometric(FIRST_RATE, LAST_RATE, N_UPDATES):
        points = points - rate * gradients(points, runs)
    return np.where(np.abs(points) > LARGEST, np.nan, points)
