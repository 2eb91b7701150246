"""Plugins of training are held to their contract (``plugins/protocols.py``) before they run.

Everything here raises ``PluginError``, which names the file, what it gave and what is needed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from irm_bench.engine.problem import NEEDS, Problem
from irm_bench.errors import PluginError

FORMS = ("gradient", "value", "fit")


def file_of(module: ModuleType) -> str:
    """The file of a plugin, from here if it lies below."""
    path = Path(module.__file__ or module.__name__)
    here = Path.cwd()
    return str(path.relative_to(here) if here in path.parents else path)


@contextmanager
def blame(module: ModuleType, function: str) -> Iterator[None]:
    """Whatever a function of a plugin raises is told with its file."""
    try:
        yield
    except PluginError:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise PluginError(f"{file_of(module)}: {function} fails with {what}") from error


def form_of(method: ModuleType) -> str:
    """Which of the three forms a method gives.

    Raises:
        PluginError: none of them, or more than one.
    """
    given = [name for name in FORMS if hasattr(method, name)]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise PluginError(
            f"{file_of(method)}: a method gives exactly one of the functions gradient, value and "
            f"fit; this file has {found}"
        )
    return given[0]


def modules(method: ModuleType, penalty: ModuleType, optimiser: ModuleType | None) -> None:
    """Refuse plugins that lack a function, or that do not go together."""
    form = form_of(method)
    needed = [(method, form), (penalty, "value"), (penalty, "gradient")]
    if optimiser is not None:
        needed += [(optimiser, "init"), (optimiser, "update")]
        _no_clash(method, optimiser)
    elif form != "fit":
        raise PluginError(f"{file_of(method)}: a method with {form} is stepped by an optimiser")
    for module, name in needed:
        _function(module, name)
    for module in (method, penalty):
        _known_needs(module)
    if form != "fit" and getattr(method, "EXTRAS", {}):
        raise PluginError(
            f"{file_of(method)}: EXTRAS are what fit reports, and this method is stepped"
        )


def _no_clash(method: ModuleType, optimiser: ModuleType) -> None:
    clash = sorted(set(getattr(method, "PARAMS", {})) & set(getattr(optimiser, "PARAMS", {})))
    if clash:
        raise PluginError(
            f"{file_of(method)}: PARAMS has {clash[0]!r}, which is a parameter of the optimiser "
            f"in {file_of(optimiser)} too"
        )


def _function(module: ModuleType, name: str) -> None:
    if not callable(getattr(module, name, None)):
        found = type(getattr(module, name)).__name__ if hasattr(module, name) else "nothing"
        raise PluginError(
            f"{file_of(module)}: {name} has to be a function; this file has {found} of that name"
        )


def _known_needs(module: ModuleType) -> None:
    needs = getattr(module, "NEEDS", ())
    if isinstance(needs, str):
        raise PluginError(
            f"{file_of(module)}: NEEDS is the text {needs!r}; needed is a tuple: ({needs!r},)"
        )
    for name in needs:
        if name not in NEEDS:
            raise PluginError(
                f"{file_of(module)}: NEEDS has {name!r}; known are {', '.join(NEEDS)}"
            )


def shape(module: ModuleType, what: str, given: Any, needed: tuple[int, ...]) -> None:
    """Refuse what is no tensor of the needed shape."""
    if not isinstance(given, Tensor) or tuple(given.shape) != needed:
        found = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
        raise PluginError(f"{file_of(module)}: {what} gives {found}; needed is a tensor {needed}")


def of_runs(module: ModuleType, what: str, given: Any, n_runs: int) -> None:
    """Refuse what is no tensor whose last axis is that of the runs."""
    if not isinstance(given, Tensor) or not given.ndim or given.shape[-1] != n_runs:
        found = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
        raise PluginError(
            f"{file_of(module)}: {what} gives {found}; needed is a tensor (…, run), with "
            f"{n_runs} runs on its last axis"
        )


def precision(module: ModuleType, what: str, given: Tensor, at: Tensor) -> None:
    """Refuse what is of another precision than the parameters: torch would go on in the higher."""
    if given.dtype != at.dtype:
        raise PluginError(
            f"{file_of(module)}: {what} gives {given.dtype} for parameters in {at.dtype}; tensors "
            "that it makes itself need their dtype"
        )


def gradient(method: ModuleType, form: str, given: Any, at: Tensor) -> None:
    """Refuse a gradient of other shape or precision than the parameters, or NaN at finite ones."""
    shape(method, form, given, tuple(at.shape))
    precision(method, form, given, at)
    lost = torch.isnan(given).reshape(-1, at.shape[-1]).any(dim=0)
    finite = torch.isfinite(at).reshape(-1, at.shape[-1]).all(dim=0)
    if (lost & finite).any():
        run = int((lost & finite).nonzero()[0])
        raise PluginError(
            f"{file_of(method)}: {form} is NaN at the start of run {run} of {at.shape[-1]}, where "
            "all parameters are finite"
        )


def fitted(method: ModuleType, phi: Any, extras: Any, problem: Problem) -> None:
    """Refuse a fit whose φ or extras are not as declared."""
    shape(method, "fit", phi, tuple(problem.start.shape))
    declared = set(getattr(method, "EXTRAS", {}))
    if set(extras) != declared:
        raise PluginError(
            f"{file_of(method)}: fit reports {sorted(extras)}; EXTRAS declares {sorted(declared)}"
        )
    for name, values in extras.items():
        shape(method, f"extra {name!r} of fit", values, (problem.slots.n_runs,))
