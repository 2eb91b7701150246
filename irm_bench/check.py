"""``python -m irm_bench.check BOOK``: whether the plugins that a book can use keep their contracts.

Every SEM is taken through all stages with every method, penalty and loss that can run on it, on a
tiny study; of a book that brings plugins, what is the package's alone is left out. Before that each
is looked at alone: a SEM's exact moments are compared with those of sampled rows, a penalty's
gradient with what torch makes of its value, and a method's gradient is asked whether it is the
gradient of anything (its derivative is symmetric then; a method whose step is none says
IS_GRADIENT = False).
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from irm_bench import config, library
from irm_bench.config import Config, ConfigError, Environment, Study
from irm_bench.errors import PluginError
from irm_bench.plugins.model import model_of, other_targets, probe
from irm_bench.plugins.registry import Book, BookError, Plugin, find_book

KINDS = ("sems", "losses", "penalties", "methods", "optimisers")
# Rows that exact moments are compared with, and the standard errors that they may differ by.
N_ROWS, MAX_ERRORS = 20_000, 6.0
TINY = {"n_samples": 64, "n_test_samples": 64, "seeds": 2, "steps": 3}


def problems(book: Book) -> list[str]:
    """What is wrong with the plugins of a book, a line each; empty if nothing is."""
    found = []
    for what, work in checks(book):
        try:
            work()
        except (PluginError, ConfigError, AssertionError) as error:
            found.append(f"{what}: {error}")
        except Exception as error:  # a plugin can raise anything
            found.append(f"{what}: {type(error).__name__}: {error}")
    return found


def checks(book: Book) -> Iterator[tuple[str, Any]]:
    """Every check of a book's plugins: what it is of, and the work, which raises if it fails."""
    for kind in KINDS:
        for name in book.names(kind):
            plugin = book.plugin(kind, name)
            if not _is_looked_at(book, [plugin]):
                continue
            yield f"{kind}/{name}", _bind(_check_words, plugin)
            if kind == "penalties":
                yield f"{kind}/{name}, gradient", _bind(check_penalty, plugin)
            is_gradient = plugin.get("IS_GRADIENT", True)
            if kind == "methods" and "gradient" in plugin.get("FUNCTIONS", ()) and is_gradient:
                yield f"{kind}/{name}, gradient", _bind(check_gradient, plugin, book)
    for name in book.names("sems"):
        for loss in book.names("losses"):
            if not _suits(book, name, loss):
                continue
            raw = tiny(book, name, loss)
            if raw["studies"][0]["methods"]:
                if loss == "squared" and _is_looked_at(book, [book.plugin("sems", name)]):
                    yield f"sems/{name}, exact moments", _bind(check_population, raw)
                yield f"sems/{name} with loss {loss}, all stages", _bind(run_tiny, raw)
            raw = tiny(book, name, loss, intercept=True)
            if raw["studies"][0]["methods"] and _has_means(book.plugin("sems", name)):
                yield f"sems/{name} with loss {loss} and intercept", _bind(run_tiny, raw)


def _is_looked_at(book: Book, plugins: list[Plugin]) -> bool:
    """Whether one of these plugins that run together is the book's own, or it brings none at all.

    The package's plugins among themselves are looked at with a book that brings none.
    """
    if any(plugin.path.is_relative_to(book.folder) for plugin in plugins):
        return True
    return not book.files(*(f"{kind}/*.py" for kind in KINDS))


def _bind(work: Any, *arguments: Any) -> Any:
    return lambda: work(*arguments)


def _check_words(plugin: Plugin) -> None:
    """A plugin says what it is called, and its module can be imported."""
    assert plugin.get("LABEL"), f"{plugin.path} has no LABEL"
    plugin.load()


def _has_means(sem: Plugin) -> bool:
    """Whether nothing that a SEM knows of its features is in the way of an intercept."""
    environment = {**sem.get("PARAMETERS", {}), **environments(sem)[0]}
    model = model_of(sem, sem.get("OPTIONS", {}), False, environment)
    known = model.population(environment, model.mechanism(0, 0))
    return known is None or known.mean is not None


