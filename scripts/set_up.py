"""``python scripts/set_up.py [cpu|cuda]``: install the lock and this project into this environment.

By uv, which resolves and unpacks in parallel, told of the user's settings of pip; by pip itself
where uv cannot be had or fails. Nothing but Python's standard library is needed.

Every package but PyTorch has to be the one whose hash ``requirements.hashes`` names; PyTorch's
builds are many, and not all on one index. Where an index has builds of its own, delete that file.

On Linux PyPI's build of PyTorch is for CUDA and takes up about 5 GB. With ``cpu`` the build without
it is taken, of 1 GB: from the user's own folders of wheels, or from PyTorch's index, unless the
user's settings name another index, or it does not answer at once.
"""

import ast
import os
import platform
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

UV = "uv==0.13.9"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
SECONDS = 5
ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
HASHES = ROOT / "requirements.hashes"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]

Settings = dict[str, list[str]]


def pip_settings(listed: str) -> Settings:
    """What ``pip config list`` tells, by name; the environment's come last and count."""
    sections: dict[str, Settings] = {"global": {}, "install": {}, ":env:": {}}
    for line in listed.splitlines():
        place, _, value = line.partition("=")
        section, _, name = place.partition(".")
        if section in sections:
            sections[section][name] = str(ast.literal_eval(value)).split()
    return sections["global"] | sections["install"] | sections[":env:"]


def uv_arguments(settings: Settings) -> list[str]:
    """The same for uv, which reads none of pip's files or variables."""
    options = {
        "index-url": "--default-index",
        "extra-index-url": "--index",
        "find-links": "--find-links",
        "constraint": "--constraints",
        "trusted-host": "--allow-insecure-host",
    }
    found = ["--index-strategy", "unsafe-best-match"]  # as pip: the best of all indexes
    for name, option in options.items():
        for value in settings.get(name, []):
            found += [option, value]
    if settings.get("no-index", ["no"])[0].lower() in ("1", "true", "yes", "on"):
        found.append("--no-index")
    return found


def uv_environment(settings: Settings) -> dict[str, str]:
    """The settings that uv takes from its environment."""
    names = {
        "cert": ("SSL_CERT_FILE",),
        "proxy": ("HTTP_PROXY", "HTTPS_PROXY"),
        "timeout": ("UV_HTTP_TIMEOUT",),
        "default-timeout": ("UV_HTTP_TIMEOUT",),
    }
    found = {}
    for name, variables in names.items():
        for variable in variables:
            if name in settings:
                found[variable] = settings[name][0]
    return found


def wants_cpu_index(settings: Settings) -> bool:
    """Whether PyTorch's index is to be asked for the build without CUDA, and answers."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False  # elsewhere PyPI's own build is without CUDA
    if "index-url" in settings or "no-index" in settings:
        return False
    folders = [Path(place.removeprefix("file://")) for place in settings.get("find-links", [])]
    if any(list(folder.glob("torch-*.whl")) for folder in folders if folder.is_dir()):
        return False
    try:
        with urllib.request.urlopen(f"{CPU_INDEX}/torch/", timeout=SECONDS):
            return True
    except OSError:
        return False


def install(settings: Settings, cpu_index: bool) -> bool:
    """Install the lock and the project, by uv or else by pip; whether that succeeded."""
    extra = ["--extra-index-url", CPU_INDEX] if cpu_index else []
    if _run([*PIP, "install", "--quiet", UV], check=False):
        uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
        uv += uv_arguments(settings)
        if cpu_index:
            uv += ["--index", CPU_INDEX]
        hashes = ["--constraints", str(HASHES)] if HASHES.exists() else []
        if _all([*uv, *hashes], uv_environment(settings)):
            return True
        print("uv could not; trying pip", file=sys.stderr)
    pip = [*PIP, "install", "--quiet", *extra]
    # Of what it installs at once, pip wants hashes of all or of none.
    are_whole = not HASHES.exists() or _run([*pip, "--no-deps", "-r", str(HASHES)])
    return are_whole and _all(pip, {})


def _all(command: list[str], environment: Mapping[str, str]) -> bool:
    """The packages of the lock, then the project, which is built by one of them."""
    project = ["--no-deps", "--no-build-isolation", "-e", str(ROOT)]
    return _run([*command, "-r", str(LOCK)], environment) and _run(
        [*command, *project], environment
    )


def _run(
    command: list[str], environment: Mapping[str, str] | None = None, check: bool = True
) -> bool:
    """Run a command; whether it succeeded. What it says is shown unless a failure is expected."""
    silent = None if check else subprocess.DEVNULL
    done = subprocess.run(
        command, env={**os.environ, **(environment or {})}, stderr=silent, check=False
    )
    return done.returncode == 0


def main(build: str = "cpu") -> int:
    """Set up; 0 where that succeeded."""
    if build not in ("cpu", "cuda"):
        print(f"error: TORCH={build}; allowed are cpu and cuda", file=sys.stderr)
        return 1
    listed = subprocess.run([*PIP, "config", "list"], capture_output=True, text=True, check=False)
    settings = pip_settings(listed.stdout)
    return 0 if install(settings, build == "cpu" and wants_cpu_index(settings)) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
