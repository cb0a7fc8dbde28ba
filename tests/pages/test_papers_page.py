"""The page of paper tables through the frame: cells, titles, and one click that queues what is missing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cu_core.analysis.papers.paper_runs import specs_of
from cu_core.analysis.papers.quantities import ENCODER_ATTACK
from cu_core.analysis.papers.scales import DIGITS, SMALL
from cu_core.analysis.papers.tables_wang_chen import TABLES
from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.jobs import dispatcher
from cu_core.runstore.reader import list_runs, open_run
from pages._papers import fill_form
from tests.madeup import MadeUp, write_run
from tests.pages.page_helpers import open_page, texts


@pytest.fixture(autouse=True)
def no_processes(monkeypatch: pytest.MonkeyPatch) -> list[Home]:
    """Keeps the page from starting processes; lists the homes whose dispatcher was asked for."""
    asked: list[Home] = []
    monkeypatch.setattr(dispatcher, "ensure_dispatcher", lambda where: asked.append(where) or True)
    return asked


def finished(home: Home, name: str, spec: Any, **made: Any) -> None:
    parts = {part: getattr(spec, part) for part in ("data", "model", "train", "method", "stop")}
    objective = spec.train.objective
    write_run(home, name, MadeUp(spec.forget.select, references=(), objective=objective, spec=parts, **made))


def choose(app: AppTest, key: str, value: str) -> AppTest:
    app.get_by_key(key).set_value(value).run()
    assert not app.exception, app.exception
    return app


def test_an_empty_home_shows_the_papers_numbers_and_how_to_get_ours(home: Home) -> None:
    app = choose(open_page("papers.py"), "table", "IV")
    table = app.table[0].value
    assert list(table.index) == [row.title for row in TABLES["IV"].rows]
    assert table["ACC after"].iloc[0] == "60 · :gray[not run]"
    words = texts(app)
    assert "reduced scale: 300 digits" in words
    assert app.code[0].value == "unlearnscope submit --preset paper-iv-digits"
    assert "Queue 6 runs" in [b.label for b in app.button]


def test_a_finished_run_fills_its_row_alone_and_only_at_its_scale(home: Home) -> None:
    spec = specs_of(TABLES["V"], DIGITS)[0]
    finished(home, "mine", spec)
    result = open_run(home, "mine").result()
    app = choose(open_page("papers.py"), "table", "V")
    table = app.table[0].value
    mia = 100 * result["attacks"][ENCODER_ATTACK]["after"]["transferred"]["accuracy"][0]
    assert table["MIA after"].iloc[0] == f"50 · **{mia:.1f}**"
    assert "not run" in table["MIA after"].iloc[1]
    (facts,) = app.dataframe
    assert facts.value["Run"].iloc[0] == "run?run=mine" and facts.value["Seeds"].iloc[0] == "0"
    assert "Queue 1 run" in [b.label for b in app.button]
    other = choose(app, "scale", "small")
    assert not other.dataframe and "**" not in "".join(other.table[0].value["MIA after"])
    assert "2,000 images" in texts(other)


def test_several_seeds_become_a_mean_with_its_spread(home: Home) -> None:
    spec = specs_of(TABLES["V"], DIGITS)[0]
    for seed in (0, 1):
        finished(home, f"seed-{seed}", spec, seed=seed)
    app = choose(open_page("papers.py"), "table", "V")
    assert " ± " in app.table[0].value["MIA after"].iloc[0]
    assert "mean ± standard deviation" in texts(app)


def test_what_is_queued_after_a_refusal_is_what_was_asked_for(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def launch(spec: RunSpec, token: str) -> str:
        if len(asked) == 2:
            raise UnlearnscopeError("too many runs")
        asked.append((spec.content_hash(), token))
        return "run"

    desk = SimpleNamespace(check=lambda _: None, launch=launch)
    monkeypatch.setattr(fill_form.gate, "desk", lambda: desk)
    monkeypatch.setattr(fill_form, "check", lambda _: None)
    monkeypatch.setattr(fill_form.st, "session_state", {"paper_token": "t"})
    specs = specs_of(TABLES["IV"], DIGITS)
    fill_form.queue(specs[:3], "")
    assert fill_form.st.session_state == {"paper_token": "t", "paper_refused": "too many runs"}
    # The first two are there by now, and the rest is counted from 0.
    first = {token for _, token in asked}
    del asked[:]
    fill_form.queue(specs[2:4], "")
    again, tokens = dict(asked), {token for _, token in asked}
    assert again.keys() == {spec.content_hash() for spec in specs[2:4]} and len(tokens) == 2
    assert not tokens & first


def test_one_click_queues_the_missing_runs_once(home: Home, no_processes: list[Home]) -> None:
    app = choose(open_page("papers.py"), "table", "V")
    app.get_by_key("queue_table").click().run()
    assert not app.exception, app.exception
    rows = list_runs(home)
    assert {row.state for row in rows} == {"queued"} and {row.group for row in rows} == {"paper-v-digits"}
    specs = [open_run(home, row.run_id).spec for row in rows]
    assert {s.content_hash() for s in specs} == {s.content_hash() for s in specs_of(TABLES["V"], DIGITS)}
    assert no_processes == [home]
    app.run()
    assert "queued" in app.table[0].value["ACC after"].iloc[0]
    assert app.get_by_key("queue_table").disabled and app.get_by_key("queue_table").label == "Nothing is missing"
    app.get_by_key("paper_seeds_paper-v-digits").set_value("3").run()
    app.get_by_key("queue_table").click().run()
    assert sorted(open_run(home, row.run_id).spec.seed for row in list_runs(home)) == [0, 0, 3, 3]


def test_images_of_ones_own_are_taken_and_a_wrong_path_is_told(home: Home, tmp_path: Path) -> None:
    app = choose(choose(open_page("papers.py"), "table", "V"), "scale", "small")
    app.get_by_key("paper_images").set_value(str(tmp_path / "nothing.zip")).run()
    assert "only one that is named cifar10" in texts(app)
    app.get_by_key("queue_table").click().run()
    assert "does not exist" in texts(app) and not list_runs(home)
    folder = tmp_path / "cifar10"
    folder.mkdir()
    app.get_by_key("paper_images").set_value(str(folder)).run()
    app.get_by_key("queue_table").click().run()
    specs = [open_run(home, row.run_id).spec for row in list_runs(home)]
    assert {s.data.dataset for s in specs} == {f"folder:{folder}"} and len(specs) == len(specs_of(TABLES["V"], SMALL))


def test_a_row_that_cannot_be_run_says_why(home: Home) -> None:
    app = choose(open_page("papers.py"), "table", "VI")
    assert "forgets every training image" in texts(app)
    assert app.table[0].value["ACC after"].iloc[-1] == "67 · :gray[cannot be run]"
    assert app.get_by_key("queue_table").label == "Queue 5 runs"


def test_the_papers_own_scale_warns_of_its_cost(home: Home) -> None:
    app = choose(choose(open_page("papers.py"), "table", "V"), "scale", "paper")
    assert "wants a GPU" in texts(app) and "reduced" not in texts(app)
