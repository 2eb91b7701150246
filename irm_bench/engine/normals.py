"""Standard normals that each have a place: the n-th of a stream is had without those before it.

A stream is a key of two words, a start and an odd stride. Its n-th word is SplitMix64's: start +
n · stride, its bits mixed (Steele, Lea and Flood 2014). Its two halves make two normals (Box and
Muller 1958) in float32, with a logarithm, a sine and a cosine in additions, multiplications and
divisions alone: the same bits on every processor. They are off by no more than 1e-6, and none lies
beyond 6.7, where one of 4·10¹⁰ would. numpy's normals would take ten times as long, and can be had
in their order only.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from irm_bench.machine_code import compiled, kept

# Columns whose numbers are made together: of 32, 64 and 128, about the same.
WIDTH = 64
# A stride of few changes from bit to bit would make words that are too much alike.
FEWEST_CHANGES = 24
ALTERNATE = np.uint64(0xAAAAAAAAAAAAAAAA)
FIRST_MIX, SECOND_MIX = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
# The bits of √½ and what is added to those of a float so that its exponent changes at √½, not 1.
SQRT_HALF_BITS = np.int32(0x3F3504F3)
TO_SQRT_HALF = np.int32(0x3F800000 - 0x3F3504F3)
MANTISSA = np.int32(0x007FFFFF)
# A number with a point is of float64 to the compiler, and so would be all that it enters.
ONE, TWO, MINUS_TWO = np.float32(1), np.float32(2), np.float32(-2)
LOG_2 = np.float32(0.6931471805599453)
PER_UNIT, HALF_A_UNIT = np.float32(2.0**-31), np.float32(2.0**-32)
QUARTER_TURN = np.float32(0.7853981633974483 * 2.0**-31)  # π/4 for each unit
LOGARITHM = tuple(np.float32(1 / k) for k in (3, 5, 7, 9))
COSINE = tuple(np.float32(c) for c in (-1 / 2, 1 / 24, -1 / 720, 1 / 40320))
SINE = tuple(np.float32(c) for c in (-1 / 6, 1 / 120, -1 / 5040, 1 / 362880))


def key(rng: np.random.Generator) -> np.ndarray:
    """The key (2,) of a stream: uint64."""
    start, stride = rng.integers(2**64, size=2, dtype=np.uint64)
    stride |= np.uint64(1)
    if np.bitwise_count(stride ^ (stride >> np.uint64(1))) < FEWEST_CHANGES:
        stride ^= ALTERNATE
    return np.array([start, stride])


def write_products(keys: np.ndarray, roots: np.ndarray, first: int, out: np.ndarray) -> None:
    """Write Lz (step, P, column) of the steps from ``first`` on, z fresh normals (P,) of each.

    keys uint64 (2, column); roots float32 (P(P + 1)/2, column), the lower triangles L row by row.
    """
    _write()(keys, roots, first, *memory(out.shape[1], WIDTH), out)


def _next_words(keys, places, of_radius, of_angle):  # type: ignore[no-untyped-def]
    """The next word of the streams of some columns: 31 of its high bits, 32 low ones.

    ``places`` (column,) are start + n · stride of the word before it.
    """
    for k in range(len(of_radius)):
        places[k] += keys[1, k]
        word = places[k]
        word = (word ^ (word >> np.uint64(30))) * FIRST_MIX
        word = (word ^ (word >> np.uint64(27))) * SECOND_MIX
        word = word ^ (word >> np.uint64(31))
        of_radius[k] = np.int32(word >> np.uint64(33))
        of_angle[k] = np.int32(np.uint32(word))


def _normals(of_radius, of_angle, exponents, first, second):  # type: ignore[no-untyped-def]
    """Two normals r cos a and r sin a of each two halves of a word, the first written over.

    r² = −2 log u, u uniform between 0 and 1; a is uniform between −π and π. With u = m · 2^e and m
    between √½ and √2, log u = e log 2 + 2 artanh(s), s = (m − 1)/(m + 1), by its series. Sine and
    cosine are those of a/4 by their series, the angle then doubled twice.
    """
    c2, c4, c6, c8 = COSINE
    s3, s5, s7, s9 = SINE
    l3, l5, l7, l9 = LOGARITHM
    uniform, bits = first, first.view(np.int32)
    for k in range(len(first)):
        uniform[k] = np.float32(of_radius[k]) * PER_UNIT + HALF_A_UNIT
    for k in range(len(first)):
        of_radius[k] = bits[k] + TO_SQRT_HALF
    for k in range(len(first)):
        exponents[k] = (of_radius[k] >> 23) - 127
        bits[k] = (of_radius[k] & MANTISSA) + SQRT_HALF_BITS
    for k in range(len(first)):
        m = uniform[k]
        s = (m - ONE) / (m + ONE)
        q = s * s
        series = ONE + q * (l3 + q * (l5 + q * (l7 + q * l9)))
        logarithm = np.float32(exponents[k]) * LOG_2 + TWO * s * series
        radius = np.sqrt(MINUS_TWO * logarithm)
        a = np.float32(of_angle[k]) * QUARTER_TURN
        q = a * a
        cosine = ONE + q * (c2 + q * (c4 + q * (c6 + q * c8)))
        sine = a * (ONE + q * (s3 + q * (s5 + q * (s7 + q * s9))))
        sine, cosine = TWO * sine * cosine, ONE - TWO * sine * sine
        sine, cosine = TWO * sine * cosine, ONE - TWO * sine * sine
        first[k] = radius * cosine
        second[k] = radius * sine


def _multiply(roots, normals, rows, out):  # type: ignore[no-untyped-def]
    """Lz of some columns: normals (P or P + 1, column), that of product p to row rows[p] of out.

    Four products of a sum at once: it goes to the memory and back that much more rarely.
    """
    n_columns = out.shape[1]
    for p in range(len(rows)):
        first, row = p * (p + 1) // 2, rows[p]
        n_alone = p % 4 + 1
        for k in range(n_columns):
            out[row, k] = roots[first, k] * normals[0, k]
        for q in range(1, n_alone):
            for k in range(n_columns):
                out[row, k] += roots[first + q, k] * normals[q, k]
        for q in range(n_alone, p + 1, 4):
            at = first + q
            for k in range(n_columns):
                total = out[row, k]
                total += roots[at, k] * normals[q, k]
                total += roots[at + 1, k] * normals[q + 1, k]
                total += roots[at + 2, k] * normals[q + 2, k]
                total += roots[at + 3, k] * normals[q + 3, k]
                out[row, k] = total


def memory(n_products: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What ``draw`` works in: places (column,), halves of words and exponents (3, column), and
    normals (P or P + 1, column).
    """
    n_normals = n_products + n_products % 2
    return (
        np.empty(width, np.uint64),
        np.empty((3, width), np.int32),
        np.empty((n_normals, width), np.float32),
    )


