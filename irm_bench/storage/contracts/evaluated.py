"""Contracts of the tables that evaluation and aggregation make of the trained models."""

from dataclasses import replace

from irm_bench.config.layout import Layout
from irm_bench.storage.contracts import (
    CI_METHOD,
    COMPRESSED,
    INTERVAL,
    METRICS,
    SEED,
    WHERE,
    WHOLE,
    Columns,
    Contract,
    columns,
    names,
    of_sem,
    parameters,
    phis,
    trained,
)

QUANTITY = columns(("quantity", "text", "what is summarised; another column of these tables"))
STEP = columns(("step", "integer", "updates made so far"))


def contracts(layout: Layout) -> tuple[Contract, ...]:
    """One a table; their columns follow the plugins of a config."""
    of_shards = (
        _models(layout),
        _errors(layout),
        replace(_summary(layout), kept=COMPRESSED),
        _trajectories(layout),
        replace(_trajectory_summary(layout), kept=WHOLE),
        _environments(layout),
        replace(HISTOGRAMS, kept=WHOLE),
    )
    summaries = ("summary", "trajectory_summary")
    found = []
    for contract in of_shards:
        part = "" if contract.name in summaries else "evaluate"
        found.append(replace(contract, stage="aggregate", parts_of=part))
    if layout.has_selection:
        found.append(replace(_selections(layout), stage="select", kept=COMPRESSED))
    return tuple(found)


def _models(layout: Layout) -> Contract:
    return Contract(
        "models",
        "One row a trained model.",
        (
            *trained(layout),
            *SEED,
            *columns(
                ("diverged_at", "integer", "updates after which φ was not finite; empty: never")
            ),
            *phis(layout),
            *columns(
                ("train_risk", "number", "mean over training environments of the sample MSE"),
                ("final_penalty", "number", "sum over environments of the estimated penalty"),
                *((name, "number", meaning) for name, meaning in layout.extras),
                *against_truth(layout),
            ),
        ),
        names(trained(layout)),
    )


def against_truth(layout: Layout) -> list[tuple[str, str, str]]:
    """What tells how far the weights of the SEM's own variables are from the oracle's."""
    found = []
    if layout.has_truth:
        off = "mean squared difference to the oracle's weights, over the variables"
        found.append(("causal_error", "number", f"{off} that cause the target"))
        found.append(("noncausal_error", "number", f"{off} that do not"))
    if layout.has_choice_of_features:
        found.append(("false_causes", "number", "features that were chosen and are no causes"))
        found.append(("missed_causes", "number", "causes that were not chosen"))
    return found


def _errors(layout: Layout) -> Contract:
    return Contract(
        "errors",
        "One row a trained model and environment.",
        (
            *trained(layout),
            *SEED,
            *WHERE,
            *parameters(layout),
            *columns(
                *((name, "number", METRICS.get(name, name)) for name in layout.metrics),
                ("risk", "number", "exact population mean squared error"),
                ("optimum", "number", "noise floor: the oracle's risk"),
            ),
        ),
        names((*trained(layout), *WHERE, *parameters(layout))),
    )


def _summary(layout: Layout) -> Contract:
    return Contract(
        "summary",
        "Means over seeds with their intervals; split and environment are empty for models.",
        (*trained(layout), *WHERE, *parameters(layout), *QUANTITY, *INTERVAL),
        apart=names((*trained(layout), *WHERE, *parameters(layout), *QUANTITY, *CI_METHOD)),
    )


def _trajectories(layout: Layout) -> Contract:
    return Contract(
        "trajectories",
        "φ, error and penalty along training, for the studies that ask for it.",
        (
            *trained(layout),
            *SEED,
            *STEP,
            *phis(layout),
            *columns(
                ("train_risk", "number", "mean over training environments of the sample MSE"),
                ("penalty_estimate", "number", "estimated penalty, summed over environments"),
            ),
        ),
        names((*trained(layout), *STEP)),
    )


def _trajectory_summary(layout: Layout) -> Contract:
    return Contract(
        "trajectory_summary",
        "Trajectories over seeds: mean with its t interval, and the 5% and 95% quantiles.",
        (
            *trained(layout),
            *STEP,
            *QUANTITY,
            *INTERVAL,
            *columns(
                ("q05", "number", "5% quantile over seeds"),
                ("q95", "number", "95% quantile over seeds"),
            ),
        ),
        apart=names((*trained(layout), *STEP, *QUANTITY)),
    )


def _selections(layout: Layout) -> Contract:
    return Contract(
        "selections",
        "One row a choice and seed: which of a method's models a rule chose.",
        (
            *trained(layout),
            *SEED,
            *columns(
                ("n_candidates", "integer", "models that it chose among"),
                ("score", "number", "loss of the chosen one on the rule's rows"),
            ),
        ),
        names(trained(layout)),
    )


def _dataset(layout: Layout) -> Columns:
    """What tells rows of an environment from all others but their seed."""
    return (
        *of_sem(layout),
        *columns(
            ("n_samples", "integer", "rows"),
            ("sampling", "text", "rows, or moments: what was drawn"),
        ),
    )


def _environments(layout: Layout) -> Contract:
    correlations = columns(
        *(
            (f"corr_{i + 1}", "number", f"sample correlation of feature {i + 1} and target")
            for i in range(len(layout.phis))
        )
    )
    return Contract(
        "environments",
        "One row a dataset and seed: what the data themselves look like.",
        (
            *_dataset(layout),
            *WHERE,
            *parameters(layout),
            *SEED,
            *correlations,
            *columns(
                ("noise_variance", "number", "sample variance of target − oracle, ddof = 1"),
                ("oracle_mse", "number", "mean squared error of the oracle on the rows"),
                ("optimum", "number", "noise floor: the oracle's risk"),
            ),
        ),
        names((*_dataset(layout), *WHERE, *parameters(layout))),
    )


HISTOGRAMS = Contract(
    "histograms",
    "Counts of feature and target values of one seed, per environment of the first study.",
    (
        *WHERE,
        *SEED,
        *columns(
            ("variable", "text", "feature, or y for the target"),
            ("bin_left", "number", "left edge"),
            ("bin_right", "number", "right edge"),
            ("count", "integer", "rows in the bin"),
        ),
    ),
    apart=(*names((*WHERE, *SEED)), "variable", "bin_left"),
)
