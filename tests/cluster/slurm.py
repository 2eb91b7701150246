"""A real Slurm of several nodes on this one machine, for as long as the tests last.

The daemons are Debian's (slurmctld, slurmd, munge), run in the foreground as children of the tests
and told to die with them, so that nothing outlives a test run however it ends. All state is in one
folder; the only things outside it are two links in /etc/slurm, since Snakemake's job steps drop the
environment variable that would name another place.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo", "setpriv")
SYSTEM = Path("/etc/slurm")
FILES = ("slurm.conf", "cgroup.conf")
PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])

# Nodes are found dead, and jobs over their memory, within seconds.
CONFIG = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,sched_min_interval=0,defer_batch=no
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/log/jobs.txt
MinJobAge=3600
SlurmdTimeout=5
SlurmctldTimeout=10
InactiveLimit=0
KillWait=2
ReturnToService=2
EnforcePartLimits=ALL
NodeName=node[1-{nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}] \
CPUs={cpus} Boards=1 SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1 \
RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=10 DefMemPerCPU=200 State=UP
"""


class SlurmError(RuntimeError):
    """The cluster does not come up: says what the daemons wrote."""


def why_not() -> str:
    """Why a cluster cannot be started here; empty if it can."""
    missing = [name for name in PROGRAMS if not shutil.which(name, path=PATH)]
    if missing:
        packages = "slurmctld slurmd slurm-client munge"
        return f"no {', '.join(missing)} on this machine (Debian: apt-get install {packages})"
    if os.geteuid() != 0:
        return "Slurm's daemons are started as root, and the tests are not run by root"
    for name in FILES:
        if (SYSTEM / name).exists() and not _is_left_over(SYSTEM / name):
            return f"{SYSTEM / name} exists: this machine has, or is part of, a Slurm of its own"
    return ""


def _is_left_over(path: Path) -> bool:
    """Whether a link is that of a test run which was killed: its controller does not answer."""
    ours = path.is_symlink() and (path.resolve().parent / "munge.key").exists()
    if not ours:
        return False
    ping = subprocess.run(
        ["scontrol", "ping"], env={**os.environ, "PATH": PATH}, capture_output=True, check=False
    )
    return b"UP" not in ping.stdout


class Job(NamedTuple):
    """A job as Slurm sees it; ``memory`` as it was asked for, e.g. 600M."""

    number: str
    state: str
    node: str
    memory: str


