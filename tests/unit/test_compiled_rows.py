"""Sums over rows in the compiled loop are those of torch, and of float64."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from torch import Tensor

from irm_bench.engine import compiled, row_losses, training
from irm_bench.engine.compiled_rows import BLOCK, BLOCKS_OF_SUM, FEATURES, RUNS
from irm_bench.engine.problem import no_draws
from irm_bench.engine.row_losses import Numbers, Part, RowBatch
from irm_bench.plugins.losses import logistic
from irm_bench.plugins.methods import erm, iga, irm
from irm_bench.plugins.optimisers import adam
from irm_bench.plugins.penalties import plug_in
from irm_bench.plugins.registry import find_book
from tests.unit.problems import draw_rows, problem_of

D = FEATURES + 2  # a group of features, and one that has to be filled up
NUMBERS = {
    "gradient": row_losses.GRADIENT,
    "with bend": row_losses.WITH_BEND,
    "with curvature": row_losses.WITH_CURVATURE,
    "along": row_losses.ALONG,
}
LOSSES = [find_book("notebook").plugin("losses", n) for n in find_book("notebook").names("losses")]
COMPILED = [loss.load() for loss in LOSSES if "kernel" in loss.get("FUNCTIONS", ())]


@pytest.fixture(autouse=True)
def _in_one_thread(one_thread: None) -> None:
    """Of every test here."""


def batch_of(
    n_rows: list[int], n_runs: list[int], seed: int = 0, has_ones: bool = False
) -> RowBatch:
    """Datasets of so many rows with labels 0 and 1; the pairs of each stand apart."""
    rng = np.random.default_rng(seed)
    places = rng.permutation(sum(n_runs))
    parts, first = [], 0
    for n, runs in zip(n_rows, n_runs, strict=True):
        x, y = rng.normal(size=(n, D)), rng.integers(2, size=n).astype(float)
        if has_ones:
            x[:, -1] = 1
        mine = torch.tensor(np.sort(places[first : first + runs]))
        parts.append(Part(row_losses.Rows(torch.tensor(x), torch.tensor(y)), mine))
        first += runs
    return RowBatch(tuple(parts), logistic)


def some(n_pairs: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(D, n_pairs, generator=generator, dtype=torch.float64)


def in_float64(batch: RowBatch, numbers: Numbers, phi: Tensor, along: Tensor) -> Tensor:
    """The same sums by the definition."""
    found = torch.empty(numbers.count, *phi.shape, dtype=torch.float64)
    for part in batch.parts:
        x, y = part.rows.x.double(), part.rows.y.double()[:, None]
        prediction, direction = x @ phi[:, part.pairs], x @ along[:, part.pairs]
        share = torch.sigmoid(prediction)
        derived = numbers.derive(share - y, share * (1 - share), prediction, direction)
        for m, values in enumerate(derived):
            found[m, :, part.pairs] = x.T @ values / len(x)
    return found


@pytest.mark.parametrize("name", NUMBERS)
@settings(max_examples=15, deadline=None)
@given(
    sizes=st.lists(
        st.tuples(st.integers(1, (BLOCKS_OF_SUM + 2) * BLOCK), st.integers(1, 2 * RUNS + 1)),
        min_size=1,
        max_size=4,
    ),
    seed=st.integers(0, 10**6),
    has_ones=st.booleans(),
)
def test_sums_are_those_of_the_definition_and_of_torch(
    name: str, sizes: list[tuple[int, int]], seed: int, has_ones: bool
) -> None:
    """Any number of datasets, rows and runs, with an intercept and without."""
    n_rows, n_runs = zip(*sizes, strict=True)
    batch = batch_of(list(n_rows), list(n_runs), seed, has_ones)
    phi, along = some(sum(n_runs), seed), some(sum(n_runs), seed + 1)
    numbers = NUMBERS[name]
    phis = [phi, along] if name == "along" else [phi]
    found = batch.compiled().sums(numbers, *phis)
    expected = in_float64(batch, numbers, phi, along)
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-6)
    by_torch = batch.sums(numbers, *phis).double()
    torch.testing.assert_close(found, by_torch, rtol=4e-5, atol=4e-6)


def test_a_pairs_bits_do_not_depend_on_its_neighbours() -> None:
    batch = batch_of([BLOCK + 3, 50], [RUNS + 5, 3]).compiled()
    n_pairs = RUNS + 8
    phi = some(n_pairs, 0)
    together = batch.sums(row_losses.WITH_BEND, phi)
    for pair in range(n_pairs):
        alone = batch.select(torch.tensor([pair])).sums(row_losses.WITH_BEND, phi[:, [pair]])
        assert torch.equal(alone[..., 0], together[..., pair])


def test_an_intercept_is_not_held_and_changes_no_bit() -> None:
    """Beside the same rows, where it is held since another dataset has none."""
    n_rows, n_runs = [3 * BLOCK + 5, 7], [RUNS + 1, 2]
    with_ones = batch_of(n_rows, n_runs, has_ones=True).compiled()
    first, second = with_ones.parts
    other = second.rows.x.double()
    other[:, -1] = 2
    changed = Part(row_losses.Rows(other, second.rows.y.double()), second.pairs)
    without = replace(with_ones, parts=(first, changed))
    phi = some(sum(n_runs), 0)
    found, held = (batch.sums(row_losses.WITH_BEND, phi) for batch in (with_ones, without))
    assert torch.equal(found[..., first.pairs], held[..., first.pairs])
    assert not torch.equal(found[..., second.pairs], held[..., second.pairs])
    assert [batch._packed.has_ones for batch in (with_ones, without)] == [True, False]


def test_rows_on_another_device_or_of_another_loss_are_left_to_torch() -> None:
    batch = batch_of([8], [2])
    assert batch.compiled().is_compiled
    assert not replace(batch, loss=row_losses).compiled().is_compiled  # it has no kernel
    far = [row_losses.Rows(p.rows.x.to("meta"), p.rows.y) for p in batch.parts]
    parts = tuple(Part(rows, p.pairs) for rows, p in zip(far, batch.parts, strict=True))
    assert not replace(batch, parts=parts).compiled().is_compiled


@pytest.mark.parametrize("loss", COMPILED, ids=lambda loss: loss.__name__)
def test_a_losss_kernel_gives_its_derivatives(loss: object) -> None:
    """From predictions next to nothing to ones that a float can hardly tell from certain.

    As exactly as the derivatives of a prediction that was rounded once.
    """
    of_row = njit(error_model="numpy")(loss.kernel())  # type: ignore[attr-defined]
    targets = loss.TARGETS  # type: ignore[attr-defined]
    for prediction in [0.0, 1e-30, *np.geomspace(1e-6, 60, 200)]:
        for signed in (prediction, -prediction):
            for target in targets:
                found = of_row(np.float32(signed), np.float32(target))
                exact = torch.tensor([np.float32(signed)]).double(), torch.tensor([float(target)])
                expected = [float(v) for v in loss.derivatives(*exact)]  # type: ignore[attr-defined]
                rounding = 4e-7 + 6e-8 * prediction
                assert found == pytest.approx(expected, rel=rounding, abs=1e-16)


def test_the_polynomial_of_the_logistic_loss_interpolates() -> None:
    at_roots = np.polynomial.Chebyshev.interpolate(np.exp2, 5, [-0.5, 0.5])
    coefficients = at_roots.convert(kind=np.polynomial.Polynomial).coef
    assert np.array_equal(np.float32(logistic.POWER_OF_2), np.float32(coefficients[1:]))
    assert coefficients[0] == pytest.approx(1, abs=2.0**-23)


@pytest.mark.parametrize("loss", COMPILED, ids=lambda loss: loss.__name__)
def test_a_prediction_that_is_no_number_has_no_derivatives(loss: object) -> None:
    of_row = njit(error_model="numpy")(loss.kernel())  # type: ignore[attr-defined]
    assert np.isnan(of_row(np.float32(np.nan), np.float32(1))).all()
    for certain in (np.inf, -np.inf, 1e30, -1e30):
        assert np.isfinite(of_row(np.float32(certain), np.float32(1))).all()


@pytest.mark.parametrize("method", [erm, irm, iga], ids=lambda method: method.__name__)
def test_training_takes_either_way_to_the_same_end(
    method: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = [draw_rows(i, 60, 2, (0.2, 1.0)) for i in range(3)]
    runs = [[(x, (y > 0).astype(float)) for x, y in run] for run in drawn]
    params = {**adam.PARAMS, "gradient_weight": 20.0}
    problem = problem_of(runs, 1e-2, loss=logistic, error_weight=0.1, **params)
    found = []
    for fewest in (0, 10**9):
        monkeypatch.setattr(compiled, "FEWEST_UPDATES", fewest)
        path = training.train(method, plug_in, adam, problem, 200, [], no_draws)  # type: ignore[arg-type]
        found.append(path.phi[-1])
    assert not torch.equal(*found)  # they are two ways
    assert (found[0] - problem.start).abs().max() > 0.1
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-4)
