"""Starts the dashboard: a Streamlit server that takes this process's place where the system can do that.

``python -m cu_core.sharing.dashboard`` is the short way of scripts. It loads nothing that only other commands need,
which would nearly double the time until the server is up.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys

from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.home import Home, default_home
from cu_core.base.installation import dashboard_folder

USUAL_PORT = 8501
_LAST_PORT = 65535


def start_dashboard(home: Home, port: str | None = None, *, headless: bool = False) -> int:
    """Becomes the dashboard's server; returns its exit code where a process cannot be replaced.

    Settings come from ``.streamlit/config.toml`` beside ``app.py``, wherever this is called.

    Args:
        home: named on stdout; the server finds it by itself.
        port: where it listens; by default `PORT` of the environment, or 8501.
        headless: opens no browser; `HEADLESS` of the environment does the same.

    Raises:
        BadInput: no such port.
        UnlearnscopeError: somebody else listens there.
    """
    number = _free_port(port or os.environ.get("PORT") or str(USUAL_PORT))
    script = dashboard_folder() / "app.py"
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(number)]
    command += ["--server.showEmailPrompt", "false"]  # a first start must not wait for an answer
    if headless or os.environ.get("HEADLESS", "0") not in ("", "0"):
        command += ["--server.headless", "true"]
    print(f"Runs, datasets and caches: {home.root}", flush=True)
    if os.name == "posix":
        os.execv(sys.executable, command)
    return subprocess.call(command)


def _free_port(text: str) -> int:
    if not (re.fullmatch("[0-9]{1,5}", text) and 1 <= int(text) <= _LAST_PORT):
        raise BadInput("port", f"{text!r} is not a port", (f"1 to {_LAST_PORT}",))
    port = int(text)
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            other = port % _LAST_PORT + 1
            raise UnlearnscopeError(
                f"Port {port} is in use already, perhaps by another dashboard. "
                f"Choose another one: --port {other}, or PORT={other} for make app"
            )
    return port


def main() -> int:
    """Starts it as the environment says; returns the exit code."""
    try:
        return start_dashboard(default_home())
    except UnlearnscopeError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
