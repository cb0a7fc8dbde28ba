"""The Run page hands out the erasure record that the command line makes, without a signature."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from cu_core.analysis.erasure.left_out import WHAT
from cu_core.analysis.erasure.record_check import check_record
from cu_core.analysis.erasure.sealed_record import read_envelope
from cu_core.analysis.erasure.stated_fields import Stated
from cu_core.base.home import Home
from cu_core.base.parameters import describe
from pages._run.erasure_section import INCLUDED, MADE
from tests.analysis.erasure_cases import write_kind
from tests.madeup import MadeUp, write_run
from tests.pages.page_helpers import open_page, texts


def opened(run_id: str) -> AppTest:
    app = open_page("run.py", run=run_id)
    app.session_state["record_box"] = True
    app.run()
    assert not app.exception, app.exception
    return app


def test_what_is_typed_in_and_chosen_is_in_the_files(home: Home) -> None:
    app = opened(write_kind(home, "class-differs"))
    assert MADE not in app.session_state, "nothing is read before somebody asks"
    for field in describe(Stated):
        app.text_input(key=f"erasure_{field.name}").set_value(f"typed {field.name}")
    app.button_group(key="erasure_include").set_value(["indices"])
    app.button(key="erasure_make").click().run()
    assert not app.exception, app.exception
    made = app.session_state[MADE]
    envelope, html = read_envelope(made.html)
    assert read_envelope(made.json)[0] == envelope and envelope["signature"] is None
    assert [f.words for f in check_record(envelope, html) if f.ok is False] == []
    record = envelope["record"]
    typed = {**record["request"], **record["copies"]["stated"], **record["review"]}
    assert {name: text for name, text in typed.items() if text != f"typed {name}"} == {}
    assert record["limits"]["retest"] == "typed retest" and record["about"]["included"] == ["indices"]
    assert record["scope"]["indices"] == list(range(5, 600, 10)) and "ferret" not in made.html.decode()
    assert "Difference found" in texts(app)
    found = {element.proto.id.rpartition("-")[2] for element in app.get("download_button")}
    assert {"erasure_html", "erasure_json"} <= found
    (code,) = [element.value for element in app.code if "sign-report" in element.value]
    assert "mustermann" not in code, "the file's name is that of no run"


def test_a_record_of_another_run_is_not_handed_out(home: Home) -> None:
    app = opened(write_kind(home, "class-differs"))
    app.button(key="erasure_make").click().run()
    made = app.session_state[MADE]
    other = open_page("run.py", run=write_kind(home, "no-references"))
    other.session_state["record_box"] = True
    other.session_state[MADE] = made
    other.run()
    assert not any("erasure" in element.proto.id for element in other.get("download_button"))


def test_what_cannot_be_taken_is_said(home: Home) -> None:
    app = opened(write_kind(home, "no-references"))
    app.text_input(key="erasure_basis").set_value("x" * 20_000)
    app.button(key="erasure_make").click().run()
    assert not app.exception and "characters" in "\n".join(str(e.value) for e in app.error)
    assert MADE not in app.session_state


@pytest.mark.parametrize("state", ["failed", "queued"])
def test_a_run_that_has_not_ended_offers_none(home: Home, state: str) -> None:
    write_run(home, "one", MadeUp(state=state, rounds=1))
    assert "once the run has finished" in texts(opened("one"))


def test_everything_that_can_be_included_is_offered() -> None:
    assert tuple(INCLUDED) == WHAT
