"""Parts, rules, families and the judged tables."""

import importlib.util
import linecache
import math
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from irm_bench import config
from irm_bench.config import Config
from irm_bench.judging import findings, printed, registration
from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
from irm_bench.judging.findings import FAILS, HOLDS, OPEN, above, below, mean, within
from irm_bench.plugins.registry import find_book
from irm_bench.stages import judge
from irm_bench.stages.judge import Draft
from irm_bench.statistics import power
from irm_bench.storage import tables
from irm_bench.storage.paged import Rows
from tests.unit import claims_case

BOOK = find_book("notebook")

VALUES = pd.Series([0.2, 0.3, 0.25, 0.35, 0.15, 0.28])


def outcome(rule: findings.Rule, values: pd.Series = VALUES) -> str:
    (part,) = findings.adjust([mean("part", "quantity", values, rule)])
    return part.outcome


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (below(0.5), HOLDS),
        (below(0.1), FAILS),
        (below(0.26), OPEN),
        (above(0.1), HOLDS),
        (above(0.5), FAILS),
        (within(0.1, 0.25), HOLDS),
        (within(0.1, 0.6), FAILS),
        (within(0.1, -0.1), FAILS),
        (within(0.02, 0.25), OPEN),
    ],
)
def test_three_outcomes(rule: findings.Rule, expected: str) -> None:
    assert outcome(rule) == expected


def test_p_value_of_an_equivalence_is_twice_the_tost() -> None:
    part = mean("part", "quantity", VALUES, within(0.1, 0.3))
    one_sided = max(
        stats.ttest_1samp(VALUES, 0.2, alternative="greater").pvalue,
        stats.ttest_1samp(VALUES, 0.4, alternative="less").pvalue,
    )
    assert part.p_value == pytest.approx(2 * one_sided)
    assert part.test == "TOST"


def test_the_mean_has_its_t_interval_and_singles() -> None:
    part = mean("part", "quantity", VALUES, below(0.26), truth=0.25)
    assert (part.interval.low, part.interval.high) == pytest.approx(
        stats.t.interval(0.95, 5, VALUES.mean(), stats.sem(VALUES))
    )
    assert part.singles is not None
    assert part.singles.tolist() == [True, False, True, False, True, False]


def test_values_that_are_not_finite_are_counted() -> None:
    part = mean("part", "quantity", pd.Series([0.1, np.nan, 0.2, np.inf]), below(1.0))
    assert (part.interval.n, part.n_diverged) == (2, 2)
    with pytest.raises(InsufficientError, match="all 2 runs diverged"):
        mean("part", "quantity", pd.Series([np.nan, np.inf]))


def test_ratio_is_on_the_log_scale() -> None:
    top, bottom = pd.Series([1.0, 2.0, 4.0]), pd.Series([10.0, 10.0, 10.0])
    part = findings.ratio("part", "quantity", top, bottom, below(0.3))
    assert part.estimate == pytest.approx(0.2)
    assert part.p_value == pytest.approx(
        stats.ttest_1samp(np.log(top / bottom), np.log(0.3)).pvalue
    )


def test_median_and_share() -> None:
    median = findings.median("part", "quantity", VALUES, below(0.34))
    assert median.estimate == pytest.approx(0.265)
    assert median.p_value == pytest.approx(stats.binomtest(5, 6).pvalue)
    share = findings.share("part", "quantity", VALUES > 0.16, above(0.5))
    assert share.estimate == pytest.approx(5 / 6)
    assert share.interval.method == "Wilson"


def test_wins_are_paired_and_ties_are_halves() -> None:
    part = findings.wins(
        "part", "quantity", pd.Series([1.0, 2, 3, np.nan]), pd.Series([2.0, 2, 1, 1])
    )
    assert part.estimate == pytest.approx(0.5)
    assert (part.interval.n, part.n_diverged) == (3, 1)
    assert part.outcome == ""


def test_facts_have_an_outcome_without_a_test() -> None:
    part = findings.fact("part", "quantity", 3.0, within(0.5, 3.0))
    assert part.outcome == HOLDS
    assert np.isnan(part.p_value)


def test_together() -> None:
    assert findings.together([HOLDS, HOLDS]) == HOLDS
    assert findings.together([HOLDS, OPEN]) == OPEN
    assert findings.together([OPEN, FAILS]) == FAILS
    assert findings.together([]) == OPEN


def claim(family: str, values: pd.Series, n_tests: int = 1) -> Draft:
    """A claim of ``n_tests`` equal tests that the mean is above 0."""
    module: Any = SimpleNamespace(
        FAMILY=family,
        MIN_SEEDS=5,
        decide=lambda outcomes: findings.verdict(findings.together(list(outcomes.values()))),
        sentence=lambda parts, verdict: verdict,
    )
    parts = [mean(f"part {i}", "quantity", values, above(0.0)) for i in range(n_tests)]
    return Draft(family, module, tuple(parts))


