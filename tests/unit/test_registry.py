"""Plugins are found by folder, and a wrong name is answered with the known ones."""

import subprocess
import sys
from pathlib import Path

import pytest

from irm_bench.plugins import registry
from irm_bench.plugins.registry import UnknownPluginError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", registry.KINDS)
def test_metadata_read_from_source_are_those_of_the_module(kind: str) -> None:
    for name in registry.names(kind):
        module = registry.load(kind, name)
        for key, value in registry.metadata(kind, name).items():
            assert getattr(module, key) == value


def test_metadata_do_not_import_the_plugin() -> None:
    sys.modules.pop("irm_bench.penalties.split_half", None)
    registry.metadata.cache_clear()
    registry.metadata("penalties", "split_half")
    assert "irm_bench.penalties.split_half" not in sys.modules


def test_the_stages_around_training_need_no_torch() -> None:
    code = (
        "import sys; from irm_bench import config, diagnose, evaluate, plan; "
        "plan.cells(config.load('config/config.yaml')); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_typo_is_answered_with_the_known_names() -> None:
    with pytest.raises(UnknownPluginError, match=r"'plugin'.*plug_in, split_half.*mean 'plug_in'"):
        registry.load("penalties", "plugin")
