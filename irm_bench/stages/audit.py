"""The coverage audit of this project's intervals, on ERM's φ and risks, whose truth is known.

A seed's rows enter every quantity through their second moments, and these are drawn by their exact
law: for n Gaussian rows of mean zero and covariance Σ, n times the moment matrix is Wishart. The
setting is that of the config's first study, at its first training set. Truths, with d features and
ERM fitted on one environment, of noise variance v (Gaussian rows, so that 1/(n − d − 1) is exact):

    E φ = the population's φ, E (training MSE) = v (1 − d/n), E risk = v (1 + d/(n − d − 1)).

ERM on all environments together has no such form. Its truth is computed: φ̂ − φ − (ΣG)⁻¹ Σ(b̂ − Ĝφ)
has the expectation of φ̂ − φ, and only second-order noise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from irm_bench import theory
from irm_bench.config import Config, Environment
from irm_bench.planning import plan
from irm_bench.plugins.model import Model
from irm_bench.statistics import coverage
from irm_bench.statistics.streams import generator
from irm_bench.storage import tables
from irm_bench.theory import small
from irm_bench.theory.moments import Moments, risk

Array = np.ndarray
# Draws behind the one truth that is computed.
TRUTH_DRAWS = 20_000
# Samples whose moments are put together at once: few enough to stay in the cache.
IN_CACHE = 1000
# The weight of an effect is what is read of ERM; in Gaussian chains the last feature is one.
FEATURE = -1
# Rows at which the skewness of the quantities is large.
FEW_ROWS = 50


@dataclass(frozen=True)
class Setting:
    """Where the audit draws its moments."""

    model: Model
    n_samples: int
    train: tuple[Environment, ...]

    @property
    def population(self) -> Moments:
        """Moments (E, …) of the training environments."""
        return plan.population(self.model, self.train)

    @property
    def feature(self) -> str:
        return self.model.feature_names[FEATURE]

    @property
    def causal(self) -> Array:
        return np.asarray(self.model.causal(self.model.option))


def run(config: Config, output: Path | str) -> None:
    """Write the tables ``coverage`` and ``decisions`` into a folder."""
    study = config.studies[0]
    setting = Setting(study.model, study.n_samples[-1], study.train_sets[0])
    contracts = tables.contracts(config)
    for name, make in (("coverage", table), ("decisions", decisions)):
        frame = pd.DataFrame(columns=contracts[name].names)
        if is_known(setting):
            counts, replicates = config.audit.seed_counts, config.audit.replicates
            frame = make(setting, config.root_seed, counts, replicates)
        tables.write(Path(output) / f"{name}.csv", frame, contracts[name])


def is_known(setting: Setting) -> bool:
    """Whether the audit's truths are known: of a Gaussian law with its moments, of features without
    a constant, and of more rows than E risk needs to be finite."""
    model = setting.model
    functions = ("population", "causal_solution", "noise_floor", "product_covariance")
    is_gaussian = model.has("sample_moments") and all(model.has(name) for name in functions)
    has_moments = setting.n_samples > model.n_features + 1
    return model.is_fixed and is_gaussian and not model.intercept and has_moments


def table(
    setting: Setting, root_seed: int, seed_counts: tuple[int, ...], n_replicates: int
) -> pd.DataFrame:
    """Coverage of every quantity at every number of seeds."""
    truths, errors = truth(setting, generator(root_seed, role="audit", names=("truth",)))
    frame = coverage.audit_coverage(
        lambda rng, size: draw(setting, rng, size),
        truths,
        seed_counts,
        n_replicates,
        rng_for=lambda *names: generator(root_seed, role="audit", names=names),
    )
    return frame.assign(
        truth=frame["quantity"].map(truths),
        truth_error=frame["quantity"].map(errors).fillna(0.0),
    )


def decisions(
    setting: Setting, root_seed: int, seed_counts: tuple[int, ...], n_replicates: int
) -> pd.DataFrame:
    """How often tests decide at the bound itself, with few rows and with the study's."""
    frames = []
    for n_samples in sorted({FEW_ROWS, setting.n_samples}):
        small = replace(setting, n_samples=n_samples)
        if not is_known(small):
            continue

        def rng_for(*names: object, n: int = n_samples) -> np.random.Generator:
            return generator(root_seed, role="audit_decisions", n_samples=n, names=names)

        truths, _ = truth(small, rng_for("truth"))
        frame = coverage.audit_decisions(
            partial(draw, small),
            truths,
            seed_counts,
            n_replicates,
            rng_for=rng_for,
        )
        frames.append(frame.assign(n_samples=n_samples))
    return pd.concat(frames, ignore_index=True)


def names(setting: Setting) -> dict[str, str]:
    """What the quantities are called in the table."""
    single = f"ERM on {setting.train[-1].label} alone"
    return {
        "pooled": f"weight of {setting.feature}, ERM on all training environments",
        "single": f"weight of {setting.feature}, {single}",
        "train_mse": f"training MSE, {single}",
        "test_mse": f"MSE on fresh rows, {single}",
        "paired": f"MSE on fresh rows less the oracle's on the same, {single}",
        "risk": f"exact risk, {single}",
        "oracle_mse": f"MSE of the oracle, {setting.train[0].label}",
        "penalty": f"plug-in penalty of the oracle, {setting.train[-1].label}",
    }


