"""What SEMs of two blocks of features share: invariant ones, spurious ones, and a rotation."""

import numpy as np

from irm_bench.theory import small


def names(blocks: dict[str, int], is_rotated: bool) -> list[str]:
    """Names of the features of blocks, by their sizes; rotated, a feature is of all of them."""
    if is_rotated:
        return [f"s_{j + 1}" for j in range(sum(blocks.values()))]
    return [f"{name}_{j + 1}" for name, size in blocks.items() for j in range(size)]


def rotation(rng: np.random.Generator, size: int) -> np.ndarray:
    """A random orthogonal matrix, uniform."""
    return small.orthogonal(rng.normal(size=(size, size)))


def shuffled(rng: np.random.Generator, block: np.ndarray, is_asked_for: float) -> np.ndarray:
    """A block (n, size), its rows in another order if that is asked for."""
    return rng.permutation(block) if is_asked_for else block
