"""What splits give has the law that it is drawn from, and its numbers hang on nothing else."""

import copy
import itertools
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from benchmarks import notebook_loop, split_law
from irm_bench import config
from irm_bench.config import ConfigError
from irm_bench.engine import normals, splits
from irm_bench.engine.signs import balanced_signs
from irm_bench.engine.split_law import NormalMeans, root
from irm_bench.planning import plan, sampling
from irm_bench.plugins.sems import example_1
from irm_bench.stages import train
from irm_bench.storage import tables
from irm_bench.theory import quadratic_coefficients
from irm_bench.theory.moments import Accumulator, product_index, products
from tests.unit import pipeline
from tests.unit.problems import draw_rows

# --- normals ----------------------------------------------------------------------------------

LAST_WORD = 2**64 - 1


def word(start: int, stride: int, place: int) -> int:
    """SplitMix64 in Python's whole numbers."""
    z = (start + stride * place) & LAST_WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & LAST_WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & LAST_WORD
    return z ^ (z >> 31)


def test_the_words_are_those_of_splitmix64() -> None:
    """The first outputs of its reference code for the seed 1234567."""
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [word(1234567, 0x9E3779B97F4A7C15, place) for place in (1, 2, 3)] == known


def keys_of(n_columns: int) -> np.ndarray:
    return np.stack([normals.key(np.random.default_rng(i)) for i in range(n_columns)], axis=1)


def drawn(n_steps: int, n_products: int, n_columns: int, first: int = 0) -> np.ndarray:
    """The normals themselves (step, P, column)."""
    lower = np.eye(n_products)[np.tril_indices(n_products)]
    out = np.empty((n_steps, n_products, n_columns))
    roots = np.repeat(lower[:, None], n_columns, axis=1).astype(np.float32)
    normals.write_products(keys_of(n_columns), roots, first, out)
    return out


