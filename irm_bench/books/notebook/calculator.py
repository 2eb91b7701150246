"""What the page's calculator is told: the notebook's setting, and how its curves look."""

from dataclasses import replace
from typing import Any

from irm_bench.config import Study
from irm_bench.presentation.explore import curve
from irm_bench.presentation.series import Looks


def setting(study: Study, looks: Looks) -> dict[str, Any]:
    """dim, learning_rate, steps, error_weight; ``series`` exact curves, ``trained`` models."""
    invariant = looks.one("irm")
    exact = {
        "oracle": replace(looks.one("oracle"), label="oracle"),
        "erm": looks.one("erm"),
        "irm": replace(invariant, label="IRM, minimum"),
        "irm_steps": replace(invariant, label=f"IRM, {study.steps:,} updates", dash="dashed"),
    }
    return {
        "dim": study.model.option["dim"],
        "learning_rate": study.learning_rate.value,
        "steps": study.steps,
        "series": [curve(series) | {"key": key, "marker": ""} for key, series in exact.items()],
        "error_weight": study.error_weights[0],
        "trained": [
            curve(series) | {"takesPenalty": series.takes_penalty}
            for series in looks.of_study(study)
        ],
    }


def plane(study: Study, looks: Looks) -> dict[str, Any]:
    """What the picture of the weights is told: the same setting, and how its paths look."""
    return {
        "dim": study.model.option["dim"],
        "train": [member["sigma"] for member in study.train_sets[0]],
        "learning_rate": study.learning_rate.value,
        "error_weight": study.error_weights[0],
        "trained": [curve(series) for series in looks.of_study(study)],
        "looks": {name: curve(looks.one(name)) for name in ("erm", "irm")},
    }
