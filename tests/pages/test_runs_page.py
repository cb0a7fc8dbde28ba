"""The list of runs and the page of a single run."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from scipy.stats import binomtest

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.jobs import submission
from cu_core.runstore import layout
from cu_core.runstore.reader import list_runs, open_run
from pages._run.run_results import OWN
from pages._runs import runs_table
from pages._shared import run_curves
from tests.madeup import MadeUp, finish, write_run
from tests.pages.page_helpers import open_page, texts


@pytest.fixture
def two_runs(home: Home) -> Home:
    write_run(home, "class-run", MadeUp(seed=1, demo=True))
    write_run(home, "sample-run", MadeUp(select="random:40", seed=2, state="failed", references=()))
    return home


def table(app):
    return app.dataframe[0].value.set_index("run")


def test_an_empty_home_offers_a_launch(home: Home) -> None:
    app = open_page("runs.py")
    assert "No runs yet" in texts(app)
    assert not app.dataframe


def test_a_link_to_a_run_that_names_the_list_opens_the_run(two_runs: Home) -> None:
    app = open_page("runs.py", run="sample-run")
    assert app.title[0].value == "Run"
    assert app.selectbox(key="picked_run").value == "sample-run"


def test_every_run_has_a_line_with_its_state_and_metrics(two_runs: Home) -> None:
    rows = table(open_page("runs.py"))
    result = open_run(two_runs, "class-run").result()
    assert set(rows.index) == {"class-run", "sample-run"}
    assert list(rows.loc["class-run", "state"]) == ["succeeded"]
    assert rows.loc["class-run", "progress"] == 1.0
    assert rows.loc["class-run", "title"].startswith("demo · ")
    assert rows.loc["class-run", "forget_acc"] == pytest.approx(100 * result["metrics"]["after"]["forget_acc"])
    assert rows.loc["class-run", "mia_auc"] == pytest.approx(0.5)
    last = open_run(two_runs, "sample-run").manifest(5)["metrics"]
    assert rows.loc["sample-run", "retain_acc"] == pytest.approx(100 * last["retain_acc"])
    assert (rows.loc["sample-run", "forget"], rows.loc["sample-run", "seed"]) == ("random:40", 2)


def test_search_and_state_filter_narrow_the_list(two_runs: Home) -> None:
    app = open_page("runs.py")
    app.text_input(key="q").set_value("RANDOM digits").run()
    assert list(table(app).index) == ["sample-run"]
    app.text_input(key="q").set_value("").run()
    app.get_by_key("state").set_value(["succeeded"]).run()
    assert list(table(app).index) == ["class-run"]
    app.text_input(key="q").set_value("nothing like it").run()
    assert "No run matches" in texts(app)


def test_a_long_list_shows_the_latest_and_finds_the_others(two_runs: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    latest, other = (row.run_id for row in list_runs(two_runs))
    monkeypatch.setattr(runs_table, "MOST_LISTED", 1)
    app = open_page("runs.py")
    assert list(table(app).index) == [latest]
    assert "2 of 2 runs. The latest 1 are listed; a search finds the others." in texts(app)
    app.text_input(key="q").set_value(other).run()
    assert list(table(app).index) == [other]
    assert "are listed" not in texts(app)


def test_ticked_runs_are_compared_in_one_chart(two_runs: Home) -> None:
    app = open_page("runs.py")
    assert not app.get("plotly_chart")
    app.session_state["compared"] = ["class-run", "sample-run"]
    app.run()
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    names = {trace.get("name") for trace in figure["data"]}
    assert sum(name is not None and "seed 1" in name for name in names) == 1
    assert sum(name is not None and "seed 2" in name for name in names) == 1


def test_a_run_in_the_address_opens_that_run(two_runs: Home) -> None:
    app = open_page("runs.py", run="sample-run")
    assert app.title[0].value == "Run"
    assert app.selectbox(key="picked_run").value == "sample-run"


def test_the_way_back_from_a_run_ends_at_the_list(two_runs: Home) -> None:
    app = open_page("run.py", run="sample-run")
    # The browser's entry of the list says the run as well, because the list was left for it.
    app.switch_page("runs.py")
    app.query_params["run"] = "sample-run"
    app.run()
    assert app.title[0].value == "Runs"


@pytest.mark.parametrize("run_id", ["class-run", "sample-run"])
def test_a_new_session_shows_the_run_of_the_address(two_runs: Home, run_id: str) -> None:
    for page in ("run.py", "drift.py", "confidence.py"):
        app = open_page(page, run=run_id)
        assert app.selectbox(key="picked_run").value == run_id
        assert app.query_params["run"] == run_id


def test_picking_another_run_changes_the_address(two_runs: Home) -> None:
    app = open_page("run.py", run="class-run")
    app.selectbox(key="picked_run").set_value("sample-run").run()
    assert app.query_params["run"] == "sample-run"
    assert "invented failure" in texts(app)
    # The sidebar's links carry no run; the session remembers it.
    del app.query_params["run"]
    app.switch_page("drift.py").run()
    assert app.query_params["run"] == "sample-run"


@pytest.mark.parametrize(
    ("page", "wrong"),
    [("run.py", "nosuch"), ("run.py", "../etc/passwd"), ("run.py", "A B"), ("drift.py", "x/y"), ("confidence.py", "x")],
)
def test_a_wrong_address_is_said_in_words(two_runs: Home, page: str, wrong: str) -> None:
    app = open_page(page, run=wrong)
    assert len(app.warning) == 1
    assert app.selectbox(key="picked_run").value is None


def test_an_encoders_run_says_where_its_accuracies_come_from_and_shows_its_signals(home: Home) -> None:
    write_run(home, "encoder", MadeUp(objective="moco", select="random:40"))
    app = open_page("run.py", run="encoder")
    table = app.dataframe[0].value.set_index("Metric")
    assert {"Forget accuracy (kNN)", "Linear evaluation", "Two-view cosine, unseen"} <= set(table.index)
    assert "kNN: an encoder's class" in texts(app)
    alt = app.get("plotly_chart")[0].proto.alt
    app.segmented_control(key="curve_kind").set_value("Signals").run()
    assert "in nats" in texts(app) and "kNN: an encoder's class" not in texts(app)
    assert "accuracy (kNN) from" in alt and "two-view cosine, forget from" in app.get("plotly_chart")[0].proto.alt


def test_a_classifiers_run_has_no_metrics_of_encoders(two_runs: Home) -> None:
    app = open_page("run.py", run="class-run")
    shown = texts(app)
    assert "(kNN)" not in " ".join(app.dataframe[0].value["Metric"]) and "Linear evaluation" not in shown


def test_a_finished_run_shows_before_after_and_reference(home: Home) -> None:
    write_run(home, "three-seeds", MadeUp(references=(0, 1, 2)))
    app = open_page("run.py", run="three-seeds")
    result = open_run(home, "three-seeds").result()
    shown = app.dataframe[0].value.set_index("Metric")
    mean, _ = result["reference_band"]["retain_acc"]
    after = result["metrics"]["after"]["retain_acc"]
    line = shown.loc["Retain accuracy"]
    assert line["After"] == f"{100 * after:.1f} %"
    assert line["Reference"] == f"{100 * mean:.1f} %"
    assert line["Difference"] == f"{100 * (after - mean):+.1f} points"
    assert line["95 % band"] == "98.4 to 100.0 %*", "a share ends at 100 %"
    assert not shown["95 % band"].str.contains("-").any(), "nor is there any below 0"
    assert shown["In band?"].str.fullmatch(r"inside|–|(> )?[\d.]+ × (above|below)").all()
    outside = shown["In band?"].str.contains("×").tolist()
    assert outside == sorted(outside, reverse=True) and 0 < sum(outside) < len(outside), "those outside come first"
    coloured = re.findall(r"row(\d+)_col0\b", app.dataframe[0].proto.arrow_data.styler.styles)
    assert sorted(map(int, coloured)) == list(range(sum(outside)))
    assert f"{len(outside) - shown['In band?'].eq('–').sum()} rows have a band, {sum(outside)} lie" in texts(app)
    low, high = binomtest(round(40 * result["metrics"]["after"]["forget_acc"]), 40).proportion_ci(method="wilson")
    assert shown.loc["Forget accuracy", OWN] == f"{100 * low:.1f} to {100 * high:.1f} %"
    assert "5 rounds" in texts(app)
    assert "Training 4.0 s by the clock · Unlearning 1.0 s by the clock · Evaluation 0.6 s" in texts(app)
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert any("Reference" in (trace.get("name") or "") for trace in figure["data"])


def test_a_run_without_reference_says_how_to_get_one(home: Home) -> None:
    write_run(home, "lonely", MadeUp(references=()))
    app = open_page("run.py", run="lonely")
    assert "Reference" not in app.dataframe[0].value
    assert "No reference was retrained" in texts(app)


def test_the_table_says_which_samples_it_is_measured_on(two_runs: Home) -> None:
    run_dir = two_runs.runs / "class-run"
    result = read_json(run_dir / layout.RESULT)
    write_json(run_dir / layout.RESULT, result | {"counts": {"forget": 65, "retain": 1167, "unseen": 500}})
    shown = texts(open_page("run.py", run="class-run"))
    assert "Measured on 65 forget, 1,167 retain, 500 unseen samples: all but those" in shown


def test_a_failure_is_shown_with_cause_and_hint_and_can_be_resumed(two_runs: Home) -> None:
    app = open_page("run.py", run="sample-run")
    assert "invented failure" in [e.value for e in app.error]
    assert "none" in [i.value for i in app.info]
    app.button(key="resume").click().run()
    assert open_run(two_runs, "sample-run").state == "queued"
    assert "Waiting for a free place" in texts(app)


def test_a_running_run_shows_its_progress_and_can_be_cancelled(home: Home) -> None:
    run_dir = write_run(home, "at-work", MadeUp(state="running", references=()))
    events = run_dir / "attempt-1" / layout.EVENTS
    event = {"t": 0, "phase": "unlearn", "done": 3, "total": 12, "seconds_left": 75.0, "metrics": None, "message": "x"}
    events.write_text(json.dumps(event) + "\n")
    app = open_page("run.py", run="at-work")
    assert app.progress[0].value == 25
    # The stopping rule may be met before the last round.
    assert app.progress[0].text == "**Unlearning** · at most about 1 min 15 s left"
    for seconds, words in ((75.0, "about 1 min 15 s left"), (0.2, "nearly done")):
        events.write_text(json.dumps(event | {"phase": "reference", "seconds_left": seconds}) + "\n")
        app.run()
        assert app.progress[0].text == f"**Retraining the reference** · {words}"
    # A rule that compares with references has them trained before the first round.
    shutil.rmtree(run_dir / "rounds")
    events.write_text(json.dumps(event | {"phase": "reference"}) + "\n")
    app.run()
    assert app.progress[0].text == "**Retraining the reference** · at most about 1 min 15 s left"
    assert not [b for b in app.button if b.key == "delete"]
    app.button(key="cancel").click().run()
    assert (run_dir / layout.CANCEL).exists()


def test_progress_turns_into_the_result_when_the_run_ends(home: Home) -> None:
    run_dir = write_run(home, "at-work", MadeUp(state="running"))
    twin = write_run(home, "finished", MadeUp())
    app = open_page("run.py", run="at-work")
    assert app.progress and not app.dataframe
    write_json(run_dir / layout.RESULT, read_json(twin / layout.RESULT))
    finish(run_dir, "succeeded")
    app.run()
    assert app.dataframe and not app.progress


def test_all_who_watch_a_run_share_its_curves_until_they_change(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    whole = run_curves.curves
    monkeypatch.setattr(run_curves, "curves", lambda *given: built.append(given) or whole(*given))
    # A name of its own: no other test draws these curves.
    folder = write_run(home, "watched", MadeUp(rounds=3, spec={"name": "Watched by a class"}))
    first, second = (open_page("run.py", run="watched").get("plotly_chart")[0].proto.spec for _ in range(2))
    assert len(built) == 1 and first == second
    path = folder / "rounds" / "3" / layout.MANIFEST
    manifest = read_json(path)
    write_json(path, manifest | {"metrics": manifest["metrics"] | {"test_acc_retained": 0.5}})
    assert open_page("run.py", run="watched").get("plotly_chart")[0].proto.spec != first and len(built) == 2


def test_a_deleted_run_can_be_brought_back_at_once(two_runs: Home) -> None:
    app = open_page("run.py", run="sample-run")
    app.button(key="delete").click().run()
    assert app.title[0].value == "Runs"
    assert [row.run_id for row in list_runs(two_runs)] == ["class-run"]
    # A visitor is on that page now; AppTest has to be told.
    app.switch_page("runs.py").run()
    app.button(key="undo_delete").click().run()
    assert {row.run_id for row in list_runs(two_runs)} == {"class-run", "sample-run"}
    assert app.query_params["run"] == "sample-run"


def test_the_bin_restores_and_empties(two_runs: Home) -> None:
    submission.delete(two_runs, "sample-run")
    submission.delete(two_runs, "class-run")
    app = open_page("runs.py")
    app.session_state["bin_box"] = True
    app.run()
    app.button(key="restore_sample-run").click().run()
    assert [row.run_id for row in list_runs(two_runs)] == ["sample-run"]
    app.session_state["bin_box"] = True
    app.run()
    app.button(key="empty_bin").click().run()
    assert submission.binned(two_runs) == []


def test_the_log_is_shown_on_demand(two_runs: Home) -> None:
    app = open_page("run.py", run="sample-run")
    assert [code.value for code in app.code] == ["sample-run"], "its id, to copy"
    app.session_state["log_box"] = True
    app.run()
    assert [code.value for code in app.code] == ["sample-run", "made up"]


def test_clone_leads_to_the_filled_form(two_runs: Home) -> None:
    app = open_page("run.py", run="sample-run")
    app.button(key="clone").click().run()
    assert app.title[0].value == "Launch"
    assert app.session_state["new:forget.count"] == 40


def test_a_damaged_run_does_not_hide_the_others(two_runs: Home) -> None:
    (two_runs.runs / "class-run" / layout.SPEC).write_text("{")
    shutil.rmtree(two_runs.runs / "sample-run" / "rounds" / "2")
    rows = table(open_page("runs.py"))
    assert set(rows.index) == {"class-run", "sample-run"}
    app = open_page("run.py", run="class-run")
    assert "spec.json" in texts(app)
    app.button(key="delete_damaged").click().run()
    assert [row.run_id for row in list_runs(two_runs)] == ["sample-run"]


def test_what_can_be_taken_out_is_offered_and_made_apart(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(home, "class-run", MadeUp(rounds=1, audited=0))
    asked = []
    monkeypatch.setattr("pages._run.run_takeout.start_takeout", lambda home, run_id, what: asked.append((run_id, what)))
    app = open_page("run.py", run="class-run")
    app.session_state["takeout_box"] = True
    app.run()
    assert not app.exception, app.exception
    app.selectbox(key="takeout_model").select("before").run()
    app.button(key="takeout_make").click().run()
    assert not app.exception, app.exception
    app.selectbox(key="takeout_kind").select("samples").run()
    app.button(key="takeout_make").click().run()
    assert [(run_id, what.verb, what.model) for run_id, what in asked] == [
        ("class-run", "weights", "before"),
        ("class-run", "samples", ""),
    ]


def test_copies_and_imported_runs_are_marked(home: Home) -> None:
    run_dir = write_run(home, "class-run", MadeUp(rounds=1, audited=0))
    shutil.copytree(run_dir, home.runs / "class-run-copy")
    info = read_json(run_dir / layout.INFO)
    write_json(run_dir / layout.INFO, info | {"imported": {"t": 1.0, "run_id": "class-run"}})
    rows = table(open_page("runs.py"))
    assert rows.loc["class-run", "title"].startswith("imported · ")
    assert rows.loc["class-run-copy", "title"].startswith("copy of class-run · ")
