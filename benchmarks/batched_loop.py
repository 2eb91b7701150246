"""The strongest per-row rival: many seeds advanced together, full rows at every step.

What a careful user writes who does not know that second moments are enough: no autograd, gradients
by hand, one batched matrix product over all seeds and environments for each pass over the rows.
"""

import torch
from torch import Tensor


def random_signs(n_samples: int) -> Tensor:
    """±1 of a random balanced split (n,): one a step for all seeds, as the engine has it."""
    signs = torch.ones(n_samples, dtype=torch.float64)
    signs[torch.randperm(n_samples)[: n_samples // 2]] = -1
    return signs


def train(
    x: Tensor, y: Tensor, penalty: str, n_steps: int, learning_rate: float, error_weight: float
) -> Tensor:
    """φ (run, d) after ``n_steps`` updates, for rows x (run, environment, n, d), y (run, e, n).

    penalty: ``split_half``, ``plug_in``, ``u_statistic``, or '' for ERM.
    """
    n_runs, n_environments, n_samples, d = x.shape
    flat = x.reshape(n_runs, n_environments * n_samples, d)
    phi = torch.ones(n_runs, d, 1, dtype=x.dtype)
    scale = error_weight if penalty else 1.0
    for _ in range(n_steps):
        fitted = torch.bmm(flat, phi).view_as(y)
        residual = fitted - y
        rows = residual.mul(2 * scale / n_samples)
        if penalty:
            # Row by row, ∂_w ℓ = 2 f (f − y), whose gradient in φ is 2 (2f − y) x.
            slopes = 2 * fitted * residual
            rows += (fitted + residual).mul_(_pull(slopes, penalty).mul_(2 / n_samples))
        phi = phi - learning_rate * torch.bmm(flat.transpose(1, 2), rows.view(n_runs, -1, 1))
    return phi.squeeze(2)


def _pull(slopes: Tensor, penalty: str) -> Tensor:
    """n times the derivative of an environment's penalty in each row's slope (run, e, n or 1)."""
    mean = slopes.mean(dim=2, keepdim=True)
    if penalty == "plug_in":
        return 2 * mean
    if penalty == "u_statistic":
        n = slopes.shape[2]
        return 2 * mean - 2 * (slopes - mean) / (n - 1)
    signs = random_signs(slopes.shape[2])
    return 2 * mean - 2 * signs * (slopes @ signs / len(signs))[..., None]
