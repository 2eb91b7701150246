"""What every job of the workflow does around its work: one thread, a log, one clear message."""

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from irm_bench.config import ConfigError
from irm_bench.store import StageError
from irm_bench.tables import TableError


@contextlib.contextmanager
def run(snakemake: Any) -> Iterator[None]:
    """Run a job's body.

    A fault that the user can mend ends the job with its message alone; anything else leaves its
    traceback in the job's log, and its last line on the screen.
    """
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except (ConfigError, StageError, TableError) as error:
        _fail(snakemake, log, str(error), f"{error}\n")
    except Exception as error:
        message = f"{type(error).__name__}: {error} (traceback in {log})"
        _fail(snakemake, log, message, traceback.format_exc())
    else:
        log.write_text("done\n", encoding="utf-8")


def _fail(snakemake: Any, log: Path, message: str, details: str) -> None:
    log.write_text(details, encoding="utf-8")
    wildcards = ", ".join(f"{k}={v}" for k, v in snakemake.wildcards.items())
    print(f"error in {snakemake.rule} {wildcards}: {message}", file=sys.stderr, flush=True)
    os._exit(1)  # no traceback of the adapter on top
