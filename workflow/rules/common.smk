# Validates the config before any job, and derives from it what is to be built.
import os
import sys

from irm_bench import config as configuration
from irm_bench.planning import plan
from irm_bench.plugins import registry
from irm_bench.presentation import gallery
from irm_bench.running import closure, keeping, snakefile
from irm_bench.storage import tables

snakefile.quote_interpreter()
snakefile.choose_kernels()
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
MAPPED = [method.name for method in CONFIG.map.methods] if CONFIG.map else []


wildcard_constraints:
    shard=r"\d+",
    group="|".join(GROUPS),


def result(path):
    """A file of the book's results."""
    return f"{RESULTS}/{path}"


def targets():
    """What the default target asks for, which is all that people read."""
    figures = figure_files("svg", "csv", "json")
    return [result("report.html"), result("provenance.json"), *table_files(), *figures]


def table_files(*stages):
    """The tables that stages write; without any, those of all."""
    return some_tables(tables.names(CONFIG, *stages))


def some_tables(names):
    return expand(result("tables/{table}.csv"), table=names)


def tables_of_seeds():
    """The tables of a row a seed: what claims look at."""
    return some_tables(tables.of_seeds(CONFIG))


def figure_files(*kinds):
    return expand(
        result("figures/{figure}.{kind}"),
        figure=[f.name for f in FIGURES],
        kind=kinds,
    )


def given(paths):
    """Files that no job writes: where this workflow is a module, its prefix is not theirs."""
    return [local(os.path.relpath(path)) for path in sorted(paths)]


def code(stage, *plugins):
    """The files that a stage's numbers come from, with its plugins': editing one runs it again."""
    files = closure.of_files(*(plugin.path for plugin in plugins))
    return given({*closure.sources(stage), *files})


SEMS = sorted({study.model.sem for study in CONFIG.studies}, key=str)


def code_of_training(wildcards):
    """The same for a training group: its methods, the penalties that they train on or report,
    losses, optimisers and data models."""
    plugins = set()
    for cell in GROUPS[wildcards.group]:
        plugins |= {cell.method, cell.monitor, cell.loss, cell.model.sem}
        if cell.optimiser:
            plugins.add(cell.optimiser.plugin)
    return code("stages.train", *plugins)


def code_of_map(wildcards):
    """The same for a method's part of the map: the method, its penalty, and the data models."""
    plugins = list(SEMS)
    for method in CONFIG.map.methods:
        if method.name == wildcards.method:
            plugins.append(method.plugin)
            if method.penalty:
                plugins.append(method.penalty)
    return code("stages.locate", *plugins)


def shard_hash(wildcards):
    """What the files of a shard depend on, beside code: Snakemake runs it again when that changes."""
    return plan.shard_hash(CONFIG, int(wildcards.shard))


def learning_rates(wildcards):
    """The learning rates of a training group: theory has a say in those that are capped."""
    return [cell.learning_rate for cell in GROUPS[wildcards.group]]
