"""The check of a config never answers with a traceback, and is done at once, whatever it gets."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch  # noqa: F401 (what looks for a device would spend its second on loading it)
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from irm_bench import config
from irm_bench.config import ConfigError
from irm_bench.config import __main__ as command
from irm_bench.config.plain import from_yaml
from tests.unit.test_config import minimal

FOUR_HUNDRED = "[" + ", ".join(f"{i}.5" for i in range(400)) + "]"


@contextmanager
def one_line() -> Iterator[None]:
    """What is refused inside is refused in one line."""
    refused = ""
    try:
        yield
    except ConfigError as error:
        refused = str(error)
    assert len(refused.splitlines()) <= 1


def doubled(n_times: int, first: str, nest: str) -> str:
    """YAML whose value number i holds ten of number i − 1."""
    lines = [f"k0: &k0 {first}"]
    for i in range(1, n_times):
        ten = ", ".join([f"*k{i - 1}"] * 10)
        lines.append(f"k{i}: &k{i} {nest.format(ten)}")
    return "\n".join(lines)


STUDY = "studies:\n  - name: notebook\n    methods: [{name: erm}]\n"
# What stands in a file, and the words that the one line must hold.
ODD: dict[str, tuple[str, list[str]]] = {
    "a date as a key": ("2026-01-01: 1", ["datetime.date(2026, 1, 1)", "text"]),
    "a date as a key below": ("defaults: {2026-01-01: 1}", ["defaults", "text"]),
    "a truth as a key": ("on: 1", ["key True", "text"]),
    "a list as a key": ("? [a, b]\n: 1", ["not YAML", "line 1"]),
    "a list that holds itself": ("studies: &a [*a]", ["line 1", "*a holds itself"]),
    "a merge with itself": ("defaults: &a {<<: *a}", ["line 1", "*a holds itself"]),
    "3,000 lists": ("a: " + "[" * 3000 + "]" * 3000, ["nested", "allowed are 50"]),
    "3,000 mappings": ("\n".join(" " * i + "a:" for i in range(3000)), ["line 51", "nested"]),
    "100,000 brackets": ("[" * 100_000, ["nested", "allowed are 50"]),
    "5,000 digits": ("root_seed: " + "9" * 5000, ["4300 digits"]),
    "5,000 hexadecimal digits": ("root_seed: 0x" + "f" * 5000, ["root_seed", "4,000 digits"]),
    "no such day": ("title: 2026-02-31", ["cannot be read", "day"]),
    "bytes": ("title: !!binary aGVsbG8=", ["title", "b'hello'"]),
    "an object": ("title: !!python/object:os.system x", ["not YAML", "line 1"]),
    "an empty name": (STUDY.replace("erm", "erm, monitor: ''"), ["methods[0].monitor", "''"]),
    "half a character": (r'title: "\ud800"', ["not YAML", "line 1"]),
    "NUL as an escape": (r'title: "a\0b"', ["title", r"a\x00b", "control characters"]),
    "NUL itself": ("title: a\0b", ["not YAML", "control characters"]),
    "a line break in a name": (r'studies: [{name: "one\n"}]', ["studies[0].name", "one line"]),
    "a line break in a device": (r'device: "cpu\n"', ["device", "one line"]),
    "a line break in a key": (r'"title\n": x', [r"title\n", "a line of text"]),
    "a key twice": ("shards: 2\nshards: 3", ["line 2", "'shards'", "twice"]),
    "a key twice below": ("defaults: {seeds: 2, 'seeds': 3}", ["'seeds'", "twice"]),
    "an open bracket": ("a: [1,\nb: {", ["not YAML", "line 3"]),
    "a tab": ("\ta: 1", ["not YAML", "line 1, column 1"]),
    "two documents": ("a: 1\n---\nb: 2", ["not YAML", "another document"]),
    "nothing": ("", ["a mapping"]),
    "a float for a count": ("defaults: {seeds: 3.0}", ["seeds", "3.0", "without a dot"]),
    "a float for steps": ("defaults: {steps: 200.0}", ["steps", "200.0", "without a dot"]),
    "a device that is not there": ("device: cuda:9", ["device", "'cuda:9'", "this machine"]),
    "a bomb": (doubled(6, "[1, 1, 1]", "[{}]"), ["456,790 keys", "100,000", "entries"]),
    "a bomb without end": (doubled(40, "[1, 1]", "[{}]"), ["keys and values", "entries"]),
    "a bomb of merges": (doubled(40, "{x: 1, y: 1}", "{{<<: [{}]}}"), ["unknown key 'k0'"]),
    "400³ environments": (
        f"{STUDY}    test_environments: [{{sigma: &l {FOUR_HUNDRED}, gamma: *l, tau: *l}}]",
        ["studies[0].test_environments", "64,000,000 environments", "100,000", "grid"],
    ),
    "400³ models": (
        f"{STUDY}    learning_rate: {{rule: fixed, value: &l {FOUR_HUNDRED}}}\n"
        f"    error_weights: *l\n    options: {{dim: {list(range(1, 401))}}}",
        ["studies[0]: 64,000,000 models of a seed", "100,000", "grid"],
    ),
    "too many rows": (
        f"{STUDY}    seeds: 1000000\n    test_environments: [{{sigma: {FOUR_HUNDRED}}}]",
        ["studies: 402,000,000 rows of results", "100,000,000", "rows"],
    ),
}


@pytest.mark.parametrize(("text", "words"), ODD.values(), ids=ODD)
def test_what_no_config_may_have_is_refused_in_one_line_at_once(
    text: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text, encoding="utf-8")
    started = time.process_time()
    assert command.main(["notebook", str(path)]) == 1
    assert time.process_time() - started < 1
    told = capsys.readouterr().err
    assert re.fullmatch(r"error: [^\n]+\n", told)
    for word in words:
        assert word in told


def test_an_interrupted_command_says_so_without_a_traceback(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.yaml")
    line = [sys.executable, "-m", "irm_bench.config", "notebook", str(tmp_path / "endless.yaml")]
    with (
        subprocess.Popen(
            line,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        ) as process,
        (tmp_path / "endless.yaml").open("w"),
    ):  # opens once the command reads
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert told == "interrupted\n"
    assert process.returncode == -signal.SIGINT


def test_limits_are_there_to_be_raised(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    grid = f"test_environments: [{{sigma: {FOUR_HUNDRED}, gamma: {FOUR_HUNDRED[:-200]}]}}]"
    path.write_text(f"{STUDY}    {grid}\n    seeds: 1\n", encoding="utf-8")
    assert command.main(["notebook", str(path)]) == 1
    path.write_text(f"{path.read_text()}limits: {{grid: 200000}}\n", encoding="utf-8")
    assert command.main(["notebook", str(path)]) == 0


def test_limits_change_no_result() -> None:
    raw = minimal()
    limited = config.parse({**raw, "limits": {"grid": 50, "rows": 1000, "entries": 100}})
    assert limited.results_hash == config.parse(raw).results_hash
    assert limited.resolved == config.parse(raw).resolved


def test_what_python_can_give_is_refused_too() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    for value in (cycle, {1: 2}, {"a"}, object(), b"x", "\ud800", "\0", 10**5000, lambda: 0):
        for where in ("title", "studies", "limits", "book"):
            with pytest.raises(ConfigError, match=r"^[^\n]+$"):
                config.parse({**minimal(), where: value})
            with pytest.raises(ConfigError, match=r"^[^\n]+$"):
                config.laid_over({**minimal(), where: value})


def test_merged_keys_are_laid_under_a_mapping_s_own() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {x: 2}\nc: {<<: [*a, *b], y: 3}"
    assert from_yaml(text)["c"] == yaml.safe_load(text)["c"] == {"x": 1, "y": 3}


# Pieces that say something in YAML.
PIECES = st.sampled_from([*"abc:,[]{}&*?!|>-#'\"%@`~ \n\t\0", "- ", ": ", "<<: ", "&a ", "*a", "1"])


@settings(deadline=None, max_examples=300)
@given(st.lists(PIECES | st.text(max_size=3), max_size=40).map("".join))
@example("a: &a\n  <<: *a")
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    with one_line():
        raw = from_yaml(text)
        if isinstance(raw, dict):
            config.laid_over(raw)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_a_config_with_any_characters_changed_is_read_or_refused(data: st.DataObject) -> None:
    """One line each, or a config: never anything else, and never a different reading of YAML."""
    text = yaml.safe_dump(minimal())
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(PIECES) + text[place + data.draw(st.integers(0, 3)) :]
    with one_line():
        raw = from_yaml(changed)
        assert raw == yaml.load(changed, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if isinstance(raw, dict):
            config.parse(raw)
