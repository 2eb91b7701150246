"""What the files of a book have to hold: one protocol for each kind of plugin.

A plugin is a file of functions and literal constants. Its name is the file's; it is found by being
in the folder of its kind, in the book first and then in the package. The protocols are what
``make check`` holds files to, and what an author reads; no file has to import them.

Shapes: d features, n rows; a *run* is one trained model, and a *pair* one of its training
environments. The run or pair axis is always the last one, and whatever is done is elementwise along
it, so that a run's numbers know nothing of its neighbours.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from irm_bench.engine.problem import AnySlope, Draw, Problem


class Sem(Protocol):
    """A structural equation model: a file ``sems/<name>.py``. Only ``sample`` is needed.

    Constants, all optional, literal values at the top of the file:
        LABEL, REFERENCE   words for the page
        OPTIONS            options of the structure with their defaults; a list is a grid
        PARAMETERS         parameters of an environment; None marks one without default. The first
                           is the one that a bare value in a training set stands for
        POSITIVE, CHOICES  names of parameters that must be above 0; allowed texts by name

    What is fixed for a seed is its *mechanism*: what the function ``mechanism`` draws from a random
    stream of its own, or the options themselves. All functions are called with named arguments::

        PARAMETERS = {"sigma": None}

        def sample(rng, n_samples, environment, mechanism):
            x = environment["sigma"] * rng.normal(size=(n_samples, 1))
            y = x[:, 0] + environment["sigma"] * rng.normal(size=n_samples)
            z = y[:, None] + rng.normal(size=(n_samples, 1))
            return np.hstack([x, z]), y

    Optional functions; without one, the columns and sections that need it stay empty:
        mechanism(rng, options)                      → a mapping, drawn once a seed
        feature_names(options)                       → d names
        roles(options)                               → d of "cause", "effect", "mixed"
        population(environment, mechanism)           → Moments: gram (d, d), cross (d,), target (),
                                                       mean (d + 1,) of features and target
        causal_solution(mechanism)                   → the oracle φ (d,)
        noise_floor(environment, mechanism)          → the oracle's risk
        product_covariance(environment, mechanism)   → (P, P), of the products of one row
        sample_moments(rngs, n_samples, environment, mechanism) → Moments (rng, …) by their law
    """

    def sample(
        self,
        rng: np.random.Generator,
        n_samples: int,
        environment: Mapping[str, Any],
        mechanism: Mapping[str, Any],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows of one environment: features (n_samples, d) and target (n_samples,)."""
        ...


class Selection(Protocol):
    """A rule that chooses among a method's trained models: a file ``selection/<name>.py``.

    DATA says whose rows it looks at: ``train`` (fresh rows of the training environments),
    ``held_out`` (environments that the config names; NEEDS_ENVIRONMENTS = True), ``left_out`` (each
    training environment in turn, by models trained on the others) or ``test``.
    """

    DATA: str

    def choose(self, scores: np.ndarray) -> np.ndarray:
        """Of losses (candidate, seed), NaN of diverged runs, each seed's choice: (seed,)."""
        ...


class Method(Protocol):
    """A way of choosing the predictor φ: a file ``methods/<name>.py``.

    It gives exactly one of ``gradient``, ``value`` and ``fit``. Constants, all optional:
        LABEL, REFERENCE, COLOR, MARKER, DASH   words and looks; colours have defaults
        PARAMS           parameters with their defaults: keys of the method in a config (a list is a
                         grid), columns of the tables, ``problem.params[name]`` (run,)
        NEEDS            of "product_variance", "splits", "means", "causal": what ``problem`` has to
                         hold besides second moments
        LOSSES           losses that it can train on; all of them without it
        EXTRAS           what it reports of a run beside φ: name and meaning
        TAKES_PENALTY    it trains on a penalty, named in the config, and is given it by keyword
        MIN_ENVIRONMENTS training environments that it needs
        IS_CONTROL       it is no rival: an oracle
        COUNTERPART      whose minimum is where its training would end: "erm", "penalty", or none
        HESSIAN          "module:function" of its objective's Hessian, for learning rates that are
                         capped

    Parameters of another shape than φ's, say a matrix a run: ``initial(start)`` makes them,
    (…, run), of the start φ (d, run), and ``predictor(parameters)`` makes φ of them.

    A method alone in its file::

        PARAMS = {"beta": 10.0}

        def value(parameters, problem):
            risks = problem.risks(parameters)              # (pair,)
            mean = problem.mean(risks)                     # (run,)
            deviations = risks - problem.spread(mean)      # (pair,)
            return mean + problem.params["beta"] * problem.mean(deviations**2)
    """

    def value(self, parameters: Tensor, problem: Problem) -> Tensor:
        """What is minimised, (run,), in plain torch; the engine differentiates it."""
        ...

    def gradient(self, parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
        """Its gradient in the parameters, (…, run), written by hand: about three times faster.

        ``slope`` is φ seen in every pair: residual (d, pair), half the gradient of the risk; value
        (pair,), half its derivative along the dummy classifier; gradient (d, pair) of that.
        """
        ...

    def fit(self, problem: Problem) -> Tensor:
        """φ (d, run) at once, or ``training.Fitted(phi, extras)``: nothing is stepped."""
        ...


class Penalty(Protocol):
    """An estimator of the invariance penalty: a file ``penalties/<name>.py``.

    NEEDS as of a method. MEAN names the penalty that is this one's mean over its own randomness. A
    penalty that is a fixed quadratic form in the products of a row may give it as ``quartic``.
    """

    def value(self, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
        """The penalty of every pair, (pair,)."""
        ...

    def gradient(self, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
        """Its gradient in φ, (d, pair), a tensor of its own: others are added to it."""
        ...


class Optimiser(Protocol):
    """How parameters are stepped: a file ``optimisers/<name>.py``. PARAMS as of a method."""

    def init(self, parameters: Tensor) -> tuple[Tensor, ...]:
        """What it remembers before the first step: tensors whose last axis is the run."""
        ...

    def update(
        self,
        parameters: Tensor,
        gradient: Tensor,
        memory: tuple[Tensor, ...],
        step: int,
        learning_rate: Tensor,
        params: Mapping[str, Tensor],
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Parameters (…, run) after update number ``step``, from 0, and what it remembers then."""
        ...


class Loss(Protocol):
    """What is minimised over rows: a file ``losses/<name>.py``.

    METRICS names what is reported of it, the minimised loss first. NEEDS is ``moments`` (the
    squared loss) or ``rows``: through ``engine/row_losses.py``, which knows the logistic loss.
    """

    METRICS: tuple[str, ...]
    NEEDS: str

    def measure(self, x: np.ndarray, y: np.ndarray, phi: np.ndarray) -> dict[str, np.ndarray]:
        """Of a loss of rows: its metrics (…) of φ (…, d) on rows x (n, d), y (n,)."""
        ...
