"""Losses that second moments do not settle: through the rows, for all runs of a dataset at once.

The logistic loss of a row (x, y), y in {0, 1}, is log(1 + exp(a)) − y·a with the logit a = φᵀx.
With p = 1/(1 + exp(−a)) its gradient in φ is (p − y)x, and its Hessian p(1 − p)xxᵀ. A *slope* is
then the same three things that moments give for the squared loss; a penalty is written once:

    residual ∇R/2,   value φᵀ∇R/2 = half of ∂_w R(wφ) at w = 1,   gradient (∇R + Hφ)/2 of the value.

Every step multiplies the rows of a dataset with the φ of all runs that train on it: X (n, d) times
Φ (d, run), and back. Two rows, x = (1, 2) and (3, 0), and one run of φ = (½, ¼): logits 1 and 1.5.

The last digits of a run may depend on its neighbours: matrix products add up in blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import softplus

# Logits that are computed at once: few enough to stay in the cache.
MAX_LOGITS = 2**16


@dataclass(frozen=True)
class Part:
    """Rows of one dataset and seed, and the pairs that train on them."""

    x: Tensor  # (n, d)
    y: Tensor  # (n,)
    pairs: Tensor  # places of the pairs, rising

    @cached_property
    def target_sums(self) -> Tensor:
        """Xᵀy (d, 1)."""
        return self.x.T @ self.y[:, None]


class RowSlope:
    """φ (d, pair) seen through rows: residual (d, pair), value (pair,), gradient (d, pair)."""

    def __init__(self, phi: Tensor, parts: Sequence[Part]):
        self.phi = phi
        self._parts = parts

    @cached_property
    def _sums(self) -> tuple[Tensor, Tensor]:
        """∇R and Hφ (d, pair) of every pair."""
        slopes, bends = torch.empty_like(self.phi), torch.empty_like(self.phi)
        for part in self._parts:
            slope, bend = _sums_of(part, self.phi[:, part.pairs])
            slopes[:, part.pairs] = slope
            bends[:, part.pairs] = bend
        return slopes, bends

    @cached_property
    def residual(self) -> Tensor:
        """Half the gradient of the risk."""
        return self._sums[0] / 2

    @cached_property
    def value(self) -> Tensor:
        """Half the derivative of the risk along w."""
        return (self.phi * self.residual).sum(dim=0)

    @property
    def gradient(self) -> Tensor:
        """The gradient of the value, a tensor of its own."""
        return self.residual + self._sums[1] / 2


def _sums_of(part: Part, phi: Tensor) -> tuple[Tensor, Tensor]:
    """∇R and Hφ (d, run) of φ (d, run) on the rows of a part."""
    n_rows = len(part.x)
    slopes, bends = torch.zeros_like(phi), torch.zeros_like(phi)
    size = max(1, min(n_rows, MAX_LOGITS // phi.shape[1]))
    # the same memory for every chunk: new memory costs as much as what is computed
    held = phi.new_empty(2, size, phi.shape[1])
    for first in range(0, n_rows, size):
        x = part.x[first : first + size]
        logits, shares = held[:, : len(x)]
        torch.mm(x, phi, out=logits)
        torch.sigmoid(logits, out=shares)
        slopes.addmm_(x.T, shares)
        # p(1 − p)·a: what the Hessian makes of φ, before the rows
        logits.mul_(shares)
        logits.addcmul_(logits, shares, value=-1)
        bends.addmm_(x.T, logits)
    slopes -= part.target_sums
    return slopes / n_rows, bends / n_rows


@dataclass(frozen=True)
class RowBatch:
    """The rows that a batch of runs trains on, each dataset held once."""

    parts: tuple[Part, ...]

    def slope(self, phi: Tensor) -> RowSlope:
        """The slopes of φ (d, pair)."""
        return RowSlope(phi, self.parts)

    def risks(self, phi: Tensor) -> Tensor:
        """The risk (pair,) of φ (d, pair); torch can differentiate it."""
        places, found = [], []
        for part in self.parts:
            logits = part.x @ phi[:, part.pairs]
            found.append((softplus(logits) - part.y[:, None] * logits).mean(dim=0))
            places.append(part.pairs)
        order = torch.argsort(torch.cat(places))
        return torch.cat(found)[order]

    def select(self, pairs: Tensor) -> "RowBatch":
        """The rows of some of the pairs (rising places), which are numbered anew."""
        kept = []
        for part in self.parts:
            mine = torch.isin(pairs, part.pairs).nonzero().squeeze(1)
            if len(mine):
                kept.append(Part(part.x, part.y, mine))
        return RowBatch(tuple(kept))
