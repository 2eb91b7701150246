"""Updates in single precision: those of torch, near those in double, and what is refused."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as File
from types import ModuleType
from typing import Any

import pytest
import torch

from irm_bench import config, library
from irm_bench.config import ConfigError
from irm_bench.engine import compiled, training
from irm_bench.engine.descent import Path, descend
from irm_bench.engine.problem import Problem, no_draws
from irm_bench.errors import PluginError
from irm_bench.plugins.methods import irm, irm_matrix, vrex
from irm_bench.plugins.optimisers import adam, gd
from irm_bench.plugins.penalties import plug_in
from irm_bench.stages import train
from tests.unit import pipeline
from tests.unit.objectives_case import EVERY, Combination
from tests.unit.problems import draw_rows, problem_of

SINGLE, DOUBLE = torch.float32, torch.float64
N_STEPS, ERROR_WEIGHT = 300, 0.05
RECORD = [0, 100, 300]
COUNTS = [3, 3] + [2] * 130 + [1]


@pytest.fixture(autouse=True, scope="module")
def _any_number_of_updates() -> Iterator[None]:
    """Compile for the few updates of a test too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "FEWEST_UPDATES", 0)
        yield


def problem(counts: list[int] = COUNTS, rate: float = 1e-2) -> Problem:
    """Runs with so many environments each, the most first."""
    runs = [draw_rows(i, 30, 2, (0.2, 1.0, 0.5)[:count]) for i, count in enumerate(counts)]
    return problem_of(runs, rate, error_weight=ERROR_WEIGHT, **adam.PARAMS)


def trained(of: Problem, precision: torch.dtype, method: ModuleType = irm_matrix) -> Path:
    return training.train(method, plug_in, adam, of, N_STEPS, RECORD, no_draws, precision)


def test_the_loop_makes_the_single_updates_of_torch() -> None:
    """Roundings differ by the order of sums; Adam divides small gradients by small numbers."""
    of = problem()
    _, route = training.route_of(irm_matrix, plug_in, adam, of)
    alone = replace(route, advance=None, precision=SINGLE)
    start = training.initial_of(irm_matrix, of)
    expected = descend(of, alone, start, plug_in.value, N_STEPS, RECORD)
    found = trained(of, SINGLE)
    torch.testing.assert_close(found.phi, expected.phi, rtol=1e-4, atol=1e-4)
    assert (found.phi[-1] - found.phi[0]).abs().max() > 0.1


@pytest.mark.parametrize("method", [irm_matrix, irm, vrex])
def test_single_precision_ends_near_double(method: ModuleType) -> None:
    """And elsewhere: it is what was asked for. VREx has no kernel, so torch steps it."""
    of = problem()
    if method is vrex:
        params = {**of.params, "beta": of.error_weight}
        of = replace(of, params=params)
    single, double = trained(of, SINGLE, method), trained(of, DOUBLE, method)
    assert single.phi.dtype == single.penalty.dtype == DOUBLE
    torch.testing.assert_close(single.phi, double.phi, rtol=1e-3, atol=1e-3)
    assert not torch.equal(single.phi, double.phi)


def test_it_is_adam_of_torch_on_rows_in_single_precision() -> None:
    """The loop that the IRM paper's repository has, on the rows of two environments."""
    environments = draw_rows(0, 30, 2, (0.2, 1.0))
    rows = [(torch.tensor(x).float(), torch.tensor(y).float()[:, None]) for x, y in environments]
    phi = torch.nn.Parameter(torch.eye(4))
    w = torch.ones(4, 1, requires_grad=True)
    optimiser = torch.optim.Adam([phi], lr=1e-2)
    for _ in range(N_STEPS):
        objective = torch.zeros(())
        for x, y in rows:
            risk = ((x @ phi @ w - y) ** 2).mean()
            (along,) = torch.autograd.grad(risk, w, create_graph=True)
            objective = objective + ERROR_WEIGHT * risk + (1 - ERROR_WEIGHT) * (along**2).mean()
        optimiser.zero_grad()
        objective.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    expected = (phi @ w).detach()[:, 0].double()
    found = trained(problem([2]), SINGLE).phi[-1, :, 0]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_a_runs_bits_do_not_depend_on_its_neighbours() -> None:
    whole = problem()
    together = trained(whole, SINGLE).phi
    for run in (0, 2, 126, 127, 128, 132):
        alone = trained(whole.select(torch.tensor([run])), SINGLE)
        assert torch.equal(alone.phi[..., 0], together[..., run])


# A study in single precision has no splits, and no losses through rows.
MAY_BE_SINGLE = [
    c
    for c in EVERY
    if c.loss.get("NEEDS") == "moments"
    and c.optimiser
    and not (c.penalty and "splits" in c.penalty.get("NEEDS", ()))
]


