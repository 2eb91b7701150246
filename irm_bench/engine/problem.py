"""What a batch of runs minimises, and φ seen through its moments.

Layout. A run trains on one or more environments. The *pair* axis lists (environment, run) pairs,
slot by slot: first every run's first environment, then the second environment of the runs that
have one, and so on, runs being ordered by falling number of environments. It is always the last
axis, as is the run axis, so every operation is elementwise along it and a run's bits depend on
neither its neighbours nor their number.

Symbols as in the IRM paper: φ predictor, w = 1 dummy classifier, G, b moments. A run's risk in an
environment is φᵀGφ − 2φᵀb + c and its derivative along w at w = 1 is 2 φᵀ(Gφ − b).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from math import isqrt

import torch
from torch import Tensor

from irm_bench.engine.row_losses import RowBatch, RowSlope


@cache
def _first_runs(widths: tuple[int, ...], device: torch.device) -> Tensor:
    """The first of the runs, as many as each width says, slot by slot."""
    return torch.cat([torch.arange(width, device=device) for width in widths])


@dataclass(frozen=True)
class Slots:
    """How pairs belong to runs: ``widths[e]`` runs have an e-th environment, the first ones."""

    widths: tuple[int, ...]

    @property
    def n_runs(self) -> int:
        return self.widths[0]

    def spread(self, per_run: Tensor) -> Tensor:
        """(..., run) → (..., pair)."""
        full = self.widths.count(self.n_runs)
        parts = [per_run] * full
        if narrower := self.widths[full:]:  # in one part: each costs a call
            parts.append(per_run.index_select(-1, _first_runs(narrower, per_run.device)))
        return torch.cat(parts, dim=-1)

    def total(self, per_pair: Tensor) -> Tensor:
        """(..., pair) → (..., run), summed over a run's environments."""
        parts = per_pair.split_with_sizes(self.widths, dim=-1)
        full = self.widths.count(self.n_runs)
        result = sum(parts[1:full], start=parts[0]) if full > 1 else parts[0].clone()
        for width, part in zip(self.widths[full:], parts[full:], strict=True):
            result.narrow(-1, 0, width).add_(part)
        return result

    def select(self, runs: Tensor) -> tuple["Slots", Tensor]:
        """Slots of the given runs (rising indices), and the pairs that they keep."""
        kept = [runs[runs < width] for width in self.widths]
        starts = torch.tensor([0, *self.widths[:-1]]).cumsum(0).tolist()
        pairs = torch.cat([part + start for part, start in zip(kept, starts, strict=True)])
        return Slots(tuple(len(part) for part in kept if len(part))), pairs


@dataclass(frozen=True)
class Quadratic:
    """Moments of pairs: gram (d, d, pair) and cross (d, pair)."""

    gram: Tensor
    cross: Tensor

    @cached_property
    def columns(self) -> Sequence[Tensor]:
        """The columns (d, pair) of gram: it is symmetric."""
        return self.gram.unbind()

    def select(self, pairs: Tensor) -> "Quadratic":
        return Quadratic(self.gram[..., pairs], self.cross[..., pairs])

    @staticmethod
    def of_rows(rows: Tensor) -> "Quadratic":
        """From the entries (d·d + d, pair) of gram, row by row, and of cross."""
        d = isqrt(len(rows))
        return Quadratic(rows[:-d].view(d, d, -1), rows[-d:])


