"""The sweep page through the frame: from a choice to queued runs, the matrix, and what is not done twice."""

from __future__ import annotations

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from cu_core.analysis.sweeps.sweep import Sweep, expand
from cu_core.analysis.sweeps.sweep_store import recall, remember
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import TrainSpec
from cu_core.jobs import dispatcher, submission
from cu_core.runstore.reader import list_runs, open_run
from tests.madeup import MadeUp, write_run
from tests.pages.page_helpers import open_page, texts

SWEEP = Sweep(
    RunSpec(train=TrainSpec(epochs=2)),
    ("contrastive", "retrain", "unsir"),
    ("class:5", "random:50"),
    (0, 1),
    group="mine",
)


@pytest.fixture(autouse=True)
def no_processes(monkeypatch: pytest.MonkeyPatch) -> list[Home]:
    """Keeps the page from starting processes; lists the homes whose dispatcher was asked for."""
    asked: list[Home] = []
    monkeypatch.setattr(dispatcher, "ensure_dispatcher", lambda where: asked.append(where) or True)
    return asked


def change(app: AppTest, key: str, value: object) -> AppTest:
    app.get_by_key(f"sweep:{key}").set_value(value).run()
    assert not app.exception, app.exception
    return app


def write(home: Home, name: str, spec: RunSpec, **made) -> None:
    parts = {p: getattr(spec, p) for p in ("data", "model", "train", "method", "group")}
    write_run(home, name, MadeUp(spec.forget.select, references=(), seed=spec.seed, spec=parts, images=False, **made))


def small(app: AppTest) -> AppTest:
    """A small choice on top of the ready-made sweep."""
    change(app, "methods", ["contrastive", "retrain", "unsir"])
    change(app, "seeds", "0-1")
    return change(app, "reference", 0)


def label(app: AppTest, key: str) -> str:
    return app.get_by_key(key).label


def test_the_ready_made_sweep_is_there_with_its_count_and_what_is_left_out(home: Home) -> None:
    app = open_page("sweep.py")
    everything = expand(Sweep(RunSpec(), forget=("class:5", "random:100"), seeds=(0, 1, 2)))
    assert label(app, "queue_sweep") == f"Queue {len(everything.runs)} runs"
    assert "nothing like it ran here yet" in texts(app)
    small(app)
    assert label(app, "queue_sweep") == "Queue 10 runs"
    (why,) = [d.value for d in app.dataframe if "Why" in d.value]
    assert list(why["Method"]) == ["unsir"] and "sample forgetting" in why["Why"][0]


def test_one_click_queues_the_runs_and_the_address_keeps_the_sweep(home: Home, no_processes: list[Home]) -> None:
    app = small(open_page("sweep.py"))
    app.get_by_key("queue_sweep").click().run()
    assert not app.exception, app.exception
    rows = list_runs(home)
    assert len(rows) == 10 and {row.state for row in rows} == {"queued"} and no_processes == [home]
    (group,) = {row.group for row in rows}
    # It is not the ready-made sweep any more, so it does not carry its name alone.
    assert group.startswith("all-methods-digits ") and group in app.query_params["group"]
    assert "0 of 10 runs: 10 queued" in "\n".join(str(p.proto.text) for p in app.get("progress"))
    table = next(d.value for d in app.dataframe if "Seed 0" in d.value)
    assert list(table["Forget set"]) == ["class:5", "random:100"] * 2 + ["class:5"]
    assert set(table["Seed 1"]) == {"… queued"}
    # The same choice again makes nothing.
    assert label(app, "queue_sweep") == "Show it" and "10 of 10 runs are done or on their way" in texts(app)
    app.get_by_key("queue_sweep").click().run()
    assert len(list_runs(home)) == 10


