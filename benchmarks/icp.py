"""Measure invariant causal prediction: ``python benchmarks/icp.py [--quick]``, half a minute.

The IRM paper's repository fits every subset of the features to the rows of one dataset and tests
its residuals, subset by subset and environment by environment; its loop is written anew here, with
numpy and scipy. irm_bench sums up the rows once and tests all subsets of all datasets from the
moments. Both start from the same rows, in turns, one thread; what is compared is the CPU time of a
dataset, medians, and beside them is how it grows with the number of features.
"""

import argparse
import itertools
import sys
from pathlib import Path

import numpy as np
import torch
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.clock import interleaved, timed
from irm_bench.engine.problem import Problem, Quadratic, Slots
from irm_bench.plugins.methods import icp
from irm_bench.plugins.sems import chain
from irm_bench.theory.moments import Accumulator

N_ROWS, SCALES = 1000, (0.2, 2.0, 5.0)
ALPHA = icp.PARAMS["alpha"]
Rows = tuple[np.ndarray, np.ndarray]


def draw(dim: int, n_datasets: int) -> list[list[Rows]]:
    """Rows (n, 2·dim) of the paper's chain: the environments of each dataset."""
    options = {"dim": dim, "hidden": 0, "hetero": 0, "scramble": 0, "weights": "ones"}
    datasets = []
    for seed in range(n_datasets):
        rng = np.random.default_rng(seed)
        mechanism = chain.mechanism(rng, options)
        datasets.append([chain.sample(rng, N_ROWS, {"e": e}, mechanism) for e in SCALES])
    return datasets


def by_rows(environments: list[Rows]) -> np.ndarray:
    """φ (d,) of one dataset, subset by subset."""
    x = np.concatenate([of_one for of_one, _ in environments])
    y = np.concatenate([of_one for _, of_one in environments])
    where = np.repeat(range(len(environments)), [len(of_one) for _, of_one in environments])
    d = x.shape[1]
    accepted = []
    for size in range(1, d + 1):
        for subset in itertools.combinations(range(d), size):
            weights = np.linalg.lstsq(x[:, subset], y, rcond=None)[0]
            if _is_accepted(y - x[:, subset] @ weights, where):
                accepted.append(set(subset))
    phi = np.zeros(d)
    shared = sorted(set.intersection(*accepted)) if accepted else []
    if shared:
        phi[shared] = np.linalg.lstsq(x[:, shared], y, rcond=None)[0]
    return phi


def _is_accepted(residual: np.ndarray, where: np.ndarray) -> bool:
    """Whether a subset's residuals have one mean and variance in all environments."""
    n_environments = where[-1] + 1
    for e in range(n_environments):
        inside, others = residual[where == e], residual[where != e]
        p_mean = stats.ttest_ind(inside, others, equal_var=False).pvalue
        below = stats.f.cdf(
            inside.var(ddof=1) / others.var(ddof=1), len(inside) - 1, len(others) - 1
        )
        p_variance = 2 * min(below, 1 - below)
        if 2 * n_environments * min(p_mean, p_variance) <= ALPHA:
            return False
    return True


def by_moments(datasets: list[list[Rows]]) -> np.ndarray:
    """φ (d, dataset) of all of them, from their rows on."""
    pairs = [dataset[e] for e in range(len(SCALES)) for dataset in datasets]
    moments = []
    for x, y in pairs:
        accumulator = Accumulator(x.shape[1], with_covariance=False)
        accumulator.add(x, y)
        moments.append(accumulator.moments())

    def last(name: str) -> torch.Tensor:
        return torch.tensor(np.stack([getattr(m, name) for m in moments], axis=-1))

    n_datasets = len(datasets)
    ones = torch.ones(n_datasets, dtype=torch.float64)
    problem = Problem(
        slots=Slots((n_datasets,) * len(SCALES)),
        moments=Quadratic(last("gram"), last("cross")),
        target=last("target"),
        params={"alpha": ALPHA * ones},
        learning_rate=ones,
        start=torch.ones(moments[0].n_features, n_datasets, dtype=torch.float64),
        gathered={
            "means": last("mean"),
            "n_samples": torch.full((len(pairs),), float(N_ROWS), dtype=torch.float64),
        },
    )
    return icp.fit(problem).phi.numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--quick", action="store_true", help="few features, for the tests")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    dims, n_datasets, repeats = ((1, 2), 4, 1) if quick else ((2, 3, 4, 5), 50, 3)
    spent = []
    for dim in dims:
        datasets = draw(dim, n_datasets)
        works = {
            "rows": lambda one=datasets[0]: timed(lambda: by_rows(one)),
            "moments": lambda all_=datasets: timed(lambda: by_moments(all_)) / n_datasets,
        }
        np.testing.assert_allclose(by_moments(datasets)[:, 0], by_rows(datasets[0]), atol=1e-8)
        turns = interleaved(works, repeats)
        seconds = {name: np.median(times[:, 1]) for name, times in turns.items()}
        spent.append(seconds["moments"])
        print(
            f"{2 * dim} features, {2 ** (2 * dim) - 1:,} subsets: subset by subset "
            f"{seconds['rows']:.3g} s a dataset, irm_bench {seconds['moments']:.3g} s, "
            f"{seconds['rows'] / seconds['moments']:.0f} times"
        )
    per_feature = (spent[-1] / spent[0]) ** (1 / (2 * (dims[-1] - dims[0])))
    print(f"a feature more takes {per_feature:.2f} times as long, and has twice the subsets")


if __name__ == "__main__":
    main()