@pytest.mark.parametrize("n_products", [4, 5])
def test_normals_are_those_of_box_and_muller(n_products: int) -> None:
    """Beside the C library's logarithm, sine and cosine, of every word."""
    n_pairs, first = (n_products + 1) // 2, 7
    for column, (start, stride) in enumerate(keys_of(3).T.tolist()):
        expected = []
        for place in range(first * n_pairs + 1, (first + 30) * n_pairs + 1):
            high, low = divmod(word(start, stride, place), 2**32)
            signed = low - 2**32 if low >= 2**31 else low
            radius = math.sqrt(-2 * math.log((high // 2 + 0.5) / 2**31))
            angle = math.pi * signed / 2**31
            expected += [radius * math.cos(angle), radius * math.sin(angle)]
        steps = np.reshape(expected, (30, 2 * n_pairs))[:, :n_products]
        np.testing.assert_allclose(drawn(30, n_products, 3, first)[..., column], steps, atol=1e-6)


def test_the_largest_and_smallest_uniforms_make_numbers() -> None:
    """The radius of u = 2⁻³², and of u so near 1 that it is 1 in float32."""
    first, second = np.empty((2, 2), np.float32)
    radius = np.array([0, 2**31 - 1], np.int32)
    normals._normals(radius, np.zeros(2, np.int32), np.zeros(2, np.int32), first, second)
    np.testing.assert_allclose(first, [math.sqrt(-2 * math.log(2.0**-32)), 0], atol=1e-6)
    np.testing.assert_allclose(second, 0, atol=1e-6)


def test_normals_are_normal_and_independent() -> None:
    found = drawn(500, 14, 40)
    assert stats.kstest(found.ravel(), "norm").pvalue > 1e-3
    # products, steps and columns beside each other: 13² + 2 correlations of about 280,000 numbers
    flat = np.moveaxis(found, 1, 0).reshape(14, -1)
    correlations = np.corrcoef(flat) - np.eye(14)
    assert np.abs(correlations).max() < 4.5 / math.sqrt(flat.shape[1])
    for left, right in ((found[1:], found[:-1]), (found[..., 1:], found[..., :-1])):
        assert stats.pearsonr(left.ravel(), right.ravel()).pvalue > 1e-3
        assert stats.pearsonr(left.ravel() ** 2, right.ravel() ** 2).pvalue > 1e-3


def test_strides_are_odd_and_not_too_regular() -> None:
    strides = keys_of(500)[1]
    assert (strides % 2 == 1).all()
    changes = np.bitwise_count(strides ^ (strides >> np.uint64(1)))
    assert changes.min() >= normals.FEWEST_CHANGES


def test_products_are_those_of_the_triangle() -> None:
    """Of any number of products, beside numpy's."""
    rng = np.random.default_rng(0)
    for n_products in range(1, 12):
        lower = np.tril(rng.normal(size=(n_products, n_products)))
        roots = np.repeat(lower[np.tril_indices(n_products)][:, None], 3, axis=1)
        out = np.empty((20, n_products, 3))
        normals.write_products(keys_of(3), roots.astype(np.float32), 0, out)
        expected = np.einsum("pq,tqc->tpc", lower, drawn(20, n_products, 3))
        np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)


def test_a_number_hangs_on_its_place_alone() -> None:
    """Not on the steps before it, nor on the columns beside it."""
    whole = drawn(64, 5, 2 * normals.WIDTH + 3)
    assert np.array_equal(drawn(20, 5, 2 * normals.WIDTH + 3, first=44), whole[44:])
    assert np.array_equal(drawn(64, 5, 7), whole[..., :7])


# What ``drawn(50, 5, 40)`` does, in a process that loads nothing else.
ALONE = """
import sys
import numpy as np
from irm_bench.engine import normals
keys = np.stack([normals.key(np.random.default_rng(i)) for i in range(40)], axis=1)
roots = np.repeat(np.eye(5)[np.tril_indices(5)][:, None], 40, axis=1).astype(np.float32)
out = np.empty((50, 5, 40))
normals.write_products(keys, roots, 0, out)
sys.stdout.buffer.write(out.tobytes())
"""


def test_normals_have_the_same_bits_on_another_processor() -> None:
    """Compiled for one of 2008, without AVX and fused products, which runs here all the same."""
    old = {"NUMBA_CPU_NAME": "nehalem", "NUMBA_CPU_FEATURES": ""}
    command = [sys.executable, "-c", ALONE]
    root_folder = Path(__file__).parents[2]
    told = subprocess.run(
        command, cwd=root_folder, env=os.environ | old, check=True, capture_output=True
    )
    assert told.stdout == drawn(50, 5, 40).tobytes()


# --- the law of D -----------------------------------------------------------------------------


def covariance_of(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """C/n of rows, as the stages keep it."""
    accumulator = Accumulator(x.shape[1], with_covariance=True)
    accumulator.add(x, y)
    return accumulator.covariance() / len(y)


def test_all_splits_of_a_few_rows_have_the_covariance_exactly() -> None:
    x, y = draw_rows(0, 8, 1, (1.0,))[0]
    chosen = itertools.combinations(range(8), 4)
    signs = np.array([[1.0 if i in half else -1.0 for i in range(8)] for half in chosen])
    means = signs @ products(x, y).T / 8
    assert np.allclose(means.mean(axis=0), 0)
    assert np.allclose(means.T @ means / len(means), covariance_of(x, y), rtol=1e-12)


def normal_means(covariance: np.ndarray, n_steps: int) -> np.ndarray:
    """D (step, P) of one column."""
    out = torch.empty(n_steps, len(covariance), 1, dtype=torch.float64)
    NormalMeans(covariance[None], [np.random.default_rng(3)]).write(0, out)
    return out[..., 0].numpy()


def test_drawn_splits_and_the_law_agree_along_any_direction() -> None:
    """Two samples of uᵀD: of balanced splits of 400 rows, and of the law."""
    x, y = draw_rows(1, 400, 2, (1.0,))[0]
    signs = balanced_signs(np.random.default_rng(0), 4000, 400)
    of_rows = signs @ products(x, y).T / 400
    of_law = normal_means(covariance_of(x, y), 4000)
    for u in np.random.default_rng(2).normal(size=(8, 14)):
        assert stats.ks_2samp(of_rows @ u, of_law @ u).pvalue > 1e-4
        assert stats.ks_2samp(of_rows @ u, 1.4 * of_law @ u).pvalue < 1e-4


def test_the_penalty_has_the_mean_of_the_loop_over_all_splits() -> None:
    """Per-row autograd over every split of 8 rows, and the law's penalty over many draws."""
    x, y = draw_rows(5, 8, 1, (1.0,))[0]
    phi = np.array([0.7, 0.4])
    found = []
    for half in itertools.combinations(range(8), 4):
        order = np.empty(8, dtype=int)
        order[0::2], order[1::2] = half, [i for i in range(8) if i not in half]
        w = torch.ones(8, 1, dtype=torch.float64, requires_grad=True)
        losses = (torch.tensor(x[order] @ phi)[:, None] * w - torch.tensor(y[order])[:, None]) ** 2
        found.append(notebook_loop.split_half(losses, w).item())
    u = quadratic_coefficients(phi)
    of_law = 4 * ((products(x, y) @ np.ones(8) / 8 @ u) ** 2)
    of_law = of_law - 4 * (normal_means(covariance_of(x, y), 40_000) @ u) ** 2
    error = of_law.std(ddof=1) / math.sqrt(len(of_law))
    assert abs(of_law.mean() - np.mean(found)) < 4 * error
    # it can fail: the mean itself is far from that of the penalty without the splits
    assert abs(4 * (products(x, y).mean(axis=1) @ u) ** 2 - np.mean(found)) > 40 * error


@pytest.mark.parametrize("n", [4, 10, 40])
def test_roots_of_covariances_that_are_singular(n: int) -> None:
    """Of fewer rows than products, and of products that are constant or alike."""
    rng = np.random.default_rng(n)
    x = np.column_stack([rng.normal(size=n), rng.choice([-1.0, 1.0], n), np.ones(n)])
    x *= np.array([1e3, 1.0, 1.0])
    covariance = covariance_of(x, rng.normal(size=n))
    lower = root(covariance)
    scale = np.sqrt(np.diag(covariance))
    assert np.isfinite(lower).all()
    assert not np.triu(lower, 1).any()
    assert np.allclose(lower @ lower.T, covariance, rtol=1e-5, atol=1e-5 * np.outer(scale, scale))


# --- studies ----------------------------------------------------------------------------------

WAYS = split_law.WAYS


def small(**keys: Any) -> dict[str, Any]:
    raw: dict[str, Any] = copy.deepcopy(pipeline.SMALL)
    raw["defaults"] |= keys
    return raw


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("way", ["rows", "moments"])
def test_shards_and_batches_change_no_byte(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bytes_of(pipeline.run(small(**WAYS[way]), tmp_path / "whole"))
    monkeypatch.setattr(train, "LIMITS", np.array([3, 2**24, 2**26]))
    monkeypatch.setattr(splits, "MAX_SUMS", 1000)
    again = pipeline.run({**small(**WAYS[way]), "shards": 3}, tmp_path / "again")
    assert bytes_of(again) == whole


def test_no_row_is_drawn_where_moments_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A billion rows, through all stages."""

    def refused(*given: Any) -> Any:
        raise AssertionError("rows are drawn")

    for module in ("irm_bench.stages.train", "irm_bench.diagnosis.estimators"):
        monkeypatch.setattr(f"{module}.rows", refused)
    monkeypatch.setattr(sampling, "summarise", refused)
    raw = small(**WAYS["moments"], n_samples=10**9)
    raw["studies"].pop()  # some of the other's diverge
    folder = pipeline.run(raw, tmp_path)
    contracts = tables.contracts(config.parse(raw))
    models = tables.read(folder / "models.csv", contracts["models"])
    phi = models[models["method"] == "irm"].filter(like="phi_").to_numpy()
    assert np.isfinite(phi).all()
    draws = tables.read(folder / "penalty_draws.csv", contracts["penalty_draws"])
    assert set(draws["estimator"]) == {"plug_in", "u_statistic"}


def test_studies_share_what_splits_do_not_touch() -> None:
    raw = small()
    raw["studies"] = [
        {
            "name": way,
            **keys,
            "methods": [{"name": "erm"}, {"name": "irm", "penalty": "split_half"}],
        }
        for way, keys in WAYS.items()
        if way != "moments"
    ]
    cells = plan.cells(config.parse(raw))
    assert sorted((cell.key.method, cell.splits) for cell in cells) == [
        ("erm", ""),
        ("irm", "drawn"),
        ("irm", "gaussian"),
    ]


def test_models_have_the_law_of_those_on_drawn_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what splits add to the weights, on the same rows; and the same tests refuse another law.

    ``benchmarks/split_law.py`` shows it for more rows, seeds and updates, and where it ends.
    """
    found = list(split_law.rows_of(split_law.phis(400, 1500, 250)))
    told = [row for row in found if row["splits"] == "rows"]
    assert len(told) == 4
    for row in told:
        assert row["n_seeds"] == 250
        assert min(row["p_mean"], row["p_sd"], row["p_ks"]) > 1e-4, row
    monkeypatch.setattr(
        "irm_bench.engine.split_law.root", lambda covariance: 1.5 * root(covariance)
    )
    wrong = list(split_law.rows_of(split_law.phis(400, 1500, 250)))
    by_splits = [row for row in wrong if row["splits"] == "rows" and "by splits" in row["quantity"]]
    assert max(min(row["p_mean"], row["p_sd"]) for row in by_splits) < 1e-6


# --- what is refused --------------------------------------------------------------------------


def refusal(**keys: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        config.parse({**small(), "studies": [{"name": "one", "splits": "gaussian", **keys}]})
    message = str(caught.value)
    assert "\n" not in message
    return message


SPLIT = [{"name": "irm", "penalty": "split_half"}]


def test_a_loss_that_moments_do_not_settle_is_refused() -> None:
    message = refusal(methods=[{"name": "erm"}], loss="logistic")
    for word_ in ("studies[0].splits", "'gaussian'", "'logistic'", "'drawn'"):
        assert word_ in message


def test_an_unknown_way_is_refused() -> None:
    message = refusal(methods=SPLIT, splits="normal")
    for word_ in ("splits", "'normal'", "gaussian"):
        assert word_ in message


def test_a_data_model_without_fourth_moments_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With moments that are drawn; rows bring their own."""
    monkeypatch.setattr("irm_bench.plugins.model.Model.product_covariance", lambda *given: None)
    message = refusal(methods=SPLIT, sampling="moments")
    for word_ in ("studies[0].splits", "split_half", "example_1", "product_covariance", "'rows'"):
        assert word_ in message
    raw = small(splits="gaussian")
    config.parse(raw)


def test_exact_moments_have_no_splits() -> None:
    assert "'population'; split_half" in refusal(methods=SPLIT, sampling="population")


def test_halves_are_of_equal_size_and_rows_need_no_memory() -> None:
    assert "even number" in refusal(methods=SPLIT, n_samples=101)
    config.parse(small(splits="gaussian", n_samples=10**8))


def test_the_covariance_is_that_of_the_population() -> None:
    """Of the data model's own formula, by its rows."""
    parsed = config.parse(small(**WAYS["moments"]))
    dataset = next(d for d, use in plan.datasets(parsed).items() if use.wanted)
    x, y = example_1.sample(
        np.random.default_rng(0), 400_000, dataset.environment.mapping, dataset.model.option
    )
    found = sampling.population_covariance(dataset)
    assert len(found) == len(product_index(4)[0])
    assert np.allclose(covariance_of(x, y) * len(y), found, rtol=0.05, atol=0.02 * found.max())
