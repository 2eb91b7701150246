"""What every job of the workflow does around its work: a record of it, or one clear message."""

import contextlib
import gc
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from irm_bench import config
from irm_bench.config import Config, ConfigError
from irm_bench.plugins import registry
from irm_bench.running import interrupts, provenance
from irm_bench.storage.archives import StageError


@contextlib.contextmanager
def run(snakemake: Any, stage: str) -> Iterator[tuple[Config, ModuleType]]:
    """Run a job's body on its config and the module of its stage.

    The job's log holds the record of it afterwards, or the traceback.

    A fault that the user can mend ends the job with its message alone; anything else leaves its
    traceback in the job's log, and says on the screen which plugin raised it, and about what.
    """
    log = Path(snakemake.log[0])
    try:
        module = _imported(f"irm_bench.{stage}")
        started = time.time()
        yield config.parse(snakemake.config, checked=True), module
        record = provenance.record(snakemake, started)
    except (ConfigError, StageError) as error:
        _fail(snakemake, str(error), f"{error}\n", log)
    except Exception as error:
        message = f"{_describe(error)} (traceback in {log})"
        _fail(snakemake, message, traceback.format_exc(), log)
    except KeyboardInterrupt:
        os._exit(interrupts.STATUS)  # Snakemake says that it was told to end
    else:
        _write(log, provenance.as_text(record))
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is done: to end is no work to interrupt


def _imported(name: str) -> ModuleType:
    """Import a stage; what that makes stays, so that to search it for garbage would be for nothing.

    It is a tenth of a second at each search, of which large libraries cause several.
    """
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()


def _describe(error: Exception) -> str:
    """One line: the error, the plugin that it was raised in, and what it was about."""
    parts = [f"{type(error).__name__}: {error}".replace("\n", " ")]
    first: BaseException = error  # a fault that the engine retells is where it first was
    while first.__cause__ is not None:
        first = first.__cause__
    for frame, line in reversed(list(traceback.walk_tb(first.__traceback__))):
        package, _, name = str(frame.f_globals.get("__name__", "")).rpartition(".")
        is_plugin = package.startswith("irm_bench") and package.split(".")[-1] in registry.KINDS
        if is_plugin:  # of the project, or of a book elsewhere
            path = _shown(Path(frame.f_code.co_filename))
            parts.append(f"raised by plugin {name!r} ({path}, line {line})")
            break
    return "; ".join([*parts, *getattr(error, "__notes__", [])])


def _shown(path: Path) -> str:
    """A file of the project from its root on; any other as it is."""
    root = registry.PACKAGE.parent
    return path.relative_to(root).as_posix() if root in path.parents else str(path)


def _fail(snakemake: Any, message: str, details: str, log: Path) -> None:
    _write(log, details)
    wildcards = "".join(f" {k}={v}" for k, v in snakemake.wildcards.items())
    print(f"error in {snakemake.rule}{wildcards}: {message}", file=sys.stderr, flush=True)
    os._exit(1)  # no traceback of the adapter on top


def _write(log: Path, text: str) -> None:
    with contextlib.suppress(OSError):  # on a full disk the message matters more than the log
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text, encoding="utf-8")
