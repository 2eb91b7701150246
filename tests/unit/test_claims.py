"""Every claim's verdict and sentence follow the data: known models, and models that refute it."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import pytest

from irm_bench.config import Study
from irm_bench.judging import controls, findings, margins, printed
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import INCONCLUSIVE, LIMITED, PARTLY, REFUTED, SUPPORTED, VERDICTS
from irm_bench.planning.plan import Cell
from irm_bench.plugins.registry import Plugin, find_book
from irm_bench.stages import judge
from irm_bench.stages.judge import Finding
from tests.unit import claims_case
from tests.unit.claims_case import usual

BOOK = find_book("notebook")


def claims(names: Iterable[str]) -> list[Plugin]:
    """The claims of these names."""
    return [BOOK.plugin("claims", name) for name in names]


NAMES = BOOK.names("claims")
ALONE = [name for name in NAMES if not BOOK.plugin("claims", name).metadata.get("AFTER")]

Change = Callable[[Evidence], None]


def finding(name: str, found: Evidence) -> Finding:
    (one,) = judge.judge(found, [BOOK.plugin("claims", name)])
    return one


def scale(table: str, column: str, factor: float, **where: object) -> Change:
    """A change of the tables: multiply a column where others have a value."""

    def change(found: Evidence) -> None:
        frame = claims_case.frame(found, table)
        chosen = np.ones(len(frame), dtype=bool)
        for name, value in where.items():
            chosen &= (frame[name] == value).to_numpy()
        assert chosen.any()
        frame[column] = np.where(chosen, frame[column] * factor, frame[column])

    return change


def around(
    x: float, z: float, spread: float, study: Study, cell: Cell, rng: np.random.Generator
) -> np.ndarray:
    """Models whose weights of causes and of effects are these, but for noise."""
    causal = cell.model.causal(cell.model.option)
    middle = np.where(causal == 1, x, z)
    return rng.normal(middle, spread, (len(study.seeds), len(middle)))


def irm(z: float, spread: float = 0.001) -> claims_case.Models:
    """IRM's models with this weight of Z."""

    def models(study: Study, cell: Cell, rng: np.random.Generator) -> np.ndarray:
        if cell.key.method != "irm":
            return usual(study, cell, rng)
        return around(1, z, spread, study, cell, rng)

    return models


def by_weight(study: Study, cell: Cell, rng: np.random.Generator) -> np.ndarray:
    """Any weight but the notebook's leaves Z in."""
    if cell.key.method == "irm" and cell.error_weight != 1e-5:
        return around(0.7, 0.3, 0.001, study, cell, rng)
    return usual(study, cell, rng)


def by_data(study: Study, cell: Cell, rng: np.random.Generator) -> np.ndarray:
    """Any data but the notebook's leave Z in."""
    if cell.key.method == "irm" and study.name == "heavy_tails":
        return around(0.7, 0.3, 0.001, study, cell, rng)
    return irm(0.016)(study, cell, rng)


def by_n_environments(study: Study, cell: Cell, rng: np.random.Generator) -> np.ndarray:
    """A third environment removes Z."""
    z = 0.06 if len(cell.train) < 3 else 0.0
    return irm(z)(study, cell, rng)


def nearer_when_split(study: Study, cell: Cell, rng: np.random.Generator) -> np.ndarray:
    """Splitting helps with 10,000 rows."""
    if cell.key.penalty == "plug_in" and cell.n_samples == 10_000:
        return irm(0.1)(study, cell, rng)
    return usual(study, cell, rng)


def everywhere_worse(study: Study, cell: Cell, rng: np.random.Generator) -> np.ndarray:
    """Splitting harms at every n."""
    if cell.key.penalty == "split_half":
        return irm(0.2)(study, cell, rng)
    return usual(study, cell, rng)


def erm_without_z(study: Study, cell: Cell, rng: np.random.Generator) -> np.ndarray:
    """ERM that ignores Z, and does worse than it could."""
    if cell.key.method == "erm":
        return around(0.9, 0.0, 0.001, study, cell, rng)
    return usual(study, cell, rng)


