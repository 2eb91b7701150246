"""A structural equation model at one structure: every access to a SEM's file, in one place.

Only ``sample`` is required of a SEM (``protocols.Sem``). What it does not know is None here, and
the columns and sections that would need it stay empty. The *mechanism* is what is fixed for a seed:
what the SEM's ``mechanism`` draws from a random stream of its own, or the options themselves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from irm_bench.errors import PluginError
from irm_bench.plugins.registry import Plugin
from irm_bench.statistics.streams import generator
from irm_bench.theory import small
from irm_bench.theory.moments import Array, Moments, stack

if TYPE_CHECKING:  # it takes time to import, and few models have one
    from irm_bench.theory.mixtures import Mixture

Parameters = Mapping[str, Any]
Mechanism = Mapping[str, Any]
CAUSE, EFFECT, MIXED = "cause", "effect", "mixed"
INTERCEPT = "intercept"


@dataclass(frozen=True)
class Model:
    """A SEM, its structure options, and whether a constant feature is added to the others."""

    sem: Plugin
    options: tuple[tuple[str, Any], ...]
    n_sem_features: int
    intercept: bool = False

    @property
    def n_features(self) -> int:
        """d of the theory, the intercept included."""
        return self.n_sem_features + self.intercept

    @property
    def option(self) -> dict[str, Any]:
        """The options by name."""
        return dict(self.options)

    @property
    def feature_names(self) -> list[str]:
        names = feature_names(self.sem, self.option)
        if names is None:
            names = [f"x_{j + 1}" for j in range(self.n_sem_features)]
        return [*names, INTERCEPT] if self.intercept else names

    @property
    def is_fixed(self) -> bool:
        """Whether the mechanism is the same for every seed."""
        return not self.has("mechanism")

    def has(self, function: str) -> bool:
        """Whether the SEM has a function of the contract."""
        return function in self.sem.get("FUNCTIONS", ())

    def mechanism(self, root_seed: int, seed: int) -> Mechanism:
        """What is fixed for a seed."""
        return _mechanism(self.sem, self.options, root_seed, seed)

    @property
    def roles(self) -> tuple[str, ...]:
        """Of every feature, whether it is a cause of the target, an effect of it, or mixed."""
        module = self.sem.load()
        if self.has("roles"):
            roles = tuple(module.roles(options=self.option))
        elif self.is_fixed and self.has("causal_solution"):
            weights = module.causal_solution(mechanism=self.option)
            roles = tuple(CAUSE if weight else EFFECT for weight in weights)
        else:
            roles = (MIXED,) * self.n_sem_features
        if len(roles) != self.n_sem_features or not set(roles) <= {CAUSE, EFFECT, MIXED}:
            raise PluginError(
                f"{self.sem.path}: roles gives {roles}; needed are {self.n_sem_features} of "
                f"{CAUSE!r}, {EFFECT!r}, {MIXED!r}"
            )
        return (*roles, MIXED) if self.intercept else roles

    def sample(
        self,
        rng: np.random.Generator,
        n_samples: int,
        environment: Parameters,
        mechanism: Mechanism,
    ) -> tuple[Array, Array]:
        """Rows: features (n_samples, d) and target (n_samples,).

        Raises:
            PluginError: the SEM gives arrays of other shapes, or values that are not finite.
        """
        rows = self.sem.load().sample(
            rng=rng, n_samples=n_samples, environment=environment, mechanism=mechanism
        )
        x, y = _checked_rows(self, rows, n_samples)
        mixing = self.mixing(mechanism)
        if mixing is not None:
            x = small.multiply(x, mixing)
        if self.intercept:
            x = np.column_stack([x, np.ones(n_samples)])
        return x, y

    def sample_moments(
        self, rngs: Iterable[np.random.Generator], n_samples: int, environment: Parameters
    ) -> Moments:
        """Moments (rng, …) of rows that are never drawn, from their law."""
        return self.sem.load().sample_moments(
            rngs=rngs, n_samples=n_samples, environment=environment, mechanism=self.option
        )

    def population(self, environment: Parameters, mechanism: Mechanism) -> Moments | None:
        """Exact moments of an environment: gram (d, d), cross (d,), target (), mean (d + 1,)."""
        if not self.has("population"):
            return None
        moments = self.sem.load().population(environment=environment, mechanism=mechanism)
        _check_moments(self, moments)
        mixing = self.mixing(mechanism)
        if mixing is not None:
            moments = mixed(moments, mixing)
        return with_intercept(moments, self.sem) if self.intercept else moments

    def mixture(self, environment: Parameters, mechanism: Mechanism) -> "Mixture | None":
        """The law of an environment's features and labels, where it is one of mixed normals."""
        if not self.has("mixture"):
            return None
        mixture = self.sem.load().mixture(environment=environment, mechanism=mechanism)
        if mixture is None:
            return None
        mixing = self.mixing(mechanism)
        if mixing is not None:
            mixture = mixture.mixed(mixing)
        return mixture.with_intercept() if self.intercept else mixture

    def mixing(self, mechanism: Mechanism) -> Array | None:
        """S (d, d) where what a learner sees is the SEM's variables times S, else None.

        Raises:
            PluginError: the SEM gives something of another shape, or singular.
        """
        if not self.has("mixing"):
            return None
        matrix = self.sem.load().mixing(mechanism=mechanism)
        if matrix is None:
            return None
        d = self.n_sem_features
        matrix = np.asarray(matrix, dtype=float)
        if matrix.shape != (d, d) and d >= 0:
            raise PluginError(
                f"{self.sem.path}: mixing has shape {matrix.shape}; needed is {(d, d)}"
            )
        if not np.linalg.matrix_rank(matrix) == len(matrix):
            raise PluginError(f"{self.sem.path}: mixing gives a singular matrix")
        return matrix

    def weights(self, phi: Array, mechanism: Mechanism) -> Array:
        """The weights (…, d) that φ (…, d) gives the SEM's own variables, before they were mixed.

        The intercept's, if there is one, is not among them.
        """
        of_features = phi[..., : self.n_sem_features]
        mixing = self.mixing(mechanism)
        return of_features if mixing is None else small.apply(mixing, of_features)

    def causal_weights(self, mechanism: Mechanism) -> Array | None:
        """The weights (d,) of the SEM's own variables in the target's mechanism; None: unknown."""
        if not self.has("causal_solution"):
            return None
        weights = np.asarray(self.sem.load().causal_solution(mechanism=mechanism), dtype=float)
        if weights.shape != (self.n_sem_features,):
            raise PluginError(
                f"{self.sem.path}: causal_solution has shape {weights.shape}; "
                f"needed is {(self.n_sem_features,)}"
            )
        return weights

    def causal(self, mechanism: Mechanism) -> Array | None:
        """The oracle φ (d,): the weights of the target's own mechanism."""
        weights = self.causal_weights(mechanism)
        if weights is None:
            return None
        mixing = self.mixing(mechanism)
        if mixing is not None:
            weights = small.solve(mixing, weights)
        return np.append(weights, 0.0) if self.intercept else weights

    def noise_floor(self, environment: Parameters, mechanism: Mechanism) -> float:
        """Risk of the oracle; NaN where the SEM does not know it."""
        if self.has("noise_floor"):
            floor = self.sem.load().noise_floor(environment=environment, mechanism=mechanism)
            return float(floor)
        return float("nan")

    def product_covariance(self, environment: Parameters) -> Array | None:
        """Covariance (P, P) of the products of one row, ``product_index`` order; None: unknown."""
        if not self.has("product_covariance") or self.intercept or not self.is_fixed:
            return None
        return self.sem.load().product_covariance(environment=environment, mechanism=self.option)

    def populations(self, environments: Sequence[Parameters]) -> Moments | None:
        """Exact moments (E, …) of a SEM whose mechanism is the same for every seed."""
        if not self.has("population"):
            return None
        found = [self.population(environment, self.option) for environment in environments]
        return stack([moments for moments in found if moments is not None])