class Cluster:
    """``with Cluster(folder) as cluster``: up inside the block, stopped after it."""

    def __init__(self, folder: Path, nodes: int = 2, cpus: int = 2, memory_mb: int = 8000):
        self.folder = folder
        self.nodes = [f"node{i + 1}" for i in range(nodes)]
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        port = _free_ports(nodes + 1)
        self._text = CONFIG.format(
            host=socket.gethostname().split(".")[0],
            folder=folder,
            port=port,
            first=port + 1,
            last=port + nodes,
            nodes=nodes,
            cpus=cpus,
            memory=memory_mb,
        )

    def __enter__(self) -> "Cluster":
        try:
            self._configure()
            self._start_daemons()
            self._wait_until_idle()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _configure(self) -> None:
        for name in ("state", "log", *(f"spool/{node}" for node in self.nodes)):
            (self.folder / name).mkdir(parents=True)
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        (self.folder / "slurm.conf").write_text(self._text)
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        SYSTEM.mkdir(exist_ok=True)
        for name in FILES:
            (SYSTEM / name).unlink(missing_ok=True)  # a link that leads nowhere
            (SYSTEM / name).symlink_to(self.folder / name)

    def _start_daemons(self) -> None:
        files = {
            option: f"--{option}-file={self.folder}/munge.{option}" for option in ("key", "pid")
        }
        self._daemon(
            "munged",
            *("munged", "--force", "--foreground", f"--socket={self.folder}/munge.socket"),
            *files.values(),
            f"--seed-file={self.folder}/munge.seed",
            f"--log-file={self.folder}/log/munged.log",
        )
        _wait(lambda: (self.folder / "munge.socket").exists(), 10, "munge has no socket")
        self.start_controller()
        for node in self.nodes:
            self.start_node(node)

    def _daemon(self, name: str, *command: str) -> None:
        """Start a child that the kernel kills when the tests die."""
        with (self.folder / "log" / f"{name}.out").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                env={**os.environ, "PATH": PATH},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_saved(self, number: str) -> None:
        """Wait until the controller's state on disk holds a job as it is now.

        It saves what has changed some seconds later: a job that starts in those seconds is lost
        with the controller. A change of the job makes it save once more.
        """
        file = self.folder / "state" / "job_state"
        now = time.time()
        self.run("scontrol", "update", f"JobId={number}", "Comment=saved")
        _wait(lambda: file.exists() and file.stat().st_mtime > now, 60, "no state was saved")

    def kill_controller(self) -> None:
        """kill -9 of the controller, as when its machine dies; the nodes' jobs go on."""
        self._daemons["slurmctld"].kill()
        self._daemons["slurmctld"].wait()

    def start_controller(self) -> None:
        """Start the controller, the first time or again, with the state that the last one kept."""
        self._daemon("slurmctld", "slurmctld", "-D")

    def start_node(self, node: str) -> None:
        """Start a node's daemon, the first time or again."""
        self._daemon(node, "slurmd", "-D", "-N", node)

    def kill_node(self, node: str) -> None:
        """kill -9 of a node's daemon, as when its machine dies; its jobs go too."""
        self._daemons[node].kill()
        self._daemons[node].wait()
        for pid in _processes_with(f"SLURMD_NODENAME={node}"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _wait_until_idle(self) -> None:
        try:
            _wait(lambda: self.states() == ["idle"] * len(self.nodes), 30, "nodes are not idle")
        except SlurmError as error:
            raise SlurmError(f"{error}: {self.states()}\n{self.logs()}") from None

    def states(self) -> list[str]:
        """The state of every node, as Slurm sees it."""
        return self.run("sinfo", "--noheader", "--Node", "--format=%T").split()

    def jobs(self, project: Path) -> list[Job]:
        """Every job of a project, also those that are done, in the order in which they came."""
        said = self.run("squeue", "--noheader", "--states=all", "--format=%Z|%i|%T|%N|%m")
        rows = (line.split("|") for line in said.splitlines())
        jobs = (Job(*row) for folder, *row in rows if Path(folder) == project)
        return sorted(jobs, key=lambda job: int(job.number))

    def run(self, *command: str) -> str:
        """A Slurm command's output; empty where it fails."""
        done = subprocess.run(
            command,
            env={**os.environ, "PATH": PATH},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stdout

    def logs(self) -> str:
        """The end of what the daemons wrote."""
        files = sorted((self.folder / "log").iterdir())
        return "\n".join(f"== {f.name}\n{f.read_text(errors='replace')[-1500:]}" for f in files)

    def remains(self) -> list[str]:
        """What is left of a cluster that was stopped: nothing."""
        daemons = [name for name, daemon in self._daemons.items() if daemon.poll() is None]
        return daemons + [name for name in FILES if (SYSTEM / name).is_symlink()]

    def stop(self) -> None:
        """Cancel all jobs, end the daemons and take the links away."""
        if "slurmctld" in self._daemons:
            self.run("scancel", "--user=root")
            time.sleep(0.5)
        for daemon in reversed(self._daemons.values()):
            _end(daemon)
        for name in FILES:
            link = SYSTEM / name
            if link.is_symlink() and link.readlink() == self.folder / name:
                link.unlink()


def _end(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(timeout=10)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _wait(condition: Callable[[], object], seconds: float, complaint: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SlurmError(f"after {seconds:g} s {complaint}")
        time.sleep(0.1)


def _free_ports(count: int) -> int:
    """The first of consecutive ports that nobody listens on."""
    for first in range(16_817, 60_000, count):
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise SlurmError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _processes_with(variable: str) -> Sequence[int]:
    """The processes whose environment holds a variable; never this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if variable.encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]
