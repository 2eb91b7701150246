"""Bad configs get one clear message; good ones are typed and canonical."""

import contextlib
import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irm_bench import config
from irm_bench.config import ConfigError
from irm_bench.config import __main__ as command

ROOT = Path(__file__).parents[2]


def minimal() -> dict[str, Any]:
    return {
        "title": "A title",
        "root_seed": 1,
        "studies": [
            {
                "name": "one",
                "train_sigmas": [[0.1, 1.0]],
                "test_environments": [{"sigma": [0.1, 1.0]}],
                "methods": [{"name": "erm"}, {"name": "irm", "penalty": "plug_in"}],
                "n_samples": 100,
                "seeds": 3,
            }
        ],
    }


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    raw = copy.deepcopy(minimal())
    place: Any = raw
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return raw


STUDY = ["studies", 0]

# (what is wrong, where, value) and the words that the message must hold
BAD = [
    ("unknown key", ["sigms"], 1, ["'sigms'", "allowed are", "root_seed"]),
    ("unknown study key", [*STUDY, "sigms"], 1, ["studies[0]", "'sigms'", "train_sigmas"]),
    ("unknown SEM", [*STUDY, "sem"], "exmple_1", ["studies[0].sem", "exmple_1", "example_1"]),
    ("unknown method", [*STUDY, "methods"], [{"name": "emr"}], ["'emr'", "erm", "methods[0].name"]),
    (
        "unknown penalty",
        [*STUDY, "methods"],
        [{"name": "irm", "penalty": "plugin"}],
        ["'plugin'", "plug_in", "split_half", "methods[0].penalty"],
    ),
    ("no penalty", [*STUDY, "methods"], [{"name": "irm"}], ["irm", "penalty", "plug_in"]),
    ("needless penalty", [*STUDY, "methods"], [{"name": "erm", "penalty": "plug_in"}], ["erm"]),
    ("negative σ", [*STUDY, "train_sigmas"], [[-0.1, 1.0]], ["train_sigmas", "-0.1", "than 0"]),
    ("zero σ", [*STUDY, "train_sigmas"], [[0, 1.0]], ["train_sigmas", "0", "greater than 0"]),
    ("zero test σ", [*STUDY, "test_environments"], [{"sigma": 0}], ["sigma = 0", "than 0"]),
    ("σ without a square", [*STUDY, "train_sigmas"], [[1e-300, 1.0]], ["1e-300", "least 1e-50"]),
    ("unknown parameter", [*STUDY, "test_environments"], [{"sgma": 1}], ["'sgma'", "sigma, gamma"]),
    ("no σ", [*STUDY, "test_environments"], [{"gamma": 1}], ["'sigma'", "missing"]),
    (
        "one environment",
        [*STUDY, "train_sigmas"],
        [[0.1]],
        ["sigma=0.1", "single", "irm", "at least 2"],
    ),
    ("zero seeds", [*STUDY, "seeds"], 0, ["studies[0].seeds", "0", "at least 1"]),
    ("no seeds", [*STUDY, "seeds"], [], ["studies[0].seeds", "[]"]),
    ("text for number", [*STUDY, "error_weights"], ["1e-5"], ["'1e-5'", "1.0e-5"]),
    ("no steps", [*STUDY, "steps"], 0, ["studies[0].steps", "0", "at least"]),
    ("no studies", ["studies"], [], ["studies", "[]", "at least 1"]),
    ("no title", ["title"], "", ["title", "''"]),
    ("rule", [*STUDY, "learning_rate"], {"rule": "fast", "value": 1}, ["'fast'", "fixed, capped"]),
    ("method twice", [*STUDY, "methods"], [{"name": "erm"}] * 2, ["methods", "erm", "once"]),
    ("unknown figure", ["figures"], ["nope"], ["figures[0]", "nope"]),
    ("unknown claim", ["claims"], ["nope"], ["claims[0]", "nope"]),
    ("name with a path", [*STUDY, "name"], "../x", ["studies[0].name", "../x", "matching"]),
    ("infinite γ", [*STUDY, "test_environments"], [{"sigma": 1, "gamma": float("inf")}], ["gamma"]),
    (
        "huge γ",
        [*STUDY, "test_environments"],
        [{"sigma": 1, "gamma": 10**400}],
        ["gamma", "at most"],
    ),
    ("NaN", [*STUDY, "error_weights"], [float("nan")], ["error_weights[0]", "nan", "finite"]),
    ("shards", ["shards"], 0, ["shards", "0", "at least 1"]),
]


