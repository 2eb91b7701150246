"""The one entry to training: by what a method's file gives, one of several routes.

A method gives exactly one of ``gradient``, ``value`` and ``fit`` (``plugins/protocols.py``). Of the
same objective it may also give faster forms, for gradient descent: ``closed_form``, its whole path,
and ``quartic``, the coefficients of its gradient where that is one cubic polynomial.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from irm_bench.engine import polynomial
from irm_bench.engine.descent import Path, Route, descend, evaluate_path
from irm_bench.engine.problem import Draw, Draws, Gradient, Problem
from irm_bench.errors import PluginError

FORMS = ("gradient", "value", "fit")


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
) -> Path:
    """Train every run; ``penalty`` is trained on if the method takes one, and reported.

    ``optimiser`` is None for a method that is not stepped.

    Raises:
        PluginError: the method does not keep its contract.
    """
    form = form_of(method)
    if form == "fit":
        return _fitted(method, penalty, problem, [*record, n_steps], draws)
    if optimiser is None:
        raise PluginError(f"{method.__file__}: a method that is stepped needs an optimiser")
    is_gd = optimiser.__name__.endswith(".optimisers.gd")
    if is_gd and problem.rows is None and hasattr(method, "closed_form"):
        return method.closed_form(problem, penalty, n_steps, record, draws)
    parameters = _initial(method, problem)
    problem, gradient = _gradient(method, penalty, form, problem)
    predictor = getattr(method, "predictor", _as_they_are)
    guard: Callable[[], Any] = torch.no_grad if form == "value" else torch.inference_mode
    route = Route(gradient, optimiser, predictor, guard)
    _check(method, route, parameters, problem, draws)
    return descend(problem, route, parameters, penalty.value, n_steps, record, draws)


def form_of(method: ModuleType) -> str:
    """Which of the three forms a method gives.

    Raises:
        PluginError: none of them, or more than one.
    """
    given = [name for name in FORMS if hasattr(method, name)]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise PluginError(
            f"{method.__file__}: a method gives exactly one of the functions gradient, value and "
            f"fit; this file has {found}"
        )
    return given[0]


def _as_they_are(parameters: Tensor) -> Tensor:
    return parameters


def _initial(method: ModuleType, problem: Problem) -> Tensor:
    """Where descent starts: the start φ (d, run), or what the method makes parameters of."""
    if hasattr(method, "initial"):
        return method.initial(problem.start)
    return problem.start


def _gradient(
    method: ModuleType, penalty: ModuleType, form: str, problem: Problem
) -> tuple[Problem, Gradient]:
    """The gradient in the parameters, and the problem with what it was prepared with."""
    takes_penalty = getattr(method, "TAKES_PENALTY", False)
    if form == "value":
        return problem, partial(_differentiated, method)
    if problem.rows is None and hasattr(method, "quartic"):
        cubic = method.quartic(problem, penalty)
        if cubic is not None:
            return replace(problem, cubic=cubic), polynomial.gradient
    predictor = getattr(method, "predictor", _as_they_are)
    own = partial(method.gradient, penalty=penalty) if takes_penalty else method.gradient

    def gradient(parameters: Tensor, part: Problem, draw: Draw) -> Tensor:
        return own(parameters, part.slope(predictor(parameters)), part, draw)

    return problem, gradient


def _differentiated(method: ModuleType, parameters: Tensor, problem: Problem, draw: Draw) -> Tensor:
    """The gradient of a method's value, by torch."""
    with torch.enable_grad():
        free = parameters.detach().requires_grad_()
        (found,) = torch.autograd.grad(method.value(free, problem).sum(), free)
    return found


def _fitted(
    method: ModuleType, penalty: ModuleType, problem: Problem, record: list[int], draws: Draws
) -> Path:
    """The path of a method that is not stepped: the same φ at every step."""
    with torch.no_grad():
        given = method.fit(problem)
    fitted = given if isinstance(given, Fitted) else Fitted(given)
    shape = tuple(problem.start.shape)
    if not isinstance(fitted.phi, Tensor) or tuple(fitted.phi.shape) != shape:
        found = getattr(fitted.phi, "shape", type(fitted.phi).__name__)
        raise PluginError(f"{method.__file__}: fit gives {found}; needed is a tensor {shape}")
    declared = set(getattr(method, "EXTRAS", {}))
    if set(fitted.extras) != declared:
        raise PluginError(
            f"{method.__file__}: fit reports {sorted(fitted.extras)}; EXTRAS declares "
            f"{sorted(declared)}"
        )
    path = evaluate_path(problem, lambda step: fitted.phi, penalty.value, record, draws)
    lost = ~torch.isfinite(fitted.phi).all(dim=0)
    diverged_at = torch.where(lost, 0, path.diverged_at)
    return replace(path, extras=fitted.extras, diverged_at=diverged_at)


def _check(
    method: ModuleType, route: Route, parameters: Tensor, problem: Problem, draws: Draws
) -> None:
    """Refuse a plugin whose first gradient or φ has another shape, or is not a number."""
    runs = torch.arange(problem.slots.n_runs, device=problem.start.device)
    with route.guard():
        phi = route.predictor(parameters)
        if phi.shape != problem.start.shape:
            raise PluginError(
                f"{method.__file__}: predictor gives φ of shape {tuple(phi.shape)}; needed is "
                f"{tuple(problem.start.shape)}"
            )
        gradient = route.gradient(parameters, problem, partial(draws, 0, runs))
    if gradient.shape != parameters.shape:
        raise PluginError(
            f"{method.__file__}: the gradient has shape {tuple(gradient.shape)}; needed is "
            f"{tuple(parameters.shape)}"
        )
    if torch.isnan(gradient).any() and torch.isfinite(parameters).all():
        raise PluginError(f"{method.__file__}: the gradient is NaN at the start, which is finite")
