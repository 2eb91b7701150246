"""Where a page comes from: what is the same for every run of a config, and what is not."""

import hashlib
from collections.abc import Mapping
from importlib import import_module, metadata, util
from pathlib import Path
from typing import Any

from irm_bench.config import Config

ROOT = Path(__file__).parents[2]
# Of what provenance collects, the parts that differ from run to run.
OF_A_RUN = ("host", "timings", "jobs", "created", "hardware", "benchmarks")

Facts = dict[str, Any]


def collect(config: Config, results: Path) -> tuple[Facts, Facts]:
    """Facts that the config, code and environment decide, and facts of this run alone."""
    whole = _collected(config, results)
    fixed = {name: value for name, value in whole.items() if name not in OF_A_RUN}
    return fixed, {name: whole[name] for name in OF_A_RUN if whole.get(name)}


def _collected(config: Config, results: Path) -> Mapping[str, Any]:
    if util.find_spec("irm_bench.provenance"):
        return import_module("irm_bench.provenance").collect(config, results)
    lock = ROOT / "requirements.lock"
    return {
        "version": metadata.version("irm-bench"),
        "config_hash": config.results_hash,
        "lock_sha256": hashlib.sha256(lock.read_bytes()).hexdigest() if lock.exists() else None,
        "root_seed": config.root_seed,
    }
