"""Plugins that train together, rows for them, and what they minimise written out once more."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from irm_bench.engine import training
from irm_bench.engine.problem import Problem, Quadratic
from irm_bench.plugins.penalties import plug_in
from irm_bench.plugins.registry import Plugin, find_book
from tests.unit.problems import Rows, draw_rows, problem_of

BOOK = find_book("notebook")
EXAMPLE = Path(__file__).parents[2] / "examples" / "my_book"
SIGMAS = (0.2, 1.0, 0.5)
# Through float32 rows, a derivative agrees with float64 to this, relative to the largest.
ROW_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Combination:
    """Plugins that can train together."""

    method: Plugin
    penalty: Plugin | None
    loss: Plugin
    optimiser: Plugin | None

    def __str__(self) -> str:
        plugins = (self.method, self.penalty, self.loss, self.optimiser)
        return "-".join(str(plugin) for plugin in plugins if plugin)

    @property
    def modules(self) -> tuple[ModuleType, ModuleType, ModuleType | None]:
        """As ``training.train`` takes them; a method without a penalty reports the plug-in one."""
        penalty = self.penalty.load() if self.penalty else plug_in
        return self.method.load(), penalty, self.optimiser.load() if self.optimiser else None

    @property
    def params(self) -> dict[str, float]:
        found = dict(self.method.get("PARAMS", {}))
        if self.optimiser:
            found |= self.optimiser.get("PARAMS", {})
        if "error_weight" in found:
            found["error_weight"] = 0.1
        if "gradient_weight" in found:
            found["gradient_weight"] = 0.1
        if "fishr_weight" in found:
            found["fishr_weight"] = 1e-3
        if "robustness" in found:
            found["robustness"] = 0.5  # up to 1 there is a minimum on any rows
        return found

    def problem(self, runs: list[list[Rows]], rate: float = 1e-3) -> Problem:
        return problem_of(runs, rate, loss=self.loss.load(), **self.params)


def plugins(kind: str) -> list[Plugin]:
    return [BOOK.plugin(kind, name) for name in BOOK.names(kind)]


def combinations() -> Iterator[Combination]:
    """Every method, penalty, loss and optimiser of the project that go together."""
    for method, loss in itertools.product(plugins("methods"), plugins("losses")):
        if loss.name not in method.get("LOSSES", (loss.name,)):
            continue
        is_fitted = "fit" in method.get("FUNCTIONS", ())
        optimisers = [None] if is_fitted else plugins("optimisers")
        penalties = plugins("penalties") if method.get("TAKES_PENALTY") else [None]
        for penalty, optimiser in itertools.product(penalties, optimisers):
            needs = set(penalty.get("NEEDS", ())) if penalty else set()
            if loss.get("NEEDS") == "moments" or not needs & {"product_variance", "splits"}:
                yield Combination(method, penalty, loss, optimiser)


EVERY = list(combinations())
STEPPED = [c for c in EVERY if c.optimiser and c.optimiser.name == "gd"]


def labelled_rows(seed: int, n_samples: int = 60, dim: int = 2) -> list[Rows]:
    """Rows of three environments with labels 0 and 1: both losses can train on them."""
    return [(x, (y > 0).astype(float)) for x, y in draw_rows(seed, n_samples, dim, SIGMAS)]


def mixed_runs(n_runs: int) -> list[list[Rows]]:
    """Runs of three environments, the last of two."""
    runs = [labelled_rows(seed) for seed in range(n_runs)]
    return [*runs[:-1], runs[-1][:2]]


def some_phi(shape: tuple[int, ...], seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def some_draw(n_pairs: int, d: int = 4) -> Quadratic:
    gram = some_phi((d, d, n_pairs), 8)
    return Quadratic((gram + gram.transpose(0, 1)) / 9, some_phi((d, n_pairs), 9) / 9)


# --- objectives written out once more, for one run, by rows and autograd


def risk_by_rows(phi: Tensor, rows: tuple[Tensor, Tensor], loss: str) -> Tensor:
    x, y = rows
    if loss == "logistic":
        return binary_cross_entropy_with_logits(x @ phi, y)
    return ((x @ phi - y) ** 2).mean()


def along_w(phi: Tensor, rows: tuple[Tensor, Tensor], loss: str) -> Tensor:
    """∂R/∂w at w = 1."""
    w = torch.ones((), dtype=torch.float64, requires_grad=True)
    risk = risk_by_rows(phi * w, rows, loss)
    return torch.autograd.grad(risk, w, create_graph=True)[0]


def along_columns(matrix: Tensor, rows: tuple[Tensor, Tensor]) -> Tensor:
    """∂R/∂w_j at w of ones: (d,)."""
    w = torch.ones(matrix.shape[1], dtype=torch.float64, requires_grad=True)
    risk = risk_by_rows(matrix @ w, rows, "squared")
    return torch.autograd.grad(risk, w, create_graph=True)[0]


def gradient_of(phi: Tensor, rows: tuple[Tensor, Tensor], loss: str) -> Tensor:
    risk = risk_by_rows(phi, rows, loss)
    return torch.autograd.grad(risk, phi, create_graph=True)[0]


def said_by(phi: Tensor, rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Mean and variance (environment,) of what the predictor says."""
    means = torch.stack([(x @ phi).mean() for x, _ in rows])
    return means, torch.stack([(x @ phi).var(unbiased=False) for x, _ in rows])


