"""Plugins of training keep their protocols, whose examples run, and what breaks one is told."""

import inspect
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from irm_bench.engine import training
from irm_bench.engine.problem import Problem, no_draws
from irm_bench.errors import PluginError
from irm_bench.plugins import protocols
from irm_bench.plugins.methods import erm, irm, oracle, vrex
from irm_bench.plugins.optimisers import adam, gd
from irm_bench.plugins.penalties import plug_in
from irm_bench.plugins.registry import find_book
from tests.unit.problems import draw_rows, problem_of

BOOK = find_book("notebook")
PROTOCOLS: dict[str, tuple[type, ...]] = {
    "losses": (protocols.Loss,),
    "penalties": (protocols.Penalty,),
    "optimisers": (protocols.Optimiser,),
    "methods": (
        protocols.ValueMethod,
        protocols.GradientMethod,
        protocols.FitMethod,
        protocols.ReparameterisedMethod,
        protocols.ClosedFormMethod,
    ),
}
PLUGINS = [(kind, name) for kind in PROTOCOLS for name in BOOK.names(kind)]


def arguments_of(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


@pytest.mark.parametrize(("kind", "name"), PLUGINS)
def test_functions_have_the_arguments_of_their_protocol(kind: str, name: str) -> None:
    module = BOOK.plugin(kind, name).load()
    compared = 0
    for protocol in PROTOCOLS[kind]:
        for function, declared in inspect.getmembers(protocol, inspect.isfunction):
            if function.startswith("_") or not hasattr(module, function):
                continue
            expected = arguments_of(declared)
            if function == "gradient" and getattr(module, "TAKES_PENALTY", False):
                expected.append("penalty")
            assert arguments_of(getattr(module, function)) == expected
            compared += 1
    assert compared or name == "squared"  # which is computed from moments


def example_of(protocol: type, folder: Path) -> ModuleType:
    """The example in a protocol's docstring, as a module."""
    found = re.search(r"::\n\n((?: {4,}.*\n|\n)+)", inspect.getdoc(protocol) + "\n\n")
    assert found is not None
    path = folder / "example.py"
    path.write_text(textwrap.dedent(found[1]))
    module = ModuleType("example")
    module.__file__ = str(path)
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    return module


def runs() -> list[Any]:
    return [draw_rows(seed, 100, 2, (0.2, 1.0)) for seed in range(3)]


def trained(method: ModuleType, optimiser: ModuleType | None, problem: Problem) -> training.Path:
    return training.train(method, plug_in, optimiser, problem, 50, [0], no_draws)


def test_the_example_of_a_value_method_trains(tmp_path: Path) -> None:
    example = example_of(protocols.ValueMethod, tmp_path)
    problem = problem_of(runs(), **example.PARAMS)
    expected = trained(vrex, gd, problem)
    assert torch.equal(trained(example, gd, problem).phi, expected.phi)


def test_the_example_of_a_gradient_method_trains(tmp_path: Path) -> None:
    example = example_of(protocols.GradientMethod, tmp_path)
    problem = problem_of(runs())
    assert torch.allclose(trained(example, gd, problem).phi, trained(erm, gd, problem).phi)


def test_the_example_of_a_fit_is_least_squares(tmp_path: Path) -> None:
    example = example_of(protocols.FitMethod, tmp_path)
    path = trained(example, None, problem_of(runs()))
    for i, run in enumerate(runs()):
        x = np.concatenate([part[0] for part in run])
        y = np.concatenate([part[1] for part in run])
        expected = np.linalg.lstsq(x, y, rcond=None)[0]
        assert np.allclose(path.phi[-1, :, i], expected)
        assert float(path.extras["trace"][i]) == pytest.approx((x**2).sum() / 100)


def test_the_example_of_a_penalty_is_the_plug_in_one(tmp_path: Path) -> None:
    example = example_of(protocols.Penalty, tmp_path)
    problem = problem_of(runs())
    paths = [
        training.train(irm, penalty, gd, problem, 20, [0], no_draws)
        for penalty in (example, plug_in)
    ]
    assert torch.equal(paths[0].phi, paths[1].phi)
    assert torch.equal(paths[0].penalty, paths[1].penalty)


def test_the_example_of_an_optimiser_is_torchs_momentum(tmp_path: Path) -> None:
    example = example_of(protocols.Optimiser, tmp_path)
    parameters = torch.ones(2, 1, dtype=torch.float64)
    reference = torch.nn.Parameter(parameters.clone())
    stepper = torch.optim.SGD([reference], lr=0.1, momentum=0.9)
    memory = example.init(parameters)
    rate, params = torch.tensor([0.1]).double(), {"momentum": torch.tensor([0.9]).double()}
    for step in range(30):
        reference.grad = 2 * reference.detach()
        stepper.step()
        parameters, memory = example.update(parameters, 2 * parameters, memory, step, rate, params)
    assert torch.allclose(parameters, reference.detach())


def test_the_example_of_a_loss_trains_and_is_measured(tmp_path: Path) -> None:
    """Its derivatives are those of its value, and training lowers what it measures."""
    example = example_of(protocols.Loss, tmp_path)
    run = runs()[0]
    free = torch.linspace(-3, 3, 50, requires_grad=True)
    target = torch.zeros(50)
    value = example.value(free, target)
    (first,) = torch.autograd.grad(value.sum(), free, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), free)
    found = example.derivatives(free, target)
    assert torch.allclose(found[0], first, atol=1e-6)
    assert torch.allclose(found[1], second, atol=1e-6)
    problem = problem_of([run], 0.05, loss=example)
    path = training.train(erm, plug_in, gd, problem, 200, [0], no_draws)
    x = np.concatenate([part[0] for part in run])
    y = np.concatenate([part[1] for part in run])
    before, after = (example.measure(x, y, phi[:, 0].numpy())["log_cosh"] for phi in path.phi)
    assert after < 0.9 * before
    measured = problem.risks(path.phi[-1])
    assert float(measured.mean()) == pytest.approx(after, rel=1e-5)


