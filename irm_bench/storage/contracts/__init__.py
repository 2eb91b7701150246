"""What a table promises: its columns, each with its kind and meaning; and those that many share."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column: name, kind (text, integer, number) and meaning with its unit."""

    name: str
    kind: str
    meaning: str


@dataclass(frozen=True)
class Contract:
    """The columns of one table, in order; ``config`` is the hash of the config that it is of.

    ``keys``, of a table with a row a seed, are the columns that tell one seed's rows apart. Rows of
    equal keys stand together. There may be more of them than fit in memory (``rows.py``).
    """

    name: str
    summary: str
    columns: tuple[Column, ...]
    keys: tuple[str, ...] = ()
    config: str = ""

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
SEM = columns(
    ("sem", "text", "structural equation model"),
    ("dim", "integer", "components of each of X and Z"),
)
SETTING = (
    *STUDY,
    *SEM,
    *columns(
        ("n_samples", "integer", "rows of each training environment"),
        ("train_sigmas", "text", "σ of the training environments, joined by ;"),
        ("method", "text", "method"),
        ("penalty", "text", "penalty estimator that it trains on; empty for none"),
        ("error_weight", "number", "weight of the summed error beside the penalty; empty for none"),
        ("learning_rate", "number", "step size of gradient descent; empty for none"),
        ("steps", "integer", "updates of gradient descent"),
    ),
)
SEED = columns(("seed", "integer", "seed: the replicate"))
WHERE = columns(
    ("split", "text", "train or test: separate random streams"),
    ("environment", "text", "environment, for people: its parameters that are not 1"),
)
INTERVAL = columns(
    ("n_seeds", "integer", "seeds that the row speaks of, diverged ones left out"),
    ("n_diverged", "integer", "seeds whose training diverged; they are in no mean"),
    ("mean", "number", "mean over seeds"),
    ("sd", "number", "standard deviation over seeds, ddof = 1"),
    ("ci_low", "number", "lower end of the 95% confidence interval of the mean"),
    ("ci_high", "number", "upper end of the 95% confidence interval of the mean"),
    ("ci_method", "text", "t (Student) or BCa (bootstrap), both over seeds"),
)
