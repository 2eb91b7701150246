"""Where a page comes from: what is the same for every run of a config, and what is not."""

from pathlib import Path
from typing import Any

from irm_bench.config import Config
from irm_bench.running import chain, provenance

Facts = dict[str, Any]


def collect(config: Config, results: Path) -> tuple[Facts, Facts]:
    """Facts that config, code and packages decide, and facts of this run alone.

    The list of jobs stays in results/provenance.json: on a cluster there are many.
    """
    whole = provenance.collect(config, results)
    run = {name: value for name, value in whole["run"].items() if name != "jobs"}
    # without the record of any job, results were not made by the workflow: there is no chain
    is_recorded = bool(whole["run"]["jobs"])
    broken = chain.faults(config, results, chain.made_of(config, results)) if is_recorded else []
    return whole["results"], run | {"broken": broken}
