"""Pages with odd addresses and odd names: no page fails, and names are shown as they were written."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from cu_core.base.home import Home
from cu_core.runstore import layout
from pages._shared import recorded_rounds
from pages._shared.plain_text import plain
from tests.fuzz.profile import fewer
from tests.madeup import MadeUp, write_run
from tests.madeup_claims import madeup_verdict
from tests.madeup_tsne import write_tsne
from tests.pages.page_helpers import open_page

PAGES = ("runs.py", "launch.py", "run.py", "verdict.py", "drift.py", "confidence.py", "similarity.py", "signals.py",
         "attack.py", "papers.py", "sweep.py", "compare.py")  # fmt: skip
PARAMETERS = (
    "run", "runs", "group", "clone", "round", "reference", "view", "layout", "attack", "way", "number", "signal", "q",
    "state", "picture", "table", "scale", "cells", "rows", "samples", "seeds", "members", "mine", "beside", "cosine",
    "other_method", "linear_axes", "class_rows", "roc_axis", "verdict_order", "log_loss", "flat", "still", "solid",
    "hide_correct", "nothing",
)  # fmt: skip
VALUES = (
    "", "0", "-1", "9" * 5000, "٣", "1e999", "nan", "true", "None", "[]", "{}", "a" * 5000, "\0", "\x1b[31m", "😀",
    "\u202eevil", "../../etc/passwd", "/etc/passwd", "..%2f..%2fx", "hostile", "hostile,hostile", "hostile,../x",
    "<script>alert(1)</script>", "![x](http://evil.example/x.png)", ":material/delete:", "$x$", "'; DROP TABLE runs;--",
)  # fmt: skip
HOSTILE = (
    "<b>x</b> ![p](http://evil.example/p.png) [l](http://evil.example) :material/bug_report: :red[r] $y$ **s** `c`"
)
# What Markdown would make something of, as long as nothing keeps it from it.
LIVE = re.compile(
    r"(?<!\\)<b>|(?<!\\)\[p|(?<!\\)\[l\]|:material/bug_report: |(?<!\\)\[r\]|(?<!\\)\$y|(?<!\\)\*\*s\*|(?<!\u2060)://evil"
)


def markdown_of(app: AppTest) -> list[str]:
    """Everything on a page that reads Markdown."""
    bodies = (
        app.title,
        app.header,
        app.subheader,
        app.markdown,
        app.caption,
        app.info,
        app.warning,
        app.error,
        app.toast,
    )
    labels = (app.button, app.expander, app.toggle, app.checkbox, app.metric, app.selectbox, app.multiselect)
    return [str(e.value) for kind in bodies for e in kind] + [str(e.label) for kind in labels for e in kind]


@pytest.fixture
def hostile(home: Home) -> Home:
    run_dir = write_run(home, "hostile", MadeUp(rounds=2, state="failed", references=()))
    for name, values in (
        (layout.INFO, {"title": HOSTILE, "group": HOSTILE}),
        (f"attempt-1/{layout.OUTCOME}", {"error": {"kind": "failed", "message": HOSTILE, "hint": HOSTILE}}),
    ):
        path = run_dir / name
        path.write_text(json.dumps(json.loads(path.read_text()) | values))
    path = run_dir / layout.SPEC
    path.write_text(json.dumps(json.loads(path.read_text()) | {"name": HOSTILE, "group": HOSTILE}))
    return home


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("run.py", {"run": "hostile"}),
        ("runs.py", {}),
        ("compare.py", {}),
        ("compare.py", {"group": HOSTILE}),
        ("compare.py", {"runs": HOSTILE}),
        ("sweep.py", {"group": HOSTILE}),
    ],
    ids=str,
)
def test_names_are_shown_as_they_were_written(hostile: Home, page: str, query: dict[str, str]) -> None:
    app = open_page(page, **query)
    if page == "runs.py":
        app.session_state["deleted_run"] = ("hostile", HOSTILE)
        app.run()
        assert not app.exception
    shown = markdown_of(app)
    assert [text for text in shown if LIVE.search(text)] == []
    named = [text for text in shown if "evil" in text]
    assert named, "the name is not on the page at all"


@fewer(5)
@given(
    page=st.sampled_from(PAGES),
    query=st.dictionaries(st.sampled_from(PARAMETERS), st.sampled_from(VALUES) | st.text(max_size=20), max_size=3),
    known=st.booleans(),
)
def test_odd_addresses_break_no_page(
    tmp_path_factory: pytest.TempPathFactory, page: str, query: dict[str, str], known: bool
) -> None:
    home = Home(tmp_path_factory.getbasetemp() / "odd-addresses").create()
    if not (home.runs / "hostile").exists():
        write_run(home, "hostile", MadeUp(rounds=3, references=(0, 1)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CU_HOME", str(home.root))
        query = {name: value for name, value in query.items() if value.isprintable() or name != "run"}
        open_page(page, **(query | ({"run": "hostile"} if known else {})))


@pytest.mark.parametrize(
    ("asked", "shown"), [("2", 2), ("9" * 5000, 3), ("٣", 3), ("-1", 3), ("1.5", 3), ("²", 3), ("", 3), ("7", 3)]
)
def test_a_round_that_is_no_number_is_the_last_one(monkeypatch: pytest.MonkeyPatch, asked: str, shown: int) -> None:
    monkeypatch.setattr(recorded_rounds, "st", SimpleNamespace(query_params={"round": asked}, session_state={}))
    assert recorded_rounds.wanted_round([0, 1, 2, 3]) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a run of mine, class:5 (image_size=32)", "a run of mine, class:5 (image_size=32)"),
        ("**bold** _it_ a_b", "\\*\\*bold\\*\\* \\_it\\_ a_b"),
        ("line\n\n# heading", "line # heading"),
        ("# heading", "\\# heading"),
        ("- item", "\\- item"),
        ("&lt;b&gt; <b>", "\\&lt;b\\&gt; \\<b\\>"),
        ("\ud800\0", "\\\\ud800"),
        (":material/delete:", ":\u2060material/delete:"),
        ("x :red[y] :blue-badge", "x \\:red\\[y\\] \\:blue-badge"),
        ("__b__ indices:FILE.csv", "\\_\\_b\\_\\_ indices:FILE.csv"),
        ("http://a.b www.a.b a@b.c", "http\u2060://a.b www\u2060.a.b a\u2060@b.c"),
        ("1. first", "1\u2060. first"),
    ],
)
def test_plain_text(text: str, shown: str) -> None:
    assert plain(text) == shown


FILES = ("rounds/0/manifest.json", "rounds/2/manifest.json", "rounds/3/manifest.json", "reference/0/manifest.json",
         "audit/manifest.json", "projection/tsne/manifest.json", "result.json", "run.json", "attempt-1/outcome.json",
         "attempt-1/pid.json", "requeue.json")  # fmt: skip
OF_A_RUN = tuple(page for page in PAGES if page not in ("launch.py", "papers.py", "sweep.py"))
JUNK = (None, 0, -1, 1e300, 10**18, "", "x", "<b>", True, [], [None], {}, {"a": None}, {"a": {"b": []}})


@fewer(7)
@given(data=st.data())
def test_runs_from_elsewhere_break_no_page(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Any value anywhere in a run's JSON, left out or replaced; the arrays stay sound, so that pages want to draw."""
    home = Home(tmp_path_factory.getbasetemp() / "odd-runs").create()
    run_dir = home.runs / "odd"
    if not run_dir.exists():
        verdict = madeup_verdict("differs", references=2)
        write_run(home, "odd", MadeUp(rounds=3, references=(0, 1), audited=30, result={"verdict": verdict}))
        write_tsne(run_dir, rows=np.arange(0, 200, 2), rounds=[0, 1, 3], reference=0)
    path = run_dir / data.draw(st.sampled_from(FILES))
    before = path.read_bytes() if path.exists() else None
    content = json.loads(before) if before else {}
    for _ in range(data.draw(st.integers(1, 3))):
        inner = content
        while deeper := [key for key in inner if isinstance(inner[key], dict) and inner[key]]:
            if data.draw(st.booleans()):
                break
            inner = inner[data.draw(st.sampled_from(deeper))]
        key = data.draw(st.sampled_from(sorted(inner)) if inner else st.just("attempt"))
        inner[key] = data.draw(st.sampled_from(JUNK))
        if data.draw(st.booleans()):
            del inner[key]
    try:
        path.write_text(json.dumps(content))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CU_HOME", str(home.root))
            open_page(data.draw(st.sampled_from(OF_A_RUN)), run="odd", runs="odd")
    finally:
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)
