"""The environment script: prerequisites in words, nothing done twice, interruptions survived."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "tools" / "bootstrap.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder with the script and empty requirements."""
    (tmp_path / "tools").mkdir()
    shutil.copy(SCRIPT, tmp_path / "tools" / "bootstrap.py")
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\n")
    return tmp_path


@pytest.fixture
def script(project: Path) -> ModuleType:
    """The script as a module that believes to live in `project`."""
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", project / "tools" / "bootstrap.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bootstrap(project: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(project / "tools" / "bootstrap.py"), *options],
        capture_output=True,
        text=True,
        env=dict(os.environ, PIP_NO_INDEX="1", **variables),
        timeout=600,
    )


def test_environment_is_made_once_and_again_only_when_needed(project: Path) -> None:
    first = bootstrap(project)
    assert first.returncode == 0, first.stderr
    stamp = project / ".venv" / "installed.json"
    runtime = json.loads(stamp.read_text())["runtime"]

    second = bootstrap(project)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")

    dev = bootstrap(project, "--dev")
    assert dev.returncode == 0 and "ready" in dev.stdout
    assert set(json.loads(stamp.read_text())) == {"runtime", "dev"}
    assert bootstrap(project, "--dev").stdout == ""

    (project / "requirements.txt").write_text("# something else\n")
    assert "ready" in bootstrap(project).stdout
    assert json.loads(stamp.read_text())["runtime"] != runtime

    relic = project / ".venv" / "relic"
    relic.touch()
    (project / ".venv" / "unfinished").touch()  # as a killed installation leaves it
    again = bootstrap(project)
    assert again.returncode == 0 and "Making the environment" in again.stdout
    assert not relic.exists() and not (project / ".venv" / "unfinished").exists()

    (project / "requirements.txt").write_text("./no-such-package\n")
    failed = bootstrap(project)
    assert failed.returncode == 1
    assert "pip could not install" in failed.stderr and "Traceback" not in failed.stderr
    again = bootstrap(project)
    assert "Making the environment" not in again.stdout, "pip giving up does not break an environment"
    assert again.returncode == 1, "a failed installation must not count as done"


def test_unsupported_python_is_named(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script.sys, "version_info", (3, 10, 4))
    with pytest.raises(script.Problem, match=r"3\.11, 3\.12 or 3\.13"):
        script.check_python()


def test_too_little_disk_is_named_before_anything_is_made(
    script: ModuleType, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script.shutil, "disk_usage", lambda path: SimpleNamespace(free=3 * 1000**3))
    with pytest.raises(script.Problem, match=r"needs \d+ GB of free disk space.*3\.0 GB are free"):
        script.make_environment(dev=False)
    assert not (project / ".venv").exists()


def test_missing_ensurepip_is_named(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(script.Problem, match="apt install python3"):
        script.create_environment()


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1", "85.01"])
def test_bad_port_is_named(script: ModuleType, monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(script.Problem, match="from 1 to 65535"):
        script.start_dashboard()


def test_port_in_use_is_named(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("PORT", str(server.getsockname()[1]))
        with pytest.raises(script.Problem, match="in use already"):
            script.start_dashboard()


@pytest.mark.skipif(os.name != "posix", reason="the process is replaced on POSIX only")
def test_dashboard_command(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(script.os, "execv", lambda path, command: started.append(command))
    monkeypatch.setattr(script.os, "chdir", lambda path: None)
    monkeypatch.setattr(script.subprocess, "call", lambda command: 0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("PORT", str(port))
    for headless, expected in (("1", True), ("0", False), ("", False)):
        monkeypatch.setenv("HEADLESS", headless)
        script.start_dashboard()
        command = " ".join(started[-1])
        assert f"streamlit run app.py --server.port {port}" in command
        assert ("--server.headless true" in command) is expected


def test_make_names_a_missing_python() -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    result = subprocess.run(
        ["make", "env", "PYTHON=/no/such/python"], cwd=SCRIPT.parent.parent, capture_output=True, text=True, timeout=240
    )
    assert result.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13" in result.stderr
