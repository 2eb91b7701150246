"""Invariant causal prediction: the features in all subsets that leave residuals of one law.

Peters, Bühlmann and Meinshausen 2016, as the IRM paper's repository tests it. For every non-empty
subset of the features: pooled least squares without intercept; per environment a Welch t test and
an F test of its residuals against those of all others; the subset is accepted if the smallest of
the 2·2·E corrected p values is above α. φ is least squares on what all accepted subsets share, 0
where nothing is. All tests are made from second moments and means: no row is seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy import special
from torch import Tensor

from irm_bench.engine.problem import Problem
from irm_bench.engine.sums import add_up, combine
from irm_bench.engine.training import Fitted
from irm_bench.theory import least_squares, small
from irm_bench.theory.moments import Moments

LABEL = "ICP"
COLOR = "#8c510a"
MARKER = "s"
DASH = "dashed"
REFERENCE = "Peters, Bühlmann and Meinshausen 2016; IRM paper's repository"
ASSUMPTION = "The target's mechanism and its noise are the same in all environments."
NO_ANSWER = ("n_accepted", "every subset of the features is rejected")
PARAMS = {"alpha": 0.05}
NEEDS = ("means", "n_samples")
LOSSES = ("squared",)
MIN_ENVIRONMENTS = 2
SELECTS = True
MAX_SUBSETS = 4095
EXTRAS = {
    "n_accepted": "subsets of the features that ICP accepts",
    "n_mean_accepted": "subsets that its tests of the means alone would accept",
    "n_variance_accepted": "subsets that its tests of the variances alone would accept",
}
# Numbers of the masked moments of a chunk of runs: 64 MB.
CHUNK = 2**23


@dataclass(frozen=True)
class Pool:
    """Moments of some runs (run, environment, …); ``n`` rows each (run, environment)."""

    gram: Tensor
    cross: Tensor
    target: Tensor
    means: Tensor
    n: Tensor

    @property
    def pooled(self) -> tuple[Tensor, Tensor]:
        """Gram (run, d, d) and cross (run, d) of all rows together."""
        share = self.n / add_up(self.n.T)[:, None]
        gram = add_up((share[..., None, None] * self.gram).transpose(0, 1))
        return gram, add_up((share[..., None] * self.cross).transpose(0, 1))


def fit(problem: Problem) -> Fitted:
    """φ (d, run), and how many subsets each of the tests accepts."""
    d, n_runs = problem.start.shape
    phi = problem.start.new_zeros((n_runs, d))
    counts = problem.start.new_zeros((3, n_runs))
    for runs, pool in _pools(problem, d):
        alpha = problem.params["alpha"][runs, None]
        p_mean, p_variance = _p_values(pool, _least_squares(*pool.pooled, subsets(d)))
        accepted = torch.minimum(p_mean, p_variance) > alpha
        chosen = _shared(accepted, subsets(d))
        phi[runs] = _least_squares(*pool.pooled, chosen[:, None])[:, 0]
        found = (accepted, p_mean > alpha, p_variance > alpha)
        counts[:, runs] = torch.stack([one.sum(dim=1) for one in found]).to(counts.dtype)
    return Fitted(phi.T.contiguous(), dict(zip(EXTRAS, counts, strict=True)))


@cache
def subsets(d: int) -> Tensor:
    """Every non-empty subset of d features: (subset, d), True for what is in it."""
    numbers = torch.arange(1, 2**d)
    return (numbers[:, None] >> torch.arange(d)) % 2 == 1


def _pools(problem: Problem, d: int) -> Iterator[tuple[Tensor, Pool]]:
    """Runs of equal number of environments, in chunks, and their moments."""
    widths = [*problem.slots.widths, 0]
    firsts = [sum(widths[:e]) for e in range(len(widths))]
    n_at_once = max(1, CHUNK // (2**d * d * d))
    for n_environments in range(1, len(widths)):
        of_these = range(widths[n_environments], widths[n_environments - 1])
        for first in range(of_these.start, of_these.stop, n_at_once):
            runs = torch.arange(first, min(first + n_at_once, of_these.stop))
            pairs = torch.stack([runs + firsts[e] for e in range(n_environments)], dim=1)
            yield runs, _pool(problem, pairs)


def _pool(problem: Problem, pairs: Tensor) -> Pool:
    """The moments of pairs (run, environment), which become the first axes."""
    return Pool(
        problem.moments.gram[..., pairs].permute(2, 3, 0, 1),
        problem.moments.cross[..., pairs].permute(1, 2, 0),
        problem.target[pairs],
        problem.means[..., pairs].permute(1, 2, 0),
        problem.n_samples[pairs],
    )


def _least_squares(gram: Tensor, cross: Tensor, members: Tensor) -> Tensor:
    """Least squares (run, subset, d) on subsets (subset, d) or (run, subset, d); of least norm.

    What is not in a subset has 1 on the diagonal and nothing else, and comes out as 0.
    """
    both = members[..., :, None] & members[..., None, :]
    outside = torch.diag_embed((~members).to(gram.dtype))
    masked = torch.where(both, gram[:, None], 0.0) + outside
    right = torch.where(members, cross[:, None], 0.0)
    found = small.solve(masked.numpy(), right.numpy())
    singular = ~np.isfinite(found).all(axis=-1)
    if singular.any():
        alone = Moments(masked.numpy()[singular], right.numpy()[singular], None)
        found[singular] = least_squares(alone)
    return torch.from_numpy(found)


def _p_values(pool: Pool, phi: Tensor) -> tuple[Tensor, Tensor]:
    """The corrected p values (run, subset) of the tests of means and of variances; phi (…, d)."""
    total = add_up(pool.n.T)[:, None]
    n_environments = pool.n.shape[1]
    sums, squares = _residual_sums(pool, phi)
    all_sums, all_squares = add_up(sums), add_up(squares)
    found = []
    for e in range(n_environments):
        n_in = pool.n[:, e, None]
        inside = _mean_and_variance(n_in, sums[e], squares[e])
        n_out = total - n_in
        others = _mean_and_variance(n_out, all_sums - sums[e], all_squares - squares[e])
        found.append(_two_tests(n_in, *inside, n_out, *others))
    p_mean, p_variance = (torch.stack(list(one)).amin(dim=0) for one in zip(*found, strict=True))
    # twice for two tests, and once for each environment
    return 2 * n_environments * p_mean, 2 * n_environments * p_variance


def _residual_sums(pool: Pool, phi: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of the residuals and of their squares: (environment, run, subset) each."""
    sums, squares = [], []
    for e in range(pool.n.shape[1]):
        fitted = _dot(pool.gram[:, None, e], phi[:, :, None, :])  # (run, subset, d)
        inner = _dot(fitted - 2 * pool.cross[:, e, None], phi)
        squares.append(pool.n[:, e, None] * (inner + pool.target[:, e, None]))
        mean = pool.means[:, e, -1, None] - _dot(phi, pool.means[:, e, None, :-1])
        sums.append(pool.n[:, e, None] * mean)
    return torch.stack(sums), torch.stack(squares)


