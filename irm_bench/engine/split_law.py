"""The moments that random splits of the rows give, drawn from their law: no row is needed.

A split-half step sees the split through D alone, the signed mean of the rows' products
(``splits.py``). Given the rows, D has mean 0 and covariance C/n exactly, C the covariance of their
products (ddof = 1: the signs of a balanced split have covariances −1/(n − 1)). It is a sum of n
terms, and its law that of N(0, C/n) up to O(1/n): its fourth cumulants are that much smaller than
its squared covariances. What follows differs from drawn splits in the same order:

- rows that are drawn (``sampling: rows``): C is theirs. The mean of the penalty is that of drawn
  splits exactly, its variance over splits up to O(1/n). Environments have splits of their own;
  drawn ones share one, which couples them by the covariance that their rows happen to have, a
  relative O(1/√n) of mean 0.
- moments that are drawn (``sampling: moments``): C is the population's, the same for every seed. A
  sample's own C differs from it by O(1/√n), relative; so much is wrong with the term uᵀ(C/n)u, by
  which split-half and the U-statistic differ from plug-in. The moments themselves have their law.
"""

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from irm_bench.engine import normals
from irm_bench.engine.problem import Slots
from irm_bench.engine.splits import SplitDraws
from irm_bench.theory import small

# Steps whose D are made at once: few enough to stay in the cache, and each is had by itself.
MAX_STEPS = 32
# What is left of a variance, relative to it, that is no more than rounding.
NEGLIGIBLE = 1e-12


class NormalMeans:
    """D of many columns of products, normal, for any step; the same whatever was asked before.

    covariances (column, P, P) are C/n; ``rngs`` has the stream of each column, from which the key
    of its normals is drawn.
    """

    max_steps = MAX_STEPS

    def __init__(self, covariances: np.ndarray, rngs: Sequence[np.random.Generator]):
        self.shape = covariances.shape[1], len(covariances)
        self.keys = np.stack([normals.key(rng) for rng in rngs], axis=1)
        rows, columns = np.tril_indices(self.shape[0])
        roots = root(covariances)[:, rows, columns].T
        self.roots = np.ascontiguousarray(roots, dtype=np.float32)

    def write(self, first: int, out: Tensor) -> None:
        """Write D (n_steps, P, column) of the steps from ``first`` on."""
        normals.write_products(self.keys, self.roots, first, out.numpy())


class LawDraws(SplitDraws):
    """Draws of the split-half penalty by their law, which a compiled loop can make itself."""

    def __init__(
        self,
        means: NormalMeans,
        pair_columns: np.ndarray,
        slots: Slots,
        ahead: int,
        on_load: Callable[[int], object],
    ):
        super().__init__([means], pair_columns, slots, ahead, on_load)
        self._law = means

    def streams(self, runs: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """The keys (2, pair) and the roots (P(P + 1)/2, pair) of the runs' pairs."""
        columns = self.columns(runs)
        return self._law.keys[:, columns], self._law.roots[:, columns]


def root(covariance: np.ndarray) -> np.ndarray:
    """The lower triangular L (..., P, P) with LLᵀ = covariance, which may be singular.

    Where the products before it settle a product, its column is 0: that of a constant one, such as
    an intercept's square, and all from the n-th on if rows are as few as n.
    """
    lower = np.zeros_like(covariance)
    for j in range(covariance.shape[-1]):
        explained = small.apply(lower[..., j:, :j], lower[..., j, :j])
        left = covariance[..., j:, j] - explained
        is_left = left[..., 0] > NEGLIGIBLE * covariance[..., j, j]
        scale = np.sqrt(np.where(is_left, left[..., 0], 1.0))
        lower[..., j:, j] = np.where(is_left[..., None], left / scale[..., None], 0.0)
    return lower
