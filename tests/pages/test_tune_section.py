"""Tuning on the sweep page: from a choice to queued trials, their table and picture, and the way to the launch form."""

from __future__ import annotations

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from cu_core.analysis.tuning import trial_sampling
from cu_core.analysis.tuning.trial_results import best_of, trials_of
from cu_core.analysis.tuning.tuned_record import recipe_of
from cu_core.analysis.tuning.tuning_plan import stored_tunings
from cu_core.base.home import Home
from cu_core.catalogue.named_recipes import keep_recipe, recipes_of
from cu_core.jobs import dispatcher
from cu_core.runstore.reader import list_runs, open_run
from pages._sweep import tune_form
from tests.pages.page_helpers import open_page, texts
from tests.tuned_runs import planned, write_trial


@pytest.fixture(autouse=True)
def no_processes(monkeypatch: pytest.MonkeyPatch) -> list[Home]:
    """Keeps the page from starting processes; lists the homes whose dispatcher was asked for."""
    asked: list[Home] = []
    monkeypatch.setattr(dispatcher, "ensure_dispatcher", lambda where: asked.append(where) or True)
    monkeypatch.setattr(tune_form, "draw_beside", trial_sampling.draw_trials)
    return asked


def change(app: AppTest, key: str, value: object) -> AppTest:
    app.get_by_key(f"tune:{key}").set_value(value).run()
    assert not app.exception, app.exception
    return app


def test_one_click_queues_the_same_number_of_trials_of_each_method(home: Home, no_processes: list[Home]) -> None:
    app = open_page("sweep.py")
    assert "Tuned on class:6 with seed 10, beside 3 retrained models; kept for results: class:5 with seed 0" in texts(
        app
    )
    change(app, "methods", ["ssd", "finetune"])
    change(app, "trials", 3)
    button = app.get_by_key("queue_tuning")
    assert button.label == "Queue 6 trials"
    button.click().run()
    assert not app.exception, app.exception
    rows = list_runs(home)
    assert len(rows) == 6 and {row.state for row in rows} == {"queued"} and home in no_processes
    assert {(row.forget, row.seed) for row in rows} == {("class:6", 10)}
    assert sorted(row.method for row in rows) == ["finetune"] * 3 + ["ssd"] * 3
    assert set(stored_tunings(home)) == {"ssd-digits-tiny-cnn-class", "finetune-digits-tiny-cnn-class"}
    assert "0 of 3 trials over" in "\n".join(str(p.proto.text) for p in app.get("progress"))
    # The same choice again makes nothing.
    app.get_by_key("queue_tuning").click().run()
    assert len(list_runs(home)) == 6


def test_bad_choices_are_told_and_nothing_is_queued(home: Home) -> None:
    app = change(open_page("sweep.py"), "seed", 0)
    assert "is the seed of what is reported" in texts(app) and not app.get("queue_tuning")
    change(app, "seed", 10)
    assert "is the forget set that is reported" in texts(change(app, "on", "class:5"))
    assert list_runs(home) == []


def test_a_tuning_is_shown_with_its_table_and_picture_and_its_values_go_to_the_launch_form(home: Home) -> None:
    tuning = planned(home)
    for number, rounds in ((1, 5), (2, 2)):
        write_trial(home, tuning, number, rounds=rounds)
    app = open_page("sweep.py", tuning=tuning.name)
    table = next(d.value for d in app.dataframe if "Distance" in d.value)
    assert list(table["State"]) == ["succeeded", "succeeded", "not queued"]
    best = best_of(trials_of(tuning, home))
    assert best is not None and table["Trial"][best.number - 1] == f"{best.number} ★"
    assert app.get("plotly_chart") and "use_tuned" not in [b.key for b in app.button]
    app.get_by_key("queue_trials").click().run()
    (waiting,) = [row for row in list_runs(home) if row.state == "queued"]
    assert waiting.group == tuning.group


def test_values_of_a_tuning_that_is_over_become_a_recipe_and_the_form(home: Home) -> None:
    tuning = planned(home, trials=2)
    write_trial(home, tuning, 1)
    write_trial(home, tuning, 2, state="failed")
    app = open_page("sweep.py", tuning=tuning.name)
    table = next(d.value for d in app.dataframe if "Distance" in d.value)
    assert table["Why"][1] and table["State"][1] == "failed"
    app.get_by_key("use_tuned").click().run()
    assert not app.exception, app.exception
    recipe = recipes_of(home)[tuning.name]
    assert recipe.values == tuning.values[0] and recipe.budget["failed"] == 1
    assert app.title[0].value == "Launch"
    assert app.session_state["new:method.id"] == "ssd" and app.session_state["new:method.ssd.alpha"] == 30.0
    assert app.session_state["new:seed"] == 0 and app.session_state["new:forget.classes"] == ["five"]
    assert app.session_state["tuned_recipe"] == tuning.name
    # On what it was tuned on it is refused.
    app.switch_page("launch.py").run()
    app.get_by_key("new:forget.classes").set_value(["six"])
    app.get_by_key("new:seed").set_value(10)
    app.run()
    before = len(list_runs(home))
    next(b for b in app.button if str(b.key).startswith("launch_")).click().run()
    assert "best of its trials" in texts(app) and len(list_runs(home)) == before


def test_a_name_that_nobody_tuned_is_told(home: Home) -> None:
    assert "No tuning named 'nobody' was begun here" in texts(open_page("sweep.py", tuning="nobody"))


def test_a_sweep_starts_from_a_recipe_and_not_on_what_it_was_tuned_on(home: Home) -> None:
    tuning = planned(home, trials=1)
    write_trial(home, tuning, 1)
    keep_recipe(dataclasses.replace(recipe_of(tuning, trials_of(tuning, home)), values={"alpha": 77.0}), home)
    app = open_page("sweep.py")
    for key, value in (("methods", ["ssd"]), ("seeds", "0"), ("forget", "class:6"), ("recipes", [tuning.name])):
        app.get_by_key(f"sweep:{key}").set_value(value).run()
    app.get_by_key("queue_sweep").click().run()
    assert not app.exception, app.exception
    (queued,) = [row for row in list_runs(home) if row.state == "queued"]
    assert open_run(home, queued.run_id).spec.method.params.alpha == 77.0
    app.get_by_key("sweep:seeds").set_value("10").run()
    assert "best of its trials" in texts(app) and not app.get("queue_sweep")
