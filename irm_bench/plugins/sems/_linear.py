"""Linear data: features and target are sums of independent noises of mean zero, and their means.

Of a row v = (x, y) = m + L ε, where noise k has scale s_k and excess kurtosis κ_k, all second
moments follow, and the covariance of the products too (they are of fourth order): that of Gaussian
rows, by Isserlis, and Σ_k κ_k s_k⁴ L_ik L_jk L_lk L_mk (the fourth cumulant of independent sums).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from irm_bench.theory import small
from irm_bench.theory.moments import Moments, product_index

# How noises of variance one are drawn, by name, and their excess kurtosis.
Draw = Callable[[np.random.Generator, int], np.ndarray]


def _normal(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.standard_normal(n)


def _t5(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.standard_t(5, n) * np.sqrt(3 / 5)


def _skewed(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.exponential(size=n) - 1


def _sign(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.choice([-1.0, 1.0], n)


LAWS: dict[str, tuple[Draw, float]] = {
    "normal": (_normal, 0.0),
    "t5": (_t5, 6.0),
    "skewed": (_skewed, 6.0),
    "sign": (_sign, -2.0),
}


@dataclass(frozen=True)
class Linear:
    """Loadings (d + 1, noise) of features and, last, of the target; scales and laws a noise."""

    loadings: np.ndarray
    scales: np.ndarray
    laws: Sequence[str]
    means: np.ndarray

    @staticmethod
    def of(
        loadings: object,
        scales: Sequence[float],
        laws: Sequence[str] = (),
        means: Sequence[float] = (),
    ) -> "Linear":
        """Normal noises and means of zero unless they are told."""
        found = np.array(loadings, dtype=float)
        return Linear(
            found,
            np.array(scales, dtype=float),
            list(laws) or ["normal"] * found.shape[1],
            np.array(means, dtype=float) if len(means) else np.zeros(len(found)),
        )

    @property
    def covariance(self) -> np.ndarray:
        scaled = self.loadings * self.scales
        return small.multiply(scaled, scaled.T)

    def moments(self) -> Moments:
        """Exact moments: gram (d, d), cross (d,), target (), mean (d + 1,)."""
        second = self.covariance + np.outer(self.means, self.means)
        return Moments(second[:-1, :-1], second[:-1, -1], second[-1, -1], self.means)

    def sample(self, rng: np.random.Generator, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows: features (n, d) and target (n,)."""
        drawn = [LAWS[law][0](rng, n_samples) for law in self.laws]
        noises = np.array(drawn) * self.scales[:, None]
        rows = small.multiply(self.loadings, noises).T + self.means
        return rows[:, :-1], rows[:, -1]

    def product_covariance(self) -> np.ndarray:
        """Covariance (P, P) of the products of one row, in ``product_index`` order.

        Means other than zero are allowed where all noises are symmetric: no third moments then.
        """
        left, right = product_index(len(self.loadings) - 1)
        second = self.covariance

        def pairs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return second[np.ix_(a, b)]

        found = pairs(left, left) * pairs(right, right) + pairs(left, right) * pairs(right, left)
        # numpy's powers round by the processor, Python's do not
        fourth = np.array([scale**4 for scale in self.scales.tolist()])
        kurtosis = np.array([LAWS[law][1] for law in self.laws]) * fourth
        both = self.loadings[left] * self.loadings[right]
        found = found + small.multiply(both * kurtosis, both.T)
        for one, other in ((left, right), (right, left)):
            for first, second_ in ((left, right), (right, left)):
                found = found + np.outer(self.means[one], self.means[first]) * pairs(other, second_)
        return found