@dataclass(frozen=True)
class Problem:
    """What a batch of runs minimises.

    moments over pairs; target (pair,) mean squared target; learning_rate (run,); params, the
    parameters of the method and of its optimiser by name, (run,) each; start (d, run).

    For what asks for it (NEEDS): product_variance (P, P, pair), the covariance of the mean
    products, C / n; means (d + 1, pair) of features and target; n_samples (pair,); causal (d, run),
    the oracle; rows, for losses that moments do not settle (``row_losses.py``). cubic (…, d, run)
    are the coefficients of the whole gradient where it is a polynomial (``polynomial.py``).
    """

    slots: Slots
    moments: Quadratic
    target: Tensor
    learning_rate: Tensor
    start: Tensor
    params: Mapping[str, Tensor] = field(default_factory=dict)
    product_variance: Tensor | None = None
    means: Tensor | None = None
    n_samples: Tensor | None = None
    causal: Tensor | None = None
    rows: RowBatch | None = None
    cubic: Tensor | None = None

    @property
    def error_weight(self) -> Tensor:
        """Weight (run,) of the summed risks beside the penalty."""
        return self.params["error_weight"]

    def slope(self, phi: Tensor) -> "AnySlope":
        """The slopes of φ (d, run) in every pair, under the loss."""
        spread = self.slots.spread(phi)
        return Slope(spread, self.moments) if self.rows is None else self.rows.slope(spread)

    def risks(self, phi: Tensor) -> Tensor:
        """The risk (pair,) of φ (d, run) in every pair; torch can differentiate it."""
        spread = self.slots.spread(phi)
        if self.rows is not None:
            return self.rows.risks(spread)
        # few operations, for torch keeps a record of each: φᵀ(Gφ − 2b) + c
        fitted = (self.moments.gram * spread).sum(dim=1) - 2 * self.moments.cross
        return (fitted * spread).sum(dim=0) + self.target

    def spread(self, per_run: Tensor) -> Tensor:
        """(..., run) → (..., pair): what all of a run's environments share."""
        return self.slots.spread(per_run)

    def total(self, per_pair: Tensor) -> Tensor:
        """(..., pair) → (..., run): the sum over a run's environments."""
        return self.slots.total(per_pair)

    def mean(self, per_pair: Tensor) -> Tensor:
        """(..., pair) → (..., run): the mean over a run's environments."""
        return self.slots.total(per_pair) / self.n_environments

    @cached_property
    def n_environments(self) -> Tensor:
        """How many environments each run trains on: (run,)."""
        return self.slots.total(torch.ones_like(self.target))

    @cached_property
    def residual_weight(self) -> Tensor:
        """What the residual (d, pair) of a risk counts for in the gradient."""
        return self.slots.spread(2 * self.error_weight)

    @cached_property
    def cubic_rows(self) -> Sequence[Tensor]:
        """The rows (…, d, run) of ``cubic``, or none."""
        return () if self.cubic is None else self.cubic.unbind()

    def select(self, runs: Tensor) -> "Problem":
        """The problem of some of the runs (rising indices)."""
        slots, pairs = self.slots.select(runs)
        return replace(
            self,
            slots=slots,
            moments=self.moments.select(pairs),
            target=self.target[pairs],
            learning_rate=self.learning_rate[runs],
            start=self.start[:, runs],
            params={name: values[runs] for name, values in self.params.items()},
            product_variance=_taken(self.product_variance, pairs),
            means=_taken(self.means, pairs),
            n_samples=_taken(self.n_samples, pairs),
            causal=_taken(self.causal, runs),
            rows=None if self.rows is None else self.rows.select(pairs),
            cubic=_taken(self.cubic, runs),
        )


def _taken(array: Tensor | None, places: Tensor) -> Tensor | None:
    """Some places of the last axis of what there may be none of."""
    return None if array is None else array[..., places]


def combine(terms: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """Σ_j terms[j] · weights[j], elementwise along the last axis and in a fixed order."""
    (first, w), *rest = zip(terms, weights, strict=True)
    total = first * w
    for term, w in rest:
        total.addcmul_(term, w)
    return total


class Slope:
    """φ (d, pair) seen through moments: all that risks and penalties are made of.

    residual Gφ − b (d, pair), half the gradient of the risk; value φᵀ(Gφ − b) (pair,), half the
    derivative of the risk along w; gradient 2Gφ − b (d, pair) of that value.
    """

    def __init__(self, phi: Tensor, moments: Quadratic):
        rows = phi.unbind()
        self.phi = phi
        fitted = combine(moments.columns, rows)
        self.residual = fitted - moments.cross
        self.value = combine(self.residual.unbind(), rows)
        self.gradient = fitted.add_(self.residual)


# φ seen through moments or through rows: both have residual, value and gradient.
AnySlope = Slope | RowSlope
# (step, runs) → the random draw of that step for those runs, as a Quadratic over their pairs.
Draws = Callable[[int, Tensor], Quadratic]

# The draw of one step, made when it is called: most penalties never do.
Draw = Callable[[], Quadratic]

# (parameters, problem, draw) → gradient in the parameters (..., run)
Gradient = Callable[[Tensor, Problem, Draw], Tensor]

# (slope of φ, problem, draw) → penalty (pair,)
Penalty = Callable[[AnySlope, Problem, Draw], Tensor]


def no_draws(step: int, runs: Tensor) -> Quadratic:
    """Draws of a deterministic penalty: there are none."""
    raise ValueError(f"step {step}: this penalty was given no random draws")
