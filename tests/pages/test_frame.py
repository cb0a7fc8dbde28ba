"""The frame: the head of a run, unknown addresses, and the page that is served to the browser."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from streamlit.util import calc_hash

from cu_core.base.home import Home
from cu_core.runstore.annotations import Annotations, annotate, read_annotations
from cu_core.runstore.reader import list_runs
from cu_core.sharing import rights
from cu_core.sharing.rights import User
from pages._frame import gate, unknown_page
from pages._frame.login import inline_scripts
from pages._frame.page_records import pages
from pages._frame.served_index import SCRIPT, ServedIndex
from tests.loops import run
from tests.madeup import MadeUp, write_run
from tests.pages.page_helpers import open_page, texts

RUN = "madeup-1"
INDEX = b'<head><link href="./static/a.css"><script>1</script><script src="./static/a.js"></script></head>'


@pytest.fixture
def shown(home: Home) -> Home:
    write_run(home, RUN, MadeUp())
    return home


def test_the_head_names_the_run_and_its_links_keep_run_and_round(shown: Home) -> None:
    annotate(shown, RUN, Annotations("My *own* words", ("week 3",), "Ask again in May."))
    app = open_page("drift.py", run=RUN, round="3")
    assert [header.value for header in app.header] == ["My \\*own\\* words"]
    said = texts(app)
    assert "week 3" in said and "Ask again in May." in said and "seed 0" in said and "class:5" in said
    links = {link.proto.query_string for link in app.get("page_link") if link.proto.label == "Verdict"}
    assert links == {"run=madeup-1&round=3"}


def test_title_tags_and_notes_are_written_in_place(shown: Home) -> None:
    app = open_page("verdict.py", run=RUN)
    own = next(row.title for row in list_runs(shown))
    fields = {field.label: field for field in (*app.text_input, *app.text_area)}
    assert (fields["Title"].value, fields["Tags"].value) == (own, "")
    fields["Tags"].set_value("one, two,, one")
    next(button for button in app.button if button.label == "Save").click().run()
    assert read_annotations(shown.runs / RUN) == Annotations("", ("one", "two")), "its own title stays its own"
    fields = {field.label: field for field in (*app.text_input, *app.text_area)}
    fields["Title"].set_value("x")
    fields["Tags"].set_value("y" * 50)
    next(button for button in app.button if button.label == "Save").click().run()
    assert any("too long" in error.value for error in app.error) and next(iter(list_runs(shown))).title == own


def test_who_may_not_write_finds_it_closed(shown: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "visitor", lambda: User("vera", rights.VIEWER))
    app = open_page("run.py", run=RUN)
    assert not [field for field in app.text_input if field.label == "Title"]
    assert next(button for button in app.button if button.label == "Delete").disabled


def test_an_unknown_address_says_so_also_with_the_next_click(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unknown_page, "asked_page", lambda: "drfit")
    app = open_page("runs.py")
    monkeypatch.setattr(unknown_page, "asked_page", lambda: "")
    app._page_hash = calc_hash("drfit")
    app.run()
    assert [title.value for title in app.title] == ["No such page"]
    assert "/drfit**; did you mean drift?" in texts(app)
    offered = [link.proto.label for link in app.get("page_link")]
    assert offered == [page.title for page in pages().values() if page.needs != "rounds"]


def asked(
    path: str, *, base: str = "", kind: str = "text/html", content: bytes = INDEX
) -> tuple[dict[bytes, bytes], bytes]:
    """Headers and body of what is served, and what the app behind was asked with."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        names = {name for name, _ in scope["headers"]}
        assert b"accept-encoding" not in names and b"if-none-match" not in names
        head = [(b"content-type", kind.encode()), (b"etag", b"1"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": content[:30], "more_body": True})
        await send({"type": "http.response.body", "body": content[30:]})

    async def send(message: Any) -> None:
        sent.append(message)

    wants = [(b"accept", b"text/html,*/*"), (b"accept-encoding", b"gzip"), (b"if-none-match", b"1")]
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "headers": wants}
    run(ServedIndex(app, lambda: base)(scope, None, send))  # type: ignore[arg-type]
    return dict(sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.parametrize(
    ("path", "base", "told", "up"),
    [("/", "", "/", "./"), ("/drift", "", "/drift", "./"), ("/lab/drift", "/lab", "/drift", "./"),
     ("/labs", "/lab", "/labs", "./"), ("/a/b/c", "", "/a/b/c", "../../"), ('/"><b', "", "/&quot;&gt;&lt;b", "./")],
)  # fmt: skip
def test_a_page_is_told_where_it_lies_before_any_other_script(path: str, base: str, told: str, up: str) -> None:
    headers, body = asked(path, base=base)
    assert body.index(f'<script data-path="{told}">{SCRIPT}</script>'.encode()) < body.index(b"<script>1")
    assert f'src="{up}static/a.js"'.encode() in body and f'href="{up}static/a.css"'.encode() in body
    assert headers[b"content-length"] == b"%d" % len(body) and b"etag" not in headers


def test_what_is_no_page_is_passed_on_as_it_is() -> None:
    for kind, content in (("text/javascript", INDEX), ("text/html", b"<p>none</p>" * 9)):
        assert asked("/static/a.js", kind=kind, content=content)[1] == content


def test_the_content_policy_allows_the_script() -> None:
    assert f"'sha256-{b64encode(sha256(SCRIPT.encode()).digest()).decode()}'" in inline_scripts()
