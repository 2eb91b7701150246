"""Losses that second moments do not settle: through the rows, for all runs of a dataset at once.

The loss of a row is ℓ(a, y), a function of the prediction a = φᵀx and of the target. With ℓ' and
ℓ'' its derivatives in a, the risk R of n rows has ∇R = Σ ℓ'x / n and Hφ = Σ ℓ''a x / n. A *slope*
is then the same three things that moments give for the squared loss: a penalty is written once.

    residual ∇R/2
    value φᵀ∇R/2, half of ∂_w R(wφ) at w = 1
    gradient (∇R + Hφ)/2 of the value
    along_intercept He/2, the derivative of the residual along the last weight, an intercept
    along(v) Hv/2, its derivative along any direction

Two rows, x = (1, 2) with y = 1 and x = (3, 0) with y = 0, and two runs, φ = (½, ¼) and (0, 0): the
predictions X Φ are (1, 0) and (1.5, 0), a row each. The logistic loss has ℓ' = 1/(1 + e⁻ᵃ) − y, for
the first run −0.27 and 0.82, and so ∇R = (−0.27·(1, 2) + 0.82·(3, 0)) / 2 = (1.09, −0.27).

Rows are held in float32, at twice the rate of float64: φ after training agrees with a float64 loop
to about 1e-6. Where a loss has a ``kernel``, long trainings on the CPU go through one compiled loop
(``compiled_rows.py``). Else torch multiplies runs in panels of ``WIDTH``, the last one filled up
with zeros, and rows in chunks of ``CHUNK_ROWS``: the matrix products of a dataset have the same
shapes whatever the batch, and so a run has the same bits beside any others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from irm_bench.engine import compiled_rows
from irm_bench.engine.sums import add_up

# Runs multiplied at once by torch.
WIDTH = 16
# Rows multiplied at once: enough to hide the cost of a call, few enough for the cache.
CHUNK_ROWS = 2048


class RowLoss(Protocol):
    """What the rows are seen through; both functions are elementwise, (row, run) each.

    It may have a ``kernel`` too (``protocols.Loss``).
    """

    def value(self, prediction: Tensor, target: Tensor) -> Tensor:
        """ℓ of every row."""
        ...

    def derivatives(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """ℓ' and ℓ'' of every row in the prediction: tensors of their own, to be written to."""
        ...


# Predictions (row, run) and the target beside each → numbers (row, run), to be summed over rows.
Derive = Callable[..., tuple[Tensor, ...]]


@dataclass(frozen=True)
class Numbers:
    """What is derived of a row, to be summed over rows: so many numbers.

    ``derive`` makes them of ℓ', ℓ'', the prediction, and the prediction along a direction. It is
    elementwise, and is used on tensors and, compiled, on single numbers.
    """

    count: int
    derive: Callable[..., tuple[Any, ...]]


def _first(first: Any, second: Any, prediction: Any, along: Any) -> tuple[Any]:
    return (first,)


def _first_and_bend(first: Any, second: Any, prediction: Any, along: Any) -> tuple[Any, Any]:
    return first, second * prediction


def _first_bend_and_second(
    first: Any, second: Any, prediction: Any, along: Any
) -> tuple[Any, Any, Any]:
    return first, second * prediction, second


def _second_along(first: Any, second: Any, prediction: Any, along: Any) -> tuple[Any]:
    return (second * along,)


# ∇R; with Hφ; with Hφ and He, e the direction of the intercept; and Hv along directions v.
GRADIENT = Numbers(1, _first)
WITH_BEND = Numbers(2, _first_and_bend)
WITH_CURVATURE = Numbers(3, _first_bend_and_second)
ALONG = Numbers(1, _second_along)


@dataclass(frozen=True)
class Chunk:
    """Some rows in float32."""

    x: Tensor  # (row, d + 1): the features and a 1
    y: Tensor  # (row, WIDTH): the target once for each run of a panel


