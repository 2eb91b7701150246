# Validates the config before any job, and derives from it what is to be built.
import os
import sys

from irm_bench import config as configuration
from irm_bench.planning import plan
from irm_bench.plugins import registry
from irm_bench.presentation import gallery
from irm_bench.running import closure, snakefile
from irm_bench.storage import tables

try:
    CONFIG = snakefile.config_of(workflow, config)
except configuration.ConfigError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(1)

RESULTS = f"results/{CONFIG.book.name}"
SHARDS = range(plan.n_shards(CONFIG))
GROUPS = plan.groups(CONFIG)
# Parts of a shard become tables: those of the models, and what theory says of them.
PARTS = tables.parts(CONFIG, "evaluate")
DIAGNOSIS_PARTS = tables.parts(CONFIG, "diagnose")
FIGURES = gallery.shown(CONFIG)
SELECTS = any(study.selection for study in CONFIG.studies)


wildcard_constraints:
    shard=r"\d+",
    group="|".join(GROUPS),


def targets():
    """What `rule all` asks for."""
    return [f"{RESULTS}/report.html", f"{RESULTS}/provenance.json", *table_files()]


def table_files(*stages):
    """The tables that stages write; without any, those of all."""
    return some_tables(tables.names(CONFIG, *stages))


def some_tables(names):
    return expand(RESULTS + "/tables/{table}.csv", table=names)


def tables_of_seeds():
    """The tables of a row a seed: what claims look at."""
    return some_tables(tables.of_seeds(CONFIG))


def book_files(*names):
    """Those of the book's files that there are."""
    found = (CONFIG.book.file(name) for name in names)
    return [os.path.relpath(path) for path in found if path]


def figure_files(*kinds):
    return expand(
        RESULTS + "/figures/{figure}.{kind}", figure=[f.name for f in FIGURES], kind=kinds
    )


def modules(stage):
    """Sources that a stage's numbers come from: editing one runs it again."""
    return [os.path.relpath(path) for path in closure.sources(stage)]


def sources(*plugins):
    """The files of plugins, and what they import."""
    found = closure.of_files(*(plugin.path for plugin in plugins))
    return [os.path.relpath(path) for path in found]


def sem_sources():
    return sources(*(study.model.sem for study in CONFIG.studies))


def group_plugins(wildcards):
    """What a training group stands on besides the engine: its methods, the penalties that they
    train on or report, losses and optimisers."""
    plugins = set()
    for cell in plan.cells(CONFIG):
        if cell.group == wildcards.group:
            plugins |= {cell.method, cell.monitor, cell.loss, cell.model.sem}
            if cell.optimiser:
                plugins.add(cell.optimiser.plugin)
    return sources(*plugins)


def learning_rates(wildcards):
    """The learning rates of a training group: theory has a say in those that are capped."""
    cells = [cell for cell in plan.cells(CONFIG) if cell.group == wildcards.group]
    return [cell.learning_rate for cell in cells]
