"""The one entry to training: by what a method's file gives, one of several routes.

A method gives exactly one of ``gradient``, ``value`` and ``fit`` (``plugins/protocols.py``). Of the
same objective it may also give faster forms for the squared loss: ``closed_form``, the whole path
of plain gradient descent, and ``quartic``, the coefficients of its gradient where that is one cubic
polynomial.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import ModuleType

import torch
from torch import Tensor

from irm_bench.engine import checks, compiled, polynomial
from irm_bench.engine.descent import Path, Route, descend, evaluate_path
from irm_bench.engine.problem import Draw, Draws, Gradient, Problem, no_draws


@dataclass(frozen=True)
class Fitted:
    """What ``fit`` may return: φ (d, run), and what else the method reports of each run, (run,)."""

    phi: Tensor
    extras: Mapping[str, Tensor] = field(default_factory=dict)


def train(
    method: ModuleType,
    penalty: ModuleType,
    optimiser: ModuleType | None,
    problem: Problem,
    n_steps: int,
    record: Iterable[int],
    draws: Draws,
    precision: torch.dtype = torch.float64,
) -> Path:
    """Train every run; ``penalty`` is trained on if the method takes one, and reported.

    ``optimiser`` is None for a method that is not stepped. ``precision`` is that of updates: what
    is fitted, or known in closed form, is in double.

    Raises:
        PluginError: a plugin does not keep its contract.
    """
    checks.modules(method, penalty, optimiser)
    if optimiser is None or checks.form_of(method) == "fit":
        return _fitted(method, penalty, problem, [*record, n_steps], draws)
    is_gd = getattr(optimiser, "IS_GRADIENT_DESCENT", False)
    if is_gd and problem.row_loss is None and hasattr(method, "closed_form"):
        return method.closed_form(problem, penalty, n_steps, record, draws)
    pays = n_steps >= compiled.FEWEST_UPDATES
    if pays and problem.row_loss is not None:
        problem = replace(problem, row_loss=problem.row_loss.compiled())
    problem, route = route_of(method, penalty, optimiser, problem, draws)
    parameters = initial_of(method, problem)
    route = replace(route, advance=route.advance if pays else None, precision=precision)
    _check(method, penalty, route, parameters, problem, draws)
    return descend(problem, route, parameters, penalty.value, n_steps, record, draws)


def initial_of(method: ModuleType, problem: Problem) -> Tensor:
    """Where descent starts: the start φ (d, run), or what the method makes parameters of."""
    if not hasattr(method, "initial"):
        return problem.start
    with checks.blame(method, "initial"):
        parameters = method.initial(problem.start)
    checks.of_runs(method, "initial", parameters, problem.slots.n_runs)
    return parameters


def _as_they_are(parameters: Tensor) -> Tensor:
    return parameters


def route_of(
    method: ModuleType,
    penalty: ModuleType,
    optimiser: ModuleType,
    problem: Problem,
    draws: Draws = no_draws,
) -> tuple[Problem, Route]:
    """How the method descends, and the problem with what was prepared for it."""
    predictor = getattr(method, "predictor", _as_they_are)
    if hasattr(method, "value"):
        gradient = partial(differentiated, method)
        return problem, Route(gradient, optimiser, predictor, torch.no_grad)
    if problem.row_loss is None and hasattr(method, "quartic"):
        cubic = method.quartic(problem, penalty)
        if cubic is not None:
            problem = replace(problem, cubic=cubic)
            advance = compiled.advance_of(polynomial, penalty, optimiser, problem)
            return problem, Route(polynomial.gradient, optimiser, advance=advance)
    own = _own_gradient(method, penalty, predictor)
    advance = compiled.advance_of(method, penalty, optimiser, problem, draws)
    return problem, Route(own, optimiser, predictor, advance=advance)


def _own_gradient(
    method: ModuleType, penalty: ModuleType, predictor: Callable[[Tensor], Tensor]
) -> Gradient:
    """The method's own gradient, of the slope of its φ."""
    own = method.gradient
    if getattr(method, "TAKES_PENALTY", False):
        own = partial(own, penalty=penalty)

    def gradient(parameters: Tensor, problem: Problem, draw: Draw) -> Tensor:
        return own(parameters, problem.slope(predictor(parameters)), problem, draw)

    return gradient


def differentiated(method: ModuleType, parameters: Tensor, problem: Problem, draw: Draw) -> Tensor:
    """The gradient of a method's value, by torch."""
    with torch.enable_grad():
        free = parameters.detach().requires_grad_()
        (found,) = torch.autograd.grad(method.value(free, problem).sum(), free)
    return found


def _fitted(
    method: ModuleType, penalty: ModuleType, problem: Problem, record: list[int], draws: Draws
) -> Path:
    """The path of a method that is not stepped: the same φ at every step."""
    with torch.no_grad(), checks.blame(method, "fit"):
        given = method.fit(problem)
    fitted = given if isinstance(given, Fitted) else Fitted(given)
    checks.fitted(method, fitted.phi, fitted.extras, problem)
    path = evaluate_path(problem, lambda step: fitted.phi, penalty.value, record, draws)
    lost = ~torch.isfinite(fitted.phi).all(dim=0)
    diverged_at = torch.where(lost, 0, path.diverged_at)
    return replace(path, extras=fitted.extras, diverged_at=diverged_at)


def _check(
    method: ModuleType,
    penalty: ModuleType,
    route: Route,
    parameters: Tensor,
    problem: Problem,
    draws: Draws,
) -> None:
    """Refuse plugins whose first φ, value, gradient or penalty has another shape, or is NaN, and
    those that compute in another precision than they are given.
    """
    runs = torch.arange(problem.slots.n_runs, device=problem.start.device)
    draw = partial(draws, 0, runs)
    with route.guard():
        with checks.blame(method, "predictor"):
            phi = route.predictor(parameters)
        checks.shape(method, "predictor", phi, tuple(problem.start.shape))
        with checks.blame(penalty, "value"):
            value = penalty.value(problem.slope(phi), problem, draw)
        checks.shape(penalty, "value", value, tuple(problem.target.shape))
        trained = problem.cast(route.precision)
        _check_gradient(method, route, parameters.to(route.precision), trained, draw)


def _check_gradient(
    method: ModuleType, route: Route, parameters: Tensor, problem: Problem, draw: Draw
) -> None:
    form = checks.form_of(method)
    with checks.blame(method, form):
        if form == "value":
            value = method.value(parameters, problem)
            checks.shape(method, form, value, (problem.slots.n_runs,))
        gradient = route.gradient(parameters, problem, draw)
    checks.gradient(method, form, gradient, parameters)
    with checks.blame(route.optimiser, "update"):
        memory = route.optimiser.init(parameters)
        updated, memory = route.optimiser.update(
            parameters, gradient, memory, 0, problem.learning_rate, problem.params
        )
    checks.shape(route.optimiser, "update", updated, tuple(parameters.shape))
    checks.precision(route.optimiser, "update", updated, parameters)
    for part in memory:
        checks.of_runs(route.optimiser, "memory of update", part, parameters.shape[-1])
