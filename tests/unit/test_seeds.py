"""Streams are keyed by names, and by nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irm_bench.statistics.streams import generator


def first(root: int = 0, **axes: object) -> list[int]:
    return generator(root, **axes).integers(2**62, size=4).tolist()


@given(root=st.integers(0, 2**64), seed=st.integers(0, 2**64))
def test_equal_names_give_equal_streams_in_any_order(root: int, seed: int) -> None:
    assert first(root, seed=seed, role="a") == first(root, role="a", seed=seed)


def test_any_other_name_gives_another_stream() -> None:
    streams = [
        first(seed=1),
        first(seed=2),
        first(seed=1.0),
        first(seed="1"),
        first(sead=1),
        first(1, seed=1),
        first(seed=1, sigma=0.1),
    ]
    assert len({tuple(s) for s in streams}) == len(streams)


def test_numpys_numbers_are_pythons() -> None:
    assert first(seed=np.int64(1), sigma=np.float64(0.1)) == first(seed=1, sigma=0.1)
    assert first(seed=np.float64(1)) != first(seed=np.int64(1))


def test_streams_are_uncorrelated() -> None:
    draws = np.stack([generator(0, seed=s).standard_normal(4000) for s in range(30)])
    off = np.corrcoef(draws)[np.triu_indices(30, 1)]
    assert np.abs(off).max() < 5 / np.sqrt(4000)


def test_a_stream_needs_a_name() -> None:
    with pytest.raises(ValueError, match="named axis"):
        generator(0)
