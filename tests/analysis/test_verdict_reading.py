"""Verdicts as they are read back: in every list, table and text; older and damaged ones do no harm."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import logit

from cu_core.analysis.compare.columns import COLUMNS, columns_named, default_columns
from cu_core.analysis.compare.formats import as_json, cell_text, frame
from cu_core.analysis.compare.lines import lines_of, summary
from cu_core.analysis.compare.reading import read_run, read_runs
from cu_core.analysis.compare.table import make_table
from cu_core.analysis.exports.model_card import model_card
from cu_core.analysis.report.comparison_report import report_of
from cu_core.analysis.report.document import html_of
from cu_core.analysis.standing_out import score_of, standing_out
from cu_core.analysis.verdict_reading import (
    few_references,
    heading_of_test,
    verdict_line,
    verdict_of,
    why_no_verdict,
    worst_first,
)
from cu_core.base.errors import BadInput
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.question_record import QUESTIONS, STATES
from cu_core.catalogue.verdict_states import SHAPES, several_rank, several_words, state_words
from cu_core.cli.output import print_result
from cu_core.python.python_run import Run
from cu_core.runstore import layout
from cu_core.runstore.reader import list_runs, open_run
from tests.analysis.runs_in_memory import run_of, spec_of
from tests.madeup import MadeUp, write_run
from tests.madeup_claims import madeup_claim, madeup_verdict

EIGHT = tuple(range(8))


def with_verdict(home: Home, state: str, run_id: str = "madeup-1", references: int = 8) -> Run:
    made = MadeUp(references=EIGHT[:references], result={"verdict": madeup_verdict(state, references=references)})
    return Run(home, write_run(home, run_id, made))


@pytest.mark.parametrize("state", STATES)
def test_lists_texts_and_python_tell_the_state(home: Home, state: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = with_verdict(home, state)
    assert list_runs(home)[0].verdict == state
    assert run.verdict == madeup_verdict(state)
    assert run.figure("verdict").data
    print_result(run.result or {})
    assert f"verdict: {STATES[state]}. In short it is {state}." in capsys.readouterr().out
    card = model_card(read_run(run.view), spec_hash="x", loadable=False)
    assert f"**Verdict: {STATES[state]}.** In short it is {state}" in card
    assert "It rests on 8 models retrained" in card
    assert "such as those with many shadow models, were not made" in card
    shadows = {"over_shadows": {"ulira": {"p": 0.01, "area": 0.6}, "before": {"p": 0.01, "area": 0.9}, "models": 16}}
    path = run.view.run_dir / layout.RESULT
    write_json(path, read_json(path) | {"deep_audit": shadows})
    deep = model_card(read_run(run.view), spec_hash="x", loadable=False)
    assert "were not made" not in deep and "unlearned by the same method: " in deep


def test_older_runs_have_none_anywhere(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(home, write_run(home))
    assert (list_runs(home)[0].verdict, run.verdict, verdict_of(run.result)) == ("", None, None)
    print_result(run.result or {})
    assert "verdict" not in capsys.readouterr().out
    assert "Verdict" not in model_card(read_run(run.view), spec_hash="x", loadable=False)
    assert "verdict" not in default_columns([read_run(run.view)])
    with pytest.raises(BadInput, match="no verdict"):
        run.figure("verdict")


@pytest.mark.parametrize(
    "stored",
    [None, [], "differs", {}, {"state": None}, {"state": "fine"}, {"state": ["differs"]}],
    ids=lambda value: json.dumps(value),
)
def test_what_is_no_verdict_is_read_as_none(stored: Any) -> None:
    assert verdict_of({"verdict": stored}) is None


def test_missing_parts_are_filled_and_unknown_questions_kept() -> None:
    claims = [{"id": "newer", "state": "differs", "tests": [{"title": "t"}, None]}, None, {"id": "x", "state": "odd"}]
    found = verdict_of({"verdict": {"state": "differs", "claims": claims}})
    assert found is not None and [claim["id"] for claim in found["claims"]] == ["newer"]
    (claim,) = found["claims"]
    assert claim["applies"] and claim["tests"][0]["references"] == [] and claim["sentence"] == ""
    assert verdict_line(found) == "Differs. "


def test_a_run_with_a_damaged_verdict_is_known_as_damaged(home: Home) -> None:
    write_run(home, made=MadeUp(result={"verdict": {"state": "differs", "claims": [{"tests": [{"value": "x"}]}]}}))
    assert open_run(home, "madeup-1").result() is None


def test_what_differs_comes_first_and_what_does_not_apply_last() -> None:
    claims = [
        madeup_claim("a", "no-difference-found"),
        madeup_claim("b", "differs", applies=False),
        madeup_claim("c", "cannot-tell"),
        madeup_claim("d", "differs"),
        madeup_claim("e", "cannot-tell"),
    ]
    assert [claim["id"] for claim in worst_first(claims)] == ["d", "c", "e", "a", "b"]


def test_shapes_are_unlike_and_sort_from_worst_to_best() -> None:
    assert len(set(SHAPES.values())) == len(STATES) and list(SHAPES) == list(STATES)
    words = [state_words(state) for state in STATES]
    assert words == sorted(words) and all(STATES[s] in w for s, w in zip(STATES, words, strict=True))
    assert state_words("") == ""


def test_several_runs_have_the_worst_state_and_its_count() -> None:
    some, more = ["differs", "no-difference-found", ""], ["differs", "differs", "cannot-tell"]
    assert several_words(some) == "▲ Differs (1 of 3)" and several_words(["cannot-tell"]) == "◆ Cannot tell"
    assert several_words(["", ""]) == "" and several_rank([""]) is None
    ranks = [several_rank(states) for states in (["differs"], more, some, ["cannot-tell"] * 2, ["no-difference-found"])]
    assert ranks == sorted(ranks, key=lambda rank: -1.0 if rank is None else rank) and len(set(ranks)) == 5


@pytest.mark.parametrize(
    ("state", "references", "wanted", "demo", "words", "clone"),
    [
        ("running", 8, True, False, "comes at the end", False),
        ("running", 1, True, False, "needs 5 references, and the run asks for 1 reference", False),
        ("running", 8, False, False, "switched off", False),
        ("failed", 8, True, False, "it is", False),
        ("succeeded", 8, True, False, "unlearnscope verdict RUN", False),
        ("succeeded", 8, False, False, "switched off", False),
        ("succeeded", 0, True, False, "ask for 5 references or more", True),
        ("succeeded", 4, True, False, "With 4 references", True),
        ("succeeded", 8, True, True, "Clone the run to get one", True),
    ],
)
def test_why_there_is_none_and_what_to_do(
    state: str, references: int, wanted: bool, demo: bool, words: str, clone: bool
) -> None:
    found = why_no_verdict("RUN", state, references, wanted=wanted, demo=demo)
    said = f"{found.reason} {found.what}".replace("the run is", "it is")
    assert words in said and found.clone == clone


@pytest.mark.parametrize(("references", "few"), [(1, True), (4, True), (5, False), (8, False)])
def test_a_verdict_that_lacks_references_says_to_ask_for_five(references: int, few: bool) -> None:
    found = verdict_of({"verdict": madeup_verdict("cannot-tell", references=references)})
    assert found is not None
    hint = few_references(found)
    assert (hint is not None) == few and (hint is None or "5 references or more" in hint.what)


def test_the_column_of_a_comparison() -> None:
    states = ["no-difference-found", "differs", "cannot-tell"]
    runs = [run_of(spec_of(seed=k), result={"verdict": madeup_verdict(s)}) for k, s in enumerate(states)]
    runs.append(run_of(spec_of(seed=3)))
    assert default_columns(runs)[0] == "verdict" and "verdict" not in default_columns(runs[3:])
    column = COLUMNS["verdict"]
    each = [summary(line, column, "loss") for line in lines_of(runs, over_seeds=False)]
    assert [cell_text(column, cell) for cell in each] == [*map(state_words, states), "n/a"]
    assert each[3].why == ("no verdict was made",)
    table = make_table(runs, columns_named(["verdict", "forget_acc"]), attack="loss", over_seeds=True)
    assert cell_text(column, table.rows[0].cells["verdict"]) == "▲ Differs (1 of 4)"
    assert as_json(table)["rows"][0]["cells"]["verdict"] == {"states": [*states, None], "n": 3}
    assert frame(table)["verdict"].tolist()[0] == " ".join([*states, "none"])
    off = run_of(spec_of(seed=4))
    off = replace(off, spec=dict(off.spec) | {"audit": {"verdict": False}})
    assert column.read(off, "loss").why == "no verdict was made: it was switched off"


def test_the_report_tells_states_and_sentences(home: Home) -> None:
    with_verdict(home, "differs", "first")
    write_run(home, "older", MadeUp(references=EIGHT))
    runs, problems = read_runs(home, ["first", "older"])
    assert problems == []
    text = html_of(report_of(runs, home, title="t", over_seeds=False))
    assert "▲ Differs" in text and "In short it is differs." in text and "Of 8 retrained models" in text
    assert "No verdict." in text and all(question.title in text for question in QUESTIONS.values())


def test_forget_samples_that_stand_out_are_those_farthest_from_the_references(home: Home) -> None:
    write_run(home, made=MadeUp(references=EIGHT[:3]))
    view = open_run(home, "madeup-1")
    forget = np.flatnonzero((view.probe()["group"] == "forget").to_numpy())

    def score(loss: np.ndarray) -> np.ndarray:
        return np.asarray(np.clip(logit(np.exp(-np.asarray(loss, np.float64)).clip(1e-14, 1 - 1e-13)), -30, 30))

    off = score(view.array(5, "loss")) - np.mean([score(view.reference_array(s, "loss")) for s in range(3)], axis=0)
    for side, size in (("high", off), ("low", -off), ("both", abs(off))):
        found = standing_out(view, 7, side)
        assert sorted(size[found].round(6)) == sorted(np.sort(size[forget])[::-1][:7].round(6))
        assert set(found) <= set(forget) and list(size[found]) == sorted(size[found], reverse=True)
    assert len(standing_out(view, 1000)) == len(forget)


def test_scores_are_log_odds_and_stay_finite() -> None:
    loss = np.array([1e-4, 0.5, np.log(2), 3.0])
    np.testing.assert_allclose(score_of(loss, encoder=False), logit(np.exp(-loss)), rtol=1e-9)
    assert np.isfinite(score_of(np.array([0.0, 1e3]), encoder=False)).all()
    np.testing.assert_array_equal(score_of(loss, encoder=True), -loss)


def test_nothing_stands_out_without_references(home: Home, tmp_path: Path) -> None:
    write_run(home, made=MadeUp(references=()))
    assert len(standing_out(open_run(home, "madeup-1"), 5)) == 0


def test_a_test_is_headed_by_what_it_measures_and_its_unit() -> None:
    titles = {unit: heading_of_test({"title": "Margin", "unit": unit}) for unit in ("of log-odds", "(share)", "")}
    assert list(titles.values()) == ["Margin, in log-odds", "Margin (share)", "Margin"]


def test_a_deep_audit_is_not_asked_for_more_references() -> None:
    found = why_no_verdict("RUN", "succeeded", 1, deep=True)
    assert not found.clone and not found.what and "run it audits" in found.reason
