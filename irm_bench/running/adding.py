"""Seeds that are added until every claim is decided: at which look at the results a run is to be.

A run makes one look. What it found of each claim is in the table ``looks``; the next run adds seeds
where a claim is open still. What earlier looks have trained is not trained again.
"""

from pathlib import Path

from irm_bench.config import Config
from irm_bench.storage import tables
from irm_bench.storage.archives import StageError

# What ends ``make report`` where the results ask for another look: neither success nor failure.
ANOTHER_LOOK = 75


def look_of(config: Config, results: Path) -> int:
    """The first look that leaves no claim open, by the results that are there, or the one after
    those; 1 without results of this config, 0 where no study adds seeds."""
    if not config.look:
        return 0
    path = results / "tables" / "looks.csv"
    for made in range(config.last_look, 0, -1):
        try:
            found = tables.read(path, tables.contracts(config.at_look(made))["looks"])
        except StageError:
            continue  # it is of another look, or of another config
        n_open = found.groupby("look")["open"].sum()
        decided = n_open.index[n_open == 0]
        if len(decided):
            return int(decided[0])
        return min(made + 1, config.last_look)
    return 1


def told(config: Config, results: Path) -> str:
    """Which look results ask for next, and why, in a line; empty if they are at it."""
    look = look_of(config, results)
    if look == config.look:
        return ""
    found = tables.read(results / "tables" / "looks.csv", tables.contracts(config)["looks"])
    last = found[found["look"] == config.look]
    n_open, n_seeds = int(last["open"].sum()), int(last["n_seeds"].max())
    return (
        f"look {config.look}, {n_seeds} seeds: {n_open} of {len(last)} claims open; "
        f"look {look} of at most {config.last_look} is next"
    )