class Rows:
    """The rows of a dataset and seed: features (n, d) and target (n,), in float32."""

    def __init__(self, x: Tensor, y: Tensor):
        self.n_rows = len(x)
        self.x, self.y = x.float(), y.float()

    @cached_property
    def _chunks(self) -> Sequence[Chunk]:
        extended = torch.cat([self.x, torch.ones_like(self.x[:, :1])], dim=1)
        targets = self.y[:, None].repeat(1, WIDTH)
        x_of_chunks, y_of_chunks = extended.split(CHUNK_ROWS), targets.split(CHUNK_ROWS)
        return [Chunk(x, y) for x, y in zip(x_of_chunks, y_of_chunks, strict=True)]

    def means(self, derive: Derive, phis: Sequence[Tensor], n_numbers: int) -> Tensor:
        """Means over rows of (x, 1) times each of the numbers that ``derive`` makes.

        phis: arrays (panel, d + 1, WIDTH), one for each prediction that ``derive`` takes. Returns
        (panel, number, d + 1, WIDTH).
        """
        n_panels, *of_panel = phis[0].shape
        sums = phis[0].new_empty(len(self._chunks), n_panels, n_numbers, *of_panel)
        for chunk, of_chunk in zip(self._chunks, sums.unbind(), strict=True):
            columns = chunk.x.T
            for panel in range(n_panels):
                predictions = [chunk.x @ phi[panel] for phi in phis]
                numbers = derive(*predictions, chunk.y)
                for m, number in enumerate(numbers):
                    torch.mm(columns, number, out=of_chunk[panel, m])
        return add_up(sums.double()) / self.n_rows


