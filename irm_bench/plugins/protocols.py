"""What the files of a book have to hold: typed protocols for each kind of plugin.

A plugin is a file of functions and literal constants. Its name is the file's; it is found by being
in the folder of its kind, in the book first and then in the package. Constants are read without
importing the file. Functions are called with the arguments that stand here. The protocols are what
an author reads, and what files are held to; what breaks one raises ``PluginError``, which names the
file. No file has to import them.

Shapes. A *run* is one model to train; all runs of a job advance together, and the run axis is the
last one. A *pair* is an environment of a run, d the number of features. What a function returns for
a run may depend on that run alone. To be the same to the last digit in any batch, keep operations
elementwise along the last axis, sum over features by ``engine.sums.add_up``, and take no powers of
tensors.
"""

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from irm_bench.engine.descent import Path
from irm_bench.engine.problem import AnySlope, Draw, Draws, Problem
from irm_bench.engine.training import Fitted


class Sem(Protocol):
    """A structural equation model: a file ``sems/<name>.py``. Only ``sample`` is needed.

    Constants, all optional, literal values at the top of the file:
        LABEL, REFERENCE   words for the page
        GRAPH              who acts on whom, for its drawing: "X -> Y -> Z; (H) -> X", what is
                           hidden in brackets
        OPTIONS            options of the structure with their defaults; a list is a grid
        PARAMETERS         parameters of an environment; None marks one without default. The first
                           is the one that a bare value in a training set stands for
        POSITIVE, CHOICES  names of parameters that must be above 0; allowed values of parameters
                           and options by name
        LEAST              the least value of an option that is a whole number, by name, if not 1
        MULTIPLE_OF        what numbers of rows have to be a multiple of, such as 2 for a SEM whose
                           classes are of equal size

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
        mixture(environment, mechanism)              → a ``Mixture`` of normals, or None: the exact
                                                       law of features and labels
        mixing(mechanism)                            → S (d, d), or None: a learner is shown the
                                                       variables times S. All other functions
                                                       speak of the variables themselves
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
    training environment in turn, by models trained on the others) or ``test``. METRIC says what it
    looks at: ``loss`` (what is minimised, the default) or ``error`` (the last of the loss's
    METRICS, like the error rate).
    """

    DATA: str

    def choose(self, scores: np.ndarray) -> np.ndarray:
        """Of scores (candidate, seed), NaN of diverged runs, each seed's choice: (seed,)."""
        ...


