"""The command that starts the dashboard: port, browser, and who is in the way."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from cu_core.cli import main
from cu_core.sharing import dashboard

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture(autouse=True)
def started(tmp_path, monkeypatch):
    """The commands that would have become the server."""
    commands = []
    monkeypatch.setenv("CU_HOME", str(tmp_path / "home"))
    for name in ("PORT", "HEADLESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(dashboard.os, "execv", lambda path, command: commands.append([path, *command[1:]]))
    monkeypatch.setattr(dashboard.subprocess, "call", lambda command: commands.append(command) or 0)
    return commands


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return str(port)


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1", "85.01", "²", "9" * 5000])
@pytest.mark.parametrize("way", ["option", "variable"])
def test_bad_port_is_named(port, way, started, monkeypatch, capsys):
    if way == "variable":
        monkeypatch.setenv("PORT", port)
    assert main(["app"] if way == "variable" else ["app", f"--port={port}"]) == 2
    assert "1 to 65535" in capsys.readouterr().err
    assert started == []


def test_port_in_use_is_named(started, monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert main(["app", "--port", port]) == 1
        assert f"Port {port} is in use already" in capsys.readouterr().err
        monkeypatch.setenv("PORT", port)
        assert dashboard.main() == 1
        assert "in use already" in capsys.readouterr().err
    assert started == []


@pytest.mark.parametrize(
    ("words", "headless", "expected"),
    [
        ([], None, False),
        (["--headless"], None, True),
        ([], "1", True),
        ([], "0", False),
        ([], "", False),
        (["--headless"], "0", True),
    ],
)
def test_the_server_is_started_with_the_app_of_this_installation(
    words, headless, expected, started, free_port, monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    if headless is not None:
        monkeypatch.setenv("HEADLESS", headless)
    main(["app", "--port", free_port, *words])
    assert started[0][:5] == [sys.executable, "-m", "streamlit", "run", str(APP)]
    line = " ".join(started[0])
    assert f"--server.port {free_port} --server.showEmailPrompt false" in line
    assert ("--server.headless true" in line) is expected
    assert str(tmp_path / "home") in capsys.readouterr().out
    assert Path(os.getcwd()) == tmp_path, "relative paths mean what they meant in the shell"


def test_make_starts_it_as_the_environment_says(started, free_port, monkeypatch):
    monkeypatch.setenv("PORT", free_port)
    dashboard.main()
    assert f"--server.port {free_port}" in " ".join(started[0])
