"""The notebook's training loop: per-row autograd, one model at a time.

What the engine must equal step by step (tests) and what it is to beat (benchmarks). Notebook,
sections 'The IRM Penalty' and 'training'; IRM paper, Appendix D.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, autograd

# (step) → permutation (n,) of the rows, the notebook's ``torch.randperm``
Permutations = Callable[[int], Tensor]


def split_half(losses: Tensor, dummy_w: Tensor) -> Tensor:
    """The notebook's ``compute_penalty``; ``dummy_w`` (n, 1) holds the rows' copies of w."""
    g = autograd.grad(losses.sum(), dummy_w, create_graph=True)[0].squeeze(1)
    return g[0::2].mean() * g[1::2].mean()


def plug_in(losses: Tensor, dummy_w: Tensor) -> Tensor:
    """The notebook's 'simplified alternative implementation', the paper's code on GitHub."""
    g = autograd.grad(losses.mean(), dummy_w, create_graph=True)[0].sum()
    return g**2


def u_statistic(losses: Tensor, dummy_w: Tensor) -> Tensor:
    """Mean of g_i g_j over pairs of different rows."""
    g = autograd.grad(losses.sum(), dummy_w, create_graph=True)[0]
    return g.mean() ** 2 - g.var() / len(g)


PENALTIES = {f.__name__: f for f in (split_half, plug_in, u_statistic)}


def train(
    environments: Sequence[tuple[Tensor, Tensor]],
    penalty: Callable[[Tensor, Tensor], Tensor] | None,
    n_steps: int,
    learning_rate: float,
    error_weight: float,
    permutations: Permutations,
) -> list[Tensor]:
    """φ (d,) after 0, 1, …, n_steps updates; ``penalty`` None trains on the error alone (ERM).

    environments: pairs of features (n, d) and target (n, 1).
    """
    d = environments[0][0].shape[1]
    phi = torch.nn.Parameter(environments[0][0].new_ones(d, 1))
    optimiser = torch.optim.SGD([phi], lr=learning_rate)
    path = [phi.detach().squeeze(1).clone()]
    for step in range(n_steps):
        error, total = 0.0, 0.0
        for x, y in environments:
            p = permutations(step)
            dummy_w = torch.ones(len(x), 1, dtype=x.dtype, requires_grad=True)
            losses = (x[p] @ phi * dummy_w - y[p]) ** 2
            error = error + losses.mean()
            if penalty is not None:
                total = total + penalty(losses, dummy_w)
        loss = error if penalty is None else error_weight * error + total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        path.append(phi.detach().squeeze(1).clone())
        if not torch.isfinite(phi).all():
            break
    return path
