"""Contracts of the tables that evaluation and aggregation make of the trained models."""

from irm_bench.storage.contracts import (
    INTERVAL,
    SEED,
    SEM,
    SETTING,
    WHERE,
    Columns,
    Contract,
    columns,
    names,
)

QUANTITY = columns(("quantity", "text", "what is summarised; another column of these tables"))
STEP = columns(("step", "integer", "updates made so far"))
DATASET = (
    *SEM,
    *columns(
        ("n_samples", "integer", "rows"),
        ("sampling", "text", "rows, or moments: what was drawn"),
    ),
)


def contracts(parameters: Columns, phis: Columns) -> tuple[Contract, ...]:
    """One a table; ``parameters`` of an environment and weights ``phis`` are those of the SEMs."""
    return (
        _models(phis),
        _errors(parameters),
        _summary(parameters),
        _trajectories(phis),
        TRAJECTORY_SUMMARY,
        _environments(parameters, phis),
        HISTOGRAMS,
    )


def _models(phis: Columns) -> Contract:
    return Contract(
        "models",
        "One row a trained model.",
        (
            *SETTING,
            *SEED,
            *columns(
                ("diverged_at", "integer", "updates after which φ was not finite; empty: never")
            ),
            *phis,
            *columns(
                ("train_risk", "number", "mean over training environments of the sample MSE"),
                ("final_penalty", "number", "sum over environments of the estimated penalty"),
            ),
        ),
        names(SETTING),
    )


def _errors(parameters: Columns) -> Contract:
    return Contract(
        "errors",
        "One row a trained model and environment.",
        (
            *SETTING,
            *SEED,
            *WHERE,
            *parameters,
            *columns(
                ("mse", "number", "mean squared error on the sampled rows"),
                ("risk", "number", "exact population mean squared error"),
                ("optimum", "number", "noise floor: the oracle's risk"),
            ),
        ),
        names((*SETTING, *WHERE, *parameters)),
    )


def _summary(parameters: Columns) -> Contract:
    return Contract(
        "summary",
        "Means over seeds with their intervals; split and environment are empty for models.",
        (*SETTING, *WHERE, *parameters, *QUANTITY, *INTERVAL),
    )


def _trajectories(phis: Columns) -> Contract:
    return Contract(
        "trajectories",
        "φ, error and penalty along training, for the studies that ask for it.",
        (
            *SETTING,
            *SEED,
            *STEP,
            *phis,
            *columns(
                ("train_risk", "number", "mean over training environments of the sample MSE"),
                ("penalty_estimate", "number", "estimated penalty, summed over environments"),
            ),
        ),
        names((*SETTING, *STEP)),
    )


TRAJECTORY_SUMMARY = Contract(
    "trajectory_summary",
    "Trajectories over seeds: mean with its t interval, and the 5% and 95% quantiles.",
    (
        *SETTING,
        *STEP,
        *QUANTITY,
        *INTERVAL,
        *columns(
            ("q05", "number", "5% quantile over seeds"),
            ("q95", "number", "95% quantile over seeds"),
        ),
    ),
)


def _environments(parameters: Columns, phis: Columns) -> Contract:
    correlations = columns(
        *(
            (f"corr_{i + 1}", "number", f"sample correlation of feature {i + 1} and target")
            for i in range(len(phis))
        )
    )
    return Contract(
        "environments",
        "One row a dataset and seed: what the data themselves look like.",
        (
            *DATASET,
            *WHERE,
            *parameters,
            *SEED,
            *correlations,
            *columns(
                ("noise_variance", "number", "sample variance of target − oracle, ddof = 1"),
                ("oracle_mse", "number", "mean squared error of the oracle on the rows"),
                ("optimum", "number", "noise floor: the oracle's risk"),
            ),
        ),
        names((*DATASET, *WHERE, *parameters)),
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
)
