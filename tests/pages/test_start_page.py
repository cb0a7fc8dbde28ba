"""The first page: what plays on it, what it offers, and what it says of the first run and the latest ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cu_core.base.home import Home
from cu_core.catalogue.presets import DEFAULT_PRESET, preset
from cu_core.data.emoji import published_files
from cu_core.figures.scene import read_header
from cu_core.jobs import background, demo, dispatcher
from cu_core.jobs.background import Background
from cu_core.runstore.reader import RunRow, list_runs, open_run
from cu_core.runstore.rows import GONE
from pages._frame.page_records import pages
from pages._start.doors import known_doors
from pages._start.emoji_offer import PRESET, is_offered
from pages._start.latest_runs import MOST_LISTED
from pages._start.playing_run import labels_of, playable
from tests.madeup import MadeUp, write_dataset, write_run
from tests.madeup_claims import madeup_verdict
from tests.pages.page_helpers import SHELL, open_page, texts

FINE, TOLD = "no-difference-found", "differs"


@pytest.fixture(autouse=True)
def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "ensure_dispatcher", lambda home: True)


@pytest.fixture
def row(home: Home) -> RunRow:
    write_run(home)
    return open_run(home, "madeup-1").row()


def write_demos(home: Home) -> None:
    for name, state in (("hidden", TOLD), ("forgotten", FINE)):
        write_run(home, name, MadeUp(rounds=2, demo=True, audited=0, result={"verdict": madeup_verdict(state)}))


def viewer(app: AppTest) -> dict[str, Any]:
    (found,) = [c for c in app.main.get("bidi_component") if c.proto.json]
    return dict(json.loads(found.proto.json))


def test_the_bare_address_opens_it(home: Home) -> None:
    write_run(home)
    app = AppTest.from_file(str(SHELL), default_timeout=200).run()
    assert not app.exception, app.exception
    assert [title.value for title in app.title] == ["Start"]
    assert app.main.get("bidi_component"), "and what it shows is a picture"


def test_a_run_in_the_bare_address_opens_that_run(home: Home) -> None:
    write_run(home)
    app = AppTest.from_file(str(SHELL), default_timeout=200)
    app.query_params["run"] = "madeup-1"
    app.run()
    assert app.selectbox(key="picked_run").value == "madeup-1"
    assert [title.value for title in app.title] == ["Run"]


def test_whoever_comes_back_from_a_run_stays_here(home: Home) -> None:
    write_run(home)
    app = AppTest.from_file(str(SHELL), default_timeout=200)
    app.query_params["run"] = "madeup-1"
    app.session_state["last_run"] = "madeup-1"
    assert [title.value for title in app.run().title] == ["Start"]


def test_it_says_what_unlearning_is_in_three_sentences(home: Home) -> None:
    said = str(open_page("start.py").markdown[0].value)
    assert all(word in said for word in ("forget", "retain", "unseen", "reference"))
    assert said.count(". ") + 1 == 3


def test_a_home_without_runs_still_offers_the_ways_on(home: Home) -> None:
    app = open_page("start.py")
    assert not app.main.get("bidi_component")
    assert {link.proto.page for link in app.get("page_link")} >= {door.page for door in known_doors()}


def test_the_demo_that_passes_plays_first_beside_its_reference(home: Home) -> None:
    write_demos(home)
    app = AppTest.from_file(str(SHELL), default_timeout=200).run()
    assert (viewer(app)["run"], viewer(app)["autoplay"]) == ("forgotten", True)
    heads = [read_header(c.proto.bytes) for c in app.main.get("bidi_component") if c.proto.bytes]
    (scene,) = [head for head in heads if "view" in head]
    assert scene["view"] == "boundary"
    assert [(m["kind"], m["number"]) for m in scene["moments"]] == [
        ("round", 0), ("round", 1), ("round", 2), ("reference", None),
    ]  # fmt: skip
    assert f"In short it is {FINE}." in texts(app)
    app.get_by_key("playing").set_value("hidden").run()
    assert viewer(app)["run"] == "hidden"
    assert f"In short it is {TOLD}." in texts(app)


def test_runs_of_the_same_title_can_be_told_apart(row: RunRow) -> None:
    rows = [replace(row, run_id="a-1111", title="A"), replace(row, run_id="a-2222", title="A"), replace(row, title="B")]
    assert labels_of(rows) == {"a-1111": "A · 1111", "a-2222": "A · 2222", "madeup-1": "B"}


def test_what_plays_is_emoji_then_demos_then_the_latest_run(row: RunRow) -> None:
    hidden = replace(row, run_id="hidden", demo=True, verdict=TOLD)
    forgotten = replace(row, run_id="forgotten", demo=True, verdict=FINE)
    emoji = [replace(row, run_id=f"emoji-{k}", dataset="emoji") for k in range(2)]

    def names(*rows: RunRow) -> list[str]:
        return [found.run_id for found in playable(rows)]

    assert names(row, *emoji, hidden, forgotten) == ["emoji-0", "forgotten", "hidden"]
    assert names(row, hidden) == ["hidden"]
    assert names(row, replace(row, run_id="older")) == ["madeup-1"]
    unfit = [
        {"state": "running"},
        {"state": "failed"},
        {"rounds": 0},
        {"copy_of": "x"},
        {"error": f"probe.parquet {GONE}"},
    ]
    assert names(*(replace(row, **change) for change in unfit)) == []
    lesson = replace(hidden, run_id="lesson", title=f"{hidden.title} later")
    assert names(lesson, hidden, forgotten) == ["forgotten", "hidden"], "a good one and a bad one"


def test_a_run_that_cannot_be_read_says_so_and_hides_nothing_else(home: Home) -> None:
    write_run(home)
    list_runs(home)
    (home.runs / "madeup-1" / "probe.parquet").write_bytes(b"nothing")
    app = open_page("start.py")
    assert not app.main.get("bidi_component")
    assert "cannot be read" in texts(app) and "Latest runs" in texts(app)


def test_the_latest_runs_stand_with_their_verdict_or_state(home: Home) -> None:
    write_demos(home)
    write_run(home, "failed", MadeUp(select="random:40", rounds=1, audited=0, state="failed"))
    for number in range(MOST_LISTED):
        write_run(home, f"more-{number}", MadeUp(rounds=1, audited=0, images=False))
    app = open_page("start.py")
    links = [link.proto for link in app.get("page_link") if link.proto.page == "run"]
    latest = list_runs(home)[:MOST_LISTED]
    assert [link.query_string for link in links] == [f"run={found.run_id}" for found in latest]
    assert len({link.label for link in links}) == len(links), "runs of one title are told apart"
    assert "failed" in texts(app) and "digits · random:40" in texts(app).replace("\\", "")
    assert any(link.proto.label == f"All {len(list_runs(home))} runs" for link in app.get("page_link"))


def test_a_first_start_is_followed_live_with_a_cancel_button(home: Home) -> None:
    run_id = demo.welcome(home, home.root / "no-demos")
    app = open_page("start.py")
    assert DEFAULT_PRESET.spec.name in texts(app) and "first start" in texts(app)
    assert "Waiting for a free place" in texts(app), "and how far it is"
    app.button(key="cancel_first").click().run()
    assert open_run(home, run_id).state == "cancelled"
    assert "first start" not in texts(app)


def test_the_doors_lead_to_pages_that_there_are() -> None:
    found = {door.title: door for door in known_doors()}
    assert {"Run an experiment", "Look at my model"} <= set(found)
    assert (pages()["learn"].title in found) if "learn" in pages() else len(found) == 2
    assert all(door.page in pages() for door in found.values())


def test_the_door_for_own_models_opens_the_form_for_them(home: Home) -> None:
    write_dataset(home, DEFAULT_PRESET.spec.data)
    door = next(door for door in known_doors() if door.title == "Look at my model")
    app = open_page(f"{door.page}.py", **door.query)
    assert app.get_by_key("leave_foreign")
    app = app.get_by_key("leave_foreign").click().run()
    assert app.get_by_key("enter_foreign"), "the way back is not undone by the address"


@pytest.mark.parametrize(
    ("changes", "offered"),
    [
        ({}, True),
        ({"dataset": "emoji", "forget": preset(PRESET).spec.forget.select}, False),
        ({"dataset": "emoji", "forget": preset(PRESET).spec.forget.select, "state": "running"}, False),
        ({"dataset": "emoji", "forget": preset(PRESET).spec.forget.select, "state": "failed"}, True),
        ({"dataset": "emoji", "forget": "class:Flags"}, True),
    ],
    ids=["none", "done", "at work", "failed", "another"],
)
def test_emoji_are_offered_until_they_are_forgotten(row: RunRow, changes: dict[str, str], offered: bool) -> None:
    assert is_offered([replace(row, **changes)]) is offered


def test_emoji_that_are_here_take_one_click(home: Home) -> None:
    write_dataset(home, preset(PRESET).spec.data, 3)
    app = open_page("start.py")
    assert "emoji.json" not in texts(app), "nothing has to be brought"
    app.button(key="emoji_go").click().run()
    (launched,) = list_runs(home)
    assert (launched.dataset, launched.forget) == ("emoji", preset(PRESET).spec.forget.select)
    assert app.title[0].value == "Run" and launched.run_id in app.query_params["run"]


def test_emoji_that_are_not_here_are_fetched_and_then_launched(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = preset(PRESET).spec.data
    status: list[Background | None] = [None]
    monkeypatch.setattr(background, "prepare_status", lambda *_: status[0])
    asked = []
    monkeypatch.setattr(background, "start_prepare", lambda data, *_: asked.append(data))
    app = open_page("start.py")
    for path, address in published_files(home).items():
        assert str(path.parent) in texts(app) and path.name in texts(app) and address in texts(app)
    status[0] = Background(working=True, done=1, total=4, message="downloading google-32.png")
    app.button(key="emoji_go").click().run()
    assert asked == [spec] and not list_runs(home)
    assert "emoji_go" not in [button.key for button in app.button]
    write_dataset(home, spec, 3)
    status[0] = Background(working=False)
    app.run()
    assert [found.dataset for found in list_runs(home)] == ["emoji"]
    assert app.title[0].value == "Run"


def test_fetching_that_failed_says_why_and_can_be_tried_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    status = Background(working=False, error="no network; put emoji.json there by hand")
    monkeypatch.setattr(background, "prepare_status", lambda *_: status)
    app = open_page("start.py")
    assert "put emoji.json there by hand" in texts(app)
    assert not app.button(key="emoji_go").disabled


@pytest.fixture
def shipped(tmp_path: Path) -> Home:
    """A home with the demos of the project."""
    other = Home(tmp_path / "shipped").create()
    assert len(demo.install(other, SHELL.parent.parent / "assets" / "demo")) == 2
    return other


def test_the_demos_that_ship_have_eight_references_and_two_verdicts_within_their_limit(shipped: Home) -> None:
    files = list((SHELL.parent.parent / "assets" / "demo").iterdir())
    assert sum(path.stat().st_size for path in files) <= demo.PACKED_BYTES
    found = {listed.verdict: open_run(shipped, listed.run_id) for listed in list_runs(shipped)}
    assert set(found) == {FINE, TOLD}
    for view in found.values():
        assert len(view.references()) == DEFAULT_PRESET.spec.references == view.result()["verdict"]["references"]
        assert view.result()["metrics"]["after"]["forget_acc"] == 0.0
        assert not view.damage()
        every = [view.manifest(k) for k in view.rounds()] + [view.reference_manifest(k) for k in view.references()]
        assert all("embedding" in manifest["arrays"] for manifest in every), "maps can be drawn"
    assert len(found[FINE].rounds()) > 2, "there is something to play"