def test_a_link_shows_results_as_they_come_and_queues_the_rest(home: Home, no_processes: list[Home]) -> None:
    specs = expand(SWEEP).runs
    remember(SWEEP, home)
    write(home, "done", specs[0])
    write(home, "broken", specs[1], state="failed")
    write(home, "running", specs[2], state="running")
    app = open_page("sweep.py", group="mine")
    table = next(d.value for d in app.dataframe if "Seed 0" in d.value)
    after = open_run(home, "done").result()["metrics"]["after"]
    first = table.iloc[0]
    assert first["Seed 0"] == f"✓ {100 * after['forget_acc']:.1f} %" and first["Seed 1"] == "✗ failed"
    assert first["Unseen"] == f"{100 * after['test_acc_retained']:.1f} %" and first["Done"] == "1/2"
    assert table.iloc[1]["Seed 0"].startswith("▶ ") and table.iloc[1]["Seed 1"] == "not queued"
    assert label(app, "queue_rest") == "Queue the 8 that are missing"
    app.get_by_key("queue_rest").click().run()
    assert not app.exception, app.exception
    states = {row.run_id: row.state for row in list_runs(home)}
    assert states["broken"] == "queued" and states["done"] == "succeeded" and len(states) == 10
    assert {row.group for row in list_runs(home)} == {"mine"}


def test_runs_of_another_group_count_and_the_comparison_names_them(home: Home) -> None:
    specs = expand(SWEEP).runs
    remember(SWEEP, home)
    write(home, "own", specs[0])
    app = open_page("sweep.py", group="mine")
    links = [link.proto.query_string for link in app.get("page_link")]
    assert "group=mine" in links
    write(home, "others", dataclasses.replace(specs[1], group="theirs"))
    app = open_page("sweep.py", group="mine")
    assert any("runs=own%2Cothers" in link.proto.query_string for link in app.get("page_link"))


def test_a_run_of_another_machine_is_marked(home: Home) -> None:
    specs = expand(SWEEP).runs
    remember(SWEEP, home)
    usual = {"hardware": {"device": "cpu", "name": "A", "threads": 2}, "versions": {"torch": "2.8"}}
    for name, spec in zip(("one", "two", "three"), specs, strict=False):
        write(home, name, spec, result=usual if name != "two" else usual | {"versions": {"torch": "2.7"}})
    app = open_page("sweep.py", group="mine")
    table = next(d.value for d in app.dataframe if "Seed 0" in d.value)
    assert table.iloc[0]["Seed 1"].endswith(" ≠") and "≠" not in table.iloc[0]["Seed 0"] + table.iloc[1]["Seed 0"]
    assert "two: torch 2.7 instead of 2.8" in texts(app)


def test_hyper_parameters_vary_for_the_method_that_has_them(home: Home) -> None:
    app = small(open_page("sweep.py"))
    change(app, "vary", [("contrastive", "temperature")])
    assert "give at least one value" in texts(app)
    change(app, "vary.contrastive.temperature", "0.3, 0.7")
    assert label(app, "queue_sweep") == "Queue 14 runs"
    change(app, "vary.contrastive.temperature", "-3")
    assert "temperature" in texts(app) and not app.get("queue_sweep")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("seeds", "one", "not a whole number"),
        ("forget", "all", "forget.select"),
        ("methods", [], "at least one method"),
    ],
)
def test_a_list_that_cannot_be_used_is_told(home: Home, field: str, value: object, said: str) -> None:
    assert said in texts(change(open_page("sweep.py"), field, value))


def test_all_that_fit_are_chosen_with_one_click(home: Home) -> None:
    app = change(open_page("sweep.py"), "methods", ["retrain"])
    change(app, "forget", "random:50")
    app.get_by_key("all_that_fit").click().run()
    chosen = app.get_by_key("sweep:methods").value
    assert "contrastive" in chosen and "unsir" not in chosen and "boundary_shrink" not in chosen


def test_an_earlier_run_can_be_the_base(home: Home) -> None:
    write(home, "earlier", dataclasses.replace(expand(SWEEP).runs[0], group=""))
    app = change(open_page("sweep.py"), "kind", "run")
    assert (
        app.get_by_key("sweep:methods").value == ["contrastive"] and app.get_by_key("sweep:forget").value == "class:5"
    )
    assert label(app, "queue_sweep") == "Show it", "this very run has been made"
    change(app, "methods", ["contrastive", "retrain"])
    assert label(app, "queue_sweep") == "Queue 1 run"


def test_an_address_that_names_no_sweep_says_so(home: Home) -> None:
    assert "No sweep named 'nobody'" in texts(open_page("sweep.py", group="nobody"))
    assert recall(home, "nobody") is None
    assert submission.binned(home) == []
