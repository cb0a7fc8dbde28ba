"""The wheel in an environment of its own: the command, the dashboard from any folder, a worker; nothing of the tree."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

import cu_core
from cu_core.catalogue.method_record import METHODS
from tests.served import stop
from tests.streamlit_client import open_tab

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 240.0
pytestmark = [pytest.mark.thorough, pytest.mark.skipif(os.name != "posix", reason="the paths are those of POSIX")]


class Installed:
    """An environment with nothing but the wheel; what the wheel depends on is lent by this one.

    Attributes:
        command: the program.
        folder: elsewhere, where commands start.
        home: what the program takes for the user's folder.
    """

    def __init__(self, wheel: Path, folder: Path) -> None:
        venv.create(folder / "env", with_pip=False)
        python = folder / "env" / "bin" / "python"
        self.command = python.with_name("unlearnscope")
        install = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", str(wheel)]
        subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install], check=True, timeout=PATIENCE)
        site = next((folder / "env" / "lib").glob("python3*")) / "site-packages"
        lent = [path for path in sys.path if "-packages" in path and Path(path) != site]
        (site / "lent.pth").write_text("\n".join(lent))
        self.folder, self.home = folder / "elsewhere", folder / "user"
        # Of another application: what it says about the address must not count.
        (self.folder / ".streamlit").mkdir(parents=True)
        (self.folder / ".streamlit" / "config.toml").write_text('[server]\naddress = "0.0.0.0"\n')
        self.home.mkdir()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CU_", "PYTHON", "STREAMLIT_"))}
        self.environment = kept | {"HOME": str(self.home), "CU_SLOTS": "cpu:1"}

    def __call__(self, *words: str) -> str:
        """Runs a command; returns what it prints."""
        done = subprocess.run(
            [self.command, *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    words = ["wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    subprocess.run([sys.executable, "-m", "pip", *words, "--wheel-dir", folder, ROOT], check=True, timeout=PATIENCE)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(wheel, tmp_path_factory.mktemp("installed"))


def test_the_wheel_adds_no_name_but_its_own(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(f"unlearnscope-{cu_core.__version__}.dist-info/METADATA").decode()
    assert {name.partition("/")[0] for name in names} == {"cu_core", f"unlearnscope-{cu_core.__version__}.dist-info"}
    tracked = subprocess.run(
        ["git", "ls-files", "app.py", "pages", "assets", ".streamlit", "cu_core"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    wanted = {name if name.startswith("cu_core/") else f"cu_core/_dashboard/{name}" for name in tracked}
    assert wanted == {name for name in names if name.startswith("cu_core/")}
    assert "Requires-Dist: streamlit" in metadata and "Requires-Dist: shtab" in metadata


def test_the_command_says_its_version_and_lists(installed: Installed) -> None:
    assert installed("--version") == f"unlearnscope {cu_core.__version__}\n"
    assert [entry["id"] for entry in json.loads(installed("list", "methods", "--json"))] == list(METHODS)


@pytest.fixture
def dashboard(installed: Installed) -> Iterator[str]:
    """Address of a dashboard that the command has started; ends all that it has started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = installed.folder.parent / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [installed.command, "app", "--headless", "--port", str(port)],
            cwd=installed.folder,
            env=installed.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    started: list[psutil.Process] = []
    try:
        end = time.monotonic() + PATIENCE
        while not _answers(port):
            assert server.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
        started = psutil.Process(server.pid).children(recursive=True)
    finally:
        stop(server)
        for process in started:
            if process.is_running():
                process.kill()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        content: bytes = answer.read()
        return content


def test_the_dashboard_opens_from_any_folder(installed: Installed, dashboard: str) -> None:
    health = json.loads(ask(f"{dashboard}/api/health"))
    home = installed.home / ".unlearnscope"
    assert (health["status"], health["version"], health["home"]) == ("ok", cu_core.__version__, str(home))
    assert b"<html" in ask(f"{dashboard}/")
    port = int(dashboard.rpartition(":")[2])
    assert {c.laddr.ip for c in psutil.net_connections("tcp") if c.laddr.port == port and not c.raddr} == {"127.0.0.1"}

    rows = json.loads(installed("status", "--json"))
    demos = [row["run_id"] for row in rows if row["demo"]]
    shipped = [*(ROOT / "assets" / "demo").glob("*.zip"), *(ROOT / "assets" / "lessons").glob("*.zip")]
    assert len(demos) == len(shipped) > 2, "the first start installs what came in the wheel"
    queued = json.loads((home / "first-start.json").read_text())["run_id"]

    async def look() -> None:
        for page, query in (("runs", ""), ("drift", f"run={demos[0]}"), ("signals", f"run={demos[0]}")):
            tab = await open_tab(dashboard, page, query)
            await tab.drawn(PATIENCE)
            # Parts whose JavaScript the wheel has to bring: the search on every page, and a picture.
            parts = {part.component_name for part in tab.of("bidi_component")}
            assert tab.errors() == [], tab.text()
            assert "unlearnscope_palette" in parts
            assert tab.of("dataframe") if page == "runs" else len(parts) > 1, tab.text()
            await tab.socket.close()

    # In a thread of its own: a browser of other tests may keep an event loop in this one.
    with ThreadPoolExecutor(1) as apart:
        apart.submit(asyncio.run, look()).result()
    assert _state(installed, queued, {"running", "succeeded"}), "a worker starts from the wheel"
    installed("cancel", queued)
    assert _state(installed, queued, {"cancelled", "succeeded"})
    assert [path.name for path in installed.folder.iterdir()] == [".streamlit"], "nothing is written where it started"


def _state(installed: Installed, run_id: str, wanted: set[str]) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found: dict[str, Any] = json.loads(installed("show", run_id, "--json"))
        if found["state"] in wanted:
            return True
        assert found["state"] not in {"failed", "lost"}, found["error"]
    return False