def converged_as_trained(found: Evidence) -> None:
    phis = [f"phi_{j}" for j in range(1, 5)]
    claims_case.frame(found, "converged")[phis] = claims_case.frame(found, "models")[phis]


def nothing(found: Evidence) -> None:
    """No change."""


def starts(column: str, value: float) -> Change:
    def change(found: Evidence) -> None:
        claims_case.frame(found, "starts")[column] = value

    return change


def fall_with_gamma(found: Evidence) -> None:
    """ERM's risk is largest at γ = 0."""
    frame = claims_case.frame(found, "errors")
    erm = (frame["method"] == "erm").to_numpy()
    frame["risk"] = np.where(erm, 100 - frame["gamma"] ** 2 - frame["seed"], frame["risk"])


def quick_path(found: Evidence) -> None:
    path = claims_case.frame(found, "trajectories")
    path.loc[path["step"] >= 100, ["phi_3", "phi_4"]] = 0.01


def never_small(found: Evidence) -> None:
    path = claims_case.frame(found, "trajectories")
    path[["phi_3", "phi_4"]] = 0.1


CASES: list[tuple[str, str, claims_case.Models, Change, str, str]] = [
    # claim, what is special, models, change of the tables, verdict, words of the sentence
    (
        "causes_from_any_start",
        "not from two",
        usual,
        nothing,
        REFUTED,
        "not from zeros and N(0, 1)",
    ),
    ("causes_from_any_start", "from all", irm(0.016), nothing, SUPPORTED, "Each start does"),
    ("squashes_from_any_start", "from all", usual, nothing, SUPPORTED, "do not show that"),
    ("squashes_from_any_start", "large", irm(0.2), nothing, REFUTED, "Not from all ones"),
    ("correlation_shift", "as expected", usual, nothing, SUPPORTED, "as good as gone"),
    (
        "correlation_shift",
        "Z keeps its correlation",
        usual,
        scale("environments", "corr_3", 40.0, sigma=0.01),
        REFUTED,
        "not gone",
    ),
    (
        "correlation_shift",
        "X loses its correlation",
        usual,
        scale("environments", "corr_1", 0.5, sigma=0.1),
        REFUTED,
        "do not keep",
    ),
    ("noise_variance", "as expected", usual, nothing, SUPPORTED, "in all 5 environments"),
    (
        "noise_variance",
        "too much noise",
        usual,
        scale("environments", "noise_variance", 1.2, sigma=1.0, split="test"),
        REFUTED,
        "in 4 of 5 environments; not at test σ=1",
    ),
    ("squashes_z", "slow", usual, nothing, PARTLY, "that is not quick"),
    ("squashes_z", "quick", usual, quick_path, SUPPORTED, "that is quick"),
    ("squashes_z", "never", usual, never_small, PARTLY, "never small"),
    ("squashes_z", "large", irm(0.2), nothing, REFUTED, "not below the margin"),
    ("worse_on_average", "as expected", usual, nothing, SUPPORTED, "0.523: worse"),
    (
        "worse_on_average",
        "IRM is better",
        usual,
        scale("errors", "mse", 0.5, method="irm"),
        REFUTED,
        ": better",
    ),
    ("crossover", "as expected", usual, nothing, SUPPORTED, "IRM is better at σ=0.01"),
    (
        "crossover",
        "IRM is worse at σ = 0.01",
        usual,
        scale("errors", "mse", 1e4, method="irm", sigma=0.01),
        REFUTED,
        "IRM is not better at σ=0.01",
    ),
    ("crossover", "elsewhere", irm(0.1), nothing, REFUTED, "not within ±0.02"),
    ("near_lower_bound", "absolute only", usual, nothing, PARTLY, "not at test σ=0.01"),
    ("near_lower_bound", "oracle", irm(0.0, 1e-5), nothing, SUPPORTED, "rows in all 5"),
    ("near_lower_bound", "far", irm(0.2), nothing, REFUTED, "not at test σ=1"),
    ("beats_best_possible", "as expected", usual, nothing, SUPPORTED, "below the oracle's"),
    ("beats_best_possible", "not", erm_without_z, nothing, REFUTED, "above the oracle's"),
    ("not_any_test_set", "as expected", usual, nothing, SUPPORTED, "lower over the notebook's"),
    (
        "not_any_test_set",
        "ERM is best everywhere",
        usual,
        scale("errors", "mse", 1e-6, method="erm"),
        REFUTED,
        "lower over its small σ alone",
    ),
    (
        "not_any_test_set",
        "ERM is worse here too",
        usual,
        scale("errors", "mse", 10.0, method="erm"),
        REFUTED,
        "higher over the notebook's test set",
    ),
    ("unbounded_error", "by mechanism alone", usual, nothing, LIMITED, "never exceeds its limit"),
    ("unbounded_error", "bounded", usual, fall_with_gamma, REFUTED, "grows not at all"),
    ("splitting_the_batch", "harms", everywhere_worse, nothing, SUPPORTED, "larger than"),
    ("splitting_the_batch", "helps", nearer_when_split, nothing, LIMITED, "nearer to the oracle"),
    (
        "splitting_the_batch",
        "improves the estimate",
        usual,
        scale("penalty_draws", "squared_error", 0.25, estimator="split_half"),
        REFUTED,
        "smaller than",
    ),
    ("error_weight_arbitrary", "up to 1e-4", usual, nothing, LIMITED, "they change at 0.01"),
    ("error_weight_arbitrary", "all", irm(0.016), nothing, SUPPORTED, "all that were tested"),
    ("error_weight_arbitrary", "only 1e-5", by_weight, nothing, REFUTED, "change at 1e-06"),
    ("however_trained", "not from zeros", usual, nothing, PARTLY, "in 2 of 4 settings"),
    ("however_trained", "in any way", irm(0.016), nothing, SUPPORTED, "in 4 of 4 settings"),
    ("other_data", "as expected", irm(0.016), nothing, SUPPORTED, "in 1 of 1 settings"),
    ("other_data", "on the notebook's alone", by_data, nothing, REFUTED, "in 0 of 1 settings"),
    ("train_predicts_test", "shared σ", usual, nothing, PARTLY, "badly for ERM at σ=0.01"),
    (
        "train_predicts_test",
        "not even shared σ",
        usual,
        scale("errors", "mse", 1.3, split="test"),
        REFUTED,
        "misses test error",
    ),
    ("not_converged", "as expected", usual, nothing, SUPPORTED, "would remove 50% of it"),
    (
        "not_converged",
        "more training harms",
        usual,
        scale("converged", "phi_3", 5.0, method="irm"),
        REFUTED,
        "would not lower it",
    ),
    ("not_converged", "no gap", usual, converged_as_trained, INCONCLUSIVE, "is open"),
    ("penalty_alone", "as expected", usual, nothing, SUPPORTED, "in one point"),
    ("penalty_alone", "no zero", usual, starts("penalty_value", 1.0), REFUTED, "reaches 1"),
    ("penalty_alone", "off the curve", usual, starts("phi_3", 1.0), REFUTED, "do not all lie"),
    ("more_environments", "as expected", usual, nothing, SUPPORTED, "within ±20%"),
    ("more_environments", "they help", by_n_environments, nothing, REFUTED, "not within ±20%"),
]


