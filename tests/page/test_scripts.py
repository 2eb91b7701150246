"""The page's scripts compute what the package computes."""

import json
from typing import Any

import numpy as np
import pytest

from irm_bench import theory
from irm_bench.config import Environment
from irm_bench.planning import plan
from irm_bench.plugins.model import Model, model_of
from irm_bench.plugins.registry import find_book
from irm_bench.presentation import numbers
from irm_bench.theory.moments import risk
from tests.page.conftest import node
from tests.unit.report_case import ROOT

SCRIPTS = ROOT / "report/scripts"
OF_THE_BOOK = ROOT / "irm_bench/books/notebook/scripts"
EXAMPLE_1 = find_book("notebook").plugin("sems", "example_1")
RATE, STEPS = 1e-3, 400


def run(script: str, body: str, cases: Any) -> Any:
    """The values of a JavaScript expression of ``c``, one for each case."""
    folder = OF_THE_BOOK if script == "theory" else SCRIPTS
    program = (
        f"const {{{script}}} = require({json.dumps(str(folder / f'{script}.js'))});"
        "const cases = JSON.parse(require('fs').readFileSync(0));"
        f"console.log(JSON.stringify(cases.map((c) => ({body}))));"
    )
    return node("-e", program, text=json.dumps(cases))


def settings(n: int) -> list[dict[str, Any]]:
    """Random settings of the calculator, and the notebook's own."""
    rng = np.random.default_rng(5)
    found = [
        {
            "train": np.exp(rng.uniform(np.log(0.02), np.log(3), rng.integers(2, 6))).tolist(),
            "weight": float(10 ** rng.uniform(-7, 0)),
            "dim": int(rng.integers(1, 6)),
            "sigma": float(np.exp(rng.uniform(np.log(0.01), np.log(3)))),
        }
        for _ in range(n)
    ]
    return [{"train": [0.1, 1.0], "weight": 1e-5, "dim": 2, "sigma": 0.1}, *found]


def model(dim: int) -> Model:
    return model_of(EXAMPLE_1, {"dim": dim}, False, {"sigma": 1.0, "gamma": 1.0, "tau": 1.0})


def environments(sigmas: list[float]) -> list[Environment]:
    return [Environment((("sigma", s), ("gamma", 1.0), ("tau", 1.0))) for s in sigmas]


@pytest.fixture(scope="module")
def pairs() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    cases = settings(40)
    body = (
        "{erm: theory.erm(c.train), irm: theory.irm(c.train, c.weight, c.dim), "
        f"descent: theory.descent(c.train, c.weight, c.dim, {RATE}, {STEPS}), "
        "crossing: theory.crossing(c.train), "
        "risks: [theory.oracle, theory.erm(c.train), theory.irm(c.train, c.weight, c.dim)]"
        ".map((phi) => theory.risk(phi, c.sigma, c.dim))}"
    )
    return list(zip(cases, run("theory", body, cases), strict=True))


def test_minimisers_are_those_of_the_package(pairs: Any) -> None:
    for setting, found in pairs:
        moments = plan.population(model(setting["dim"]), environments(setting["train"]))
        exact = theory.pooled_least_squares(moments)[[0, -1]]
        np.testing.assert_allclose(found["erm"], exact, rtol=1e-12)
        exact = theory.flow_minimum(moments, setting["weight"]).phi[[0, -1]]
        np.testing.assert_allclose(found["irm"], exact, rtol=1e-6, atol=1e-9)


def test_descent_is_that_of_the_package(pairs: Any) -> None:
    for setting, found in pairs:
        moments = plan.population(model(setting["dim"]), environments(setting["train"]))
        exact = theory.descent_path(moments, setting["weight"], RATE, [STEPS])[0, [0, -1]]
        if np.isfinite(exact).all():
            np.testing.assert_allclose(found["descent"], exact, rtol=1e-9)
        else:
            assert found["descent"] is None


