"""Wall time of a run by Slurm on two nodes of one processor, and without it on two cores.

``python benchmarks/cluster.py [--configfile config/smoke.yaml]``, as root, with Slurm's packages
installed: the cluster is that of the tests, on this one machine, so that both have the same two
cores. The profile is used as it is, but for groups of jobs that take one processor instead of two.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.breakdown import copy_project, run_snakemake
from tests.cluster.slurm import Cluster, why_not
from tests.workflow.conftest import tables_of

LOCAL = ("--cores", "2", "--quiet", "all")
SLURM = ("--workflow-profile", "profiles/slurm", "--cores", "1", "--quiet", "all")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configfile", help="laid over the default config")
    given = parser.parse_args(arguments)
    over = ["--configfile", given.configfile] if given.configfile else []
    if reason := why_not():
        print(f"error: no Slurm: {reason}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / place for place in ("slurm", "local")]
        for folder in folders:
            folder.mkdir()
        there, here = map(copy_project, folders)
        with Cluster(folders[0], nodes=2, cpus=1) as cluster:
            by_slurm, _ = run_snakemake(there, *SLURM, *over)
            jobs = cluster.jobs()
        locally, _ = run_snakemake(here, *LOCAL, *over)
        same = tables_of(there) == tables_of(here)
    print(f"Slurm, two nodes of one processor: {by_slurm:.0f} s, {len(jobs)} jobs")
    print(f"local, two cores: {locally:.0f} s")
    print(f"ratio: {by_slurm / locally:.2f}; tables {'the same' if same else 'DIFFER'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