@pytest.mark.parametrize(
    ("name", "models", "change", "verdict", "words"),
    [(name, models, change, verdict, words) for name, _, models, change, verdict, words in CASES],
    ids=[f"{case[0]}: {case[1]}" for case in CASES],
)
def test_verdict_and_sentence_follow_the_data(
    name: str, models: claims_case.Models, change: Change, verdict: str, words: str
) -> None:
    found = claims_case.evidence(models)
    change(found)
    one = finding(name, found)
    assert one.verdict == verdict, one.sentence
    assert words in one.sentence


def test_every_claim_is_flipped_by_some_case() -> None:
    special = {"printed_numbers", "single_run"}  # have tests of their own below
    for name in set(NAMES) - special:
        assert len({case[4] for case in CASES if case[0] == name}) > 1, name


@pytest.mark.parametrize(
    ("off", "n_off", "verdict", "words"),
    [
        (0.0, 0, SUPPORTED, "All 96 numbers lie inside"),
        (4.0, 1, LIMITED, "95 of 96 numbers lie inside"),
        (4.0, 50, REFUTED, "more than the"),
    ],
)
def test_printed_numbers(
    monkeypatch: pytest.MonkeyPatch, off: float, n_off: int, verdict: str, words: str
) -> None:
    found = claims_case.evidence()
    values = claims_case.printed_values(found, off, n_off)
    monkeypatch.setattr(printed, "values", lambda evidence: values)
    one = finding("printed_numbers", found)
    assert one.verdict == verdict, one.sentence
    assert words in one.sentence


