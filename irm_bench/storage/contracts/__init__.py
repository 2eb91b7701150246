"""What a table promises: its columns, each with its kind and meaning; and those that many share."""

from collections.abc import Sequence
from dataclasses import dataclass

from irm_bench.config.layout import Layout

WHOLE, COMPRESSED, CHECKSUM = "whole", "compressed", "checksum"


@dataclass(frozen=True)
class Column:
    """One column: name, kind (text, integer, number) and meaning with its unit."""

    name: str
    kind: str
    meaning: str


@dataclass(frozen=True)
class Contract:
    """The columns of one table, in order; ``config`` is the hash of the config that it is of.

    ``stage`` is the rule that writes it, and ``parts_of`` the one that writes a part of it for each
    shard. ``kept`` says how it is published: whole, compressed, or by its checksum
    and sums over its rows.

    ``keys``, of a table with a row a seed, are the columns that tell one seed's rows apart. Rows of
    equal keys stand together. There may be more of them than fit in memory (``paged.py``).
    ``apart`` are, of any other table, the columns that tell its rows apart.
    """

    name: str
    summary: str
    columns: tuple[Column, ...]
    keys: tuple[str, ...] = ()
    stage: str = ""
    parts_of: str = ""
    kept: str = CHECKSUM
    config: str = ""
    apart: tuple[str, ...] = ()

    @property
    def row_keys(self) -> tuple[str, ...]:
        """The columns that tell its rows apart."""
        return (*self.keys, "seed") if self.keys else self.apart

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]


Columns = tuple[Column, ...]


def names(columns: Sequence[Column]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)


def columns(*rows: tuple[str, str, str]) -> Columns:
    """Columns from (name, kind, meaning)."""
    return tuple(Column(*row) for row in rows)


STUDY = columns(("study", "text", "study of the config"))


def of_sem(layout: Layout) -> Columns:
    """A SEM and its structure."""
    options = (
        (name, kind, f"option {name} of the SEM's structure") for name, kind in layout.options
    )
    return columns(("sem", "text", "structural equation model"), *options)


def train_set(layout: Layout) -> Columns:
    """Which environments a model trains on."""
    meaning = "training environments, joined by ;"
    if layout.train_column == "train_sigmas":
        meaning = f"σ of the {meaning}"
    count = columns(("n_environments", "integer", "how many training environments there are"))
    label = columns((layout.train_column, "text", meaning))
    return (*label, *count) if layout.counts_environments else label


def trained(layout: Layout) -> Columns:
    """What tells a trained model from all others but its seed."""
    params = ((name, kind, _param_meaning(name)) for name, kind in layout.params)
    factors = (
        (name, kind, FACTORS.get(name, f"{name} of the optimiser")) for name, kind in layout.factors
    )
    selection = columns(("selection", "text", "rule that chose among the models; empty: none did"))
    return (
        *STUDY,
        *of_sem(layout),
        *columns(("n_samples", "integer", "rows of each training environment")),
        *train_set(layout),
        *columns(
            ("method", "text", "method"),
            ("penalty", "text", "penalty estimator that it trains on; empty for none"),
        ),
        *columns(*params),
        *columns(*factors),
        *columns(
            ("learning_rate", "number", "step size of gradient descent; empty for none"),
            ("steps", "integer", "updates of gradient descent"),
        ),
        *(selection if layout.has_selection else ()),
    )


def parameters(layout: Layout) -> Columns:
    """The parameters of an environment."""
    named = (
        (name, kind, f"parameter {name} of the environment") for name, kind in layout.parameters
    )
    return columns(*named)


def mains(layout: Layout) -> Columns:
    """The parameter that each SEM names first."""
    named = ((name, kind, f"{name} of the environment") for name, kind in layout.main_parameters)
    return columns(*named)


def phis(layout: Layout) -> Columns:
    """φ, a column a feature."""
    named = ((name, "number", f"weight of feature {i + 1}") for i, name in enumerate(layout.phis))
    return columns(*named)


def _param_meaning(name: str) -> str:
    if name == "error_weight":
        return "weight of the summed error beside the penalty; empty for none"
    return f"parameter {name} of the method; empty for none"


FACTORS = {
    "loss": "loss that is minimised",
    "start": "where training starts; empty for none",
    "optimiser": "optimiser; empty for none",
}
# What a loss measures on sampled rows.
METRICS = {
    "mse": "mean squared error on the sampled rows",
    "log_loss": "mean logistic loss on the sampled rows",
    "error_rate": "share of the sampled rows that are classified wrongly",
}
SEED = columns(("seed", "integer", "seed: the replicate"))
WHERE = columns(
    ("split", "text", "train or test: separate random streams"),
    ("environment", "text", "environment, for people: its parameters that are not the SEM's own"),
)
CI_METHOD = columns(("ci_method", "text", "t (Student) or BCa (bootstrap), both over seeds"))
INTERVAL = (
    *columns(
        ("n_seeds", "integer", "seeds that the row speaks of, diverged ones left out"),
        ("n_diverged", "integer", "seeds whose training diverged; they are in no mean"),
        ("mean", "number", "mean over seeds"),
        ("sd", "number", "standard deviation over seeds, ddof = 1"),
        ("ci_low", "number", "lower end of the 95% confidence interval of the mean"),
        ("ci_high", "number", "upper end of the 95% confidence interval of the mean"),
    ),
    *CI_METHOD,
)
