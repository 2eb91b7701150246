"""Adam, with weight decay as L2 inside it: step by step what ``torch.optim.Adam`` does."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from irm_bench.engine.problem import constant

LABEL = "Adam"
REFERENCE = "Kingma and Ba 2015"
PARAMS = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0}


def init(parameters: Tensor) -> tuple[Tensor, ...]:
    """The running means of the gradient and of its square (…, run), and β₁ᵗ, β₂ᵗ (run,)."""
    ones = parameters.new_ones(parameters.shape[-1])
    return torch.zeros_like(parameters), torch.zeros_like(parameters), ones, ones


def update(
    parameters: Tensor,
    gradient: Tensor,
    memory: tuple[Tensor, ...],
    step: int,
    learning_rate: Tensor,
    params: Mapping[str, Tensor],
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Parameters (…, run) after an update, and what is remembered."""
    beta1, beta2 = params["beta1"], params["beta2"]
    one = _one(parameters.device)  # torch takes three times as long to subtract from a number
    # Powers as running products: the last digit of torch's ``**`` depends on a run's neighbours.
    power1, power2 = beta1 * memory[2], beta2 * memory[3]
    gradient = torch.addcmul(gradient, params["weight_decay"], parameters)
    mean = torch.addcmul(beta1 * memory[0], one - beta1, gradient)
    square = torch.addcmul(beta2 * memory[1], (one - beta2) * gradient, gradient)
    # Both means start at 0, and are put right for it.
    rate = learning_rate / (one - power1)
    scale = (square / (one - power2)).sqrt_().add_(params["epsilon"])
    return parameters - rate * mean / scale, (mean, square, power1, power2)


@constant
def _one(device: torch.device) -> Tensor:
    return torch.ones((), dtype=torch.float64, device=device)


def kernel(width: int) -> Callable[..., Any]:
    """The same update of ``width`` runs in place, for numba (``engine/compiled.py``)."""

    def update(parameters, gradient, memory, rates, params):  # type: ignore[no-untyped-def]
        # Elements by number, not rows by name: views of rows keep the compiler from vectors.
        size = len(parameters)
        rest = np.empty((2, width), parameters.dtype)
        rate = np.empty(width, parameters.dtype)
        share = np.empty(width, parameters.dtype)
        for k in range(width):
            memory[2 * size, k] *= params[0, k]
            memory[2 * size + 1, k] *= params[1, k]
            rest[0, k] = 1 - params[0, k]
            rest[1, k] = 1 - params[1, k]
            rate[k] = rates[k] / (1 - memory[2 * size, k])
            share[k] = 1 / (1 - memory[2 * size + 1, k])
        for i in range(size):
            for k in range(width):
                slope = gradient[i, k] + params[3, k] * parameters[i, k]
                mean = params[0, k] * memory[i, k] + rest[0, k] * slope
                square = params[1, k] * memory[size + i, k] + rest[1, k] * slope * slope
                memory[i, k] = mean
                memory[size + i, k] = square
                scale = np.sqrt(square * share[k]) + params[2, k]
                parameters[i, k] -= rate[k] * mean / scale

    return update