SQUASHED = irm(0.016)


def with_seeds(n_seeds: int) -> dict[str, object]:
    return {**claims_case.RAW, "defaults": {**claims_case.RAW["defaults"], "seeds": n_seeds}}


def test_one_run_is_enough_where_all_seeds_agree() -> None:
    found = claims_case.evidence(SQUASHED, with_seeds(100))
    *_, one = judge.judge(found, claims(["worse_on_average", "beats_best_possible", "single_run"]))
    assert one.verdict == SUPPORTED, one.sentence
    assert "shown for 2 of 2 claims" in one.sentence


def test_one_run_is_not_enough_where_seeds_differ() -> None:
    found = claims_case.evidence(irm(0.03, 0.02), with_seeds(100))
    squashed, one = judge.judge(found, claims(["squashes_z", "single_run"]))
    assert squashed.disagree.mean() > 0.05
    assert one.verdict == REFUTED, one.sentence
    assert "It is not for 'IRM squashes the weight of Z'" in one.sentence


def test_the_p_values_of_single_runs_are_adjusted_together() -> None:
    """That 0 of 100 seeds differ has p = .0118 against 5%: not for one of many claims."""
    found = claims_case.evidence(SQUASHED, with_seeds(100))
    names = ["worse_on_average", "beats_best_possible", "noise_variance", "correlation_shift"]
    names += ["squashes_from_any_start"]
    *_, one = judge.judge(found, claims([*names, "single_run"]))
    never = [part for part in one.parts if part.role == "primary" and part.estimate == 0]
    assert len(never) >= 3
    assert all(part.p_value < 0.05 < part.p_adjusted for part in never)
    assert one.verdict != SUPPORTED, one.sentence


def test_a_cautious_reader_leaves_open_what_one_run_is_too_near_to_tell() -> None:
    values = pd.Series(np.r_[np.full(50, -1.0), np.full(50, 1.0)])
    part = findings.mean("part", "quantity", values, findings.above(-1.5))
    assert part.singles is not None
    assert part.cautious is not None
    assert part.singles.all()
    assert (part.cautious[:50] == findings.OPEN).all()
    assert (part.cautious[50:] == findings.HOLDS).all()


@pytest.mark.parametrize(
    "name", [n for n in NAMES if hasattr(BOOK.plugin("claims", n).load(), "twin")]
)
def test_a_claims_false_twin_is_refuted(name: str) -> None:
    row = controls.row_of(claims_case.evidence(), BOOK.plugin("claims", name), judge.judge)
    assert row is not None
    assert row["verdict"] == REFUTED, row["sentence"]


def test_every_claim_has_a_false_twin() -> None:
    special = {"printed_numbers", "single_run"}  # of the source's numbers, and of other verdicts
    for name in set(NAMES) - special:
        assert hasattr(BOOK.plugin("claims", name).load(), "twin"), name


def test_a_verdict_stands_at_its_own_margins_and_falls_without_any() -> None:
    one = finding("squashes_z", claims_case.evidence(irm(0.04)))
    rows = {row["factor"]: row for row in margins.rows(one)}
    assert rows[1.0]["stands"] == 1
    assert rows[min(rows)]["verdict"] == REFUTED
    assert len(rows) == len(margins.FACTORS)


