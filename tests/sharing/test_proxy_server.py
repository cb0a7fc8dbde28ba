"""A real server behind a trusted proxy's header: every route and every page, and what a forged click does."""

from __future__ import annotations

import ast
import http.client
import json
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import InvalidStatus

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.runstore import layout
from cu_core.runstore.reader import list_runs
from cu_core.sharing.door import BARE
from pages._shared.plain_text import plain
from tests.loops import run
from tests.madeup import MadeUp, write_run
from tests.served import Server, serve
from tests.streamlit_client import Client, open_tab

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]
PATIENCE = 300.0
ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("[!_]*.py"))
HOST = "unlearn.test"
SHARING = f"""
way = "proxy"
hosts = ["{HOST}"]
[people]
"anna@x.org" = "admin"
"omar@x.org" = "operator"
"*@x.org" = "viewer"
[proxy]
addresses = ["127.0.0.1"]
header = "X-Forwarded-Email"
scheme = "http"
"""
FOREIGN = "This was asked for by a page of another address."


def known(name: str) -> dict[str, str]:
    # As a proxy on this machine sends it: uvicorn takes the visitor's address for the proxy's.
    return {"Host": HOST, "X-Forwarded-Email": f"{name}@x.org", "X-Forwarded-For": "203.0.113.9"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("shared")
    home = Home(folder / "home").create()
    (home.root / "sharing.toml").write_text(SHARING)
    run_dir = write_run(home, "omars-run", MadeUp())
    write_json(run_dir / layout.INFO, own(run_dir, "omar@x.org"))
    with serve(folder) as running:
        yield running


def own(run_dir: Path, owner: str) -> dict[str, Any]:
    info: dict[str, Any] = read_json(run_dir / layout.INFO)
    return {key: value for key, value in info.items() if key != "seal"} | {"owner": owner}


def ask(server: Server, path: str, headers: dict[str, str], method: str = "GET") -> tuple[int, str]:
    """Status and body of an answer."""
    return answered(server, path, headers, method)[:2]


def answered(server: Server, path: str, headers: dict[str, str], method: str) -> tuple[int, str, Message]:
    """Status, body and headers of an answer."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace"), answer.headers
    finally:
        connection.close()


def routes() -> list[str]:
    """Every path that the application serves, with something in the place of its parameters."""
    from app import app  # noqa: PLC0415 - a launcher, imported by this test alone

    found: list[str] = []

    def walk(prefix: str, listed: list[Any]) -> None:
        for route in listed:
            path = prefix + str(route.path)
            if getattr(route, "routes", None):
                walk(path, route.routes)
            elif path.rstrip("/") == "":
                found.extend(["/", "/static/js/index.js", "/favicon.png", "/manifest.json"])
            else:
                found.append(path.replace("{path:path}", "x/y.js").replace("{file_id:path}", "x.png")
                             .replace("{session_id}", "s").replace("{file_id}", "f"))  # fmt: skip

    walk("", app._build_starlette_app().routes)
    assert not [path for path in found if "{" in path]
    return found


def test_every_route_and_every_page_is_closed_to_strangers(server: Server) -> None:
    paths = routes()
    wanted = {"/api/health", "/_stcore/stream", "/_stcore/metrics", "/media/x.png", "/_stcore/upload_file/s/f"}
    assert wanted <= set(paths), "the search itself must work"
    assert len(PAGES) >= 11
    for path in [*paths, *(f"/{page}" for page in PAGES), "/nosuch", "/assets/../app.py"]:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            status, words = ask(server, path, {"Host": HOST}, method)
            if path in BARE:
                assert (status, words) == (200, "" if method == "HEAD" else BARE[path])
            else:
                assert status == 401, (method, path)
            assert ask(server, path, known("vera") | {"Host": "evil.test"}, method)[0] in (200, 400), (method, path)
        assert ask(server, path, known("vera") | {"X-Forwarded-Email": "mallory@y.org"})[0] in (200, 403), path
    assert json.loads(ask(server, "/api/health", known("vera"))[1])["home"] == str(server.home.root)
    for page in PAGES:
        assert ask(server, f"/{page}", known("vera"))[0] == 200


def test_no_connection_without_a_name(server: Server) -> None:
    async def tries() -> None:
        for headers, origin in [
            ({"Host": HOST}, None),
            (known("vera") | {"Host": "evil.test"}, None),
            (known("vera") | {"X-Forwarded-Email": "vera@y.org"}, None),
            (known("vera"), "http://evil.test"),
            # Streamlit's own rule lets every port of this machine in.
            (known("anna"), "http://localhost:3000"),
            (known("anna"), "http://127.0.0.1"),
            (known("anna"), f"http://{HOST}:3000"),
            (known("anna"), f"https://{HOST}"),
            (known("anna"), "null"),
        ]:
            with pytest.raises(InvalidStatus):
                await open_tab(server.url, "run", "run=omars-run", headers=headers, origin=origin)

    run(tries())


def test_every_way_to_change_something_is_closed_to_pages_of_other_places(server: Server) -> None:
    for path in [*routes(), "/nosuch"]:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            foreign = known("anna") | {"Origin": "http://localhost:3000"}
            assert ask(server, path, foreign, method)[0] == 403, (method, path)
            assert ask(server, path, known("anna") | {"Origin": f"http://{HOST}"}, method)[1] != FOREIGN, (method, path)


def test_every_answer_is_hardened(server: Server) -> None:
    for path in [*routes(), "/nosuch", "/assets/../app.py", "//evil.test", "/%00"]:
        for headers in (known("anna"), known("mallory"), {"Host": HOST}, {"Host": "evil.test"}):
            for method in ("GET", "PUT", "OPTIONS"):
                origin = {"Origin": "http://localhost:3000"}
                _, _, found = answered(server, path, headers | origin, method)
                assert "frame-ancestors 'none'" in (found["Content-Security-Policy"] or ""), (method, path)
                assert found["X-Content-Type-Options"] == "nosniff"
                assert not [name for name in found if name.lower().startswith("access-control-")], path


def test_every_page_opens_for_a_viewer_by_a_cold_link(server: Server) -> None:
    async def visit(page: str) -> Client:
        tab = await open_tab(server.url, page, "run=omars-run", headers=known("vera"))
        await tab.until(lambda tab: tab.runs > 0 and plain("vera@x.org") in tab.text(), PATIENCE)
        await tab.socket.close()
        return tab

    for page in PAGES:
        tab = run(visit(page))
        assert tab.errors() == [], page
        if page == "launch":
            assert "only operators may launch runs" in tab.text()
            assert not [b for b in tab.of("button") if b.label.startswith("Launch")]


async def open_run_of_omar(server: Server, name: str) -> Client:
    tab = await open_tab(server.url, "run", "run=omars-run", headers=known(name))
    await tab.until(lambda tab: tab.runs > 0 and any(b.label == "Delete" for b in tab.of("button")), PATIENCE)
    assert tab.button("Delete").disabled == (name == "vera")
    assert tab.button("Clone").disabled == (name == "vera")
    return tab


def test_a_viewers_forged_click_changes_nothing(server: Server) -> None:
    async def forge() -> None:
        tab = await open_run_of_omar(server, "vera")
        await tab.press("Delete", PATIENCE)
        assert tab.errors() == []
        await tab.socket.close()

    run(forge())
    assert [row.run_id for row in list_runs(server.home)] == ["omars-run"]


def test_a_click_counts_by_what_one_may_do_when_it_comes(server: Server) -> None:
    path = server.home.root / "sharing.toml"

    async def click() -> None:
        tab = await open_run_of_omar(server, "omar")
        # The button was drawn for an operator; its click comes from a viewer.
        path.write_text(SHARING.replace('"omar@x.org" = "operator"', '"omar@x.org" = "viewer"'))
        await tab.press("Delete", PATIENCE)
        assert tab.errors() == []
        assert [row.run_id for row in list_runs(server.home)] == ["omars-run"]
        await tab.socket.close()
        path.write_text(SHARING)
        tab = await open_run_of_omar(server, "omar")
        await tab.press("Delete", PATIENCE)
        await tab.socket.close()

    run(click())
    assert list_runs(server.home) == []
    (server.home.bin / "omars-run").rename(server.home.runs / "omars-run")


def test_a_message_that_is_no_message_ends_its_connection_only(server: Server) -> None:
    async def tries() -> None:
        tab = await open_tab(server.url, "runs", headers=known("vera"))
        await tab.socket.send(BackMsg(stop_script=True).SerializeToString())
        await tab.socket.send(b"\xff\xff\xff")
        await tab.socket.wait_closed()
        again = await open_tab(server.url, "runs", headers=known("vera"))
        await again.drawn(120)
        assert again.errors() == []
        await again.socket.close()

    run(tries())


def names_in(path: Path) -> set[str]:
    return {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}


def test_pages_change_things_at_the_desk_only() -> None:
    forbidden = {f"submission.{name}" for name in ("submit", "cancel", "resume", "delete", "restore", "empty_bin")}
    forbidden |= {"background.start_prepare", "background.start_measure", "uploads.keep"}
    for path in (ROOT / "pages").rglob("*.py"):
        assert names_in(path) & forbidden == set(), path.name
        imported = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom)]
        taken = {alias.name for node in imported for alias in node.names}
        assert taken & {"keep", "start_prepare", "start_measure", "submit", "empty_bin"} == set(), path


def test_the_frame_asks_who_is_there_before_anything_else() -> None:
    tree = ast.parse((ROOT / "pages" / "_shell.py").read_text())
    calls = [ast.unparse(n.value) for n in tree.body if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)]
    assert calls[0].startswith("st.set_page_config") and calls[1] == "gate.admit()"
