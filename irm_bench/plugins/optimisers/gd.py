"""Plain gradient descent."""

from collections.abc import Mapping

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