# --- what breaks a protocol


def plugin_of(**members: Any) -> ModuleType:
    module = ModuleType("broken")
    module.__file__ = "/some/book/methods/broken.py"
    for name, member in members.items():
        setattr(module, name, member)
    return module


def summed_risk(parameters: Tensor, problem: Problem) -> Tensor:
    return problem.total(problem.risks(parameters))


def nan_gradient(parameters: Tensor, slope: Any, problem: Problem, draw: Any) -> Tensor:
    return parameters * float("nan")


def short_gradient(parameters: Tensor, slope: Any, problem: Problem, draw: Any) -> Tensor:
    return parameters[:2]


def means_of_problem(parameters: Tensor, problem: Problem) -> Tensor:
    return problem.means.sum() * parameters.sum(dim=0)


def fixed(parameters: Tensor, problem: Problem) -> Tensor:
    return problem.learning_rate


def wrong_memory(parameters: Tensor) -> tuple[Tensor, ...]:
    return (torch.zeros(7),)


def kept(parameters: Tensor, gradient: Tensor, memory: Any, *rest: Any) -> Any:
    return parameters, memory


BROKEN_METHODS = {
    "nothing": ({}, "exactly one of the functions gradient, value and fit; .* none of them"),
    "two forms": (
        {"value": summed_risk, "fit": erm.gradient},
        "exactly one of the functions .* value and fit",
    ),
    "no function": ({"value": 3}, "value has to be a function; this file has int"),
    "NaN": ({"gradient": nan_gradient}, "gradient is NaN at the start of run 0 of 3"),
    "gradient's shape": (
        {"gradient": short_gradient},
        r"gradient gives \(2, 3\); needed is a tensor \(4, 3\)",
    ),
    "value's shape": (
        {"value": lambda parameters, problem: problem.risks(parameters)},
        r"value gives \(6,\); needed is a tensor \(3,\)",
    ),
    "no tensor": (
        {"value": lambda parameters, problem: 1.0},
        r"value gives float; needed is a tensor \(3,\)",
    ),
    "no dependence": ({"value": fixed}, "value fails with RuntimeError: .* require grad"),
    "arguments": ({"value": lambda phi: phi}, "value fails with TypeError"),
    "not asked for": (
        {"value": means_of_problem},
        r"problem.means is gathered only where it is asked for: NEEDS = \('means',\)",
    ),
    "unknown need": (
        {"value": summed_risk, "NEEDS": ("medians",)},
        "NEEDS has 'medians'; known are product_variance, means",
    ),
    "need as text": (
        {"value": summed_risk, "NEEDS": "means"},
        r"NEEDS is the text 'means'; needed is a tuple: \('means',\)",
    ),
    "extras": (
        {"value": summed_risk, "EXTRAS": {"sets": "accepted"}},
        "EXTRAS are what fit reports, and this method is stepped",
    ),
    "initial's shape": (
        {"value": summed_risk, "initial": lambda start: start.T},
        r"initial gives \(3, 4\); needed is a tensor \(…, run\), with 3 runs",
    ),
    "predictor's shape": (
        {"value": summed_risk, "predictor": lambda parameters: parameters[0]},
        r"predictor gives \(3,\); needed is a tensor \(4, 3\)",
    ),
    "clash": (
        {"value": summed_risk, "PARAMS": {"beta1": 1.0}},
        "PARAMS has 'beta1', which is a parameter of the optimiser in .*adam.py too",
    ),
}


