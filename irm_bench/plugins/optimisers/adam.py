"""Adam, with weight decay as L2 inside it: step by step what ``torch.optim.Adam`` does."""

from collections.abc import Mapping

import torch
from torch import Tensor

LABEL = "Adam"
REFERENCE = "Kingma and Ba 2015"
PARAMS = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0}


def init(parameters: Tensor) -> tuple[Tensor, ...]:
    """The running means of the gradient and of its square, (…, run) each."""
    return torch.zeros_like(parameters), torch.zeros_like(parameters)


def update(
    parameters: Tensor,
    gradient: Tensor,
    memory: tuple[Tensor, ...],
    step: int,
    learning_rate: Tensor,
    params: Mapping[str, Tensor],
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Parameters (…, run) after update number ``step``, counted from 0, and what is remembered."""
    beta1, beta2 = params["beta1"], params["beta2"]
    gradient = torch.addcmul(gradient, params["weight_decay"], parameters)
    mean = torch.addcmul(beta1 * memory[0], 1 - beta1, gradient)
    square = torch.addcmul(beta2 * memory[1], (1 - beta2) * gradient, gradient)
    # both means start at 0, and are put right for it
    rate = learning_rate / (1 - beta1 ** (step + 1))
    scale = (square / (1 - beta2 ** (step + 1))).sqrt_().add_(params["epsilon"])
    return parameters - rate * mean / scale, (mean, square)
