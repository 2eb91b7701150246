"""Contracts of the map: where each method tends to, and where it ends on samples."""

from irm_bench.config.layout import Layout
from irm_bench.storage.contracts import WHOLE, Contract, columns, phis

STAGE = "map"
CELL = columns(
    ("data", "text", "study whose data it is on"),
    ("method", "text", "method, with the penalty that it takes if that is not plug_in"),
)
REGIME = columns(
    ("regime", "text", "limit: exact moments and LIMIT of the method; sample: rows and defaults"),
)
QUANTITY = columns(
    (
        "quantity",
        "text",
        "distance of φ to the invariant predictor; worst_risk over the test environments; "
        "shift_risk, where the mechanism of the spurious features is another; rank by worst_risk",
    ),
)
WHY = columns(("reason", "text", "why there is no value; empty where there is one"))


def contracts(layout: Layout) -> tuple[Contract, ...]:
    """None for a config without a map."""
    return (_map(), _runs(), _minima(layout)) if layout.has_map else ()


def _map() -> Contract:
    return Contract(
        "map",
        "Every method on the data of every study, in the limit and on samples.",
        (
            *CELL,
            *REGIME,
            *QUANTITY,
            *columns(
                ("value", "number", "the quantity: exact, or its mean over seeds"),
                ("ci_low", "number", "lower end of its 95% t interval over seeds; empty: exact"),
                ("ci_high", "number", "upper end of that interval"),
                ("n_seeds", "integer", "seeds behind the value; 1 where it is exact"),
                ("n_diverged", "integer", "seeds for which there was no end to give"),
                ("n_minima", "integer", "distinct ends of the starts, in the limit"),
            ),
            *WHY,
        ),
        stage=STAGE,
        kept=WHOLE,
        apart=("data", "method", "regime", "quantity"),
    )


def _runs() -> Contract:
    return Contract(
        "map_runs",
        "What the map is the mean of: one row a quantity and seed.",
        (
            *CELL,
            *REGIME,
            *QUANTITY,
            *columns(
                ("seed", "integer", "seed; of a limit that of what the data model draws, or 0"),
                ("value", "number", "the quantity; empty where the method has no end"),
            ),
            *WHY,
        ),
        keys=("data", "method", "regime", "quantity"),
        stage=STAGE,
        kept=WHOLE,
    )


def _minima(layout: Layout) -> Contract:
    return Contract(
        "minima",
        "Where each start of a search ends, in the limit: local minima are shown, not averaged.",
        (
            *CELL,
            *columns(
                ("seed", "integer", "number of the start; 0 to 3: ones, zeros, ERM, the oracle"),
                ("objective", "number", "the objective at the end less that at φ = 0"),
                ("converged", "integer", "1: a minimum; 0: the search ended at none"),
                ("distance", "number", "distance of the end to the invariant predictor"),
                ("share", "number", "share of the starts that end within 0.001 of it"),
            ),
            *phis(layout),
        ),
        keys=("data", "method"),
        stage=STAGE,
        kept=WHOLE,
    )
