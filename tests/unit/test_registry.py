"""Plugins are found by folder, and a wrong name is answered with the known ones."""

import subprocess
import sys
from pathlib import Path

import pytest

from irm_bench.plugins import registry
from irm_bench.plugins.registry import KINDS, UnknownPluginError, find_book

BOOK = find_book("notebook")

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", KINDS)
def test_metadata_read_from_source_are_those_of_the_module(kind: str) -> None:
    for name in BOOK.names(kind):
        plugin = BOOK.plugin(kind, name)
        module = plugin.load()
        for key, value in plugin.metadata.items():
            if key == "FUNCTIONS":
                assert all(callable(getattr(module, function)) for function in value)
            elif key == "COMPUTED":
                assert all(hasattr(module, constant) for constant in value)
            else:
                assert getattr(module, key) == value


def test_metadata_do_not_import_the_plugin() -> None:
    name = "irm_bench.plugins.penalties.split_half"
    sys.modules.pop(name, None)
    registry._metadata.cache_clear()
    assert BOOK.plugin("penalties", "split_half").metadata["LABEL"]
    assert name not in sys.modules


def test_the_stages_around_training_need_no_torch() -> None:
    code = (
        "import sys; from irm_bench import config; from irm_bench.planning import plan; "
        "from irm_bench.stages import diagnose, evaluate; "
        "plan.cells(config.of_book('notebook')); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_typo_is_answered_with_the_known_names() -> None:
    with pytest.raises(UnknownPluginError, match=r"'plugin'.*plug_in, split_half.*mean 'plug_in'"):
        BOOK.plugin("penalties", "plugin")