@pytest.mark.parametrize(("members", "message"), BROKEN_METHODS.values(), ids=BROKEN_METHODS)
def test_a_broken_method_is_named_with_what_it_gave(members: dict[str, Any], message: str) -> None:
    problem = problem_of(runs(), **adam.PARAMS)
    del problem.gathered["means"]  # type: ignore[attr-defined]
    with pytest.raises(PluginError, match=f"/some/book/methods/broken.py: .*{message}"):
        trained(plugin_of(**members), adam, problem)


@pytest.mark.parametrize(
    ("fit", "extras", "message"),
    [
        (lambda problem: problem.start[0], {}, r"fit gives \(3,\); needed is a tensor \(4, 3\)"),
        (lambda problem: None, {}, "fit gives NoneType; needed is a tensor"),
        (lambda problem: 1 / 0, {}, "fit fails with ZeroDivisionError"),
        (lambda problem: problem.start, {"sets": ""}, r"reports \[\]; EXTRAS declares \['sets'\]"),
        (
            lambda problem: training.Fitted(problem.start, {"sets": problem.target}),
            {"sets": ""},
            r"extra 'sets' of fit gives \(6,\); needed is a tensor \(3,\)",
        ),
    ],
)
def test_a_broken_fit_is_named_with_what_it_gave(
    fit: Callable[[Problem], Any], extras: dict[str, str], message: str
) -> None:
    with pytest.raises(PluginError, match=f"/some/book/methods/broken.py: .*{message}"):
        trained(plugin_of(fit=fit, EXTRAS=extras), None, problem_of(runs()))


def test_a_broken_penalty_is_named() -> None:
    for members, message in (
        ({"gradient": plug_in.gradient}, "value has to be a function; .* nothing"),
        (
            {"gradient": plug_in.gradient, "value": lambda slope, problem, draw: slope.residual},
            r"value gives \(4, 6\); needed is a tensor \(6,\)",
        ),
    ):
        with pytest.raises(PluginError, match=f"broken.py: {message}"):
            training.train(irm, plugin_of(**members), gd, problem_of(runs()), 5, [], no_draws)


def test_a_broken_optimiser_is_named() -> None:
    for members, message in (
        ({"init": gd.init}, "update has to be a function"),
        ({"init": gd.init, "update": lambda *given: given[0]}, "update fails with ValueError"),
        ({"init": wrong_memory, "update": kept}, r"memory of update .*\(7,\).* 3 runs"),
    ):
        with pytest.raises(PluginError, match=f"broken.py: {message}"):
            trained(vrex, plugin_of(**members), problem_of(runs(), **vrex.PARAMS))


def test_a_method_that_is_stepped_needs_an_optimiser() -> None:
    with pytest.raises(PluginError, match=r"vrex.py: a method with value is stepped"):
        trained(vrex, None, problem_of(runs(), **vrex.PARAMS))


def test_a_fit_that_is_not_finite_has_diverged_at_the_start() -> None:
    def fit(problem: Problem) -> Tensor:
        phi = problem.start.clone()
        phi[0, 1] = float("inf")
        return phi

    path = trained(plugin_of(fit=fit), None, problem_of(runs()))
    assert path.diverged_at.tolist() == [-1, 0, -1]


def test_what_is_asked_for_follows_the_runs() -> None:
    """Means, numbers of rows, rows and oracles of a selection of runs are theirs."""
    problem = problem_of([draw_rows(seed, 50 + seed, 2, (0.2, 1.0)) for seed in range(3)])
    part = problem.select(torch.tensor([0, 2]))
    assert part.n_samples.tolist() == [50, 52, 50, 52]
    assert torch.equal(part.means, problem.means[:, [0, 2, 3, 5]])
    assert torch.equal(part.causal, problem.causal[:, [0, 2]])
    assert part.rows[3][0] is problem.rows[5][0]
    assert part.n_environments.tolist() == [2, 2]


def test_the_oracle_is_refused_where_it_is_not_gathered() -> None:
    problem = problem_of(runs())
    problem.gathered.clear()  # type: ignore[attr-defined]
    with pytest.raises(PluginError, match=r"oracle.py: fit fails with .*problem.causal"):
        trained(oracle, None, problem)