def tiny(book: Book, sem: str, loss: str, intercept: bool = False) -> dict[str, Any]:
    """The raw config of one small study of a SEM with everything that can train on it.

    With an intercept, everything that cannot do without one.
    """
    methods = []
    optimisers = [book.plugin("optimisers", name) for name in book.names("optimisers")]
    around = [book.plugin("sems", sem), book.plugin("losses", loss), *optimisers]
    for name in book.names("methods"):
        method = book.plugin("methods", name)
        if loss not in method.get("LOSSES", (loss,)):
            continue
        if ("intercept" in method.get("NEEDS", ())) != intercept:
            continue
        if not method.get("TAKES_PENALTY", False):
            if _is_looked_at(book, [*around, method]):
                methods.append({"name": name})
            continue
        for penalty in book.names("penalties"):
            if not _is_looked_at(book, [*around, method, book.plugin("penalties", penalty)]):
                continue
            needs = book.plugin("penalties", penalty).get("NEEDS", ())
            if not (needs and book.plugin("losses", loss).get("NEEDS") == "rows"):
                methods.append({"name": name, "penalty": penalty})
    members = environments(book.plugin("sems", sem))
    study = {
        "name": "tiny",
        "sem": sem,
        "loss": loss,
        "intercept": intercept,
        "train_environments": [members],
        "test_environments": members,
        "trajectories": True,
        "methods": _without_oracle(book.plugin("sems", sem), methods, book),
        "optimiser": book.names("optimisers"),
        "learning_rate": {"rule": "fixed", "value": 1e-6},
        **TINY,
    }
    audit = {"replicates": 20, "seed_counts": [2]}
    return {
        "book": str(book.folder),
        "title": f"{sem} with {loss}",
        "root_seed": 1,
        "audit": audit,
        "studies": [study],
    }


def _without_oracle(sem: Plugin, methods: list[dict[str, Any]], book: Book) -> list[dict[str, Any]]:
    """The methods that need no oracle, for a SEM that knows none."""
    if "causal_solution" in sem.get("FUNCTIONS", ()):
        return methods
    knows_none = {
        name
        for name in book.names("methods")
        if "causal" in book.plugin("methods", name).get("NEEDS", ())
    }
    return [method for method in methods if method["name"] not in knows_none]


def _suits(book: Book, sem: str, loss: str) -> bool:
    """Whether a SEM's targets are such as a loss is of; a faulty SEM is told of with one loss."""
    plugin = book.plugin("sems", sem)
    environment = {**plugin.get("PARAMETERS", {}), **environments(plugin)[0]}
    try:
        model = model_of(plugin, plugin.get("OPTIONS", {}), False, environment)
        _, y = probe(model, environment)
    except PluginError:
        return loss == "squared"
    return not len(other_targets(y, book.plugin("losses", loss)))


def environments(sem: Plugin) -> list[dict[str, Any]]:
    """Two environments of a SEM: its defaults; for the rest 0.5 and 1, or two allowed texts."""
    choices = sem.get("CHOICES", {})
    found: list[dict[str, Any]] = [{}, {}]
    for name, default in sem.get("PARAMETERS", {}).items():
        if default is None:
            values = list(choices.get(name, (0.5, 1.0)))
            for member, value in zip(found, (values[0], values[1 % len(values)]), strict=True):
                member[name] = value
    return found if found[0] else [{}]


def run_tiny(raw: dict[str, Any]) -> None:
    """Take a study through all stages, to a page."""
    with tempfile.TemporaryDirectory() as folder:
        library.run_stages(config.parse(raw), Path(folder), report=True)


def check_population(raw: dict[str, Any]) -> None:
    """Exact moments are within six standard errors of those of sampled rows."""
    parsed: Config = config.parse(raw)
    study = parsed.studies[0]
    if study.model.has("population"):
        for environment in study.test_environments:
            _compare_moments(study, environment)


def _compare_moments(study: Study, environment: Environment) -> None:
    from irm_bench.theory.moments import products, unpack_products

    model = study.model
    mechanism = model.mechanism(0, 0)
    exact = model.population(environment.mapping, mechanism)
    rng = np.random.default_rng(0)
    x, y = model.sample(rng, N_ROWS, environment.mapping, mechanism)
    sampled = products(x, y)
    means = unpack_products(sampled.mean(axis=1), x.shape[1])
    errors = unpack_products(sampled.std(axis=1) / np.sqrt(N_ROWS), x.shape[1])
    assert exact is not None
    for name, mean, error, truth in zip(
        ("gram", "cross"), means, errors, (exact.gram, exact.cross), strict=True
    ):
        off = np.abs(mean - truth) / np.maximum(error, 1e-12)
        assert off.max() < MAX_ERRORS, (
            f"{model.sem.path}: population's {name} at {environment.label} is {off.max():.1f} "
            f"standard errors from that of {N_ROWS} rows"
        )