def feature_names(sem: Plugin, options: Mapping[str, Any]) -> list[str] | None:
    """The names that a SEM gives its features; None where it does not name them."""
    if "feature_names" not in sem.get("FUNCTIONS", ()):
        return None
    return list(sem.load().feature_names(options=options))


def model_of(
    sem: Plugin, options: Mapping[str, Any], intercept: bool, environment: Parameters
) -> Model:
    """The model of a SEM's options, which is asked for two rows before any work starts.

    Raises:
        PluginError: it has no function ``sample``, or that gives no rows of its features.
    """
    if "sample" not in sem.get("FUNCTIONS", ()):
        raise PluginError(f"{sem.path}: a SEM needs a function 'sample', and this file has none")
    try:
        n_features = _n_features(sem, options, environment)
    except PluginError:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise PluginError(f"{sem.path}: two rows cannot be drawn; {what}") from error
    return Model(sem, tuple(options.items()), n_features, intercept)


def _n_features(sem: Plugin, options: Mapping[str, Any], environment: Parameters) -> int:
    names = feature_names(sem, options)
    model = Model(sem, tuple(options.items()), -1 if names is None else len(names), False)
    x, _ = probe(model, environment)
    return x.shape[1]


def probe(model: Model, environment: Parameters) -> tuple[Array, Array]:
    """Two rows, that show what a model gives before any work starts."""
    rng = generator(0, role="probe", sem=model.sem.name)
    return model.sample(rng, 2, environment, model.mechanism(0, 0))