@pytest.mark.parametrize("combination", MAY_BE_SINGLE, ids=str)
def test_every_method_computes_in_the_precision_that_it_is_given(
    combination: Combination, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not is refused before its first update.

    Of both ways: with plain descent all are stepped by torch, with Adam those that can in the loop.
    """
    assert combination.optimiser is not None
    if combination.optimiser.name == "gd":
        monkeypatch.setattr(compiled, "FEWEST_UPDATES", 10**9)
    of = combination.problem([draw_rows(i, 30, 2, (0.2, 1.0, 0.5)) for i in range(3)])
    path = training.train(*combination.modules, of, 5, [], no_draws, SINGLE)
    assert path.phi.isfinite().all()
    assert path.phi.dtype == DOUBLE


def test_a_gradient_of_another_precision_is_refused() -> None:
    method = ModuleType("broken")
    method.__file__ = "methods/broken.py"
    method.gradient = lambda parameters, slope, problem, draw: parameters.double()  # type: ignore[attr-defined]
    with pytest.raises(
        PluginError, match=r"gradient gives torch.float64 for parameters in torch.float32"
    ):
        trained(problem([2, 2]), SINGLE, method)


def test_what_is_too_large_for_single_precision_diverges() -> None:
    """At its step, and no neighbour with it."""
    of = problem([2] * 4)
    rates = of.learning_rate.clone()
    rates[2] = 1e30
    found = trained(replace(of, learning_rate=rates), SINGLE)
    assert found.diverged_at.tolist()[:2] == [-1, -1]
    assert 0 < found.diverged_at[2] < N_STEPS
    others = [0, 1, 3]
    assert torch.equal(found.phi[..., others], trained(of, SINGLE).phi[..., others])


def test_plain_descent_is_stepped_in_single_precision_too() -> None:
    """IRM's gradient is one polynomial there."""
    of = problem(rate=1e-3)
    steps = training.train(irm, plug_in, gd, of, N_STEPS, RECORD, no_draws, SINGLE)
    double = training.train(irm, plug_in, gd, of, N_STEPS, RECORD, no_draws, DOUBLE)
    torch.testing.assert_close(steps.phi, double.phi, rtol=1e-4, atol=1e-4)
    assert not torch.equal(steps.phi, double.phi)


# --- studies ----------------------------------------------------------------------------------


def two_studies() -> dict[str, Any]:
    """The same models twice, in double precision and in single."""
    raw: dict[str, Any] = copy.deepcopy(pipeline.SMALL)
    study = {"methods": [{"name": "irm_matrix"}, {"name": "erm"}], "optimiser": "adam"}
    raw["studies"] = [
        {"name": "one", **study},
        {"name": "other", "precision": "single", **study},
    ]
    return raw | {"claims": [], "figures": [], "sections": [], "lead": []}


def test_a_study_has_the_precision_that_it_asks_for(tmp_path: File) -> None:
    """Of methods that are stepped; tables are in double."""
    models = library.run("notebook", config=two_studies(), folder=tmp_path)["models"]
    keys = ["method", "error_weight", "n_samples", "train_sigmas", "seed"]
    double = models[models["study"] == "one"].set_index(keys)["phi_1"].sort_index()
    single = models[models["study"] == "other"].set_index(keys)["phi_1"].sort_index()
    assert len(double) == len(single) > 0
    assert (double - single).abs().max() < 1e-3
    assert (double != single).loc["irm_matrix"].any()


def test_data_models_that_share_a_batch_change_no_byte(
    tmp_path: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The eight settings of the IRM paper train together, or each run by itself."""
    overlay = {
        "defaults": {
            "options": {"dim": 2, "hidden": [0, 1], "hetero": [0, 1], "scramble": [0, 1]},
            **{"n_samples": 60, "n_test_samples": 60, "n_validation_samples": 60},
            **{"seeds": 2, "steps": 200},
        },
        "studies": [
            {
                "name": "irm",
                "train_environments": [[0.2, 2]],
                "precision": "single",
                "methods": [{"name": "irm_matrix"}],
            }
        ],
        **{"claims": [], "figures": [], "sections": [], "lead": []},
    }
    library.run("irm_paper", config=overlay, folder=tmp_path / "together")
    monkeypatch.setattr(train, "LIMITS", train.LIMITS * 0 + [1, 2**24, 2**26])
    library.run("irm_paper", config=overlay, folder=tmp_path / "alone")
    one, other = (tmp_path / name / "tables" / "models.csv" for name in ("together", "alone"))
    assert one.read_bytes() == other.read_bytes()


def refusal(**keys: Any) -> str:
    raw = two_studies()
    raw["studies"][1] |= keys
    with pytest.raises(ConfigError) as caught:
        config.parse(raw)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_an_unknown_precision_is_refused() -> None:
    message = refusal(precision="half")
    for word in ("studies[1].precision", "half", "double", "single"):
        assert word in message


def test_what_goes_through_rows_or_draws_is_refused() -> None:
    message = refusal(loss="logistic", methods=[{"name": "erm"}])
    for word in ("studies[1].precision", "'single'", "'logistic'", "'double'"):
        assert word in message
    message = refusal(methods=[{"name": "irm", "penalty": "split_half"}])
    for word in ("studies[1].precision", "'single'", "split_half", "splits", "'double'"):
        assert word in message
