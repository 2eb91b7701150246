"""Wall and CPU time together, and repeats that are interleaved.

On a machine that others use too, wall time holds their work as well: CPU time is then the one to
compare, medians of several repeats the ones to believe.
"""

import time
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import numpy as np
import torch

Key = TypeVar("Key", bound=Hashable)
# Wall and CPU seconds (2,).
Seconds = np.ndarray


def processes(n: int) -> ProcessPoolExecutor:
    """So many processes of one thread each."""
    return ProcessPoolExecutor(
        n, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    )


def now() -> Seconds:
    return np.array([time.perf_counter(), time.process_time()])


def timed(work: Callable[[], object]) -> Seconds:
    start = now()
    work()
    return now() - start


def interleaved(works: Mapping[Key, Callable[[], Seconds]], repeats: int) -> dict[Key, Seconds]:
    """What each of the works returns (repeat, 2), all of them once before any a second time.

    The first repeat is preceded by one that does not count.
    """
    found: dict[Key, list[Seconds]] = {key: [] for key in works}
    for repeat in range(repeats + 1):
        for key, work in works.items():
            seconds = work()
            if repeat:
                found[key].append(seconds)
    return {key: np.array(values) for key, values in found.items()}