@dataclass(frozen=True)
class Part:
    """Rows, and the places (rising) of the pairs that train on them."""

    rows: Rows
    pairs: Tensor

    def panels(self, phi: Tensor) -> Tensor:
        """The φ of its pairs, of φ (d, pair): (panel, d + 1, WIDTH), filled up with zeros."""
        n_panels = -(-len(self.pairs) // WIDTH)
        filled = torch.zeros(len(phi) + 1, n_panels * WIDTH, device=phi.device)
        filled[:-1, : len(self.pairs)] = phi[:, self.pairs]
        return filled.view(-1, n_panels, WIDTH).transpose(0, 1).contiguous()

    def unpack(self, panels: Tensor) -> Tensor:
        """The other way: (panel, number, d + 1, WIDTH) → (number, d + 1, pairs of the part)."""
        return panels.permute(1, 2, 0, 3).flatten(2)[..., : len(self.pairs)]


@dataclass(frozen=True)
class RowBatch:
    """A loss, and the rows that a batch of runs trains on, each dataset held once.

    ``is_compiled`` says whether sums over rows go through the compiled loop.
    """

    parts: tuple[Part, ...]
    loss: RowLoss
    is_compiled: bool = False

    def slope(self, phi: Tensor) -> "RowSlope":
        """The slopes of φ (d, pair)."""
        return RowSlope(phi, self)

    def risks(self, phi: Tensor) -> Tensor:
        """The risk (pair,) of φ (d, pair). Torch can differentiate it, twice."""
        return _Risks.apply(phi, self)

    def gradients(self, phi: Tensor) -> Tensor:
        """∇R (d, pair). Torch can differentiate it, once."""
        if torch.is_inference_mode_enabled():  # what torch could record of it costs time
            return self.sums(GRADIENT, phi)[0]
        return _Gradients.apply(phi, self)

    def values(self, phi: Tensor) -> tuple[Tensor, Tensor]:
        """Risks (pair,) and their gradients ∇R (d, pair) of φ (d, pair)."""

        def value_and_first(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
            return self.loss.value(prediction, target), self.loss.derivatives(prediction, target)[0]

        values, gradients = self._means(value_and_first, [phi], 2)
        return values[-1], gradients[:-1]

    def sums(self, numbers: Numbers, *phis: Tensor) -> Tensor:
        """Means over rows of x times each of the numbers: (number, d, pair).

        phis: φ (d, pair), and directions (d, pair) where the numbers are along them.
        """
        if self.is_compiled:
            arrays = [phi.detach().contiguous().numpy() for phi in phis]
            kernel = self.loss.kernel  # type: ignore[attr-defined]  # ``compiled`` has asked
            means = self._packed.means(kernel, numbers.derive, numbers.count, arrays)
            return torch.from_numpy(means)

        def derive(prediction: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
            *along, target = others
            first, second = self.loss.derivatives(prediction, target)
            return numbers.derive(first, second, prediction, along[0] if along else None)

        return self._means(derive, phis, numbers.count)[:, :-1]

    def _means(self, derive: Derive, phis: Sequence[Tensor], n_numbers: int) -> Tensor:
        """What ``Rows.means`` gives for each pair: (number, d + 1, pair) of φ (d, pair)."""
        d, n_pairs = phis[0].shape
        means = phis[0].new_empty(n_numbers, d + 1, n_pairs)
        for part in self.parts:
            panels = [part.panels(phi) for phi in phis]
            of_part = part.rows.means(derive, panels, n_numbers)
            means[..., part.pairs] = part.unpack(of_part)
        return means

    def compiled(self) -> "RowBatch":
        """The same through the compiled loop, where the loss has one and the rows are here."""
        is_here = all(part.rows.x.device.type == "cpu" for part in self.parts)
        return replace(self, is_compiled=is_here and hasattr(self.loss, "kernel"))

    @cached_property
    def _packed(self) -> compiled_rows.PackedRows:
        rows = [(part.rows.x.numpy(), part.rows.y.numpy()) for part in self.parts]
        return compiled_rows.pack(rows, [part.pairs.numpy() for part in self.parts])

    def select(self, pairs: Tensor) -> "RowBatch":
        """The rows of some of the pairs (rising places), which are numbered anew."""
        kept = []
        for part in self.parts:
            mine = torch.isin(pairs, part.pairs).nonzero().squeeze(1)
            if len(mine):
                kept.append(Part(part.rows, mine))
        return replace(self, parts=tuple(kept))


class _Risks(torch.autograd.Function):
    """Risks (pair,) of φ (d, pair); their gradient is found on the way."""

    @staticmethod
    def forward(ctx: Any, phi: Tensor, batch: RowBatch) -> Tensor:
        values, gradients = batch.values(phi)
        ctx.batch = batch
        ctx.save_for_backward(phi, gradients)
        return values

    @staticmethod
    def backward(ctx: Any, *along: Tensor) -> tuple[Tensor, None]:
        phi, gradients = ctx.saved_tensors
        if torch.is_grad_enabled():  # it is to be differentiated once more
            gradients = ctx.batch.gradients(phi)
        return along[0] * gradients, None


class _Gradients(torch.autograd.Function):
    """∇R (d, pair) of φ (d, pair)."""

    @staticmethod
    def forward(ctx: Any, phi: Tensor, batch: RowBatch) -> Tensor:
        ctx.batch = batch
        ctx.save_for_backward(phi)
        return batch.sums(GRADIENT, phi)[0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *along: Tensor) -> tuple[Tensor, None]:
        (phi,) = ctx.saved_tensors
        return ctx.batch.sums(ALONG, phi, along[0])[0], None


class RowSlope:
    """φ (d, pair) seen through rows: residual (d, pair), value (pair,), gradient (d, pair).

    Each is computed when it is asked for. The gradient brings the residual with it, and
    ``along_intercept`` brings both: what uses them asks for the later first. Torch can
    differentiate residual and value, but not the others.
    """

    def __init__(self, phi: Tensor, batch: RowBatch):
        self.phi = phi
        self._batch = batch

    @cached_property
    def _gradients(self) -> Tensor:
        """∇R."""
        return self._batch.gradients(self.phi)

    @cached_property
    def residual(self) -> Tensor:
        """Half the gradient of the risk."""
        return self._gradients / 2

    @cached_property
    def value(self) -> Tensor:
        """Half the derivative of the risk along w."""
        return add_up(self.phi * self.residual)

    @cached_property
    def _bends(self) -> Tensor:
        """Hφ."""
        gradients, bends = self._batch.sums(WITH_BEND, self.phi)
        self._keep(gradients)
        return bends

    def _keep(self, gradients: Tensor) -> None:
        """Gradients that came on the way, unless they have to be differentiated."""
        if not (torch.is_grad_enabled() and self.phi.requires_grad):
            self._gradients = gradients

    @property
    def gradient(self) -> Tensor:
        """The gradient of the value, a tensor of its own."""
        bends = self._bends
        return (self._gradients + bends) / 2

    def along(self, direction: Tensor) -> Tensor:
        """The derivative (d, pair) of the residual along a direction (d, pair)."""
        return self._batch.sums(ALONG, self.phi, direction)[0] / 2

    @property
    def along_intercept(self) -> Tensor:
        """The derivative (d, pair) of the residual along the last weight, of a feature of ones."""
        gradients, self._bends, curvature = self._batch.sums(WITH_CURVATURE, self.phi)
        self._keep(gradients)
        return curvature / 2
