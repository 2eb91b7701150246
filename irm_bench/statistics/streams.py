"""Named axes → independent random generators.

Every stream is keyed by the names of what it draws (role, model, environment, seed …), never by
its position in a loop, so that adding a seed, an environment or a method changes no other number.
"""

import hashlib

import numpy as np


def generator(root_seed: int, **axes: object) -> np.random.Generator:
    """Return the generator of the stream named by ``axes`` under ``root_seed``.

    Equal names give the same stream whatever the order of the axes; any other name gives an
    independent one. Values are told apart by their ``repr``, so ``1`` and ``1.0`` differ; numpy's
    numbers are those of Python that they hold.

    Raises:
        ValueError: if no axis is named.
    """
    if not axes:
        raise ValueError("a random stream needs at least one named axis")
    key = "|".join(f"{name}={_plain(value)!r}" for name, value in sorted(axes.items()))
    digest = hashlib.sha256(key.encode()).digest()
    words = [int(word) for word in np.frombuffer(digest, dtype="<u4")]
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([root_seed, *words])))


def _plain(value: object) -> object:
    """A number of numpy's as Python's: its ``repr`` would name another stream."""
    return value.item() if isinstance(value, np.generic) else value
