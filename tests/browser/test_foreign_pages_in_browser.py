"""A page of another port of this machine, in a real browser: it neither drives, reads nor frames the dashboard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cu_core.runstore.reader import list_runs
from tests.browser.waiting import PATIENCE_MS, at_rest, heard, settled
from tests.madeup import MadeUp, write_run
from tests.served import Server, serve

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
PAGES = sorted(path.stem for path in (Path(__file__).parents[2] / "pages").glob("[!_]*.py"))

SOCKET = """(address) => new Promise((done) => {
  const socket = new WebSocket(address, ["streamlit"])
  socket.onopen = () => done("open")
  socket.onclose = () => done("closed") })"""
READ = """(address) => fetch(address).then((answer) => answer.text(), () => "refused")"""
SEND = """([address, method]) => fetch(address, { method, mode: method === "POST" ? "no-cors" : "cors", body: "x" })
  .then((answer) => answer.type === "opaque" ? "sent" : "done", () => "refused")"""
SHOW = """([tag, address]) => new Promise((done) => {
  const part = document.createElement(tag)
  part.onload = () => done("shown")
  part.onerror = () => done("refused")
  part.src = address
  document.body.append(part) })"""


class Hostile(BaseHTTPRequestHandler):
    """An empty page; what it does comes from the test."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Kittens</title><body>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where the other site answers."""
    running = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield running.server_address[1]
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("dashboard")) as running:
        write_run(running.home, "shown", MadeUp())
        yield running


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_page_of_another_port_can_do_nothing(
    dashboard: Server, open_tab: Callable[..., Page], port: int, name: str
) -> None:
    page = open_tab(f"http://{name}:{port}/")
    own_port = dashboard.url.rpartition(":")[2]
    statuses: dict[tuple[str, str], int] = {}
    page.on("response", lambda answer: statuses.update({(answer.request.method, answer.url): answer.status}))
    for host in ("localhost", "127.0.0.1"):
        there = f"http://{host}:{own_port}"
        assert page.evaluate(SOCKET, f"ws://{host}:{own_port}/_stcore/stream") == "closed"
        for path in ("/_stcore/health", "/_stcore/host-config", "/_stcore/metrics", "/api/health", "/run?run=shown"):
            assert page.evaluate(READ, there + path) == "refused", path
        for method in ("PUT", "DELETE", "POST"):
            assert page.evaluate(SEND, [f"{there}/_stcore/upload_file/s/f", method]) in ("refused", "sent")
        assert statuses.get(("POST", f"{there}/_stcore/upload_file/s/f"), 403) == 403
        assert page.evaluate(SHOW, ["img", f"{there}/favicon.png"]) == "refused"
        assert page.evaluate(SHOW, ["iframe", f"{there}/run?run=shown"]) == "shown", "a browser shows that it may not"
        assert page.frames[-1].url.startswith("chrome-error:") and not page.frames[-1].locator("#root").count()
        with page.context.expect_page() as opened:
            page.evaluate("(address) => { window.taken = window.open(address) }", f"{there}/run?run=shown")
        opened.value.wait_for_load_state()
        assert page.evaluate("() => window.taken.closed"), "the page that opened it has lost hold of it"
        opened.value.close()
    assert [row.run_id for row in list_runs(dashboard.home)] == ["shown"]
    # The very same in its own page.
    own = open_tab(f"{dashboard.url}/run?run=shown")
    settled(own)
    assert own.evaluate(SOCKET, f"{dashboard.url.replace('http', 'ws')}/_stcore/stream") == "open"
    assert own.evaluate(READ, f"{dashboard.url}/_stcore/health") == "ok"


def test_every_page_loads_from_its_own_server_and_the_content_policy_stops_nothing(
    dashboard: Server, open_tab: Callable[..., Page]
) -> None:
    page = open_tab(f"{dashboard.url}/runs")
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    for name in PAGES:
        page.goto(f"{dashboard.url}/{name}?run=shown")
        settled(page)
        at_rest(page)
        if name in ("run", "drift", "confidence"):
            expect(page.locator(".js-plotly-plot, canvas").first).to_be_visible(timeout=PATIENCE_MS)
    assert any("/static/js/" in url for url in asked), "the search itself must work"
    assert [url for url in asked if url.startswith("http") and not url.startswith(f"{dashboard.url}/")] == []


def test_a_file_is_handed_in(dashboard: Server, open_tab: Callable[..., Page]) -> None:
    page = open_tab(f"{dashboard.url}/launch")
    settled(page)
    with heard(page):
        page.get_by_role("radio", name="From a file").click()
    page.locator("input[type=file][accept*=csv]").set_input_files(
        {"name": "to-forget.csv", "mimeType": "text/csv", "buffer": b"index\n1\n2\n3\n"}
    )
    expect(page.get_by_text("Uses to-forget")).to_be_visible(timeout=PATIENCE_MS)
    assert [path.suffix for path in dashboard.home.uploads.iterdir()] == [".csv"]