def _some_problem(plugin: Plugin) -> Any:
    """A problem of three runs on two environments with four features."""
    import torch

    from irm_bench.engine.problem import Problem, Quadratic, Slots

    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Any:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    n_pairs, d = 6, 4
    factor = normal(d, 12, n_pairs)
    gram = torch.einsum("ikp,jkp->ijp", factor, factor) / 12
    variance = normal(14, 20, n_pairs)
    params = {name: torch.full((3,), float(v)) for name, v in plugin.get("PARAMS", {}).items()}
    return Problem(
        slots=Slots((3, 3)),
        moments=Quadratic(gram, normal(d, n_pairs)),
        target=normal(n_pairs) ** 2 + 5,
        learning_rate=torch.full((3,), 1e-3, dtype=torch.float64),
        start=normal(d, 3),
        params=params,
        gathered={
            "product_variance": torch.einsum("ikp,jkp->ijp", variance, variance) / 2000,
            "means": normal(d + 1, n_pairs),
            "n_samples": torch.full((n_pairs,), 100.0, dtype=torch.float64),
            "causal": normal(d, 3),
        },
    )


def check_penalty(penalty: Plugin) -> None:
    """A penalty's gradient is what torch makes of its value."""
    import torch

    from irm_bench.engine.problem import Quadratic, Slope

    problem, module = _some_problem(penalty), penalty.load()
    drawn = Quadratic(problem.moments.gram / 7, problem.moments.cross / 5)
    phi = problem.spread(problem.start)
    by_hand = module.gradient(Slope(phi, problem.moments), problem, lambda: drawn)
    free = phi.clone().requires_grad_()
    value = module.value(Slope(free, problem.moments), problem, lambda: drawn)
    (by_torch,) = torch.autograd.grad(value.sum(), free)
    assert torch.allclose(by_hand, by_torch, rtol=1e-8, atol=1e-8), (
        f"{penalty.path}: the gradient is not that of the value; they differ by up to "
        f"{float((by_hand - by_torch).abs().max()):.3g}"
    )


def check_gradient(method: Plugin, book: Book) -> None:
    """A method's gradient is the gradient of something: its derivative is symmetric."""
    import torch

    from irm_bench.engine import training

    module = method.load()
    penalty = book.plugin("penalties", "plug_in").load()
    problem = _some_problem(method)
    gradient_descent = book.plugin("optimisers", "gd").load()
    problem, route = training.route_of(module, penalty, gradient_descent, problem)
    parameters = training.initial_of(module, problem)
    n = parameters[..., 0].numel()
    derivative = torch.empty(n, n, dtype=torch.float64)
    step = 1e-5
    for j in range(n):
        moved = torch.zeros(n, 3, dtype=torch.float64)
        moved[j] = step
        ends = []
        for sign in (1, -1):
            place = parameters + sign * moved.view_as(parameters)
            ends.append(route.gradient(place, problem, _no_draw).reshape(n, 3)[:, 0])
        derivative[:, j] = (ends[0] - ends[1]) / (2 * step)
    gap = float((derivative - derivative.T).abs().max())
    scale = float(derivative.abs().max())
    assert gap <= 1e-5 * max(scale, 1.0), (
        f"{method.path}: the gradient is not the gradient of any objective; its derivative is "
        f"asymmetric by {gap:.3g} of {scale:.3g}"
    )


def _no_draw() -> Any:
    raise ValueError("this check has no random draws")


def main(arguments: list[str]) -> int:
    """Check a book and tell; 0 if all its plugins keep their contracts."""
    name = arguments[0] if arguments else config.DEFAULT_BOOK
    try:
        book = find_book(name)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    found = problems(book)
    for line in found:
        print(f"error: {line}", file=sys.stderr)
    if not found:
        n_checks = sum(1 for _ in checks(book))
        print(f"The plugins of the book {book.name} keep their contracts: {n_checks} checks")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
