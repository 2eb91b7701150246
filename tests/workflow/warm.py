"""A Python that has imported the libraries already, for the many short runs of these tests.

A run of Snakemake and its jobs spend most of their time on imports: here a server imports the
libraries once and forks a process for each that is asked for. Nothing of the project is among what
it imports, so that every process reads the project's code anew, from the folder it is started in.

What is not a child of its caller is no good where a test hurts processes, sets limits, or chooses
what libraries do as they are loaded: such tests start Python itself.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

LIBRARIES = (
    "torch",
    "numba",
    "pandas",
    "scipy.stats",
    "scipy.optimize",
    "matplotlib.figure",
    "matplotlib.backends.backend_svg",
    "jinja2",
    "jsonschema",
    "psutil",
    "snakemake.cli",
    "snakemake.script",
    "snakemake.report.html_reporter",
    "nbformat",
    "smart_open",
    "snakemake_executor_plugin_slurm",
)
# Asks the server for a process: hands over its own input and outputs, and ends as that ends.
CLIENT = """\
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"-"], [0, 1, 2])
    server.sendall(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode())
    server.shutdown(socket.SHUT_WR)
    status = server.recv(16)
sys.exit(int(status) if status else 1)
"""


@cache
def python(*settings: tuple[str, str], prefix: tuple[str, ...] = ()) -> str:
    """The path of a program that does as Python does, until these tests end.

    ``settings`` are variables of the environment that Python and the libraries look at when they
    are started, ``prefix`` a command that takes something away from what it starts.
    """
    from irm_bench.running import snakefile  # not in the server, which imports this file too

    folder = Path(tempfile.mkdtemp())
    address, client, program = folder / "socket", folder / "client.py", folder / "python"
    client.write_text(CLIENT.format(address=str(address)), encoding="utf-8")
    line = shlex.join([sys.executable, "-IS", str(client)])
    program.write_text(f'#!/bin/sh\nexec {line} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= dict(settings)
    snakefile.choose_kernels(environment)  # as the Snakefile does for the processes of jobs
    server = subprocess.Popen(
        [*prefix, sys.executable, "-m", __name__, str(folder)],
        cwd=Path(__file__).parents[2],
        env=environment,
        stdin=subprocess.PIPE,  # closed as this process ends, however it does
        start_new_session=True,
    )
    while not address.exists():
        assert server.poll() is None, "the server of warm processes ended"
        time.sleep(0.05)
    return str(program)


def write(path: Path) -> None:
    """Another program that does the same, and is the interpreter to what it runs."""
    own = '"$(cd "$(dirname "$0")" && pwd)/${0##*/}"'
    path.write_text(f'#!/bin/sh\nWARM_PYTHON={own} exec {python()} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def serve(folder: Path) -> None:
    """Fork a process for each connection, until the standard input is closed."""
    path = sys.path[1:]  # less the folder that this module was found from
    for name in LIBRARIES:
        importlib.import_module(name)
    importlib.import_module("snakemake.cli").get_argument_parser()  # finds and loads its plugins
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.atexit = False  # what the libraries hold is left to the system
    gc.freeze()
    os.fsync = lambda fd: None  # files need not reach the disk: no test cuts the power
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait for a process
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(folder / "new"))
    server.listen(64)
    (folder / "new").rename(folder / "socket")
    while sys.stdin not in select.select([server, sys.stdin], [], [])[0]:
        connection, _ = server.accept()
        if os.fork() == 0:
            server.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _attend(connection, path, str(folder / "python"))
        connection.close()
    shutil.rmtree(folder)


def _attend(connection: socket.socket, path: list[str], program: str) -> None:
    """Fork the process that is asked for, tell how it ended, and end."""
    _, files, _, _ = socket.recv_fds(connection, 1, 3)
    parts = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    asked = json.loads(b"".join(parts))
    process = os.fork()
    if process == 0:
        connection.close()
        for place, file in enumerate(files):
            os.dup2(file, place)
            os.close(file)
        _end(_become, *asked, path, program)
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    connection.sendall(str(code if code >= 0 else 128 - code).encode())
    os._exit(0)


def _end(work: Callable[..., None], *arguments: Any) -> NoReturn:
    """Work, and end as an interpreter does, but leave what it holds to the system."""
    code = 0
    try:
        work(*arguments)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _become(
    arguments: list[str],
    folder: str,
    environment: dict[str, str],
    path: list[str],
    program: str,
) -> None:
    """What Python does with a command line."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.executable = os.environ.pop("WARM_PYTHON", program)
    brought = [p for p in environment.get("PYTHONPATH", "").split(os.pathsep) if p]
    what, *rest = arguments
    is_script = not what.startswith("-")
    sys.path[:] = [str(Path(what).resolve().parent) if is_script else folder, *brought, *path]
    if is_script:
        sys.argv = [what, *rest]
        runpy.run_path(what, run_name="__main__")
    elif what == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        assert what == "-c"
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
