"""Any valid config of the notebook's book ends in a page, whatever it lacks and however it runs."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from irm_bench import config, library
from irm_bench.config import ConfigError
from tests.unit import any_config

pytestmark = pytest.mark.spread

# What a number that does not exist would look like if a template did not see to it.
HOLES = re.compile(r"\b(nan|NaN|None|inf|Undefined)\b")


AUDIT = {"replicates": 20, "seed_counts": [2]}
BASE: dict[str, Any] = {
    "name": "notebook",
    "train_sigmas": [[0.1, 1.0]],
    "test_environments": [{"sigma": [0.1, 1.0]}],
    "methods": [{"name": "erm"}, {"name": "irm", "penalty": "plug_in"}, {"name": "oracle"}],
    "n_samples": 20,
    "n_test_samples": 10,
    "steps": 20,
    "seeds": 2,
}
# What a study may be, and once stopped midway.
ODD: dict[str, dict[str, Any]] = {
    "one seed": {"seeds": 1},
    "a rate at which all diverge": {"learning_rate": {"rule": "fixed", "value": 1e6}, "steps": 200},
    "rates at which some diverge": {"learning_rate": {"rule": "fixed", "value": [0.1, 0.3, 1]}},
    "a noise at which all diverge": {"train_sigmas": [[0.1, 1e6]], "steps": 200},
    "rows that are too few": {"n_samples": [2, 3, 4], "n_test_samples": 2},
    "ERM alone": {"methods": [{"name": "erm"}]},
    "one environment": {"train_sigmas": [[0.5]], "methods": [{"name": "erm"}, {"name": "oracle"}]},
    "no weight of the error": {"error_weights": [0]},
}
# What none can be computed of, and the words that say so.
REFUSED: dict[str, dict[str, Any]] = {
    "no method is trained on as many": {
        "methods": [{"name": "irm", "penalty": "plug_in", "max_n_samples": 10}]
    },
    "allowed is at least 1e-50": {"train_sigmas": [[1e-300, 1.0]]},
}


@pytest.mark.parametrize(("words", "odd"), REFUSED.items(), ids=REFUSED)
def test_a_study_without_a_result_is_refused_in_one_line(words: str, odd: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"^[^\n]*{words}[^\n]*$"):
        config.parse(config.laid_over({"studies": [BASE | odd]}))


def ends_in_a_page(raw: dict[str, Any], folder: Path) -> None:
    """Take a config through all stages."""
    parsed = config.parse(config.laid_over(raw))
    library.run_stages(parsed, folder, report=True)
    assert not holes(folder / "report.html")
    page = (folder / "report.html").read_text(encoding="utf-8")
    for study in parsed.studies:
        assert study.name in page


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers of runs that diverge
def test_an_odd_study_ends_in_a_page(odd: dict[str, Any], tmp_path: Path) -> None:
    """With every claim of the book, of which some cannot be judged."""
    raw = {"studies": [BASE | odd], "figures": ["histograms"], "audit": AUDIT}
    ends_in_a_page(raw, tmp_path)


# In parts, for workers to share.
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
@settings(
    max_examples=any_config.N_DRAWS // PARTS,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink would take minutes
    suppress_health_check=list(HealthCheck),
)
@given(raw=any_config.configs())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers of runs that diverge
def test_any_valid_config_ends_in_a_page(part: int, raw: dict[str, Any], tmp_path: Path) -> None:
    ends_in_a_page(raw, tmp_path)
    shutil.rmtree(tmp_path)


def holes(path: Path) -> list[str]:
    """Numbers that do not exist, in what a reader sees of a page: its data are left out."""
    page = path.read_text(encoding="utf-8")
    body = page[page.index("<body") :]
    seen = re.sub(r"<(script|style|template|svg)\b.*?</\1>", " ", body, flags=re.DOTALL)
    words = re.sub(r"<[^>]+>", " ", seen)
    assert "Where every number comes from" in words
    return HOLES.findall(words)
