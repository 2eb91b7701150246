"""The tests' own cluster, before any other test has it: it is gone whatever ends its block."""

from pathlib import Path

import pytest

from tests.cluster.conftest import need_slurm
from tests.cluster.slurm import Cluster, why_not


def interrupted(cluster: Cluster) -> None:
    with cluster:
        assert cluster.states() == ["idle", "idle"]
        assert "of its own" in why_not()  # a second one is refused
        raise KeyboardInterrupt


def test_a_cluster_ends_with_its_block(tmp_path: Path) -> None:
    need_slurm()
    cluster = Cluster(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        interrupted(cluster)
    assert not cluster.remains()
    assert not why_not()
