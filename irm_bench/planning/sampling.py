"""The rows of a dataset, in chunks from a random stream of its own; moments without rows."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from irm_bench.planning.plan import Dataset
from irm_bench.statistics.streams import generator
from irm_bench.theory.moments import Accumulator, Moments, stack

# Rows drawn at once; part of what defines the rows, since it is the order of the draws.
CHUNK_ROWS = 65_536


def rows(dataset: Dataset, root_seed: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The rows of a dataset in chunks: features (rows, d) and target (rows,).

    They are drawn whatever the dataset's ``sampling`` says.
    """
    model, environment = dataset.model, dataset.environment.mapping
    rng = generator(root_seed, role="rows", seed=seed, **dataset.axes)
    mechanism = model.mechanism(root_seed, seed)
    for first in range(0, dataset.n_samples, CHUNK_ROWS):
        n_rows = min(CHUNK_ROWS, dataset.n_samples - first)
        yield model.sample(rng, n_rows, environment, mechanism)


def all_rows(dataset: Dataset, root_seed: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a dataset at once: features (n, d) and target (n,)."""
    chunks = list(rows(dataset, root_seed, seed))
    return np.concatenate([x for x, _ in chunks]), np.concatenate([y for _, y in chunks])


def summarise(
    dataset: Dataset, root_seed: int, seed: int, with_covariance: bool
) -> tuple[Moments, np.ndarray | None]:
    """Moments of a dataset's rows, and the covariance of their products if asked for."""
    accumulator = Accumulator(dataset.model.n_features, with_covariance)
    for x, y in rows(dataset, root_seed, seed):
        accumulator.add(x, y)
    return accumulator.moments(), accumulator.covariance() if with_covariance else None


def draw_moments(dataset: Dataset, root_seed: int, seeds: Iterable[int]) -> Moments:
    """Moments (seed, …) drawn from their law, without rows."""
    rngs = (generator(root_seed, role="moments", seed=s, **dataset.axes) for s in seeds)
    return dataset.model.sample_moments(rngs, dataset.n_samples, dataset.environment.mapping)


def population_covariance(dataset: Dataset) -> np.ndarray:
    """The covariance (P, P) of a row's products, where a sample's own cannot be had."""
    found = dataset.model.product_covariance(dataset.environment.mapping)
    assert found is not None  # the config was checked for it
    return found


def exact_moments(dataset: Dataset, root_seed: int, seeds: Iterable[int]) -> Moments:
    """Exact moments (seed, …), each seed's by its own mechanism, as of infinitely many rows."""
    model, environment = dataset.model, dataset.environment.mapping
    found = []
    for seed in seeds:
        moments = model.population(environment, model.mechanism(root_seed, seed))
        assert moments is not None  # the config was checked for it
        unknown = np.full(model.n_features + 1, np.nan)
        found.append(moments if moments.mean is not None else replace(moments, mean=unknown))
    return stack(found)