def other_targets(y: Array, loss: Plugin) -> Array:
    """Those of the targets that a loss is not defined for."""
    allowed = loss.get("TARGETS", ())
    return y[~np.isin(y, allowed)] if allowed else y[:0]


def check_targets(model: Model, y: Array, loss: Plugin) -> None:
    """Refuse targets that a loss is not defined for.

    Raises:
        PluginError: names the SEM, the target, and the loss's TARGETS.
    """
    others = other_targets(y, loss)
    if len(others):
        listed = ", ".join(str(target) for target in loss.metadata["TARGETS"])
        raise PluginError(
            f"{model.sem.path}: sample gives targets such as {others[0]:g}; the loss "
            f"{loss.name!r} is of {listed}"
        )


@cache
def _mechanism(
    sem: Plugin, options: tuple[tuple[str, Any], ...], root_seed: int, seed: int
) -> Mechanism:
    if "mechanism" not in sem.get("FUNCTIONS", ()):
        return dict(options)
    rng = generator(root_seed, role="mechanism", sem=sem.name, seed=seed, **dict(options))
    return sem.load().mechanism(rng=rng, options=dict(options))


def _checked_rows(model: Model, rows: Any, n_samples: int) -> tuple[Array, Array]:
    """Rows as a SEM gave them, refused unless they are two arrays of the right shapes."""
    try:
        x, y = (np.asarray(part, dtype=float) for part in rows)
    except (TypeError, ValueError) as error:
        raise PluginError(
            f"{model.sem.path}: sample gives {type(rows).__name__}; needed are two arrays, (x, y)"
        ) from error
    d = x.shape[1] if model.n_sem_features < 0 and x.ndim == 2 else model.n_sem_features
    if x.shape != (n_samples, d) or y.shape != (n_samples,):
        raise PluginError(
            f"{model.sem.path}: sample gives x of shape {x.shape} and y of shape {y.shape}; "
            f"needed are {(n_samples, d)} and {(n_samples,)}"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise PluginError(f"{model.sem.path}: sample gives values that are not finite")
    return x, y


def _check_moments(model: Model, moments: Any) -> None:
    """Refuse moments of a SEM that have other shapes than its features."""
    d = model.n_sem_features
    needed: dict[str, tuple[int, ...]] = {"gram": (d, d), "cross": (d,), "target": ()}
    if getattr(moments, "mean", None) is not None:
        needed["mean"] = (d + 1,)
    for name, shape in needed.items():
        given = np.shape(getattr(moments, name, np.nan))
        if given != shape:
            raise PluginError(
                f"{model.sem.path}: population gives a {name} of shape {given}; needed is {shape}"
            )


def mixed(moments: Moments, mixing: Array) -> Moments:
    """Moments of features times S, of those of the features themselves."""
    means = moments.mean
    if means is not None:
        means = np.append(small.apply(mixing.T, means[:-1]), means[-1])
    gram = small.multiply(small.multiply(mixing.T, moments.gram), mixing)
    return Moments(gram, small.apply(mixing.T, moments.cross), moments.target, means)


def with_intercept(moments: Moments, sem: Plugin) -> Moments:
    """Moments of features with a constant 1 behind them.

    Raises:
        PluginError: the SEM does not say what the means are.
    """
    if moments.mean is None:
        raise PluginError(f"{sem.path}: an intercept needs the means, and population has none")
    means, target_mean = moments.mean[:-1], moments.mean[-1]
    gram = np.block([[moments.gram, means[:, None]], [means[None, :], np.ones((1, 1))]])
    cross = np.append(moments.cross, target_mean)
    return Moments(gram, cross, moments.target, np.concatenate([means, [1.0, target_mean]]))
