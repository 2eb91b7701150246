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
from typing import Any, TypeVar

import torch
from torch import Tensor

from irm_bench.engine.row_losses import RowBatch, RowSlope
from irm_bench.engine.sums import combine

T = TypeVar("T")


def constant(make: Callable[..., T]) -> Callable[..., T]:
    """Keep what a function makes of its arguments: tensors that torch may differentiate through.

    Without it, a tensor that is first asked for in inference mode could never enter a graph.
    """
    return cache(torch.inference_mode(False)(make))


@constant
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

    def cast(self, dtype: torch.dtype) -> "Quadratic":
        return Quadratic(self.gram.to(dtype), self.cross.to(dtype))

    @staticmethod
    def of_rows(rows: Tensor) -> "Quadratic":
        """From the entries (d·d + d, pair) of gram, row by row, and of cross."""
        d = isqrt(len(rows))
        return Quadratic(rows[:-d].view(d, d, -1), rows[-d:])


# What NEEDS may name beside "splits", of which a step's draw is made: gathered where asked for.
OF_PAIRS = ("product_variance", "means", "n_samples", "rows")
OF_RUNS = ("causal",)
# With "intercept" the last feature is the constant 1.
NEEDS = (*OF_PAIRS, *OF_RUNS, "splits", "intercept")


