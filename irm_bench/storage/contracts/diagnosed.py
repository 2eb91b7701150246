"""Contracts of the tables of theory beside the results, and of the audit of the intervals."""

from dataclasses import replace

from irm_bench.config.layout import Layout
from irm_bench.storage.contracts import (
    INTERVAL,
    SEED,
    STUDY,
    WHERE,
    WHOLE,
    Column,
    Columns,
    Contract,
    columns,
    mains,
    names,
    of_sem,
    parameters,
    phis,
    train_set,
    trained,
)

COVERAGE = Contract(
    "coverage",
    "How often the intervals of this project hold a truth that is known exactly.",
    columns(
        ("quantity", "text", "what is estimated"),
        ("truth", "number", "its exact expectation"),
        ("truth_error", "number", "standard error of the truth; 0 where it is in closed form"),
        ("n_seeds", "integer", "seeds of each replicated benchmark"),
        ("interval", "text", "t (Student) or BCa (bootstrap)"),
        ("nominal", "number", "coverage that the interval promises"),
        ("coverage", "number", "share of replicates whose interval holds the truth"),
        ("coverage_low", "number", "lower end of its 95% Wilson interval: Monte Carlo error"),
        ("coverage_high", "number", "upper end of its 95% Wilson interval: Monte Carlo error"),
        ("mean_width", "number", "mean width of the interval"),
        ("n_replicates", "integer", "replicated benchmarks"),
    ),
    apart=("quantity", "n_seeds", "interval"),
)


DECISIONS = Contract(
    "decisions",
    "How often tests decide at the very bound of their rule, where no decision is right.",
    columns(
        ("test", "text", "above, below: sides of a t test, as of a TOST's edges; family: Holm's"),
        ("quantity", "text", "what is estimated"),
        ("n_samples", "integer", "rows of each environment"),
        ("n_seeds", "integer", "seeds of each replicated benchmark"),
        ("nominal", "number", "rate that the test promises"),
        ("rate", "number", "share of replicates in which it decides"),
        ("rate_low", "number", "lower end of its 95% Wilson interval: Monte Carlo error"),
        ("rate_high", "number", "upper end of its 95% Wilson interval: Monte Carlo error"),
        ("n_replicates", "integer", "replicated benchmarks"),
    ),
    apart=("test", "quantity", "n_samples", "n_seeds"),
)


def rows_of_penalty(layout: Layout) -> Columns:
    """What tells the estimates of a penalty at a fixed φ from all others but their seed."""
    return (
        *of_sem(layout),
        *columns(("n_samples", "integer", "rows of the environment")),
        *train_set(layout),
        *columns(("environment", "text", "environment, for people")),
        *mains(layout),
        *columns(
            ("predictor", "text", "fixed φ: causal (the oracle) or erm (ERM's with infinite data)"),
            ("estimator", "text", "penalty estimator"),
        ),
    )


def _penalty_draws(layout: Layout) -> Contract:
    return Contract(
        "penalty_draws",
        "The penalty's estimates at fixed φ on each seed's rows, one environment at a time.",
        (
            *rows_of_penalty(layout),
            *SEED,
            *columns(
                ("n_draws", "integer", "random splits behind the means of this row"),
                ("estimate", "number", "the estimate, of the first split"),
                ("mean_estimate", "number", "mean over splits"),
                (
                    "squared_error",
                    "number",
                    "mean over splits of the squared distance from the truth",
                ),
                ("negative_share", "number", "share of splits with a negative estimate"),
                ("true_penalty", "number", "the population's penalty"),
                ("exact_bias", "number", "bias by theory"),
                ("exact_variance", "number", "variance by theory"),
                ("exact_negative_share", "number", "share of negative values by theory"),
            ),
        ),
        names(rows_of_penalty(layout)),
    )


def _penalty_estimates(layout: Layout) -> Contract:
    return Contract(
        "penalty_estimates",
        "Bias, variance, squared error and share of negative values of the penalty's estimators.",
        (
            *rows_of_penalty(layout),
            *columns(
                ("true_penalty", "number", "the population's penalty"),
                ("quantity", "text", "bias, variance, squared_error or negative_share"),
                ("n_seeds", "integer", "seeds"),
                ("mean", "number", "the quantity over seeds"),
                ("ci_low", "number", "lower end of its 95% interval"),
                ("ci_high", "number", "upper end of its 95% interval"),
                ("ci_method", "text", "kind of the interval"),
                ("truth", "number", "the quantity by theory"),
            ),
        ),
        apart=(*names(rows_of_penalty(layout)), "quantity"),
    )


def _converged(layout: Layout) -> Contract:
    return Contract(
        "converged",
        "Where each training would have ended: the minimum of its own objective on its own rows.",
        (
            *trained(layout),
            *SEED,
            *columns(
                ("objective", "text", "erm, or the penalty whose objective it is"),
                (
                    "converged",
                    "integer",
                    "1: a minimum was found; 0: the run diverged, or none was",
                ),
            ),
            *phis(layout),
        ),
        names(trained(layout)),
    )


def _decomposition(layout: Layout) -> Contract:
    return Contract(
        "decomposition",
        "Excess risk over the oracle and its terms, over seeds: excess = objective_bias + "
        "optimisation_gap + estimation_error.",
        (
            *trained(layout),
            *WHERE,
            *parameters(layout),
            *columns(("quantity", "text", "excess, or one of its terms")),
            *INTERVAL,
        ),
        apart=(*names((*trained(layout), *WHERE, *parameters(layout))), "quantity"),
    )


def _starts(layout: Layout) -> Contract:
    starts = tuple(
        Column(c.name.replace("phi", "start"), c.kind, f"start of {c.meaning}")
        for c in phis(layout)
    )
    setting = (
        *STUDY,
        *of_sem(layout),
        *train_set(layout),
        *columns(("error_weight", "number", "weight of the summed error beside the penalty")),
    )
    return Contract(
        "starts",
        "Where the descent of IRM's objective ends from random starts, with exact moments.",
        (
            *setting,
            *SEED,
            *starts,
            *phis(layout),
            *columns(
                ("penalty_value", "number", "the penalty where it ends"),
                ("converged", "integer", "1: it ends; 0: it did not within the steps allowed"),
            ),
        ),
        names(setting),
    )


def contracts(layout: Layout) -> tuple[Contract, ...]:
    """The contracts, with the columns that follow a config's SEMs."""
    diagnosis, audit = "diagnosis", "audit"
    part = "diagnose"
    return (
        replace(_converged(layout), stage=diagnosis, parts_of=part),
        replace(_decomposition(layout), stage=diagnosis),
        replace(_penalty_draws(layout), stage=diagnosis, parts_of=part),
        replace(_penalty_estimates(layout), stage=diagnosis, kept=WHOLE),
        replace(_starts(layout), stage=diagnosis, parts_of=part, kept=WHOLE),
        replace(COVERAGE, stage=audit, kept=WHOLE),
        replace(DECISIONS, stage=audit, kept=WHOLE),
    )
