"""Standard normals that each have a place: the n-th of a stream is had without those before it.

A stream is a key of two words, a start and an odd stride. Its n-th word is SplitMix64's: start +
n · stride, its bits mixed (Steele, Lea and Flood 2014). Two words make two normals (Box and Muller
1958), with a logarithm, a sine and a cosine in additions, multiplications and divisions alone: the
same bits on every processor. numpy's normals would take three to four times as long, and can be had
in their order only.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

# Columns whose numbers are made together: of 16, 32, 64 and 128, about the same.
WIDTH = 32
# A stride of few changes from bit to bit would make words that are too much alike.
FEWEST_CHANGES = 24
ALTERNATE = np.uint64(0xAAAAAAAAAAAAAAAA)
FIRST_MIX, SECOND_MIX = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
# The bits of 1.0 in float64, and those of a mantissa.
ONE, MANTISSA = np.uint64(0x3FF0000000000000), np.uint64(0x000FFFFFFFFFFFFF)
LOG_2, SQRT_2, HALF_PI = 0.6931471805599453, 1.4142135623730951, 1.5707963267948966


def key(rng: np.random.Generator) -> np.ndarray:
    """The key (2,) of a stream: uint64."""
    start, stride = rng.integers(2**64, size=2, dtype=np.uint64)
    stride |= np.uint64(1)
    if np.bitwise_count(stride ^ (stride >> np.uint64(1))) < FEWEST_CHANGES:
        stride ^= ALTERNATE
    return np.array([start, stride])


def write_products(keys: np.ndarray, roots: np.ndarray, first: int, out: np.ndarray) -> None:
    """Write Lz (step, P, column) of the steps from ``first`` on, z fresh normals (P,) of each.

    keys uint64 (2, column); roots (P(P + 1)/2, column), the lower triangles L row by row.
    """
    _compiled()(keys, roots, first, out)


def _words(keys, place, words):  # type: ignore[no-untyped-def]
    """Word number ``place`` of the streams of some columns."""
    for k in range(len(words)):
        word = keys[0, k] + keys[1, k] * place
        word = (word ^ (word >> np.uint64(30))) * FIRST_MIX
        word = (word ^ (word >> np.uint64(27))) * SECOND_MIX
        words[k] = word ^ (word >> np.uint64(31))


def _normals(of_radius, of_angle, exponents, first, second):  # type: ignore[no-untyped-def]
    """Two normals r cos a and r sin a of each two words, which are written over.

    r² = −2 log u, u uniform between 0 and 1; a is uniform between −π and π. With u = m · 2^e and m
    between √½ and √2, log u = e log 2 + 2 artanh(s), s = (m − 1)/(m + 1), by its series to 1e-16.
    Sine and cosine are those of a/4 by their series to 1e-15, the angle then doubled twice.
    """
    uniform, turn = of_radius.view(np.float64), of_angle.view(np.float64)
    for k in range(len(first)):  # 52 random bits behind the exponent of 1: from 1 to 2
        of_radius[k] = (of_radius[k] >> np.uint64(12)) | ONE
        of_angle[k] = (of_angle[k] >> np.uint64(12)) | ONE
    for k in range(len(first)):
        uniform[k] -= 1.0 - 2.0**-53  # above 0, below 1
    for k in range(len(first)):
        exponents[k] = of_radius[k] >> np.uint64(52)
        of_radius[k] = (of_radius[k] & MANTISSA) | ONE
    for k in range(len(first)):
        is_large = uniform[k] > SQRT_2
        m = 0.5 * uniform[k] if is_large else uniform[k]
        e = np.float64(exponents[k]) - (1022.0 if is_large else 1023.0)
        s = (m - 1.0) / (m + 1.0)
        q = s * s
        tail = q * (1 / 11 + q * (1 / 13 + q * (1 / 15 + q * (1 / 17 + q * (1 / 19)))))
        series = 1.0 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + tail))))
        radius = np.sqrt(-2.0 * (e * LOG_2 + 2.0 * s * series))
        a = (turn[k] - 1.5) * HALF_PI
        q = a * a
        tail = q * (1 / 40320 - q * (1 / 3628800 - q * (1 / 479001600 - q * (1 / 87178291200))))
        cosine = 1.0 - q * (1 / 2 - q * (1 / 24 - q * (1 / 720 - tail)))
        tail = q * (
            1 / 362880 - q * (1 / 39916800 - q * (1 / 6227020800 - q * (1 / 1307674368000)))
        )
        sine = a * (1.0 - q * (1 / 6 - q * (1 / 120 - q * (1 / 5040 - tail))))
        sine, cosine = 2.0 * sine * cosine, 1.0 - 2.0 * sine * sine
        sine, cosine = 2.0 * sine * cosine, 1.0 - 2.0 * sine * sine
        first[k] = radius * cosine
        second[k] = radius * sine


def _multiply(roots, normals, products):  # type: ignore[no-untyped-def]
    """Lz of some columns: normals (P or P + 1, column), products (P, column)."""
    n_products, n_columns = products.shape
    for p in range(n_products):
        first = p * (p + 1) // 2
        for k in range(n_columns):
            total = roots[first, k] * normals[0, k]
            for q in range(1, p + 1):
                total += roots[first + q, k] * normals[q, k]
            products[p, k] = total


@cache
def _compiled() -> Callable[..., Any]:
    """``write_products``, compiled. Sums and products are rounded one by one, as they stand."""
    from numba import njit  # half a second, which studies of drawn splits need not spend

    compile_: Callable[..., Any] = njit(error_model="numpy")
    words_of, normals_of, multiply = map(compile_, (_words, _normals, _multiply))
    width = WIDTH

    @compile_
    def write(keys, roots, first, out):  # type: ignore[no-untyped-def]
        n_steps, n_products, n_columns = out.shape
        n_pairs = (n_products + 1) // 2
        of_radius, of_angle = np.empty(width, np.uint64), np.empty(width, np.uint64)
        exponents = np.empty(width, np.uint64)
        normals = np.empty((2 * n_pairs, width))
        products = np.empty((n_products, width))
        held_keys = np.empty((2, width), np.uint64)
        held_roots = np.empty((len(roots), width))
        for start in range(0, n_columns, width):
            n_held = min(width, n_columns - start)
            for k in range(width):  # columns that are lacking are the last one again
                column = min(start + k, n_columns - 1)
                held_keys[:, k] = keys[:, column]
                held_roots[:, k] = roots[:, column]
            for t in range(n_steps):
                for pair in range(n_pairs):
                    place = np.uint64(2 * ((first + t) * n_pairs + pair) + 1)
                    words_of(held_keys, place, of_radius)
                    words_of(held_keys, place + np.uint64(1), of_angle)
                    normals_of(
                        of_radius, of_angle, exponents, normals[2 * pair], normals[2 * pair + 1]
                    )
                multiply(held_roots, normals, products)
                for p in range(n_products):
                    for k in range(n_held):
                        out[t, p, start + k] = products[p, k]

    return write
