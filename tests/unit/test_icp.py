"""ICP from moments is ICP on rows, test by test."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from irm_bench import config
from irm_bench.config import ConfigError
from irm_bench.plugins.methods import icp
from irm_bench.plugins.sems import chain
from tests.unit.problems import Rows, problem_of

pytestmark = pytest.mark.spread

ALPHA = 0.05
STRUCTURE = {"dim": 2, "hidden": 0, "hetero": 0, "scramble": 0, "weights": "ones"}


def rows(seed: int, scales: tuple[float, ...] = (0.2, 2.0, 5.0), **options: int) -> list[Rows]:
    rng = np.random.default_rng(seed)
    mechanism = chain.mechanism(rng, {**STRUCTURE, **options})
    return [chain.sample(rng, 200, {"e": e}, mechanism) for e in scales]


def row_by_row(environments: list[Rows]) -> tuple[np.ndarray, list[int]]:
    """φ and the numbers of subsets that both tests, and each alone, accept: from residuals."""
    x = np.concatenate([one for one, _ in environments])
    y = np.concatenate([one for _, one in environments])
    where = np.repeat(range(len(environments)), [len(one) for _, one in environments])
    d = x.shape[1]
    accepted: list[set[int]] = []
    counts = [0, 0, 0]
    for size in range(1, d + 1):
        for subset in itertools.combinations(range(d), size):
            residual = y - x[:, subset] @ np.linalg.lstsq(x[:, subset], y, rcond=None)[0]
            p_values = []
            for e in range(len(environments)):
                inside, outside = residual[where == e], residual[where != e]
                ratio = inside.var(ddof=1) / outside.var(ddof=1)
                below = stats.f.cdf(ratio, len(inside) - 1, len(outside) - 1)
                welch = stats.ttest_ind(inside, outside, equal_var=False).pvalue
                p_values.append((welch, 2 * min(below, 1 - below)))
            p_mean, p_variance = 2 * len(environments) * np.min(p_values, axis=0)
            passes = (min(p_mean, p_variance) > ALPHA, p_mean > ALPHA, p_variance > ALPHA)
            counts = [count + one for count, one in zip(counts, passes, strict=True)]
            if passes[0]:
                accepted.append(set(subset))
    phi = np.zeros(d)
    shared = sorted(set.intersection(*accepted)) if accepted else []
    if shared:
        phi[shared] = np.linalg.lstsq(x[:, shared], y, rcond=None)[0]
    return phi, counts


def test_it_is_icp_on_the_rows() -> None:
    """Runs of two and three environments, with and without what breaks its assumptions, at once."""
    options = [{}, {"hetero": 1}, {"hidden": 1}, {"hidden": 1, "hetero": 1}]
    runs = [rows(seed, **options[seed % 4]) for seed in range(12)]
    runs += [rows(seed, (0.2, 2.0), **options[seed % 4]) for seed in range(8)]
    found = icp.fit(problem_of(runs, alpha=ALPHA))
    names = ("n_accepted", "n_mean_accepted", "n_variance_accepted")
    sizes = set()
    for i, run in enumerate(runs):
        phi, counts = row_by_row(run)
        np.testing.assert_allclose(found.phi[:, i].numpy(), phi, atol=1e-8)
        assert [int(found.extras[name][i]) for name in names] == counts
        sizes.add(int((phi != 0).sum()))
    assert {0, 2} <= sizes  # it found nothing in some runs, and both causes in others


def test_it_finds_the_causes_where_its_assumptions_hold_as_often_as_it_promises() -> None:
    """It takes no effect in at least 1 − α of the runs: ICP's own guarantee."""
    runs = [rows(seed) for seed in range(300)]
    phi = icp.fit(problem_of(runs, alpha=ALPHA)).phi.numpy()
    false = (phi[2:] != 0).any(axis=0)
    assert false.sum() <= stats.binom.ppf(0.999, len(runs), ALPHA)


def test_twice_the_same_feature_gives_the_least_norm() -> None:
    x, y = rows(0)[0]
    twice = np.column_stack([x[:, 0], x[:, 0]])
    problem = problem_of([[(twice, y), (twice, y)]], alpha=ALPHA)
    problem = replace(problem, start=torch.ones(2, 1, dtype=torch.float64))
    phi = icp.fit(problem).phi[:, 0].numpy()
    expected = np.linalg.lstsq(twice, y, rcond=None)[0]
    assert np.allclose(phi, expected) or not phi.any()


def test_more_subsets_than_it_can_go_through_are_refused_with_their_count() -> None:
    raw = {
        "title": "too many",
        "root_seed": 0,
        "studies": [
            {
                "name": "wide",
                "sem": "chain",
                "options": {"dim": 10},
                "train_environments": [[0.2, 2]],
                "test_environments": [{"e": 5}],
                "methods": [{"name": "icp"}],
            }
        ],
    }
    with pytest.raises(ConfigError, match=re.escape("1,048,575 of 20 here: allowed are 4,095")):
        config.parse(raw)