@cache
def draw() -> Callable[..., None]:
    """Of a step and some columns: (keys, roots, step, rows, *memory, out), Lz (P, column) to out.

    Compiled, to be called from what is compiled. Product p goes to row ``rows[p]`` of out.
    Sums and products are rounded one by one, as they stand.
    """
    next_words, normals_of = compiled(_next_words), compiled(_normals)
    multiply = compiled(_multiply)

    def draw_products(keys, roots, step, rows, places, halves, normals, out):  # type: ignore[no-untyped-def]
        of_radius, of_angle, exponents = halves[0], halves[1], halves[2]
        n_pairs = len(normals) // 2
        for k in range(len(places)):
            places[k] = keys[0, k] + keys[1, k] * np.uint64(step * n_pairs)
        for pair in range(n_pairs):
            next_words(keys, places, of_radius, of_angle)
            normals_of(of_radius, of_angle, exponents, normals[2 * pair], normals[2 * pair + 1])
        multiply(roots, normals, rows, out)

    return compiled(draw_products)


@cache
def _write() -> Callable[..., Any]:
    """``write_products``, compiled."""
    draw_products = draw()

    @kept
    def write(keys, roots, first, places, halves, normals, out):  # type: ignore[no-untyped-def]
        n_steps, n_products, n_columns = out.shape
        width, rows = len(places), np.arange(n_products)
        products = np.empty((n_products, width), np.float32)
        held_keys = np.empty((2, width), np.uint64)
        held_roots = np.empty((len(roots), width), np.float32)
        for start in range(0, n_columns, width):
            for k in range(width):  # columns that are lacking are the last one again
                column = min(start + k, n_columns - 1)
                # of whole rows numba would compile the text of an error too
                for i in range(len(keys)):
                    held_keys[i, k] = keys[i, column]
                for i in range(len(roots)):
                    held_roots[i, k] = roots[i, column]
            for t in range(n_steps):
                draw_products(
                    held_keys, held_roots, first + t, rows, places, halves, normals, products
                )
                for p in range(n_products):
                    for k in range(min(width, n_columns - start)):
                        out[t, p, start + k] = products[p, k]

    return write
