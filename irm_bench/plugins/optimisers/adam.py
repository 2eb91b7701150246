"""Adam, with weight decay as L2 inside it: step by step what ``torch.optim.Adam`` does."""

from collections.abc import Mapping

import torch
from torch import Tensor

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
    # Powers as running products: the last digit of torch's ``**`` depends on a run's neighbours.
    power1, power2 = beta1 * memory[2], beta2 * memory[3]
    gradient = torch.addcmul(gradient, params["weight_decay"], parameters)
    mean = torch.addcmul(beta1 * memory[0], 1 - beta1, gradient)
    square = torch.addcmul(beta2 * memory[1], (1 - beta2) * gradient, gradient)
    # Both means start at 0, and are put right for it.
    rate = learning_rate / (1 - power1)
    scale = (square / (1 - power2)).sqrt_().add_(params["epsilon"])
    return parameters - rate * mean / scale, (mean, square, power1, power2)