@pytest.mark.parametrize(("path", "value", "words"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_bad_config_is_told_key_value_and_allowed(
    path: list[Any], value: Any, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(changed(path, value))
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_an_odd_n_cannot_be_split_in_halves() -> None:
    raw = changed([*STUDY, "methods"], [{"name": "irm", "penalty": "split_half"}])
    raw["studies"][0]["n_samples"] = [100, 101]
    with pytest.raises(ConfigError, match=r"n_samples: 101; split_half .* even number"):
        config.parse(raw)
    raw["studies"][0]["methods"][0]["max_n_samples"] = 100
    config.parse(raw)


def test_rows_to_be_split_must_fit_in_memory() -> None:
    raw = changed([*STUDY, "methods"], [{"name": "irm", "penalty": "split_half"}])
    raw["studies"][0]["n_samples"] = 10_000_000
    with pytest.raises(ConfigError, match=r"n_samples: 10000000; split_half .*at most 1198372 "):
        config.parse(raw)


@pytest.mark.parametrize("penalty", ["split_half", "u_statistic"])
@pytest.mark.parametrize("how", ["penalty", "monitor"])
def test_moments_alone_do_not_serve_a_penalty_that_needs_rows(penalty: str, how: str) -> None:
    method = {"name": "irm" if how == "penalty" else "erm", how: penalty}
    raw = changed([*STUDY, "methods"], [method])
    config.parse(raw)
    raw["studies"][0]["sampling"] = "moments"
    message = rf"studies\[0\].sampling: 'moments'; {penalty} .* needs rows .*plug_in"
    with pytest.raises(ConfigError, match=message):
        config.parse(raw)


def test_moments_are_drawn_of_enough_rows_only() -> None:
    raw = changed([*STUDY, "sampling"], "moments")
    raw["studies"][0] |= {"n_samples": [6, 1_000_000_000]}
    config.parse(raw)
    raw["studies"][0] |= {"n_samples": 5}
    with pytest.raises(ConfigError, match=r"n_samples: 5; .* 6 or more"):
        config.parse(raw)


def test_more_seeds_make_more_shards() -> None:
    """Enough of them that a shard fits in memory; no config that fits is cut."""
    raw = changed([*STUDY, "seeds"], 100)
    assert config.parse(raw).shards == 1
    raw["studies"][0]["seeds"] = 1_000_000
    assert 10 < config.parse(raw).shards < 1000
    raw["studies"][0] |= {"seeds": 1000, "options": {"dim": 10}}
    raw["studies"][0]["methods"] = [{"name": "irm", "penalty": "u_statistic"}]
    assert 2 < config.parse(raw).shards < 20


def test_study_names_are_unique() -> None:
    raw = minimal()
    raw["studies"].append(copy.deepcopy(raw["studies"][0]))
    with pytest.raises(ConfigError, match=r"studies\[1\].name: 'one' .*studies\[0\]"):
        config.parse(raw)


def test_a_missing_key_is_named() -> None:
    raw = minimal()
    del raw["studies"][0]["methods"]
    with pytest.raises(ConfigError, match="'methods' is missing"):
        config.parse(raw)


@pytest.mark.parametrize("text", ["a: [1", "- 1\n- 2\n", "just words", "\x00"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"bad\.yaml"):
        config.read(path)


def test_order_of_seeds_and_environments_does_not_matter() -> None:
    first, second = minimal(), minimal()
    first["studies"][0] |= {"seeds": [3, 1, 2], "train_sigmas": [[1.0, 0.1]]}
    second["studies"][0] |= {"seeds": [1, 2, 3]}
    one, two = config.parse(first), config.parse(second)
    assert one.studies[0] == two.studies[0]


def test_defaults_are_merged_and_studies_may_overrule_them() -> None:
    raw = minimal()
    raw["defaults"] = {"steps": 7, "n_samples": 50}
    study = config.parse(raw).studies[0]
    assert (study.steps, study.n_samples) == (7, (100,))


def shuffled(mapping: dict[str, Any], seed: int) -> dict[str, Any]:
    """The same with its keys in another order."""
    keys = random.Random(seed).sample(list(mapping), len(mapping))
    return {key: mapping[key] for key in keys}


@pytest.mark.parametrize("book", ["notebook", "irm_paper"])
def test_a_run_does_not_depend_on_how_it_was_named(book: str) -> None:
    """make CONFIG= and snakemake --configfile lay keys over each other in other orders."""
    over = {"book": book, "averages": True, "limits": {"grid": 10**5}, "defaults": {"seeds": 201}}
    whole = config.laid_over(over)
    first = config.parse(whole).resolved
    assert set(first) == set(whole) - {"defaults", "limits"} | {"shards", "device"}
    for seed in range(5):
        other = shuffled(whole, seed) | {"defaults": shuffled(whole["defaults"], seed)}
        assert json.dumps(config.parse(other).resolved) == json.dumps(first)


def test_the_hash_follows_numbers_and_not_looks() -> None:
    base = config.parse(minimal()).results_hash
    assert config.parse(changed(["title"], "Other")).results_hash == base
    assert config.parse(changed(["shards"], 2)).results_hash == base
    assert config.parse(changed([*STUDY, "steps"], 10)).results_hash != base
    assert config.parse(changed(["root_seed"], 2)).results_hash != base


@pytest.mark.parametrize("name", ["config.yaml", "smoke.yaml"])
def test_the_shipped_configs_are_valid(name: str) -> None:
    parsed = config.of_book("notebook", config.read(ROOT / "config" / name))
    assert {s.name for s in parsed.studies} >= {
        "notebook",
        "sigma_grid",
        "error_weight",
        "sample_size",
        "z_mechanism",
    }


def test_the_command_line_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    default = "notebook"
    bad = tmp_path / "bad.yaml"
    bad.write_text("shards: -1\n")
    assert command.main([default]) == 0
    assert command.main([default, str(bad)]) == 1
    assert command.main([default, str(tmp_path / "none.yaml")]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("error: config key shards: value -1 is not allowed; allowed is integer")
    assert "none.yaml" in second


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=4,
    ),
    st.data(),
)
def test_any_mutation_runs_or_gives_one_message(value: Any, data: st.DataObject) -> None:
    """Whatever is put wherever, parsing succeeds or raises a ConfigError, never anything else."""
    raw = minimal()
    place: Any = raw
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = value
    with contextlib.suppress(ConfigError):
        config.parse(raw)
