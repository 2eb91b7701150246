"""What the Snakefile asks of the package: its config, and whether the book may be run."""

import os
import shlex
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from irm_bench import config as configuration
from irm_bench.config import Config, ConfigError, checks
from irm_bench.plugins.registry import known_books
from irm_bench.running import adding
from irm_bench.running.places import other_owner, results_of

CPU_INFO = Path("/proc/cpuinfo")


def quote_interpreter() -> None:
    """Make the interpreter one word of a shell: Snakemake pastes its path into lines as it is.

    A virtual environment is in the project's folder, whose name may have spaces.
    """
    if Path(sys.executable).exists():  # not quoted yet, for the Snakefile is read more than once
        sys.executable = shlex.quote(sys.executable)


def choose_kernels(
    environment: MutableMapping[str, str] = os.environ, cpu_info: Path = CPU_INFO
) -> None:
    """Have an environment's processes solve by OpenBLAS's kernels for AVX2, whatever there is more.

    Each kernel adds up in an order of its own, and a search among minima, as the book ``field`` has
    them, can end elsewhere for the last digit. What the environment asks for stands, and OpenBLAS's
    own choice where Linux knows of no AVX2.
    """
    try:
        has_avx2 = " avx2 " in cpu_info.read_text(encoding="utf-8")
    except OSError:
        has_avx2 = False
    if has_avx2:
        environment.setdefault("OPENBLAS_CORETYPE", "Haswell")


def config_of(workflow: Any, config: dict[str, Any]) -> Config:
    """The config of a workflow, laid over its book's; ``config`` is then the whole of it.

    A book elsewhere is code that runs: it has to be named on the command line (``--config book=``),
    or in the Snakefile of a workflow that uses this one as a module; a config file cannot name it.

    Raises:
        ConfigError: the config cannot be run, or names a folder.
    """
    for path in workflow.configfiles:
        configuration.read(path)  # Snakemake takes the last of keys that stand twice
    raw = dict(config)
    name = str(raw.get("book", configuration.DEFAULT_BOOK))
    is_module = bool(workflow.modifier.skip_configfile)
    on_command_line = workflow.config_settings.config.get("book")
    if name not in known_books() and not is_module and str(on_command_line) != name:
        raise ConfigError(
            f"config key book: {name!r}; a book is named on the command line alone "
            "(make report BOOK=… or snakemake --config book=…), for its files are code that runs"
        )
    brought = raw.get("plugins")
    if brought and not is_module and workflow.config_settings.config.get("plugins") != brought:
        raise ConfigError(
            f"config key plugins: {brought!r}; plugins are named on the command line alone "
            "(make report PLUGINS=… or snakemake --config plugins=…), for they are code that runs"
        )
    whole = configuration.laid_over(raw)
    parsed = configuration.parse(whole)
    if parsed.look and "look" not in whole and not is_module:
        # a job is told which it is: the table that says so may be in the making by then
        whole["look"] = adding.look_of(parsed, results_of(parsed.book))
        parsed = parsed.at_look(whole["look"])
    config.update(whole)  # for the jobs, which then need not read the book's config
    owner = None if is_module else other_owner(parsed.book)
    if owner is not None:
        raise ConfigError(
            f"config key book: {name!r}; {results_of(parsed.book)} holds results of another book "
            f"of this name, {owner}: rename one of the two folders, or move the results"
        )
    for note in checks.notes(parsed):
        print(f"note: {note}", file=sys.stderr)
    return parsed