class Loss(Protocol):
    """What is minimised over rows: a file ``losses/<name>.py``.

    Constants:
        LABEL      words for the page
        METRICS    names of what is reported of test rows; the first is what is minimised
        NEEDS      "rows" (``squared`` alone has "moments", and none of the functions)

    A row's loss is a function of the prediction a = φᵀx and the target y. ``value`` and
    ``derivatives`` are torch, in float32, elementwise over (row, run); ``measure`` is numpy. Do not
    import torch at the top: the later stages measure without it. The absolute error, smoothed::

        import numpy as np

        LABEL = "log-cosh loss"
        METRICS = ("log_cosh",)
        NEEDS = "rows"

        def value(prediction, target):
            return (prediction - target).cosh().log()

        def derivatives(prediction, target):
            slope = (prediction - target).tanh()
            return slope, 1 - slope**2

        def measure(x, y, phi):
            return {"log_cosh": np.log(np.cosh(phi @ x.T - y)).mean(axis=-1)}

    It may give ``kernel()``, a function for numba of the prediction and the target of one row, both
    float32, that returns both derivatives in float32: sums over rows then go through one compiled
    loop (``engine/compiled_rows.py``).
    """

    LABEL: str
    METRICS: tuple[str, ...]
    NEEDS: str

    def value(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of every row (row, run)."""
        ...

    def derivatives(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Its first and second derivative in the prediction, (row, run) each.

        They are tensors of their own: others are written to them.
        """
        ...

    def measure(self, x: np.ndarray, y: np.ndarray, phi: np.ndarray) -> dict[str, np.ndarray]:
        """Every metric (…) of φ (…, d) on rows x (n, d), y (n,)."""
        ...


class Method(Protocol):
    """A way to choose φ: a file ``methods/<name>.py``. It gives exactly one of three functions.

    ``value`` (``ValueMethod``) is what is minimised: torch differentiates it, and an optimiser
    steps. ``gradient`` (``GradientMethod``) is its gradient written by hand, some 3 times as fast.
    ``fit`` (``FitMethod``) gives φ itself: a closed form or a search; nothing is stepped.

    Constants; all but LABEL are optional:
        LABEL, REFERENCE      words for the page, and the source
        COLOR, MARKER, DASH   how it is drawn, in terms of matplotlib
        PARAMS                parameters by name, with their defaults: keys of the method in a
                              config (a list is a grid), columns of the tables, and (run,) each in
                              ``problem.params``
        NEEDS                 what the problem has to hold besides second moments: "means",
                              "n_samples", "product_variance", "causal", "rows", "splits";
                              "intercept" if the last feature has to be the constant 1
        LOSSES                names of the losses that it can train on; without it, all
        MIN_ENVIRONMENTS      how many training environments it needs at least
        IS_CONTROL            True for what no one could train, like the oracle
        TRAINS_IN             parameters that its training environments have in place of their own,
                              by name: for a control that is trained on data no one could have
        TAKES_PENALTY         True for a gradient that takes a penalty, which the config names
        IS_GRADIENT           False for a ``gradient`` that is the gradient of nothing, like a step
                              with a mask: ``make check`` holds all others to be one
        SELECTS               True for a method that leaves features out, with φ = 0 there: tables
                              then say how many of those it took are no causes, and which it missed
        MAX_SUBSETS           how many subsets of the features it can go through, if it does
        EXTRAS                what ``fit`` reports of a run besides φ: name and meaning
        ASSUMPTION            one sentence: what has to be so for it to find the invariant predictor
        LIMIT                 parameters by name, with values that stand for their limit: where the
                              map of a config (``engine/limits.py``) looks for where it tends to
        FAILS                 why ``fit`` can give a φ that is not finite, for the map
        NO_ANSWER             (one of EXTRAS, words): where that is 0, it has no answer, and why
        COUNTERPART           "erm" or "penalty" if what it minimises is pooled least squares, or
                              error weight · Σ risks + Σ penalties; else its minimum is not known
        HESSIAN               "module:function" of the Hessian (…) of what it minimises, for the
                              learning-rate rule "capped"; the module must load without torch

    Of a problem a method may use: ``risks(phi)`` (pair,), ``slope(phi)`` (``Slope``), ``params``,
    ``moments.gram`` (d, d, pair) and ``moments.cross`` (d, pair), ``mean`` and ``total`` from pairs
    to runs over a run's environments, ``spread`` from runs to pairs, and what NEEDS names.

    What is stepped need not be φ (d, run): with ``initial(start)`` parameters have any shape
    (…, run), and ``predictor(parameters)`` makes φ of them, so that the φ of ``initial(start)`` is
    the start. ``irm_matrix`` is an example.
    """

    LABEL: str


class ValueMethod(Method, Protocol):
    """A method that says what it minimises. V-REx, the whole file::

        LABEL = "V-REx"
        REFERENCE = "Krueger et al. 2021, equation 8"
        PARAMS = {"beta": 10.0}

        def value(parameters, problem):
            risks = problem.risks(parameters)
            mean = problem.mean(risks)
            deviations = risks - problem.spread(mean)
            return mean + problem.params["beta"] * problem.mean(deviations**2)

    Torch differentiates it once: in-place operations on the parameters are not allowed. Of a loss
    that goes through rows, risks, and residual and value of a slope, can be differentiated.
    """

    def value(self, parameters: Tensor, problem: Problem) -> Tensor:
        """What is minimised, of parameters (…, run): (run,)."""
        ...


class GradientMethod(Method, Protocol):
    """A method that gives the gradient of what it minimises. ERM, in short::

        LABEL = "ERM"

        def gradient(parameters, slope, problem, draw):
            return 2 * problem.total(slope.residual)

    It may give faster forms of the same objective for the squared loss; the first two where
    parameters are φ:
        closed_form(problem, penalty, n_steps, record, draws)  the ``Path`` of gradient descent
        quartic(problem, penalty)  coefficients of the gradient where it is a cubic polynomial in φ
                                   (``polynomial.gradient_coefficients``), or None
        kernel(n_features, width)  the gradient of ``width`` runs written for numba, used with an
                                   optimiser that has a kernel (``engine/compiled.py``): a function
                                   of parameters (size, width), gram (environment, d, d, width),
                                   cross (environment, d, width), counts
                                   (width,) of environments, params (parameter, width) in the
                                   order of PARAMS, and out (size, width), which it fills; with
                                   TAKES_PENALTY it is given the penalty's kernel, compiled, too.
                                   All arrays have the dtype of the parameters, and so should
                                   its own have, for speed in single precision. It may use
                                   numbers, arrays and functions: with other objects it is
                                   compiled anew by every process (``machine_code.py``)
        draw_kernel(n_features, width, of_value)  the same of what an environment's draw adds to
                                   that gradient: a function of φ (d, width), the draw's gram
                                   (d, d, width) and cross (d, width) in φ's dtype, params, and out,
                                   which it adds to; of_value is the penalty's ``draw_kernel``
    """

    def gradient(self, parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
        """The gradient (…, run) in the parameters (…, run).

        slope is that of the parameters' φ. ``draw()`` is the random split of the step, for what
        NEEDS "splits". With TAKES_PENALTY there is one argument more, ``penalty``, a ``Penalty``.
        """
        ...


class FitMethod(Method, Protocol):
    """A method that is not stepped. Pooled least squares, the whole file::

        import torch

        from irm_bench.engine.training import Fitted

        LABEL = "least squares"
        EXTRAS = {"trace": "trace of the summed Gram matrix"}

        def fit(problem):
            gram = problem.total(problem.moments.gram).permute(2, 0, 1)
            cross = problem.total(problem.moments.cross).T
            phi = torch.linalg.solve(gram, cross).T
            return Fitted(phi, {"trace": gram.diagonal(dim1=1, dim2=2).sum(dim=1)})

    Without EXTRAS it returns φ alone.
    """

    def fit(self, problem: Problem) -> Tensor | Fitted:
        """φ (d, run), or ``Fitted`` (``engine/training.py``) with the EXTRAS (run,) beside it.

        A run whose φ is not finite counts as diverged at step 0.
        """
        ...


class ReparameterisedMethod(Method, Protocol):
    """A stepped method whose parameters are not φ itself."""

    def initial(self, start: Tensor) -> Tensor:
        """The parameters (…, run) to start from, of the start φ (d, run)."""
        ...

    def predictor(self, parameters: Tensor) -> Tensor:
        """φ (d, run) of parameters (…, run)."""
        ...


class ClosedFormMethod(GradientMethod, Protocol):
    """A method whose whole path of plain gradient descent is known."""

    def closed_form(
        self,
        problem: Problem,
        penalty: ModuleType,
        n_steps: int,
        record: Iterable[int],
        draws: Draws,
    ) -> Path:
        """φ after the numbers of steps in ``record`` and after ``n_steps``."""
        ...


class Penalty(Protocol):
    """An estimator of the invariance penalty: a file ``penalties/<name>.py``.

    Constants; LABEL, REFERENCE, COLOR, MARKER, DASH and NEEDS as of a method, and
        MEAN    the name of the penalty that is the mean of this one over its own randomness: its
                own name if it has none

    Written once, it serves every loss: the *slope* of φ has, per pair, ``phi`` (d, pair), residual
    ∇R/2 (d, pair), value ½ ∂_w R(wφ) at w = 1 (pair,) and that value's gradient (d, pair). Ask for
    the gradient before the others: through rows it brings them with it. ``along_intercept`` is the
    derivative of the residual along the last weight, for what NEEDS "intercept", and ``along(v)``
    that along directions v (d, pair). The plug-in penalty::

        LABEL = "plug-in"
        MEAN = "plug_in"

        def value(slope, problem, draw):
            return 4 * slope.value**2

        def gradient(slope, problem, draw):
            return slope.gradient * (8 * slope.value)

    For the squared loss it may give ``quartic(problem)``, Q (P, P, pair) of the penalty uᵀQu
    (``polynomial.py``): IRM then steps one polynomial a run. Of a penalty that is a function of the
    slope's value alone, ``kernel()`` may give a function for numba: of that value, what the value's
    gradient counts for (``plug_in.py``). One that NEEDS "splits" may give ``draw_kernel()`` beside
    it, the same of the value that a step's draw gives (``split_half.py``).
    """

    LABEL: str

    def value(self, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
        """The penalty (pair,)."""
        ...

    def gradient(self, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
        """Its gradient in φ (d, pair): a tensor of its own, for others are added to it."""
        ...


class Optimiser(Protocol):
    """How parameters are stepped: a file ``optimisers/<name>.py``.

    Constants:
        LABEL, REFERENCE       words for the page
        PARAMS                 parameters with their defaults; each arrives as (run,) in ``params``
        IS_GRADIENT_DESCENT    True for ``gd`` alone: a method's closed form may stand for it

    What it remembers is a tuple of tensors (…, run). Both functions return new tensors and leave
    what they are given as it is: steps are made again to find where a run diverged. Beside
    them ``kernel(width)`` may give the same update in place for numba (``engine/compiled.py``).
    Momentum::

        import torch

        LABEL = "momentum"
        PARAMS = {"momentum": 0.9}

        def init(parameters):
            return (torch.zeros_like(parameters),)

        def update(parameters, gradient, memory, step, learning_rate, params):
            speed = params["momentum"] * memory[0] + gradient
            return parameters - learning_rate * speed, (speed,)
    """

    LABEL: str
    PARAMS: Mapping[str, float]

    def init(self, parameters: Tensor) -> tuple[Tensor, ...]:
        """What it remembers before the first update."""
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
        """Parameters (…, run) after update number ``step``, counted from 0, and its new memory."""
        ...
