"""The launcher as a server: health, first start, dispatcher, a light process, a clean end."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from cu_core import __version__
from cu_core.catalogue.presets import DEFAULT_PRESET
from cu_core.jobs import submission
from cu_core.jobs.dispatcher import dispatcher_alive
from cu_core.runstore.reader import list_runs
from cu_core.sharing.intake import Intake
from tests.loops import run
from tests.served import Server, serve
from tests.streamlit_client import open_tab

pytestmark = pytest.mark.thorough
PATIENCE = 240.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for those who leave it as it is."""
    with serve(tmp_path_factory.mktemp("server")) as running:
        yield running


def wait_until(condition, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {PATIENCE:.0f} s"
        time.sleep(0.1)


def test_health_says_version_home_and_dispatcher_and_the_server_ends_cleanly(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        health = server.health()
        assert health == {
            "status": "ok",
            "version": __version__,
            "home": str(server.home.root),
            "dispatcher": False,
        }
        with urllib.request.urlopen(server.url, timeout=PATIENCE) as page:
            assert page.status == 200
        # Ctrl-C is enough; Streamlit's command line reports it as an abort.
        assert server.stop() != -signal.SIGKILL
        assert "Traceback" not in server.log.read_text()


def test_only_its_own_pages_open_a_connection(server: Server) -> None:
    async def tries() -> None:
        port = server.url.rpartition(":")[2]
        for origin in ("http://localhost:28716", "http://127.0.0.1:3000", f"http://0.0.0.0:{port}", "null"):
            with pytest.raises(InvalidStatus):
                await open_tab(server.url, "runs", origin=origin)
        tab = await open_tab(server.url, "runs")
        await tab.drawn(PATIENCE)
        await tab.socket.close()

    run(tries())


def test_a_byte_a_second_does_not_hold_the_server(server: Server) -> None:
    with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=PATIENCE) as answer:
        token = answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0]

    async def drip() -> bytes:
        tab = await open_tab(server.url, "launch")
        await tab.drawn(PATIENCE)
        host, port = server.url.removeprefix("http://").split(":")
        coming, going = await asyncio.open_connection(host, int(port))
        going.write(
            f"PUT /_stcore/upload_file/{tab.session_id}/f HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 99999\r\n"
            f"Cookie: _streamlit_xsrf={token}\r\nX-Xsrftoken: {token}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n".encode()
        )
        answered = asyncio.create_task(coming.readline())
        end = time.monotonic() + 3 * Intake.patience
        while not answered.done() and time.monotonic() < end:
            going.write(b"x")
            await asyncio.wait([answered], timeout=1.0)
        assert answered.done(), "it is still held"
        going.close()
        await tab.socket.close()
        return answered.result()

    assert b" 408 " in run(drip())
    assert server.health()["status"] == "ok"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_the_server_never_loads_the_heavy_packages(server: Server) -> None:
    libraries = server.libraries()
    assert "numpy" in libraries, "the search itself must work"
    assert not [name for name in ("libtorch", "sklearn", "torchvision") if name in libraries]


def test_a_very_first_start_queues_the_default_preset_and_sees_to_it_that_it_runs(tmp_path: Path) -> None:
    with serve(tmp_path, first_start=True) as server:
        wait_until(lambda: any(not row.demo for row in list_runs(server.home)), "the first run")
        [row] = [row for row in list_runs(server.home) if not row.demo]
        assert row.title == DEFAULT_PRESET.spec.title
        wait_until(lambda: server.health()["dispatcher"], "a dispatcher")
        submission.cancel(server.home, row.run_id)
        wait_until(lambda: list_runs(server.home)[0].state in ("cancelled", "succeeded"), "the end of the run")


def test_the_dispatcher_outlives_the_server(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        submission.submit(DEFAULT_PRESET.spec, server.home)
        wait_until(lambda: dispatcher_alive(server.home), "a dispatcher")
        server.stop()
        assert dispatcher_alive(server.home)
        [row] = list_runs(server.home)
        submission.cancel(server.home, row.run_id)
        wait_until(lambda: list_runs(server.home)[0].state in ("cancelled", "succeeded"), "the end of the run")


def test_two_servers_share_a_home(server: Server, tmp_path: Path) -> None:
    second = Server(server.home, tmp_path / "second.log")
    try:
        assert server.health()["home"] == second.health()["home"]
    finally:
        second.stop()
