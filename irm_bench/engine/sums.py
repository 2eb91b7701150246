"""Sums in a fixed order, so that a run's bits depend on neither its neighbours nor their number.

Torch adds up five terms and more in an order that differs between the runs in the middle of a batch
and those at its end: (a + b + c + d) + e here, (a + e) + b + c + d there.
"""

from collections.abc import Sequence

from torch import Tensor


def combine(terms: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """Σ_j terms[j] · weights[j], elementwise along the last axis and in a fixed order."""
    (first, w), *rest = zip(terms, weights, strict=True)
    total = first * w
    for term, w in rest:
        total.addcmul_(term, w)
    return total


def add_up(terms: Tensor) -> Tensor:
    """The sum over the first axis, such as features."""
    first, *rest = terms.unbind()
    return sum(rest, start=first)
