"""Linear algebra in fixed order against numpy's, and that nothing else is on the way to a table."""

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import irm_bench
from irm_bench.statistics import elementary
from irm_bench.theory import small

PACKAGE = Path(irm_bench.__file__).parent
# Pictures and pages are not compared to the bit, and ``check`` makes problems up.
NOT_ON_THE_WAY = (
    "presentation",
    "exhibits.py",
    "truths.py",
    "report",
    "publishing",
    "running",
    "check.py",
    "figures",
)
# Not yet in fixed order: what these compute differs in its last digits between processors.
NOT_YET = (
    "books/field",
    "books/unit_tests/limits.py",
    "engine/limits.py",
    "plugins/methods/anchor_regression.py",
    "plugins/methods/causal_dantzig.py",
    "plugins/methods/drig.py",
    "plugins/methods/group_dro.py",
    "plugins/methods/mm_rex.py",
    "plugins/methods/sand_mask.py",
    "stages/locate.py",
    "theory/mixtures.py",
)
# Libraries choose the kernels behind these by the processor.
BY_PROCESSOR = {
    *("dot", "matmul", "vecdot", "vdot", "inner", "tensordot", "mm", "bmm", "polyfit", "linalg"),
    *("exp", "log", "log1p", "expm1", "power", "float_power", "pow", "tanh", "sin", "cos"),
    *("geomspace", "logspace"),
}
ALLOWED = {
    # losses through rows, where no compiled loop sums them up, differ in the last digits
    "engine/row_losses.py": {"mm", "@"},
    "plugins/losses/logistic.py": {"sigmoid"},
    # whole numbers, exact in any order
    "engine/splits.py": {"matmul"},
    "statistics/bootstrap.py": {"@"},
    # of Python's numbers, one at a time: by the C library
    "books/unit_tests/shipped.py": {"**"},
    "config/hyperparameters.py": {"**"},
    "judging/margins.py": {"**"},
    "planning/starts.py": {"**"},
    "plugins/sems/_linear.py": {"**"},
    "plugins/sems/unit_regression.py": {"**"},
    "statistics/elementary.py": {"**"},
    # rounded to whole numbers
    "stages/train.py": {"geomspace"},
    # a rank, and the largest of some distances: far from a rounding error
    "plugins/model.py": {"linalg"},
    "books/notebook/claims/more_environments.py": {"linalg"},
    "books/notebook/claims/penalty_alone.py": {"linalg"},
}


def matrices(d: int) -> np.ndarray:
    """Positive definite ones (7, d, d), not well scaled."""
    rng = np.random.default_rng(d)
    rows = rng.normal(size=(7, 3 * d, d)) * 10.0 ** rng.uniform(-2, 2, size=(7, 1, d))
    return np.einsum("bni,bnj->bij", rows, rows)


@pytest.mark.parametrize("d", [1, 2, 4, 11])
def test_solves_and_factors_as_numpy_does(d: int) -> None:
    gram = matrices(d)
    right = np.random.default_rng(0).normal(size=(7, d))
    expected = np.linalg.solve(gram, right[..., None])[..., 0]
    scale = np.linalg.cond(gram).max() * 1e-15
    np.testing.assert_allclose(small.solve(gram, right), expected, rtol=100 * scale)
    lower = small.cholesky(gram)
    np.testing.assert_allclose(lower, np.linalg.cholesky(gram), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(small.multiply(lower, np.swapaxes(lower, -1, -2)), gram, rtol=1e-12)


def test_needs_pivots() -> None:
    matrix = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 0.0], [3.0, 0.0, 1.0]])
    solution = np.array([1.0, -2.0, 3.0])
    np.testing.assert_allclose(small.solve(matrix, small.apply(matrix, solution)), solution)


def test_a_singular_matrix_has_no_finite_solution() -> None:
    both = np.array([[[1.0, 1.0], [1.0, 1.0]], [[2.0, 0.0], [0.0, 1.0]]])
    solved = small.solve(both, np.ones((2, 2)))
    assert not np.isfinite(solved[0]).any()
    assert solved[1].tolist() == [0.5, 1.0]


@pytest.mark.parametrize("d", [1, 2, 4, 11])
def test_eigenvalues_and_vectors(d: int) -> None:
    gram = matrices(d)
    values, vectors = small.eigen(gram)
    largest = values.max(axis=-1, keepdims=True)
    expected = np.linalg.eigvalsh(gram)
    assert (np.abs(np.sort(values) - expected) <= 1e-13 * largest).all()
    identity = small.multiply(np.swapaxes(vectors, -1, -2), vectors)
    np.testing.assert_allclose(identity, np.broadcast_to(np.eye(d), gram.shape), atol=1e-13)
    image = small.multiply(gram, vectors) - vectors * values[:, None, :]
    assert (np.abs(image).max(axis=(1, 2)) <= 1e-12 * largest[:, 0]).all()


def test_a_matrix_does_not_know_its_batch() -> None:
    gram = matrices(5)
    right = np.random.default_rng(1).normal(size=(7, 5))
    for alone, together in (
        (small.solve(gram[3], right[3]), small.solve(gram, right)[3]),
        (small.eigen(gram[3])[0], small.eigen(gram)[0][3]),
        (small.eigen(gram[3])[1], small.eigen(gram)[1][3]),
        (small.cholesky(gram[3]), small.cholesky(gram)[3]),
    ):
        np.testing.assert_array_equal(alone, together)


def test_forms_and_products() -> None:
    gram, vector = matrices(4), np.arange(4.0)
    expected = np.einsum("i,bij,j->b", vector, gram, vector)
    np.testing.assert_allclose(small.form(vector, gram), expected)
    np.testing.assert_allclose(small.apply(gram, vector), gram @ vector)


def test_orthogonal_is_the_q_of_positive_diagonal() -> None:
    matrix = np.random.default_rng(2).normal(size=(10, 10))
    q, r = np.linalg.qr(matrix)
    np.testing.assert_allclose(small.orthogonal(matrix), q * np.sign(np.diag(r)), atol=1e-13)


def test_elementary_functions_at_their_limits() -> None:
    np.testing.assert_array_equal(elementary.log([1.0, 0.0, -1.0]), [0.0, -np.inf, np.nan])
    np.testing.assert_array_equal(elementary.exp([0.0, 1000.0, -1000.0]), [1.0, np.inf, 0.0])


def test_nothing_on_the_way_to_a_table_rounds_by_the_processor() -> None:
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        is_left_out = place.as_posix().startswith(NOT_YET)
        if not is_left_out and not set(NOT_ON_THE_WAY) & set(place.parts):
            used = set(_by_processor(ast.parse(path.read_text(encoding="utf-8"))))
            wrong += [f"{place}: {name}" for name in used - ALLOWED.get(place.as_posix(), set())]
    assert not wrong


def _by_processor(tree: ast.AST) -> Iterator[str]:
    """What a file uses of numpy, torch or a tensor that rounds by the processor."""
    own = {"small", "elementary", "math"}
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            yield "@"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and not _is_exact(node):
            yield "**"
        elif isinstance(node, ast.Attribute) and node.attr in BY_PROCESSOR:
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if owner not in own:
                yield node.attr


def _is_exact(power: ast.BinOp) -> bool:
    """A square, which is a product, or a power of a whole number."""
    of_whole = isinstance(power.left, ast.Constant) and isinstance(power.left.value, int)
    of_two = isinstance(power.left, ast.Constant) and power.left.value == 2.0
    is_square = isinstance(power.right, ast.Constant) and power.right.value == 2
    return of_whole or of_two or is_square
