"""The statistics of ``printed.csv``, from the results that the paper's repository ships.

    python -m irm_bench.books.irm_paper.shipped synthetic_results.txt > printed.csv

The file is code/experiment_synthetic/synthetic_results.txt of facebookresearch/
InvariantRiskMinimization: a line a setting, repetition and method, which ends in the causal and the
non-causal error.
"""

import re
import sys
from collections.abc import Iterable

import pandas as pd

from irm_bench.judging.repeated import statistics_of

LINE = re.compile(
    r"chain_hidden=(?P<hidden>\d)_hetero=(?P<hetero>\d)_scramble=(?P<scramble>\d) "
    r"(?P<model>\w+) \[[^]]*\] (?P<causal_error>\S+) (?P<noncausal_error>\S+)"
)
SETTING = ["hidden", "hetero", "scramble"]
ERRORS = ("causal_error", "noncausal_error")
# The weights of the data model itself stand in the file as well, with errors of 0.
TRUTH = "SEM"


def read(lines: Iterable[str]) -> pd.DataFrame:
    """One row a setting, repetition and method.

    Raises:
        ValueError: a line that is not one of the file, or no line at all.
    """
    rows = []
    for number, line in enumerate(lines, start=1):
        found = LINE.fullmatch(line.strip())
        if found is None:
            raise ValueError(f"line {number} is no result of the experiment: {line.strip()[:80]!r}")
        rows.append(found.groupdict())
    if not rows:
        raise ValueError("the file holds no result of the experiment")
    kinds = dict.fromkeys(SETTING, int) | dict.fromkeys(ERRORS, float)
    return pd.DataFrame(rows).astype(kinds).query("model != @TRUTH")


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Every statistic of every cell of the table, with its standard error."""
    parts = []
    for quantity in ERRORS:
        for key, values in runs.groupby([*SETTING, "model"], sort=False)[quantity]:
            *setting, model = key
            cell = dict(zip(SETTING, setting, strict=True))
            found = statistics_of(values.to_numpy())
            found = found.rename(columns={"value": "printed"})
            fixed = {"where": "synthetic_results.txt", "model": model, **cell}
            found = found.assign(**fixed, quantity=quantity, n=len(values), half_unit=5e-6)
            parts.append(found)
    order = ["where", "model", *SETTING, "quantity", "statistic", "printed", "standard_error"]
    return pd.concat(parts)[[*order, "n", "half_unit"]]


def main() -> None:
    """Print the table of the file that is named."""
    with open(sys.argv[1], encoding="utf-8") as file:
        summary(read(file)).to_csv(sys.stdout, index=False, float_format="%.7g")


if __name__ == "__main__":
    main()