def draw(setting: Setting, rng: np.random.Generator, size: int) -> dict[str, Array]:
    """One value a seed, (size,), of every quantity."""
    population, n_samples = setting.population, setting.n_samples
    train = second_moments(population, n_samples, rng, size)
    fresh = second_moments(population.at([-1]), n_samples, rng, size).at((slice(None), 0))
    first, last = train.at((slice(None), 0)), train.at((slice(None), -1))
    single = small.solve(last.gram, last.cross)
    pooled = _pooled(train)
    causal = setting.causal
    derivative = small.form(causal, last.gram) - small.dot(last.cross, causal)
    values = {
        "pooled": pooled[:, FEATURE],
        "single": single[:, FEATURE],
        "train_mse": risk(single, last),
        "test_mse": risk(single, fresh),
        "paired": risk(single, fresh) - risk(causal, fresh),
        "risk": risk(single, population.at(-1)),
        "oracle_mse": risk(causal, first),
        "penalty": 4 * derivative**2,
    }
    return {name: values[key] for key, name in names(setting).items()}


def truth(
    setting: Setting, rng: np.random.Generator
) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Expectation of every quantity, and the standard error of the one that is computed."""
    n, d = setting.n_samples, setting.population.n_features
    population = setting.population
    last = population.at(-1)
    phi = theory.least_squares(last)
    noise = float(risk(phi, last))
    bias, error = _pooled_bias(setting, rng)
    covariance = setting.model.product_covariance(setting.train[-1].mapping)
    assert covariance is not None  # ``run`` has seen to it
    laws = theory.penalty_estimators(setting.causal, last, covariance, n)
    values = {
        "pooled": float(theory.pooled_least_squares(population)[FEATURE]) + bias,
        "single": float(phi[FEATURE]),
        "train_mse": noise * (1 - d / n),
        "test_mse": noise * (1 + d / (n - d - 1)),
        "paired": noise * (1 + d / (n - d - 1)) - float(risk(setting.causal, last)),
        "risk": noise * (1 + d / (n - d - 1)),
        "oracle_mse": setting.model.noise_floor(setting.train[0].mapping, setting.model.option),
        "penalty": float(
            theory.penalty(setting.causal, population.at([-1])) + laws["plug_in"].bias
        ),
    }
    found = names(setting)
    return {found[key]: value for key, value in values.items()}, {found["pooled"]: error}


def _pooled_bias(setting: Setting, rng: np.random.Generator) -> tuple[float, float]:
    """E φ̂ − φ of the pooled ERM's last feature, and its standard error."""
    population = setting.population
    phi = theory.pooled_least_squares(population)
    moments = second_moments(population, setting.n_samples, rng, TRUTH_DRAWS)
    residual = (moments.cross - small.apply(moments.gram, phi)).sum(1)
    first_order = small.solve(population.gram.sum(0), residual)
    rest = (_pooled(moments) - phi - first_order)[:, FEATURE]
    return float(rest.mean()), float(rest.std(ddof=1) / np.sqrt(TRUTH_DRAWS))


def _pooled(moments: Moments) -> Array:
    """ERM's φ (seed, d) on moments (seed, E, …)."""
    return small.solve(moments.gram.sum(1), moments.cross.sum(1))


def second_moments(
    population: Moments, n_samples: int, rng: np.random.Generator, size: int
) -> Moments:
    """Moments (size, E, …) of samples in the environments of a population, drawn by their law.

    The scatter of the rows is Wishart: its triangular factor is drawn (Bartlett 1933).
    """
    d = population.n_features
    covariance = np.empty((len(population.gram), d + 1, d + 1))
    covariance[:, :d, :d] = population.gram
    covariance[:, :d, d] = covariance[:, d, :d] = population.cross
    covariance[:, d, d] = population.target
    # (row, column, draw, environment): an operation runs along whole batches
    factor = np.zeros((d + 1, d + 1, size, len(covariance)))
    below = np.tril_indices(d + 1, -1)
    normals = rng.standard_normal((size, len(covariance), len(below[0])))
    factor[below] = np.moveaxis(normals, -1, 0)
    squares = rng.chisquare(n_samples - np.arange(d + 1), (size, len(covariance), d + 1))
    factor[range(d + 1), range(d + 1)] = np.sqrt(np.moveaxis(squares, -1, 0))
    to_population = small.cholesky(covariance)
    scatter = np.empty_like(factor)
    for first in range(0, size, IN_CACHE):
        some = np.s_[:, :, first : first + IN_CACHE]
        _fill_scatter(to_population, factor[some], scatter[some])
    second = np.moveaxis(scatter, (0, 1), (-2, -1)) / n_samples
    return Moments(second[..., :d, :d], second[..., :d, d], second[..., d, d])


def _fill_scatter(to_population: Array, factor: Array, scatter: Array) -> None:
    """LFFᵀLᵀ of lower triangles L (E, d, d) and F (d, d, draw, E), less what is zero in them."""
    root = np.zeros_like(factor)
    for i in range(len(factor)):
        for k in range(i + 1):
            for j in range(k, i + 1):
                root[i, k] += to_population[:, i, j] * factor[j, k]
    for i in range(len(factor)):
        for k in range(i + 1):
            scatter[i, k] = sum(root[i, j] * root[k, j] for j in range(k + 1))
            scatter[k, i] = scatter[i, k]
