# Validates the config before any job, and derives from it what is to be built.
import os
import sys

from irm_bench import config as configuration
from irm_bench.planning import plan
from irm_bench.plugins import registry
from irm_bench.presentation import gallery

try:
    CONFIG = configuration.parse(config)
except configuration.ConfigError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(1)

SHARDS = range(plan.n_shards(CONFIG))
GROUPS = plan.groups(CONFIG)
PARTS = ("models", "errors", "trajectories", "environments", "histograms")
TABLES = (*PARTS, "summary", "trajectory_summary")
# What theory says of the results, what the claims look at, and what the judge makes of it.
DIAGNOSIS_PARTS = ("converged", "penalty_draws", "starts")
DIAGNOSED = (*DIAGNOSIS_PARTS, "decomposition", "penalty_estimates")
EVIDENCE = ("models", "errors", "trajectories", "environments", *DIAGNOSIS_PARTS)
JUDGED = ("printed", "claims", "claim_details")
ALL_TABLES = (*TABLES, *DIAGNOSED, "coverage", *JUDGED)
FIGURES = gallery.shown(CONFIG)


wildcard_constraints:
    shard=r"\d+",
    group="|".join(GROUPS),


def targets():
    """What `rule all` asks for."""
    return ["results/report.html", "results/provenance.json", *table_files(ALL_TABLES)]


def table_files(names=TABLES):
    return expand("results/tables/{table}.csv", table=names)


def figure_files(*kinds):
    return expand("results/figures/{figure}.{kind}", figure=FIGURES, kind=kinds)


def modules(stage):
    """Sources that a stage's numbers come from: editing one runs it again."""
    return [os.path.relpath(path) for path in closure.sources(stage)]


def plugin(kind, name):
    """Source of a plugin."""
    return os.path.relpath(registry.path(kind, name))


def sem_sources():
    return sorted({plugin("sems", study.sem) for study in CONFIG.studies})


def group_sources(wildcards):
    """What a training group stands on besides the engine: its methods, the penalties that they
    train on or report, and what splits the rows where one of these asks for it."""
    methods = {
        m
        for s in CONFIG.studies
        for m in s.methods
        if plan.group_of(m.name, m.penalty) == wildcards.group
    }
    penalties = {m.monitor for m in methods}
    needs = {n for p in penalties for n in registry.metadata("penalties", p)["NEEDS"]}
    return sorted(
        {plugin("methods", m.name) for m in methods}
        | {plugin("penalties", p) for p in penalties}
        | set()
    )


def learning_rates(wildcards):
    """The learning rates of a training group: theory has a say in those that are capped."""
    cells = [cell for cell in plan.cells(CONFIG) if cell.group == wildcards.group]
    return [cell.learning_rate for cell in cells]