def test_paths_from_anywhere_are_those_of_the_package() -> None:
    rng = np.random.default_rng(11)
    cases: list[dict[str, Any]] = []
    for weight in (None, 0.0, 1e-5, 0.1):
        dim = int(rng.integers(1, 4))
        train = rng.uniform(0.1, 1, 2).tolist()
        start = rng.uniform(-0.5, 1.5, 2 * dim).tolist()
        cases.append({"start": start, "train": train, "weight": weight})
    record = [0, 1, 10, STEPS]
    body = f"theory.path(c.start, c.train, c.weight, {RATE}, {record})"
    for setting, found in zip(cases, run("theory", body, cases), strict=True):
        dim = len(setting["start"]) // 2
        moments = plan.population(model(dim), environments(setting["train"]))
        weight = setting["weight"]
        exact = theory.descent_path(
            moments,
            1.0 if weight is None else weight,
            RATE,
            record,
            np.array(setting["start"]),
            with_penalty=weight is not None,
        )
        means = np.stack([exact[:, :dim].mean(1), exact[:, dim:].mean(1)], axis=1)
        np.testing.assert_allclose([[p["x"], p["y"]] for p in found], means, rtol=1e-9)


def test_risks_are_those_of_the_package(pairs: Any) -> None:
    for setting, found in pairs:
        dim, test = setting["dim"], environments([setting["sigma"]])
        moments = plan.population(model(dim), environments(setting["train"]))
        models = (
            np.repeat([1.0, 0.0], dim),
            theory.pooled_least_squares(moments),
            theory.flow_minimum(moments, setting["weight"]).phi,
        )
        where = plan.population(model(dim), test).at(0)
        exact = [float(risk(phi, where)) for phi in models]
        np.testing.assert_allclose(found["risks"], exact, rtol=1e-6)


def test_numbers_are_written_as_the_package_writes_them() -> None:
    values = [0.0, 1.0, -1.5, 1234.6, 0.00012345, 1.2e-7, -3.4e-12, 98765432.1, 2e9, 0.99999, 1e-5]
    for digits in (2, 3, 4):
        found = run("numbers", f"numbers.significant(c, {digits})", values)
        assert found == [numbers.significant(value, digits) for value in values]
    assert run("numbers", "numbers.plain(c)", values[:-5]) == list(map(numbers.plain, values[:-5]))


def test_numbers_are_read_back() -> None:
    texts = ["−0.891 [−0.895, −0.887]", "< 0.0001", "1,234", "1.2\u2009×\u200910⁻⁷", "25%", "ERM"]
    found = run("numbers", "numbers.parse(c)", texts)
    assert found == [-0.891, 0.0001, 1234, pytest.approx(1.2e-7), 25, None]


def test_the_calculators_table_is_the_pages_and_theorys(seen: dict[str, Any], case: Any) -> None:
    study = case.config.studies[0]
    for view in ("light", "phone"):
        found = seen[view]["calculator"]
        assert found["marks"] >= 2
        assert found["panel"] == "0.2;2.0"  # the figure follows the training set
        assert "two to eight" in found["message"]
        initial = {row[0]: row[1:] for row in found["initial"]}
        assert set(initial) == {"oracle", "ERM", "IRM, minimum", f"IRM, {study.steps} updates"}
        moments = plan.population(study.model, environments([0.2, 1.0, 1.5]))
        phi = theory.flow_minimum(moments, 1e-3).phi
        where = plan.population(study.model, environments([0.7])).at(0)
        wanted = [phi[0], phi[-1], float(risk(phi, where)), float(risk(phi, where)) / (2 * 0.49)]
        row = next(row for row in found["set"] if row[0] == "IRM, minimum")
        assert row[1:] == [numbers.significant(value, 4) for value in wanted]


def test_the_table_that_stands_without_scripts_is_what_they_compute(
    seen: dict[str, Any], page_file: Any
) -> None:
    page = page_file.read_text(encoding="utf-8")
    body = page[page.index('id="table-calculator"') :].split("<tbody>")[1].split("</tbody>")[0]
    for name, *cells in seen["light"]["calculator"]["initial"]:
        row = body[body.index(f">{name}<") :].split("</tr>")[0]
        assert [f'<td class="n">{cell}</td>' in row for cell in cells] == [True] * 4
