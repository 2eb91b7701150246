"""The error over the number of environments, data set by data set."""

import pandas as pd
from matplotlib.figure import Figure

from irm_bench.books.unit_tests import curves
from irm_bench.config import Config
from irm_bench.presentation.series import Looks
from irm_bench.storage.paged import Rows

TITLE = "The error over the number of environments"
SECTION = "environments"
STUDY = ""
TABLES = ("errors",)
ROW_KEYS = curves.ROW_KEYS
SIZE = curves.SIZE
OVER, SWEEP, WORDS = "n_environments", "nenvs", "number of environments"


def data(tables: dict[str, Rows], config: Config) -> pd.DataFrame:
    """Means with intervals, ours and the shipped ones."""
    return curves.data(tables, config, OVER, SWEEP)


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    curves.draw(data, figure, looks, OVER, WORDS)


def describe(data: pd.DataFrame, looks: Looks) -> str:
    return curves.describe(data, looks, OVER)


def caption(data: pd.DataFrame, looks: Looks) -> str:
    return curves.caption(data)
