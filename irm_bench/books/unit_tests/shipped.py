"""The statistics of ``printed.csv``, from the results that the paper's repository ships.

    python -m irm_bench.books.unit_tests.shipped results_processed.tar.gz > printed.csv

The archive is data/results_processed.tar.gz of facebookresearch/InvarianceUnitTests. Of every
configuration it has the mean and standard deviation over 50 data seeds of each test environment
(``single``), and of their average (``avg``) the mean alone: what it calls the average's standard
deviation is the mean of those of the environments. That is the most that it can be, and the
standard error of the average here is made of it.
"""

import json
import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

# Of the repository's reproduce_results.sh; the archive does not say.
N_SEEDS, N_SAMPLES = 50, 10_000
NAME = re.compile(
    r"(?P<kind>single|avg)_(?P<sweep>nenvs|dimspu)_\w+_nenvs=(?P<n_environments>\d+)_dinv=(?P<dim>\d+)"
    r"_dspu=(?P<dim_spurious>\d+)_\w+\.jsonl"
)
EXAMPLE = re.compile(r"Example(?P<example>[123])(?P<scramble>s?)")
COLUMNS = [
    "where",
    "model",
    "example",
    "dim",
    "dim_spurious",
    "scramble",
    "n_samples",
    "n_environments",
    "number",
    "quantity",
    "statistic",
    "printed",
    "standard_error",
    "n",
    "half_unit",
]
Row = dict[str, Any]


def rows_of(name: str, content: dict[str, Any]) -> Iterator[Row]:
    """The statistics of one file of the archive, by its name and what it holds.

    Raises:
        ValueError: a name that is none of the archive.
    """
    found = NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} is no file of the archive's results")
    kind, sweep, n_environments, dim, dim_spurious = found.groups()
    structure = {"dim": int(dim), "dim_spurious": int(dim_spurious), "n_samples": N_SAMPLES}
    fixed: Row = {"where": sweep, **structure, "n_environments": int(n_environments)}
    examples = content["data"] if kind == "avg" else content
    for example, models in examples.items():
        told = EXAMPLE.fullmatch(example)
        if told is None:
            raise ValueError(f"{example!r} in {name} is no data set of the linear unit tests")
        setting: Row = {"example": int(told["example"]), "scramble": int(bool(told["scramble"]))}
        setting["quantity"] = "mse" if setting["example"] == 1 else "error_rate"
        for model, values in models.items():
            named = {"model": model, **fixed, **setting}
            if kind == "avg":
                yield from _statistics(named, values, of_average=True)
                continue
            for number, of_environment in values.items():
                yield from _statistics({**named, "number": int(number)}, of_environment)


def _statistics(named: Row, values: dict[str, float], of_average: bool = False) -> Iterator[Row]:
    """Mean and standard deviation (ddof = 1; the archive's has ddof = 0), with standard errors."""
    sd = values["std"] * (N_SEEDS / (N_SEEDS - 1)) ** 0.5
    fixed = {**named, "n": N_SEEDS, "half_unit": 5e-8}
    yield {
        **fixed,
        "statistic": "mean",
        "printed": values["mean"],
        "standard_error": sd / N_SEEDS**0.5,
    }
    if not of_average:
        error = sd / (2 * (N_SEEDS - 1)) ** 0.5  # of normal values
        yield {**fixed, "statistic": "sd", "printed": sd, "standard_error": error}


def read(path: str) -> pd.DataFrame:
    """All statistics of an archive: averages, then environments, configuration by configuration."""
    rows: list[Row] = []
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name.endswith(".jsonl"):
                file = archive.extractfile(member)
                assert file is not None  # it is no folder
                rows += rows_of(PurePosixPath(member.name).name, json.loads(file.read()))
    order = ["where", "n_environments", "dim_spurious", "example", "scramble", "model", "number"]
    table = pd.DataFrame(rows).sort_values(order, na_position="first", kind="stable")
    return table[COLUMNS]


def main() -> None:
    """Print the table of the archive that is named."""
    read(sys.argv[1]).to_csv(sys.stdout, index=False, float_format="%.7g")


if __name__ == "__main__":
    main()