@pytest.mark.parametrize("name", NAMES)
def test_a_claim_says_what_where_and_by_which_rule(name: str) -> None:
    declared = BOOK.plugin("claims", name).metadata
    for key in ("TITLE", "STATEMENT", "SOURCE", "STUDY", "FAMILY", "RULE"):
        assert declared[key], key
    assert declared["MIN_SEEDS"] >= 5
    beyond = declared["SOURCE"].startswith("Beyond the notebook")
    assert beyond == (declared["FAMILY"] != "notebook")


def test_titles_differ() -> None:
    titles = [BOOK.plugin("claims", name).metadata["TITLE"] for name in NAMES]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("n_seeds", [1, 2, 4])
def test_too_few_seeds_are_inconclusive_and_say_so(n_seeds: int) -> None:
    raw = {**claims_case.RAW, "defaults": {**claims_case.RAW["defaults"], "seeds": n_seeds}}
    for one in judge.judge(claims_case.evidence(raw=raw), claims(NAMES)):
        assert one.verdict in VERDICTS
        primary = [part for part in one.parts if part.role == "primary"]
        if primary:
            assert one.verdict == INCONCLUSIVE, one.name
            assert f"has {n_seeds} seeds and needs at least" in one.sentence


def test_missing_studies_are_named() -> None:
    raw = {**claims_case.RAW, "studies": [{"name": "other", "methods": [{"name": "erm"}]}]}
    parsed = claims_case.config.parse(raw)
    whole = claims_case.evidence()
    empty = {name: claims_case.frame(whole, name).iloc[:0] for name in whole.tables}
    found = claims_case.known(parsed, empty)
    for one in judge.judge(found, claims(NAMES)):
        assert one.verdict == INCONCLUSIVE
        assert one.sentence.startswith("Cannot be judged: needs"), one.sentence


def diverge(found: Evidence, n_seeds: int) -> None:
    """The last seeds' IRM runs are not finite."""
    seeds = found.study("notebook").seeds[len(found.study("notebook").seeds) - n_seeds :]
    for name in ("models", "errors", "trajectories", "converged"):
        frame = claims_case.frame(found, name)
        lost = (frame["method"] == "irm") & frame["seed"].isin(seeds)
        numbers = [c for c in frame if str(c).startswith(("phi_", "mse", "risk", "train_risk"))]
        frame.loc[lost, numbers] = np.nan


@pytest.mark.parametrize("name", ["squashes_z", "worse_on_average", "near_lower_bound"])
def test_a_diverged_run_is_counted_and_left_out(name: str) -> None:
    found = claims_case.evidence()
    whole = finding(name, found)
    diverge(found, 1)
    one = finding(name, Evidence(found.config, found.tables))
    assert one.verdict == whole.verdict
    assert one.parts[0].n_diverged == 1
    assert one.parts[0].interval.n == 23


@pytest.mark.parametrize("name", ["squashes_z", "crossover", "train_predicts_test"])
def test_too_many_diverged_runs_are_inconclusive_and_counted(name: str) -> None:
    found = claims_case.evidence()
    diverge(found, 5)
    one = finding(name, found)
    assert one.verdict == INCONCLUSIVE
    assert "5 of 24 runs diverged (21%), more than 5%" in one.sentence


def test_all_runs_diverged() -> None:
    found = claims_case.evidence()
    diverge(found, 24)
    for one in judge.judge(found, claims(ALONE)):
        assert one.verdict in VERDICTS
    assert "all 24 runs diverged" in finding("squashes_z", found).sentence


def test_the_error_weights_own_limit_needs_conclusive_verdicts() -> None:
    raw = {**claims_case.RAW, "defaults": {**claims_case.RAW["defaults"], "seeds": 5}}
    found = claims_case.evidence(irm(0.03, 0.2), raw)
    one = finding("error_weight_arbitrary", found)
    assert one.verdict == INCONCLUSIVE
    assert "nothing to compare" in one.sentence


def test_claims_do_not_change_the_tables() -> None:
    found = claims_case.evidence()
    before = {name: claims_case.frame(found, name).copy() for name in found.tables}
    judge.judge(found, claims(NAMES))
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, claims_case.frame(found, name))
