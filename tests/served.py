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

from cu_core import demo
from cu_core.home import Home
from cu_core.runs.files import read_json, write_json
from cu_core.runs.process import is_alive

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90.0
STOP_SECONDS = 30.0


class Server:
    """A running dashboard.

    Attributes:
        url: where it answers, without a slash at the end.
        process: the server.
        home: its home.
    """

    def __init__(self, home: Home, log: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.home = home
        self.log = log
        words = ["-m", "streamlit", "run", "app.py", f"--server.port={port}", "--server.headless=true"]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *words],
                cwd=ROOT,
                env=os.environ | {"CU_HOME": str(home.root), "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        end = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                self.health()
                return
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise AssertionError(f"the server did not start:\n{log.read_text()}")
            time.sleep(0.1)

    def health(self) -> dict[str, Any]:
        """What the health route says."""
        with urllib.request.urlopen(f"{self.url}/api/health", timeout=10) as answer:
            content: dict[str, Any] = json.load(answer)
            return content

    def libraries(self) -> str:
        """Names of the files that are mapped into the server's memory (Linux)."""
        return Path(f"/proc/{self.process.pid}/maps").read_text()

    def stop(self) -> int:
        """Stops it as Ctrl-C does; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


@contextlib.contextmanager
def serve(folder: Path, *, first_start: bool = False) -> Iterator[Server]:
    """Starts a dashboard below a folder and ends everything that it started.

    Args:
        folder: takes the home and the server's log.
        first_start: let the very first start queue its run and install its demos.
    """
    home = Home(folder / "home").create()
    if not first_start and not (home.root / demo.MARKER).exists():
        write_json(home.root / demo.MARKER, {"run_id": None})
    server = Server(home, folder / "server.log")
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
