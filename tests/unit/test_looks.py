"""Seeds that are added until claims are decided: no number of looks makes more errors than one."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import irm_bench
from irm_bench import config
from irm_bench.config import Config, ConfigError
from irm_bench.judging import findings, looks
from irm_bench.judging.findings import FAILS, HOLDS, OPEN, Part, Rule, below, mean, within
from irm_bench.planning import plan
from tests.unit import pipeline

FIRST, N_LOOKS = 10, 5
LIMIT = 0.05


def judged(values: pd.Series, rules: list[Rule], look: int, earlier: looks.Parts) -> list[Part]:
    """The tests of a claim at a look, as the judge makes them."""
    measured = [mean(str(i), "quantity", values, rule) for i, rule in enumerate(rules)]
    parts = findings.adjust([looks.at_its_share(part, look) for part in measured])
    return [looks.remembering("claim", part, earlier) for part in parts]


def outcomes_at_looks(values: pd.Series, rules: list[Rule]) -> list[list[str]]:
    """The outcomes of every test at each look, of values by seed."""
    found, earlier = [], dict[tuple[str, str], Part]()
    for look in range(1, N_LOOKS + 1):
        parts = judged(values[: FIRST * 2 ** (look - 1)], rules, look, earlier)
        found.append([part.outcome for part in parts])
        earlier = {("claim", part.key): part for part in parts}
    return found


def at_most(count: int, n: int, limit: float) -> bool:
    """Whether a count is not clearly above a limit: p above 1 in 1,000."""
    return bool(stats.binomtest(count, n, limit, alternative="greater").pvalue > 0.001)


@given(st.integers(1, 10_000))
def test_all_looks_together_spend_no_more_than_alpha(n_looks: int) -> None:
    total = sum(looks.share(look) for look in range(1, n_looks + 1))
    assert total == pytest.approx(1 - 1 / (n_looks + 1))  # the sum telescopes


def test_fixed_seeds_have_all_of_it() -> None:
    assert looks.share(0) == 1
    part = mean("part", "quantity", pd.Series([0.1, 0.3, 0.2]), below(1.0))
    assert looks.at_its_share(part, 0) is part


def test_looking_often_finds_no_more_than_it_may() -> None:
    """Of two tests on the edge of their rules, some is decided in at most 5% of benchmarks."""
    rng = np.random.default_rng(20261129)
    n, wrong, naive = 400, 0, 0
    for _ in range(n):
        values = pd.Series(rng.standard_normal(FIRST * 2 ** (N_LOOKS - 1)))
        rules = [below(0.0), within(1.0, 1.0)]
        decided = [o for found in outcomes_at_looks(values, rules) for o in found if o != OPEN]
        wrong += bool(decided)
        ps = [
            stats.ttest_1samp(values[: FIRST * 2**look], 0).pvalue < LIMIT
            for look in range(N_LOOKS)
        ]
        naive += any(ps)
    assert at_most(wrong, n, LIMIT)
    # who looks as often at plain p values of one test alone errs more often than 5%
    assert not at_most(naive, n, LIMIT)


def test_intervals_of_all_looks_hold_the_truth_together() -> None:
    rng = np.random.default_rng(1)
    n, lost, naive = 600, 0, 0
    for _ in range(n):
        values = pd.Series(rng.standard_normal(FIRST * 2 ** (N_LOOKS - 1)))
        missed = {"at its share": False, "as if alone": False}
        for look in range(1, N_LOOKS + 1):
            part = mean("part", "quantity", values[: FIRST * 2 ** (look - 1)])
            shared = looks.at_its_share(part, look).interval
            missed["at its share"] |= not shared.low <= 0 <= shared.high
            missed["as if alone"] |= not part.interval.low <= 0 <= part.interval.high
        lost += missed["at its share"]
        naive += missed["as if alone"]
    assert at_most(lost, n, LIMIT)
    assert not at_most(naive, n, LIMIT)


def test_the_interval_says_what_the_test_says() -> None:
    """It excludes the bound exactly where the p value, at the look's share, is below 5%."""
    rng = np.random.default_rng(2)
    for look in range(1, N_LOOKS + 1):
        values = pd.Series(rng.normal(0.6, 1.0, 12))
        part = looks.at_its_share(mean("part", "quantity", values, below(0.0)), look)
        holds_bound = part.interval.low <= 0 <= part.interval.high
        assert holds_bound == (part.p_value >= LIMIT)
        assert part.interval.method == "t, at any look"
        assert part.retest is not None
        assert part.retest(below(0.0)) == part.p_value


def test_what_is_decided_stays_so_until_the_estimate_changes_sides() -> None:
    clear = [0.30, 0.31, 0.29, 0.30, 0.32, 0.28, 0.30, 0.31, 0.29, 0.30]
    blurred = pd.Series([*clear, *[1.5, -1.4] * 5])
    flipped = pd.Series([*clear, *[-1.5, -1.4] * 5])
    first = judged(pd.Series(clear), [below(0.0)], 1, {})
    assert first[0].outcome == FAILS
    earlier = {("claim", "0"): first[0]}
    assert judged(blurred, [below(0.0)], 2, {})[0].outcome == OPEN
    assert judged(blurred, [below(0.0)], 2, earlier)[0].outcome == FAILS
    assert judged(flipped, [below(0.0)], 2, earlier)[0].outcome != FAILS


