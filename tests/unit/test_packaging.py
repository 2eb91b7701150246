"""pyproject.toml, requirements.lock, environment.yml and the documents stay in step."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from irm_bench.publishing import docs

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = [
    Requirement(text)
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for text in group
]


def locked() -> dict[str, Version]:
    lines = (ROOT / "requirements.lock").read_text().split()
    pins = [line.split("==") for line in lines]
    assert all(len(pin) == 2 for pin in pins), "the lock holds exact pins alone"
    return {canonicalize_name(name): Version(version) for name, version in pins}


def test_every_package_of_the_lock_but_torch_has_hashes() -> None:
    entries = (ROOT / "requirements.hashes").read_text().replace("\\\n", " ").splitlines()
    pins = {}
    for entry in entries:
        pin, *hashes = entry.split()
        name, version = pin.split("==")
        pins[canonicalize_name(name)] = Version(version)
        assert hashes
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", text) for text in hashes)
    assert pins == {name: version for name, version in locked().items() if name != "torch"}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_the_lock_pins_every_dependency_within_its_range(requirement: Requirement) -> None:
    assert locked()[canonicalize_name(requirement.name)] in requirement.specifier


def test_torch_is_a_range_in_the_project_and_a_plain_pin_in_the_lock() -> None:
    torch = next(r for r in REQUIREMENTS if r.name == "torch")
    assert "==" not in str(torch.specifier)
    assert locked()["torch"].local is None


def test_conda_users_get_the_lock() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, *rest = environment["dependencies"]
    assert python == f"python{PROJECT['requires-python']}"
    assert {"pip": ["-r requirements.lock", "-e ."]} in rest


def test_every_import_of_the_package_is_declared() -> None:
    declared = {canonicalize_name(r.name) for r in REQUIREMENTS}
    known = {"yaml": "pyyaml"}
    local = {"irm_bench", "__future__"}
    for path in (ROOT / "irm_bench").rglob("*.py"):
        for name in re.findall(r"^(?:from|import) (\w+)", path.read_text(), flags=re.M):
            if name not in local and name not in __import__("sys").stdlib_module_names:
                assert canonicalize_name(known.get(name, name)) in declared, (path, name)


def test_the_documents_name_every_column_and_every_key() -> None:
    assert (ROOT / docs.COLUMNS).read_text() == docs.columns("notebook"), "run: make docs"
    text = (ROOT / docs.KEYS).read_text()
    assert text == docs.with_keys(text), "run: make docs"
    assert "| `train_environments` |" in text


@pytest.mark.parametrize(
    ("path", "renewed"), [(docs.COSTS, docs.with_costs), (docs.JOBS, docs.with_jobs)]
)
def test_documents_tell_what_the_published_runs_cost(
    path: Path, renewed: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    text = path.read_text(encoding="utf-8")
    assert text == renewed(text), "run: make docs"


def test_the_workflow_catalog_finds_what_it_asks_for() -> None:
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment"}
    assert usage["software-stack-deployment"]["report"] is True
    assert 'include: "../Snakefile"' in (ROOT / "workflow/Snakefile").read_text()
