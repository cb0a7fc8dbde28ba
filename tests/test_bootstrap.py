"""The environment script: prerequisites in words, nothing done twice, interruptions survived."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "tools" / "bootstrap.py"


# As much of a build backend as an editable installation asks for; the real one would have to be downloaded.
BACKEND = """
import zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    info = "unlearnscope-0.dist-info"
    with zipfile.ZipFile(folder + "/unlearnscope-0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("unlearnscope_path.pth", "")
        wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: unlearnscope\\nVersion: 0\\n")
        wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\nRoot-Is-Purelib: true\\n")
        wheel.writestr(info + "/entry_points.txt", "[console_scripts]\\nunlearnscope = gc:enable\\n")
        wheel.writestr(info + "/RECORD", "")
    return "unlearnscope-0-py3-none-any.whl"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder with the script, empty requirements and a build backend of its own."""
    (tmp_path / "backend.py").write_text(BACKEND)
    (tmp_path / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
    )
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


@pytest.mark.thorough
def test_environment_is_made_once_and_again_only_when_needed(project: Path) -> None:
    first = bootstrap(project)
    assert first.returncode == 0, first.stderr
    stamp = project / ".venv" / "installed.json"
    runtime = json.loads(stamp.read_text())["runtime"]
    command = project / ".venv" / ("Scripts/unlearnscope.exe" if os.name == "nt" else "bin/unlearnscope")
    subprocess.run([command], check=True, timeout=60)

    second = bootstrap(project)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")

    dev = bootstrap(project, "--dev")
    assert dev.returncode == 0 and "ready" in dev.stdout
    assert set(json.loads(stamp.read_text())) == {"runtime", "dev", "project"}
    assert bootstrap(project, "--dev").stdout == ""

    (project / "pyproject.toml").write_text((project / "pyproject.toml").read_text() + "# something else\n")
    assert "ready" in bootstrap(project).stdout

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


@pytest.mark.skipif(os.name != "posix", reason="the process is replaced on POSIX only")
def test_the_dashboard_starts_in_the_environment(
    script: ModuleType, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(script.os, "execv", lambda path, command: started.append(command))
    monkeypatch.setattr(script.subprocess, "call", lambda command: 0)
    monkeypatch.chdir(project.parent)
    script.start_dashboard()
    assert started == [[str(project / ".venv" / "bin" / "python"), "-m", "cu_core.sharing.dashboard"]]
    assert Path.cwd() == project


def test_make_names_a_missing_python() -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    result = subprocess.run(
        ["make", "env", "PYTHON=/no/such/python"], cwd=SCRIPT.parent.parent, capture_output=True, text=True, timeout=240
    )
    assert result.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13" in result.stderr