def test_a_clear_case_is_decided_at_the_first_look() -> None:
    values = pd.Series(np.linspace(-1.1, -0.9, FIRST))
    assert judged(values, [below(0.0)], 1, {})[0].outcome == HOLDS


ADDED: dict[str, Any] = {"until": "decided", "first": 3, "at_most": 17}


def parsed(*seeds: Any, **keys: Any) -> Config:
    """A config of a study for each way of telling seeds."""
    study = pipeline.SMALL["studies"][0]
    studies = [{**study, "name": f"study_{i}", "seeds": s} for i, s in enumerate(seeds)]
    return config.parse({**pipeline.SMALL, "studies": studies, **keys})


def test_seeds_double_up_to_the_most() -> None:
    found = parsed(ADDED)
    assert found.last_look == 4
    assert [len(found.at_look(look).seeds) for look in range(1, 5)] == [3, 6, 12, 17]
    assert parsed(4).last_look == 0


ways = st.one_of(
    st.integers(1, 9),
    st.lists(st.integers(0, 30), min_size=1, max_size=4, unique=True),
    st.builds(
        lambda first, more: {"until": "decided", "first": first, "at_most": first + more},
        st.integers(2, 5),
        st.integers(0, 20),
    ),
)


@given(st.lists(ways, min_size=1, max_size=3), st.integers(1, 4))
def test_a_look_keeps_the_shards_whose_models_it_does_not_add_to(
    seeds: list[Any], shards: int
) -> None:
    found = parsed(*seeds, shards=shards)
    for look in range(1, found.last_look + 1):
        here = found.at_look(look)
        cut = [plan.shard_seeds(here, shard) for shard in range(plan.n_shards(here))]
        assert sorted(seed for part in cut for seed in part) == list(here.seeds)
        for shard in range(plan.n_shards(here) if look < found.last_look else 0):
            after = here.at_look(look + 1)
            assert plan.shard_seeds(after, shard) == cut[shard]
            is_same = all(
                set(cut[shard]) & set(old.seeds) == set(cut[shard]) & set(new.seeds)
                for old, new in zip(here.studies, after.studies, strict=True)
            )
            has_same_hash = plan.shard_hash(here, shard) == plan.shard_hash(after, shard)
            assert has_same_hash == is_same


def test_a_resolved_config_is_of_the_same_look() -> None:
    found = parsed(ADDED, 4).at_look(3)
    again = config.parse(found.resolved, checked=True)
    assert (again.look, again.seeds) == (3, found.seeds)
    assert again.results_hash == found.results_hash != found.at_look(2).results_hash
    assert again.asked_hash == found.at_look(1).asked_hash
    assert parsed(4).asked_hash == parsed(4).results_hash


@pytest.mark.parametrize(
    ("seeds", "keys", "words"),
    [
        ({**ADDED, "at_most": 2}, {}, "seeds.at_most: 2; allowed is at least first, 3"),
        ({**ADDED, "until": "sure"}, {}, "'until': 'sure'"),
        ({"until": "decided"}, {}, "allowed is integer at least 1"),
        (4, {"look": 2}, "look: 2; no study adds seeds"),
        (ADDED, {"look": 0}, "value 0 is not allowed; allowed is integer at least 1"),
        ({**ADDED, "at_most": 10**6, "first": 10**6}, {"limits": {"rows": 10}}, "rows of results"),
    ],
)
def test_what_cannot_be_is_refused(seeds: Any, keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=f"^[^\n]*{words}[^\n]*$"):
        parsed(seeds, **keys)


BOOK: dict[str, Any] = {
    "studies": [{"name": "notebook", "methods": [{"name": "erm"}, {"name": "oracle"}]}],
    # needs five seeds, so is open at a look with fewer
    "claims": ["beats_best_possible"],
    "figures": [],
    "audit": {"replicates": 20, "seed_counts": [5]},
}
SIZES = {"n_samples": 50, "n_test_samples": 2000, "steps": 40}


def test_a_run_ends_at_the_first_look_that_decides_all(tmp_path: Path) -> None:
    """With the models that as many fixed seeds have, to the bit."""
    found = irm_bench.run(
        "notebook",
        config=BOOK,
        seeds={"until": "decided", "first": 3, "at_most": 50},
        folder=tmp_path / "added",
        progress=False,
        **SIZES,
    )
    table = found["looks"]
    n_open = table.groupby("look")["open"].sum()
    assert n_open.iloc[0] == 1
    assert n_open.iloc[-1] == 0 or table["n_seeds"].max() == 50
    assert (n_open.iloc[:-1] > 0).all()
    n_seeds = int(table["n_seeds"].max())
    assert found["models"]["seed"].nunique() == n_seeds
    fixed = irm_bench.run("notebook", config=BOOK, seeds=n_seeds, progress=False, **SIZES)
    for name in ("models", "errors", "summary"):
        pd.testing.assert_frame_equal(found[name], fixed[name], check_exact=True)
    assert "looks" not in fixed
    last = found["claims"].iloc[0]
    width = last["ci_high"] - last["ci_low"]
    assert width > fixed["claims"].iloc[0]["ci_high"] - fixed["claims"].iloc[0]["ci_low"]
