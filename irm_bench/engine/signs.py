"""Random balanced splits of rows into halves: vectors of n signs, half of them +1."""

from typing import Protocol

import numpy as np

from irm_bench.statistics.streams import generator

# Steps whose splits are drawn from one stream; the engine looks for diverged runs as often.
BLOCK = 512
# Signs held at once: longer columns have their splits drawn fewer steps at a time.
MAX_SIGNS = 2**26


def balanced_signs(rng: np.random.Generator, n_splits: int, n_samples: int) -> np.ndarray:
    """Uniformly random balanced sign vectors: int8 (n_splits, n_samples), rows summing to 0.

    Fair coins first, turned over where +1 has the majority; then as many random places as +1
    lacks are made +1, until none is lacking. No step prefers a place, so every balanced vector is
    equally likely. The coins are the bits of 64-bit words.

    Raises:
        ValueError: if n_samples is odd.
    """
    if n_samples % 2:
        raise ValueError(f"an odd number of rows ({n_samples}) cannot be split into equal halves")
    half, n_words = n_samples // 2, -(-n_samples // 64)
    used = np.full(n_words, 2**64 - 1, dtype="<u8")
    used[-1] >>= np.uint64(-n_samples % 64)
    words = rng.integers(2**64, size=(n_splits, n_words), dtype=np.uint64).astype("<u8") & used
    words[_ones(words) > half] ^= used
    first_words = np.arange(n_splits) * n_words
    while (lacking := half - _ones(words)).any():
        places = rng.integers(n_samples, size=lacking.sum())
        of_word = np.repeat(first_words, lacking) + places // 64
        bits = np.uint64(1) << (places % 64).astype(np.uint64)
        np.bitwise_or.at(words.reshape(-1), of_word, bits)
    signs = np.unpackbits(words.view(np.uint8), axis=1, count=n_samples, bitorder="little")
    signs *= 2
    signs -= 1  # 0 wraps to 255, which is −1 as int8
    return signs.view(np.int8)


def _ones(words: np.ndarray) -> np.ndarray:
    return np.bitwise_count(words).sum(axis=1, dtype=np.int64)


def steps_within(limit: int, of_a_step: int) -> int:
    """The largest power of two of steps whose numbers keep within a limit."""
    return 1 << (max(1, limit // of_a_step).bit_length() - 1)


class Signs(Protocol):
    """The splits of all steps, in blocks: int8 (steps of a block, n)."""

    block_steps: int

    def block(self, index: int) -> np.ndarray: ...


class SignStream:
    """Random splits for one n; each block, ``BLOCK`` steps or fewer, is a stream of its own."""

    def __init__(self, root_seed: int, n_samples: int):
        self._root_seed = root_seed
        self._n_samples = n_samples
        self.block_steps = min(BLOCK, steps_within(MAX_SIGNS, n_samples))
        self._held: tuple[int, np.ndarray] | None = None

    def block(self, index: int) -> np.ndarray:
        if self._held is None or self._held[0] != index:
            rng = generator(self._root_seed, role="splits", n_samples=self._n_samples, block=index)
            self._held = index, balanced_signs(rng, self.block_steps, self._n_samples)
        return self._held[1]