def test_p_values_are_adjusted_within_the_family_alone() -> None:
    values = pd.Series([0.1, 0.3, 0.2, -0.05, 0.4, 0.15])
    alone, large = claim("a", values), claim("b", values, 20)
    p_value = alone.parts[0].p_value
    one, many = judge.adjusted([alone, large])
    assert one.parts[0].p_adjusted == pytest.approx(p_value)
    assert many.parts[0].p_adjusted == pytest.approx(20 * p_value)
    assert judge.conclude(one).verdict == findings.SUPPORTED
    assert judge.conclude(many).verdict == findings.INCONCLUSIVE
    both = judge.adjusted([claim("a", values), claim("a", values, 20)])
    assert both[0].parts[0].p_adjusted == pytest.approx(21 * p_value)


def test_seeds_that_would_say_otherwise() -> None:
    values = pd.Series([0.1, 0.3, 0.2, -0.05, 0.4, 0.15], index=[3, 5, 7, 9, 11, 13])
    (found,) = judge.adjusted([claim("a", values)])
    disagree = judge.conclude(found).disagree
    assert disagree.to_dict() == {3: False, 5: False, 7: False, 9: True, 11: False, 13: False}


def registered(**changes: Any) -> registration.Registration:
    """A registration of a copy of the book's claims, some of it changed, against known models."""
    parsed = claims_case.evidence(claims=("squashes_z",)).config
    written = registration.register(parsed) | changes
    is_same = written["root_seed"] == parsed.root_seed
    is_same = is_same and written["studies"] == registration.hash_of_studies(parsed)
    return registration.Registration(written["claims"], is_same)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "confirmatory"),
        ({"root_seed": 6}, "exploratory"),
        ({"studies": "other"}, "exploratory"),
        ({"claims": {"squashes_z": "another rule"}}, "exploratory"),
        ({"claims": {"another": "rule"}}, "exploratory"),
        ({"claims": {}}, ""),
    ],
)
def test_what_was_registered_before_the_run_is_confirmatory(
    changes: dict[str, Any], status: str
) -> None:
    claim = BOOK.plugin("claims", "squashes_z").load()
    assert registered(**changes).status(claim) == status


def module_of(folder: Path, text: str) -> ModuleType:
    path = folder / "one.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("one", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("before", "after", "is_same"),
    [
        ("MARGIN = 0.05", "MARGIN = 0.1", False),
        ("return values", "return 2 * values", False),
        ("def sentence", "# a word\ndef sentence", True),
        ("said", "written", True),
    ],
)
def test_a_claims_hash_is_of_all_but_its_words(
    tmp_path: Path, before: str, after: str, is_same: bool
) -> None:
    text = (
        "MARGIN = 0.05\ndef measure(values):\n    return values\n"
        "def sentence():\n    return 'said'\n"
    )
    first = registration.hash_of_claim(module_of(tmp_path, text))
    linecache.clearcache()  # what inspect reads of a file that is written anew
    second = registration.hash_of_claim(module_of(tmp_path, text.replace(before, after)))
    assert (first == second) == is_same


def test_unknown_claims_are_refused() -> None:
    with pytest.raises(config.ConfigError, match="crossover"):
        claims_case.evidence(claims=("crosover",))


@pytest.fixture(scope="module")
def judged() -> tuple[Evidence, dict[str, pd.DataFrame]]:
    names = tuple(BOOK.names("claims"))
    found = claims_case.evidence(claims=names)
    return found, dict(judge.all_tables(found))


def test_every_claim_of_the_config_has_its_row(
    judged: tuple[Evidence, dict[str, pd.DataFrame]],
) -> None:
    found, frames = judged
    claims = frames["claims"].set_index("claim")
    assert tuple(claims.index) == tuple(claim.name for claim in found.config.claims)
    assert (claims["sentence"].str.len() > 20).all()
    details = frames["claim_details"]
    for name, row in claims.iterrows():
        first = details[details["claim"] == name].iloc[0]
        assert row["quantity"] == first["quantity"]
        assert row["estimate"] == first["estimate"]
    primary = details[details["role"] == "primary"]
    assert (primary["p_adjusted"] >= primary["p_value"]).all()
    assert primary["outcome"].isin([HOLDS, FAILS, OPEN]).all()


def test_judged_tables_keep_their_contracts(
    judged: tuple[Evidence, dict[str, pd.DataFrame]], tmp_path: Path
) -> None:
    found, frames = judged
    contracts = tables.contracts(found.config)
    for name, frame in frames.items():
        path = tmp_path / f"{name}.csv"
        tables.write(path, frame, contracts[name])
        assert len(tables.read(path, contracts[name])) == len(frame)


def test_without_claims_the_tables_are_empty(config_without_claims: Config) -> None:
    frames = judge.all_tables(Evidence(config_without_claims, claims_case.evidence().tables))
    assert frames["claims"].empty
    assert frames["claim_details"].empty
    assert len(frames["printed"]) == 96