@dataclass(frozen=True)
class Problem:
    """What a batch of runs minimises.

    moments over pairs; target (pair,) mean squared target; learning_rate (run,); params, the
    parameters of the method and of its optimiser by name, (run,) each; start φ (d, run).

    gathered holds what NEEDS names, and no more: the properties of the same names look it up.
    row_loss is the loss where moments do not settle it (``row_losses.py``), None for the squared
    one. cubic (side, side, d, run) are the coefficients of the whole gradient where it is a
    polynomial (``polynomial.py``).
    """

    slots: Slots
    moments: Quadratic
    target: Tensor
    learning_rate: Tensor
    start: Tensor
    params: Mapping[str, Tensor] = field(default_factory=dict)
    gathered: Mapping[str, Any] = field(default_factory=dict)
    row_loss: RowBatch | None = None
    cubic: Tensor | None = None

    @property
    def error_weight(self) -> Tensor:
        """Weight (run,) of the summed risks beside the penalty."""
        return self.params["error_weight"]

    @property
    def product_variance(self) -> Tensor:
        """The covariance (P, P, pair) of the mean products, C / n."""
        return self._asked_for("product_variance")

    @property
    def means(self) -> Tensor:
        """Means (d + 1, pair) of the features and, last, of the target."""
        return self._asked_for("means")

    @property
    def n_samples(self) -> Tensor:
        """How many rows each pair has: (pair,)."""
        return self._asked_for("n_samples")

    @property
    def causal(self) -> Tensor:
        """The oracle (d, run), NaN where the SEM does not know it."""
        return self._asked_for("causal")

    @property
    def rows(self) -> Sequence[tuple[Tensor, Tensor]]:
        """The rows of each pair: features (n, d) and target (n,)."""
        return self._asked_for("rows")

    def _asked_for(self, name: str) -> Any:
        if name not in self.gathered:
            raise ValueError(
                f"problem.{name} is gathered only where it is asked for: NEEDS = ({name!r},)"
            )
        return self.gathered[name]

    def slope(self, phi: Tensor) -> "AnySlope":
        """The slopes of φ (d, run) in every pair, under the loss."""
        spread = self.slots.spread(phi)
        return Slope(spread, self.moments) if self.row_loss is None else self.row_loss.slope(spread)

    def risks(self, phi: Tensor) -> Tensor:
        """The risk (pair,) of φ (d, run) in every pair. Torch can differentiate it, twice."""
        spread = self.slots.spread(phi)
        if self.row_loss is not None:
            return self.row_loss.risks(spread)
        return _Risks.apply(spread, self.moments, self.target)

    def mean_squares(self, phi: Tensor) -> Tensor:
        """The mean square (pair,) of the prediction φᵀx in every pair, of φ (d, run)."""
        return _MeanSquares.apply(self.slots.spread(phi), self.moments)

    def means_and_variances(self, phi: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance (pair,) of the prediction φᵀx in every pair, of φ (d, run).

        Raises:
            ValueError: the method does not have "means" in its NEEDS.
        """
        means = combine(self.means[:-1].unbind(), self.slots.spread(phi).unbind())
        return means, self.mean_squares(phi) - means**2

    def along_dummy(self, phi: Tensor) -> Tensor:
        """The derivative (pair,) of the risk of wφ along w at w = 1, for φ (d, run).

        Torch can differentiate it, twice, through moments in a fixed order.
        """
        if self.row_loss is not None:
            return 2 * self.slope(phi).value
        explained = combine(self.moments.cross.unbind(), self.slots.spread(phi).unbind())
        return 2 * (self.mean_squares(phi) - explained)

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
        with torch.inference_mode(False):  # as in ``constant``
            return self.slots.total(self.target.new_ones(self.target.shape))

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
        gathered = {}
        for name, values in self.gathered.items():
            gathered[name] = _taken(values, pairs if name in OF_PAIRS else runs)
        return replace(
            self,
            slots=slots,
            moments=self.moments.select(pairs),
            target=self.target[pairs],
            learning_rate=self.learning_rate[runs],
            start=self.start[:, runs],
            params={name: values[runs] for name, values in self.params.items()},
            gathered=gathered,
            row_loss=None if self.row_loss is None else self.row_loss.select(pairs),
            cubic=None if self.cubic is None else self.cubic[..., runs],
        )

    def cast(self, dtype: torch.dtype) -> "Problem":
        """The same numbers in another precision, but for rows."""
        if dtype == self.start.dtype:
            return self
        return replace(
            self,
            moments=self.moments.cast(dtype),
            target=self.target.to(dtype),
            learning_rate=self.learning_rate.to(dtype),
            start=self.start.to(dtype),
            params={name: values.to(dtype) for name, values in self.params.items()},
            gathered={
                name: values.to(dtype) if isinstance(values, Tensor) else values
                for name, values in self.gathered.items()
            },
            cubic=None if self.cubic is None else self.cubic.to(dtype),
        )


def _taken(values: Any, places: Tensor) -> Any:
    """Some places of the last axis of a tensor, or of a sequence."""
    if isinstance(values, Tensor):
        return values[..., places]
    return [values[place] for place in places.tolist()]


class _Risks(torch.autograd.Function):
    """Risks (pair,) of φ (d, pair), whose gradient 2(Gφ − b) needs no record of how they came."""

    @staticmethod
    def forward(ctx: Any, phi: Tensor, moments: Quadratic, target: Tensor) -> Tensor:
        rows = phi.unbind()
        residual = combine(moments.columns, rows) - moments.cross
        ctx.moments = moments
        ctx.save_for_backward(phi, residual)
        return combine((residual - moments.cross).unbind(), rows) + target

    @staticmethod
    def backward(ctx: Any, *along: Tensor) -> tuple[Tensor, None, None]:
        phi, residual = ctx.saved_tensors
        if torch.is_grad_enabled():  # it is to be differentiated once more
            residual = combine(ctx.moments.columns, phi.unbind()) - ctx.moments.cross
        return 2 * along[0] * residual, None, None


class _MeanSquares(torch.autograd.Function):
    """φᵀGφ (pair,) of φ (d, pair), whose gradient is 2Gφ."""

    @staticmethod
    def forward(ctx: Any, phi: Tensor, moments: Quadratic) -> Tensor:
        fitted = combine(moments.columns, phi.unbind())
        ctx.moments = moments
        ctx.save_for_backward(phi, fitted)
        return combine(fitted.unbind(), phi.unbind())

    @staticmethod
    def backward(ctx: Any, *along: Tensor) -> tuple[Tensor, None]:
        phi, fitted = ctx.saved_tensors
        if torch.is_grad_enabled():  # it is to be differentiated once more
            fitted = combine(ctx.moments.columns, phi.unbind())
        return 2 * along[0] * fitted, None


class Slope:
    """φ (d, pair) seen through moments: all that risks and penalties are made of.

    residual Gφ − b (d, pair), half the gradient of the risk; value φᵀ(Gφ − b) (pair,), half the
    derivative of the risk along w; gradient 2Gφ − b (d, pair) of that value. along_intercept
    (d, pair) is the derivative of the residual along the last weight, an intercept.
    """

    def __init__(self, phi: Tensor, moments: Quadratic):
        rows = phi.unbind()
        self.phi = phi
        fitted = combine(moments.columns, rows)
        self.residual = fitted - moments.cross
        self.value = combine(self.residual.unbind(), rows)
        self.gradient = fitted.add_(self.residual)
        self.along_intercept = moments.gram[-1]
        self._moments = moments

    def along(self, direction: Tensor) -> Tensor:
        """The derivative (d, pair) of the residual along a direction (d, pair)."""
        return combine(self._moments.columns, direction.unbind())


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
