"""ERM as the linear unit tests have it: the mean of the risks, beside which weight decay counts."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from irm_bench.engine.problem import AnySlope, Draw, Problem

LABEL = "ERM"
COLOR = "#d55e00"
MARKER = "D"
DASH = "dotted"
REFERENCE = "Vapnik 1991; Aubin et al. 2021"


def gradient(parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """Gradient (d, run) of the mean of the risks."""
    return 2 * problem.mean(slope.residual)


def kernel(d: int, width: int) -> Callable[..., Any]:
    """The same gradient of ``width`` runs from moments, for numba (``engine/compiled.py``)."""

    def gradient(phi, gram, cross, counts, params, out):  # type: ignore[no-untyped-def]
        out[:] = 0
        for e in range(len(gram)):
            for i in range(d):
                for k in range(width):
                    total = -cross[e, i, k]
                    for j in range(d):
                        total += gram[e, i, j, k] * phi[j, k]
                    out[i, k] += 2 * total / counts[k]

    return gradient