@pytest.fixture
def config_without_claims() -> Config:
    return claims_case.config.parse(claims_case.RAW)


def test_look_ups_name_one_model() -> None:
    found = claims_case.evidence()
    model = Selection("error_weight", "irm", "plug_in", error_weight=1e-4)
    assert len(found.z_weight(model)) == 24
    assert found.z_weight(model).mean() == pytest.approx(0.019, abs=0.001)
    with pytest.raises(InsufficientError, match="needs irm u_statistic in the study"):
        found.phi(Selection("error_weight", "irm", "u_statistic"))
    with pytest.raises(InsufficientError, match="'nowhere'"):
        found.study("nowhere")
    with pytest.raises(InsufficientError, match=r"sigma = 0\.7"):
        found.error(Selection("notebook", "erm"), found.family("notebook", 0.7))


def test_a_look_up_without_a_value_of_some_key_says_so() -> None:
    frame = pd.DataFrame({"method": ["erm"], "beta": [1.0]})
    found = replace(claims_case.evidence(), tables={"models": Rows.of(frame, list(frame))})
    with pytest.raises(InsufficientError, match=r"do not have: models, method = irm, no beta$"):
        found.find("models", method="irm", beta=math.nan)


@pytest.mark.parametrize(
    ("printed_value", "half_unit", "inside"),
    [(1.0, 0.0, 1.0), (1.2, 0.0, 0.0), (1.14, 0.05, 1.0), (0.86, 0.05, 1.0), (1.16, 0.05, 0.0)],
)
def test_inside_goes_to_the_last_printed_digit(
    printed_value: float, half_unit: float, inside: float
) -> None:
    assert printed.inside(printed_value, half_unit, 0.9, 1.1) == inside
    assert np.isnan(printed.inside(printed_value, half_unit, np.nan, np.nan))


def test_the_notebooks_numbers() -> None:
    """A few of them, looked up in the notebook."""
    frame = printed.numbers(claims_case.evidence().config).set_index(
        ["model", "quantity", "split", "sigma", "step"]
    )
    look = {
        ("irm", "penalty", "", np.nan, 49_000): -0.006929567,
        ("erm", "phi_2", "", np.nan, 50_000): 0.6906589,
        ("data", "corr_4", "test", 1.0, np.nan): 0.5832141,
    }
    for key, value in look.items():
        assert frame["printed"].loc[[key]].iloc[0] == value
    assert len(frame) == 96
    assert frame["half_unit"].loc[[("irm", "average_mse", "test", np.nan, np.nan)]].iloc[0] == 5e-5


def test_a_run_is_held_against_the_others() -> None:
    rng = np.random.default_rng(0)
    values = pd.DataFrame(rng.normal(size=(40, 30)))
    values[7] = 10.0
    outside = (
        BOOK.plugin("claims", "printed_numbers").load().outside_of_others(values, np.zeros(40))
    )
    assert outside[7] == 40
    assert outside[np.arange(30) != 7].max() < 8


def test_claim_modules_have_the_three_functions() -> None:
    for name in BOOK.names("claims"):
        module: ModuleType = BOOK.plugin("claims", name).load()
        for function in ("measure", "decide", "sentence"):
            assert callable(getattr(module, function))


def test_a_conformal_limit_is_a_rank_among_one_more() -> None:
    printed_numbers = BOOK.plugin("claims", "printed_numbers").load()
    assert printed_numbers.conformal_limit(np.arange(19)) == 18  # 19 of 20 ranks are 95%
    assert printed_numbers.conformal_limit(np.arange(99)) == 94
    assert printed_numbers.conformal_limit(np.arange(10)) == np.inf


def test_numbers_that_hang_together_count_once() -> None:
    printed_numbers = BOOK.plugin("claims", "printed_numbers").load()
    free = np.random.default_rng(2).normal(size=(5, 2000))
    assert printed_numbers.independent(pd.DataFrame(free)) == pytest.approx(5, abs=0.1)
    twice = pd.DataFrame(np.concatenate([free, 3 * free + 1, np.ones((2, 2000))]))
    assert printed_numbers.independent(twice) == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize("effect", [0.1, 0.3, 0.58, 0.8, 1.5, 3.0])
def test_seeds_needed_are_those_of_statsmodels(effect: float) -> None:
    solved = TTestPower().solve_power(effect, power=power.POWER, alpha=power.SIZE)
    assert power.needed(effect) == np.ceil(solved)


def test_seeds_needed_are_those_of_a_t_test_with_its_power() -> None:
    """A gap of half a standard deviation needs 34 pairs (Cohen 1988, table 2.4.1, one sample)."""
    values = pd.Series([-1.0, 1.0] * 50)
    part = mean("part", "quantity", values, above(-0.5 * values.std()))
    assert part.seeds_needed == 34