def _dot(left: Tensor, right: Tensor) -> Tensor:
    """The sum over the last axis of products, in a fixed order."""
    return combine(left.unbind(-1), right.unbind(-1))


def _mean_and_variance(n: Tensor, sums: Tensor, squares: Tensor) -> tuple[Tensor, Tensor]:
    mean = sums / n
    return mean, (squares - n * mean**2).clamp(min=0) / (n - 1)


def _two_tests(
    n: Tensor, mean: Tensor, variance: Tensor, n2: Tensor, mean2: Tensor, variance2: Tensor
) -> tuple[Tensor, Tensor]:
    """Two-sided p values of Welch's t test and of the F test of two samples."""
    part, part2 = variance / n, variance2 / n2
    freedom = (part + part2) ** 2 / (part**2 / (n - 1) + part2**2 / (n2 - 1))
    t = (mean - mean2).abs() / (part + part2).sqrt()
    p_mean = 2 * torch.as_tensor(special.stdtr(freedom.numpy(), -t.numpy()))
    ratio = (variance / variance2).numpy()
    below = torch.as_tensor(special.fdtr((n - 1).numpy(), (n2 - 1).numpy(), ratio))
    above = torch.as_tensor(special.fdtrc((n - 1).numpy(), (n2 - 1).numpy(), ratio))
    return p_mean, 2 * torch.minimum(below, above)


def _shared(accepted: Tensor, members: Tensor) -> Tensor:
    """Features (run, d) that are in every accepted subset; none where none is accepted."""
    in_all = (members | ~accepted[..., None]).all(dim=1)
    return in_all & accepted.any(dim=1, keepdim=True)
