"""Plain gradient descent."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

LABEL = "gradient descent"
REFERENCE = "Cauchy 1847"
PARAMS: dict[str, float] = {}
# What a method's closed form of plain gradient descent may stand for.
IS_GRADIENT_DESCENT = True


def init(parameters: Tensor) -> tuple[Tensor, ...]:
    """It remembers nothing."""
    return ()


def update(
    parameters: Tensor,
    gradient: Tensor,
    memory: tuple[Tensor, ...],
    step: int,
    learning_rate: Tensor,
    params: Mapping[str, Tensor],
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Parameters (…, run) less the gradient times the learning rate (run,)."""
    return torch.addcmul(parameters, learning_rate, gradient, value=-1), ()


def kernel(width: int) -> Callable[..., Any]:
    """The same update of ``width`` runs in place, for numba (``engine/compiled.py``)."""

    def update(parameters, gradient, memory, rates, params):  # type: ignore[no-untyped-def]
        for i in range(len(parameters)):
            for k in range(width):
                parameters[i, k] -= rates[k] * gradient[i, k]

    return update
