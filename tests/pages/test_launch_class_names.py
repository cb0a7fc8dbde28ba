"""Classes of any name on the launch page: a copy of a run names the same ones, and a launch writes them."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec
from cu_core.data.prepared import dataset_key
from cu_core.jobs import dispatcher
from pages._launch import form_draft
from tests.madeup import MadeUp, write_dataset, write_run
from tests.pages.page_helpers import SHELL, texts
from tests.pages.test_launch_forget_sets import launched
from tests.pages.test_launch_page import widget

NAMES = ("red,blue", "red", "blue", 'say "hi"', "a;b", "1:2", " cat ", "😀", "caf\u00e9", "class:5")


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch, home: Home) -> Home:
    """A home whose digits are called by odd names."""
    monkeypatch.setattr(dispatcher, "ensure_dispatcher", lambda where: True)
    write_dataset(home, DataSpec())
    meta = home.datasets / dataset_key(DataSpec()) / "meta.json"
    meta.write_text(json.dumps(json.loads(meta.read_text()) | {"classes": NAMES, "sha256": "odd"}))
    return home


@pytest.mark.parametrize(
    ("text", "names", "written"),
    [
        ("class:red,blue", ["red,blue"], 'class:"red,blue"'),
        ('class:"red",blue,a;b', ["red", "blue", "a;b"], "class:red,blue,a;b"),
        ('class:"red",blue', ["red", "blue"], 'class:"red",blue'),
        ('class:" cat ",1:2,cafe\u0301', [" cat ", "1:2", "caf\u00e9"], 'class:" cat ",1:2,caf\u00e9'),
    ],
)
def test_a_copy_names_the_same_classes(odd: Home, text: str, names: list[str], written: str) -> None:
    write_run(odd, made=MadeUp(select=text))
    app = AppTest.from_file(str(SHELL), default_timeout=200)
    app.query_params["clone"] = "madeup-1"
    app.switch_page("launch.py").run()
    assert not app.exception, app.exception
    assert widget(app, "forget.classes").value == names
    assert f"**{60 * len(names)} of 600** training images" in texts(app)
    assert launched(app, odd) == written


@pytest.mark.parametrize(
    ("text", "picks"),
    [
        ("class:5,7", ["5", "7"]),
        ("class:red,blue", ["red,blue"]),
        ('class:"red,blue",a;b', ['"red,blue",a;b']),
        ('class:"unclosed', ['"unclosed']),
    ],
)
def test_before_the_names_are_known_a_text_stays_as_it_is(text: str, picks: list[str]) -> None:
    draft = form_draft.from_spec(RunSpec(forget=ForgetSpec(text)))
    assert draft["forget.classes"] == picks and form_draft.select_text(draft) == text


@pytest.mark.parametrize(
    ("picks", "names"),
    [
        (["red,blue"], ["red,blue"]),
        (['"red",blue'], ["red", "blue"]),
        (["3", "red"], ['say "hi"', "red"]),
        (["green", "red"], ["red"]),
        (["green,red"], []),
    ],
)
def test_picks_become_names_once_they_are_known(picks: list[str], names: list[str]) -> None:
    assert form_draft.class_names(picks, NAMES) == names
