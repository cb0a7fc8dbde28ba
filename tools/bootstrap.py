"""Makes the project's own environment in .venv, with the command unlearnscope, and starts the dashboard if asked to.

    python tools/bootstrap.py            what the dashboard needs
    python tools/bootstrap.py --dev      and what the tests and checks need
    python tools/bootstrap.py --app      and then start the dashboard (PORT, HEADLESS=1)

Needs nothing but the standard library, and is written so that an old Python can still read it and
say what is wrong. Requirements are installed only when their files have changed. An installation
that was killed is started afresh, because a half-installed package cannot be told from a whole one.
"""

import argparse
import contextlib
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from typing import Iterator

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "installed.json")
UNFINISHED = os.path.join(VENV, "unfinished")
VENV_PYTHON = os.path.join(VENV, "Scripts", "python.exe") if os.name == "nt" else os.path.join(VENV, "bin", "python")
SUPPORTED = ((3, 11), (3, 12), (3, 13))
GIGABYTE = 1000**3
# Measured on Linux: 7 GB installed (PyTorch brings the CUDA libraries) and 3 GB of downloads beside it.
FULL_INSTALL = (10 if sys.platform.startswith("linux") else 4) * GIGABYTE
DOWNLOADS = (4 if sys.platform.startswith("linux") else 1) * GIGABYTE
UPDATE = 2 * GIGABYTE


class Problem(Exception):
    """A missing prerequisite, in words."""


def main() -> int:
    """Makes the environment; returns the exit code."""
    parser = argparse.ArgumentParser(description="Makes the environment in .venv.")
    parser.add_argument("--dev", action="store_true", help="also install what the tests and checks need")
    parser.add_argument("--app", action="store_true", help="start the dashboard afterwards (PORT, HEADLESS=1)")
    options = parser.parse_args()
    try:
        check_python()
        with only_one():
            make_environment(options.dev)
        if options.app:
            return start_dashboard()
    except Problem as problem:
        print("\n%s" % problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to start over.", file=sys.stderr)
        return 130
    return 0


def check_python() -> None:
    """Raises Problem unless this Python can run the project."""
    if sys.version_info[:2] not in SUPPORTED:
        raise Problem(
            "Unlearnscope needs Python 3.11, 3.12 or 3.13; this is Python %s (%s).\n"
            "Install one of them and run the command again with it, e.g. make app PYTHON=/path/to/python3.12"
            % (platform.python_version(), sys.executable)
        )
    if sys.maxsize <= 2**32:
        raise Problem("This Python is a 32-bit build; PyTorch needs a 64-bit one. Install a 64-bit Python.")


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Waits until no other bootstrap works in this folder (not on Windows, which lacks fcntl)."""
    try:
        lock = open(os.path.join(ROOT, ".bootstrap.lock"), "w")  # noqa: SIM115 - closed below
    except OSError as error:
        raise Problem("This folder cannot be written: %s" % error) from error
    with lock:
        if os.name == "posix":
            import fcntl  # noqa: PLC0415 - absent on Windows

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Another installation is at work in this folder; waiting for it.", flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_environment(dev: bool) -> None:
    """Creates .venv where needed and installs what changed since the last time."""
    wanted = {"runtime": digest("requirements.txt"), "project": digest("pyproject.toml")}
    if dev:
        wanted["dev"] = digest("requirements-dev.txt")
    healthy = not os.path.exists(UNFINISHED) and environment_works()
    installed = read_stamp() if healthy else {}
    if all(installed.get(key) == value for key, value in wanted.items()):
        return
    check_disk(UPDATE if healthy else FULL_INSTALL)
    if not healthy:
        create_environment()
    print("Installing the requirements. The first time this downloads about 3 GB on Linux.", flush=True)
    write(UNFINISHED, "An installation started and has not ended.\n")
    install("requirements-dev.txt" if dev else "requirements.txt")
    write(STAMP, json.dumps(dict(installed, **wanted), indent=1) + "\n")
    os.remove(UNFINISHED)
    print("The environment in .venv is ready.", flush=True)


def digest(name: str) -> str:
    """Hash of a file that says what is installed."""
    with open(os.path.join(ROOT, name), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def read_stamp() -> dict:
    """The hashes of what is installed; empty if unknown."""
    try:
        with open(STAMP) as file:
            content = json.load(file)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write(path: str, text: str) -> None:
    """Writes a small file through a temporary name."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.replace(path + ".new", path)


def environment_works() -> bool:
    """Whether the Python in .venv starts, is a supported one and has pip."""
    check = "import pip, sys; sys.exit(sys.version_info[:2] not in %r)" % (SUPPORTED,)
    try:
        return subprocess.call([VENV_PYTHON, "-c", check], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def check_disk(need: int) -> None:
    """Raises Problem if less than `need` bytes are free beside the project."""
    free = shutil.disk_usage(ROOT).free
    if free < need:
        raise Problem(
            "The installation needs %.0f GB of free disk space in %s; %.1f GB are free.\n"
            "Make room and run the same command again." % (need / GIGABYTE, ROOT, free / GIGABYTE)
        )


def create_environment() -> None:
    """Makes an empty .venv in place of a broken or missing one."""
    if importlib.util.find_spec("ensurepip") is None:
        raise Problem(
            "This Python cannot make environments: its module ensurepip is missing.\n"
            "On Debian and Ubuntu: sudo apt install python%d.%d-venv" % sys.version_info[:2]
        )
    # the interpreter behind an environment: the one in .venv is about to be removed
    interpreter = getattr(sys, "_base_executable", None) or sys.executable
    print("Making the environment in .venv with Python %s." % platform.python_version(), flush=True)
    if subprocess.call([interpreter, "-m", "venv", "--clear", VENV]) != 0:
        raise Problem("Python could not make the environment in .venv; the reason is above.")


def install(requirements: str) -> None:
    """Runs pip; raises Problem if it fails."""
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    environment.update(PIP_USER="0", PYTHONNOUSERSITE="1")
    command = [VENV_PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["-r", requirements, "--editable", "."]  # the project itself: nothing but a path and its command
    if shutil.disk_usage(ROOT).free < FULL_INSTALL + DOWNLOADS:
        command.append("--no-cache-dir")
    temporary = None
    if shutil.disk_usage(tempfile.gettempdir()).free < DOWNLOADS:  # e.g. a /tmp in memory
        temporary = environment["TMPDIR"] = os.path.join(VENV, "tmp")
        os.makedirs(temporary, exist_ok=True)
    code = subprocess.call(command, cwd=ROOT, env=environment)
    if temporary:
        shutil.rmtree(temporary, ignore_errors=True)
    if code == 0:
        return
    if shutil.disk_usage(ROOT).free < GIGABYTE / 2:
        raise Problem("The disk is full. Make room (about 10 GB) and run the same command again.")
    os.remove(UNFINISHED)  # pip gave up by itself, and then it leaves no half-installed package
    raise Problem(
        "pip could not install the requirements; the reason is above. Often the network or a proxy is to blame.\n"
        "Run the same command again when that is fixed."
    )


def start_dashboard() -> int:
    """Becomes the dashboard's server; returns its exit code where a process cannot be replaced."""
    command = [VENV_PYTHON, "-m", "cu_core.sharing.dashboard"]
    os.chdir(ROOT)
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(VENV_PYTHON, command)
    return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main())