def gradient_variances(phi: Tensor, rows: tuple[Tensor, Tensor]) -> Tensor:
    """Variance (d,) over the rows of each coordinate of a row's own gradient."""
    x, y = rows
    of_rows = 2 * (x @ phi - y)[:, None] * x
    return of_rows.var(dim=0)


def penalty_by_rows(phi: Tensor, rows: tuple[Tensor, Tensor], name: str, loss: str) -> Tensor:
    """A penalty of which the split half is left out: its draw is no split of rows here."""
    if name == "plug_in":
        return along_w(phi, rows, loss) ** 2
    x, y = rows
    of_rows = 2 * (x @ phi) * (x @ phi - y)
    return of_rows.mean() ** 2 - of_rows.var() / len(y)


def objective_by_rows(
    name: str, penalty: str, parameters: Tensor, run: list[Rows], problem: Problem, loss: str
) -> Tensor:
    """What a method minimises, of one run; the parameters of the problem's first run."""
    params = {key: float(values[0]) for key, values in problem.params.items()}
    rows = [(torch.tensor(x), torch.tensor(y)) for x, y in run]
    phi = parameters.sum(dim=1) if name == "irm_matrix" else parameters
    risks = torch.stack([risk_by_rows(phi, part, loss) for part in rows])
    match name:
        case "erm":
            return risks.sum()
        case "vrex":
            return risks.mean() + params["beta"] * risks.var(unbiased=False)
        case "irm":
            penalties = [penalty_by_rows(phi, part, penalty, loss) for part in rows]
            return params["error_weight"] * risks.sum() + torch.stack(penalties).sum()
        case "irm_matrix":
            weight = params["error_weight"]
            penalties = [(along_columns(parameters, part) ** 2).mean() for part in rows]
            return weight * risks.sum() + (1 - weight) * torch.stack(penalties).sum()
        case "iga":
            gradients = torch.stack([gradient_of(phi, part, loss) for part in rows])
            spread = ((gradients - gradients.mean(dim=0)) ** 2).sum()
            return risks.mean() + params["gradient_weight"] * spread
        case "irmx":
            penalties = [along_w(phi, part, loss) ** 2 for part in rows]
            penalty_sum = torch.stack(penalties).sum() + risks.var(unbiased=False)
            return params["error_weight"] * risks.sum() + penalty_sum
        case "ib_erm":
            return risks.mean() + params["bottleneck"] * said_by(phi, rows)[1].mean()
        case "ib_irm":
            error = risks.sum() + params["bottleneck"] * said_by(phi, rows)[1].sum()
            penalties = [along_w(phi, part, loss) ** 2 for part in rows]
            return params["error_weight"] * error + torch.stack(penalties).sum()
        case "coral":
            means, variances = said_by(phi, rows)
            gap = means.var(unbiased=False) + variances.var(unbiased=False)
            return risks.mean() + params["match_weight"] * gap
        case "fishr":
            variances = torch.stack([gradient_variances(phi, part) for part in rows])
            gap = ((variances - variances.mean(dim=0)) ** 2).sum(dim=1).mean()
            return risks.mean() + params["fishr_weight"] * gap
    raise AssertionError(f"the objective of {name} is not written out here")


def first_gradient(combination: Combination, problem: Problem, parameters: Tensor) -> Tensor:
    """The gradient that the engine would step along."""
    method, penalty, optimiser = combination.modules
    assert optimiser is not None
    prepared, route = training.route_of(method, penalty, optimiser, problem)
    draw = some_draw(len(problem.target))
    with route.guard():
        return route.gradient(parameters, prepared, lambda: draw)


def close(found: Tensor, expected: Tensor, tolerance: float) -> bool:
    scale = expected.abs().max()
    return bool((found - expected).abs().max() <= tolerance * scale)
