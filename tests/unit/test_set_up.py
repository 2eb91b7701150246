"""The set-up heeds what a user has told pip, and takes the small build of PyTorch where it can."""

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LISTED = """\
global.extra-index-url='https://one.example/simple https://two.example/simple'
global.cert='/global.pem'
install.find-links='/wheels'
:env:.cert='/own.pem'
:env:.constraint='/pins.txt'
"""


@pytest.fixture
def set_up() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts/set_up.py"))


def test_uv_is_told_what_pip_was_told(set_up: dict[str, Any]) -> None:
    settings = set_up["pip_settings"](LISTED)
    told = " ".join(set_up["uv_arguments"](settings))
    assert "--index https://one.example/simple --index https://two.example/simple" in told
    assert "--find-links /wheels" in told
    assert "--constraints /pins.txt" in told
    assert "--no-index" not in told
    assert set_up["uv_environment"](settings) == {"SSL_CERT_FILE": "/own.pem"}


def test_pytorchs_index_is_not_asked_where_settings_name_another(
    set_up: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    (tmp_path / "torch-2.13.0-any.whl").touch()
    wants = set_up["wants_cpu_index"]
    assert not wants({"index-url": ["https://mirror.example/simple"]})
    assert not wants({"find-links": [str(tmp_path)]})
    with pytest.raises(AssertionError, match="asked"):
        wants({"find-links": [str(tmp_path / "elsewhere")]})


def test_no_answer_of_pytorchs_index_is_no_failure(
    set_up: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*arguments: object, **options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    assert not set_up["wants_cpu_index"]({})


@pytest.mark.parametrize("failing", ["install --quiet uv", "-m uv"])
def test_pip_does_it_where_uv_cannot(
    set_up: dict[str, Any], failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def run(command: list[str], *rest: object, **options: object) -> bool:
        calls.append(" ".join(command).removeprefix(sys.executable).strip())
        return failing not in calls[-1]

    monkeypatch.setitem(set_up["install"].__globals__, "_run", run)
    assert set_up["install"]({}, True)
    *_, whole, packages, project = calls
    assert whole.endswith(f"--no-deps -r {ROOT / 'requirements.hashes'}")
    assert packages.startswith("-m pip")
    assert "--extra-index-url https://download.pytorch.org/whl/cpu -r " in packages
    assert project.endswith(f"-e {ROOT}")


def test_pip_installs_nothing_that_is_not_what_its_hash_says(
    set_up: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def run(command: list[str], *rest: object, **options: object) -> bool:
        calls.append(" ".join(command))
        return "requirements.hashes" not in calls[-1]

    monkeypatch.setitem(set_up["install"].__globals__, "_run", run)
    assert not set_up["install"]({}, False)
    assert "requirements.hashes" in calls[-1]


def test_another_build_is_refused(set_up: dict[str, Any], capsys: pytest.CaptureFixture) -> None:
    assert set_up["main"]("rocm") == 1
    assert "TORCH=rocm; allowed are cpu and cuda" in capsys.readouterr().err
