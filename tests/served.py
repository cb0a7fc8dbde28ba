"""The dashboard as a real server on a free port, with a home of its own; leaves no process behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.base.installation import dashboard_folder
from cu_core.base.process import is_alive
from cu_core.jobs import demo

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 240.0
STOP_SECONDS = 120.0
PORTS_TRIED = 5


def streamlit(
    script: str, log: Path, *options: str, base: str = "", **variables: str
) -> tuple[str, subprocess.Popen[bytes]]:
    """Starts Streamlit on a free port and waits until it answers there.

    Args:
        script: the app, relative to the repository's folder.
        log: takes what it prints.
        options: more words for its command line.
        base: path that all its addresses begin with, like ``/lab``; part of the address that is returned.
        variables: more of its environment.

    Returns:
        Its address without a slash at the end, and the process.
    """
    for _ in range(PORTS_TRIED):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        words = ["-m", "streamlit", "run", script, f"--server.port={port}", "--server.headless=true", *options]
        words += [f"--server.baseUrlPath={base}"] if base else []
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *words],
                cwd=ROOT,
                env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        url = f"http://127.0.0.1:{port}{base}"
        end = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < end:
            # Another process may have taken the port meanwhile; what it answers is not for us.
            if port in _ports(process.pid) and _answers(url):
                return url, process
            time.sleep(0.1)
        stop(process)
        if "is not available" not in log.read_text():
            break
    raise AssertionError(f"the server did not start:\n{log.read_text()}")


def _ports(pid: int) -> list[int]:
    """Where a process listens."""
    with contextlib.suppress(psutil.Error):
        found = psutil.Process(pid).net_connections("tcp")
        return [part.laddr.port for part in found if part.status == psutil.CONN_LISTEN]
    return []


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=START_SECONDS):
        return True
    return False


def stop(process: subprocess.Popen[bytes]) -> int:
    """Ends a server as Ctrl-C does; returns the exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


class Server:
    """A running dashboard.

    Attributes:
        url: where it answers, without a slash at the end.
        process: the server.
        home: its home.
    """

    def __init__(self, home: Home, log: Path, base: str = "") -> None:
        self.home = home
        self.log = log
        self.url, self.process = streamlit("app.py", log, base=base, CU_HOME=str(home.root))

    def health(self) -> dict[str, Any]:
        """What the health route says."""
        with urllib.request.urlopen(f"{self.url}/api/health", timeout=START_SECONDS) as answer:
            content: dict[str, Any] = json.load(answer)
            return content

    def libraries(self) -> str:
        """Names of the files that are mapped into the server's memory (Linux)."""
        return Path(f"/proc/{self.process.pid}/maps").read_text()

    def stop(self) -> int:
        """Stops it as Ctrl-C does; returns the exit code."""
        return stop(self.process)


@contextlib.contextmanager
def serve(folder: Path, *, first_start: bool = False, base: str = "") -> Iterator[Server]:
    """Starts a dashboard below a folder and ends everything that it started.

    Args:
        folder: takes the home and the server's log.
        first_start: let the very first start queue its run and install its demos.
        base: path that all addresses begin with.
    """
    home = Home(folder / "home").create()
    if not first_start and not (home.root / demo.MARKER).exists():
        given = [path.name for path in demo.shipped_zips(dashboard_folder() / "assets" / "demo")]
        write_json(home.root / demo.MARKER, {"run_id": None, demo.GIVEN: given})
    server = Server(home, folder / "server.log", base)
    try:
        yield server
    finally:
        server.stop()
        end_processes(home)


def end_processes(home: Home) -> None:
    """Kills exactly the dispatcher, the workers and the drawer of pictures that this home knows the identity of."""
    for path in [*home.root.glob("*.json"), *home.maps.glob("process.json"), *home.runs.glob("*/attempt-*/pid.json")]:
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            who = read_json(path)
            # Made-up runs claim that this process is their worker.
            if isinstance(who, dict) and who.get("pid") != os.getpid() and is_alive(who):
                psutil.Process(who["pid"]).kill()
