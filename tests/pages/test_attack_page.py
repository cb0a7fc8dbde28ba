"""The attack page through the frame, on made-up runs with and without an audit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.spec_recording import AuditSpec
from cu_core.figures.theme import AXIS_TITLE
from cu_core.metrics.questions.strongest_attack import ATTACK
from cu_core.runstore import layout
from cu_core.runstore.reader import open_run
from tests.madeup import MadeUp, finish, write_run
from tests.madeup_claims import madeup_claim, madeup_verdict
from tests.pages.page_helpers import open_page, texts

RANDOM = MadeUp("random:60", counts=(60, 90, 70), audited=120)


def figure(app: AppTest, place: int) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(app.get("plotly_chart")[place].proto.spec)
    return content


def choose(app: AppTest, key: str, value: Any) -> AppTest:
    app.get_by_key(key).set_value(value).run()
    assert not app.exception, app.exception
    return app


def test_transferred_and_refitted_stand_side_by_side_for_every_attack_and_way(home: Home) -> None:
    write_run(home, made=RANDOM)
    attacks = open_run(home, "madeup-1").audit()["attacks"]
    app = open_page("attack.py", run="madeup-1")
    for way in ("transferred", "refitted", "shadow"):
        choose(app, "way", way)
        table = app.dataframe[0].value.set_index("Model and way")
        for title, number in (("After, transferred", "transferred"), ("After, re-fitted", "refitted")):
            value, low, high = attacks["encoder_mi_t"]["after"][number]["accuracy"]
            assert table.loc[title, "Accuracy, %"] == f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"
        assert "transferred," in texts(app) and "re-fitted" in texts(app)
    choose(app, "attack", "loss")
    value = attacks["loss"]["before"]["refitted"]["auc"][0]
    assert app.dataframe[0].value.set_index("Model and way").loc["Before", "AUC"].startswith(f"{value:.2f} (")


def test_the_threshold_starts_at_the_fitted_one_and_decides_live(home: Home) -> None:
    write_run(home, made=RANDOM)
    view = open_run(home, "madeup-1")
    fitted = view.audit()["attacks"]["encoder_mi_t"]["after"]["transferred"]["threshold"]
    app = open_page("attack.py", run="madeup-1")
    (slider,) = app.slider
    assert slider.value == pytest.approx(fitted, abs=(slider.max - slider.min) / 300)
    slider.set_value(slider.max).run()
    decided = app.dataframe[1].value.set_index("At this threshold")
    score, member = view.audit_array("score_encoder_mi_t_after_transferred"), view.audit_array("member")
    judged = score >= slider.max
    assert decided.loc["After, transferred", "Recall"] == pytest.approx(100 * judged[member].mean())
    assert decided.loc["After, transferred", "Accuracy"] == pytest.approx(100 * (judged == member).mean())
    lines = {shape["x0"] for shape in figure(app, 1)["layout"]["shapes"]}
    assert slider.max in lines and fitted in lines


def test_the_way_decides_what_the_panes_show(home: Home) -> None:
    write_run(home, made=RANDOM)
    app = open_page("attack.py", run="madeup-1")

    def shown() -> list[str]:
        return [a["text"] for a in figure(app, 1)["layout"]["annotations"] if a.get("name") != AXIS_TITLE]

    assert shown()[0] == "<b>Before<br>fitted here</b>" and "After<br>transferred" in shown()[1]
    assert "Reference<br>transferred" in shown()[2]
    choose(app, "way", "shadow")
    assert len(shown()) == 2 and "Before<br>shadow model" in shown()[0]
    curves = {(t["meta"]["model"], t["meta"]["way"]) for t in figure(app, 2)["data"] if "meta" in t}
    assert {
        ("before", "refitted"),
        ("after", "transferred"),
        ("after", "refitted"),
        ("reference", "refitted"),
    } <= curves
    assert figure(app, 2)["layout"]["xaxis"]["type"] == "log"
    choose(app, "roc_axis", "linear")
    assert figure(app, 2)["layout"]["xaxis"]["type"] == "linear"


def test_the_images_of_every_verdict_carry_their_ids(home: Home) -> None:
    write_run(home, made=RANDOM)
    view = open_run(home, "madeup-1")
    app = open_page("attack.py", run="madeup-1")
    threshold = app.slider[0].value
    score, member = (view.audit_array(n) for n in ("score_encoder_mi_t_before_refitted", "member"))
    wrong = int((member & (score < threshold)).sum())
    assert f":material/close: Members judged non-members: {wrong}" in texts(app)
    first = str(app.get("html")[0].proto.body)
    surest = int(view.audit_array("sample")[member][score[member].argmax()])
    assert first.count("<img") == 12 and f"train sample {surest}, class" in first.split("<img")[1]
    choose(app, "verdict_order", "closest")
    assert f"train sample {surest}, class" not in str(app.get("html")[0].proto.body).split("<img")[1]


def test_without_a_reference_there_is_no_shadow_and_chance_is_the_target(home: Home) -> None:
    write_run(home, made=MadeUp("random:60", references=(), objective="moco"))
    app = open_page("attack.py", run="madeup-1")
    assert not app.error
    assert "chance is what to aim at" in texts(app)
    assert [a.get("name") for a in figure(app, 1)["layout"]["annotations"]] == [None, None, AXIS_TITLE]
    assert {t["meta"]["model"] for t in figure(app, 0)["data"]} == {"before", "after"}


def test_the_verdicts_own_attacks_stand_beside_those_of_the_page(home: Home) -> None:
    write_run(home, "none", RANDOM)
    assert "The verdict tries attacks of its own" not in texts(open_page("attack.py", run="none"))
    for state in ("differs", "no-difference-found", "cannot-tell"):
        verdict = madeup_verdict(state) | {"claims": [madeup_claim("attack", state)]}
        write_run(home, state, replace(RANDOM, result={"verdict": verdict}))
        said = texts(open_page("attack.py", run=state))
        assert "The verdict tries attacks of its own" in said
        assert (ATTACK.if_differs in said) == (state == "differs")
        assert (ATTACK.if_none in said) == (state == "no-difference-found")


def test_a_run_without_attacks_says_why_and_what_to_do(home: Home) -> None:
    write_run(home, "switched-off", MadeUp(audited=0, spec={"audit": AuditSpec(attacks="none")}))
    old = write_run(home, "old", MadeUp(audited=0))
    whole = read_json(old / layout.RESULT)
    write_json(old / layout.RESULT, {key: value for key, value in whole.items() if key != "attacks"})
    write_run(home, "none", MadeUp(audited=0))
    write_run(home, "cancelled", MadeUp(audited=0, state="cancelled"))
    few = write_run(home, "few", MadeUp(audited=0))
    result = read_json(few / layout.RESULT)
    write_json(few / layout.RESULT, result | {"notes": ["No attack was made: only 3 unseen samples."]})
    assert "asked to leave the attacks out" in texts(open_page("attack.py", run="switched-off"))
    assert "before attacks were part of a run" in texts(open_page("attack.py", run="old"))
    assert "Its result tells of none" in texts(open_page("attack.py", run="none"))
    assert "this one is cancelled" in texts(open_page("attack.py", run="cancelled"))
    assert "only 3 unseen samples" in texts(open_page("attack.py", run="few"))


def test_a_running_run_gets_its_attacks_later(home: Home) -> None:
    run_dir = write_run(home, made=MadeUp(state="running"))
    app = open_page("attack.py", run="madeup-1")
    assert "fills by itself" in texts(app)
    finish(run_dir, "succeeded")
    app.run()
    assert not app.exception and "fills by itself" not in texts(app)
    write_run(home, "without", MadeUp(state="running", spec={"audit": AuditSpec(attacks="none")}))
    said = texts(open_page("attack.py", run="without"))
    assert "asked to leave the attacks out" in said and "fills by itself" not in said


def test_an_attack_that_could_not_be_made_says_why(home: Home) -> None:
    run_dir = write_run(home, made=RANDOM)
    path = run_dir / layout.AUDIT / layout.MANIFEST
    manifest = read_json(path)
    nothing = {name: [None, None, None] for name in ("accuracy", "precision", "recall", "auc", "tpr_at_1_fpr")}
    failed = nothing | {"threshold": None, "thresholds": None, "reason": "The loss was not finite."}
    manifest["attacks"]["loss"]["after"] = {"transferred": failed, "refitted": failed}
    manifest["arrays"] = {k: v for k, v in manifest["arrays"].items() if not k.startswith("score_loss_after")}
    write_json(path, manifest)
    app = choose(open_page("attack.py", run="madeup-1"), "attack", "loss")
    assert "The loss was not finite." in texts(app) and not app.error
