"""The verdict on its own page, at the head of the Run page and in lists, on made-up runs in every state."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cu_core.analysis.standing_out import standing_out
from cu_core.analysis.verdict_reading import answer_state, meaning
from cu_core.base.home import Home
from cu_core.catalogue.question_record import QUESTIONS, STATES
from cu_core.catalogue.spec_recording import AuditSpec
from cu_core.catalogue.verdict_states import state_words
from cu_core.figures.verdict_rows import place_of
from cu_core.runstore.reader import open_run
from pages._verdict.claim_tests import frame_of_tests
from tests.madeup import MadeUp, write_run
from tests.madeup_claims import SETTLED, madeup_claim, madeup_verdict
from tests.pages.page_helpers import open_page, texts

EIGHT = tuple(range(8))
BY_TESTS = [name for name in QUESTIONS if name not in SETTLED]


def write(home: Home, verdict: dict[str, Any], references: int = 8, **changes: Any) -> None:
    made = MadeUp(references=EIGHT[:references], result={"verdict": verdict}, **changes)
    write_run(home, made=made)


def lines(app: AppTest) -> list[str]:
    """What the folded questions say of themselves, then those that do not apply."""
    shown = [one.label for one in app.expander] + [str(one.value) for one in app.markdown]
    return [one for one in shown if any(question.question in one for question in QUESTIONS.values())]


def titled(app: AppTest) -> list[str]:
    """Titles of the questions in the order in which they stand: those under a heading first."""
    headed = [question.id for one in app.header for question in QUESTIONS.values() if one.value == question.title]
    folded = [
        question.id
        for one in lines(app)
        for question in QUESTIONS.values()
        if f"{question.title}: {question.question}" in one
    ]
    return headed + folded


@pytest.mark.parametrize("state", STATES)
def test_the_page_says_each_state_in_words_and_shape_with_its_picture(home: Home, state: str) -> None:
    verdict = madeup_verdict(state)
    write(home, verdict)
    app = open_page("verdict.py", run="madeup-1")
    said = "\n".join([texts(app), *lines(app)])
    assert not app.error and not app.warning
    assert state_words(state) in said and f"In short it is {state}." in said
    assert "8 retrained models" in said and "Of 8 retrained models each was left out" in said
    for claim in verdict["claims"]:
        assert claim["sentence"] in said and claim["notes"][0] in said
        lead, means = meaning(claim, QUESTIONS[claim["id"]])
        assert f"**{lead}** {means}" in said and QUESTIONS[claim["id"]].means_not in said
        assert state_words(claim["state"]) in said
    order = [verdict["claims"][[c["id"] for c in verdict["claims"]].index(name)]["state"] for name in titled(app)]
    assert len(order) == len(QUESTIONS) and order == sorted(order, key=list(STATES).index)
    assert len(app.get("plotly_chart")) == len(BY_TESTS)


def test_what_a_difference_means_stands_as_such_only_where_there_is_one() -> None:
    question = QUESTIONS["unchanged"]
    lead, said = meaning(madeup_claim("unchanged", "differs"), question)
    assert lead == "What it means." and said.startswith("On no group")
    for state in set(STATES) - {"differs"}:
        lead, said = meaning(madeup_claim("unchanged", state), question)
        assert lead == "If it said Differs:" and said.startswith("on no group")
    assert all(one.means.startswith("Differs: ") for one in QUESTIONS.values())


def test_a_question_without_a_difference_is_folded_and_begins_with_what_was_found(home: Home) -> None:
    verdict = madeup_verdict("no-difference-found")
    for claim in verdict["claims"]:
        claim["sentence"] = f"It changed by 0.5 of {claim['id']}. A difference of 0.1 would have been called one."
    write(home, verdict)
    app = open_page("verdict.py", run="madeup-1")
    folded = lines(app)
    assert len(folded) == len(QUESTIONS) and f"{len(QUESTIONS)} questions without a difference" in texts(app)
    for claim, line in zip(verdict["claims"], folded, strict=True):
        found = f"**It changed by 0.5 of {claim['id']}.**"
        assert line.index(answer_state(claim)) < line.index(found)
        # "No difference found. It changed" would contradict itself.
        assert ("In order" in line) == (claim["id"] in SETTLED) == ("No difference found" not in line)
        assert line.index(found) < line.index(QUESTIONS[claim["id"]].question)
        assert "called one" not in line and claim["sentence"] in texts(app)


def test_a_picture_shows_references_model_and_control(home: Home) -> None:
    write(home, madeup_verdict("differs"))
    app = open_page("verdict.py", run="madeup-1")
    drawn = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    names = [trace["name"] for trace in drawn]
    assert names == ["Retrained models", "This model", "Before unlearning"]
    assert drawn[1]["x"][0] == pytest.approx(place_of(5.0))
    assert "This model" in drawn[1]["text"][0] and drawn[1]["marker"]["symbol"] != drawn[2]["marker"]["symbol"]


def test_all_tests_of_a_question_stand_in_a_table(home: Home) -> None:
    write(home, madeup_verdict("differs"))
    app = open_page("verdict.py", run="madeup-1")
    assert len(app.dataframe) == len(BY_TESTS)
    table = app.dataframe[0].value
    assert table["Number"].tolist() == ["Decides: Margin of forget minus unseen samples, in log-odds", "AUC"]
    assert table["This model"].tolist() == ["5", "5"] and table["Retrained, 95 %"].tolist()[0].endswith("1 to 1")
    assert "p of the question, corrected for its tests and for the other questions: 0.0002" in texts(app)


def test_a_question_that_does_not_apply_comes_last_and_says_why(home: Home) -> None:
    verdict = madeup_verdict("differs")
    place = next(k for k, claim in enumerate(verdict["claims"]) if claim["state"] == "differs")
    name = verdict["claims"][place]["id"]
    why = madeup_claim(name, "differs", applies=False, tests=[], sentence="Does not apply: no classes.")
    verdict["claims"][place] = why
    write(home, verdict)
    app = open_page("verdict.py", run="madeup-1")
    assert titled(app)[-1] == name and "Does not apply: no classes." in texts(app)
    assert meaning(why, QUESTIONS[name])[1] not in texts(app)
    assert len(app.get("plotly_chart")) == len(BY_TESTS) - 1


def test_the_table_for_files_has_every_test_in_its_own_unit() -> None:
    table = frame_of_tests(madeup_verdict("differs"))
    tested = table[table["question"] == "remembers"]
    assert tested["value"].tolist() == [5.0, 5.0] and tested["p_corrected"].tolist() == [0.0002, 0.0002]
    assert tested["decisive"].tolist() == [True, False] and len(tested["references"].iloc[0].split()) == 8
    assert set(table["question"]) == set(QUESTIONS)
    empty = frame_of_tests(madeup_verdict("differs") | {"claims": []})
    assert empty.empty and list(empty.columns) == list(table.columns)


def test_a_question_of_a_newer_program_is_shown_without_its_record(home: Home) -> None:
    verdict = madeup_verdict("differs")
    verdict["claims"].append(madeup_claim("from-the-future", "differs"))
    write(home, verdict)
    app = open_page("verdict.py", run="madeup-1")
    assert "The answer of from-the-future is differs." in texts(app)


@pytest.mark.parametrize("references", [1, 2, 4])
def test_too_few_references_are_said_with_what_to_do(home: Home, references: int) -> None:
    write(home, madeup_verdict("differs", references=references), references)
    for page in ("verdict.py", "run.py"):
        said = texts(open_page(page, run="madeup-1"))
        assert "◆ Cannot tell" in said and "Clone the run and ask for 5 references or more." in said


def test_the_run_page_begins_with_the_verdict(home: Home) -> None:
    verdict = madeup_verdict("differs")
    write(home, verdict)
    app = open_page("run.py", run="madeup-1")
    shown = [str(one.value) for one in app.markdown]
    said = "\n".join(shown)
    assert said.index("In short it is differs.") < said.index("Stopped after")
    words = {answer_state(claim) for claim in verdict["claims"]}
    assert "● In order" in words, "that a model changed is no missing difference"
    for state in words:
        of = [QUESTIONS[claim["id"]].title for claim in verdict["claims"] if answer_state(claim) == state]
        assert shown.index(" · ".join(of)) > [state in one for one in shown].index(True)
    assert "Of 8 retrained models" in said
    links = [link.proto.page for link in app.get("page_link")]
    assert any("verdict" in link for link in links)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (MadeUp(references=EIGHT), "unlearnscope verdict madeup-1"),
        (MadeUp(references=(0,)), "Clone the run and ask for 5 references or more."),
        (MadeUp(references=(), older=True), "With no references there would be too few"),
        (MadeUp(references=EIGHT, spec={"audit": AuditSpec(verdict=False)}), "it was switched off"),
        (MadeUp(references=EIGHT, demo=True), "its models did not come with the demo"),
        (MadeUp(references=EIGHT, state="failed"), "the run is failed"),
        (MadeUp(references=EIGHT, state="running"), "The verdict comes at the end of the run."),
        (MadeUp(references=(0,), state="running"), "will not conclude anything"),
    ],
    ids=["before verdicts", "one reference", "older", "switched off", "demo", "failed", "running", "running, few"],
)
def test_runs_without_a_verdict_say_why_and_what_to_do(home: Home, made: MadeUp, words: str) -> None:
    write_run(home, made=made)
    for page in ("verdict.py", "run.py"):
        said = texts(open_page(page, run="madeup-1")).replace("\\", "")
        assert words in said, page
        assert not any(state_words(state) in said for state in STATES)


def test_the_samples_that_stand_out_are_chosen_on_the_drift_page(home: Home) -> None:
    write(home, madeup_verdict("differs"))
    app = open_page("verdict.py", run="madeup-1")
    (button,) = [b for b in app.button if b.key == "samples_remembers"]
    assert button.label == "Drift: 20 forget samples known best"
    button.click().run()
    assert not app.exception and [title.value for title in app.title] == ["Drift"]
    chosen = app.session_state["selection madeup-1"]
    wanted = standing_out(open_run(home, "madeup-1"), 20, "high")
    assert chosen.source == "Verdict" and np.array_equal(chosen.rows, np.sort(wanted))
    assert "20 samples** selected" in texts(app) or "**20 samples**" in texts(app)


def test_links_lead_to_the_page_and_the_attack_that_a_question_is_about(home: Home) -> None:
    verdict = madeup_verdict("differs")
    (claim,) = [claim for claim in verdict["claims"] if claim["id"] == "remembers"]
    claim["tests"][0]["id"] = "entropy"
    write(home, verdict)
    app = open_page("verdict.py", run="madeup-1")
    labels = [link.proto.label for link in app.get("page_link")]
    assert "Attack: Entropy threshold" in labels
    (query,) = (q.proto.query_string for q in app.get("page_link") if q.proto.label == "Attack: Entropy threshold")
    asked = dict(parse_qsl(query))
    assert asked["run"] == "madeup-1"
    # As a browser takes it: by the words of the list.
    assert asked["attack"] in open_page("attack.py", run="madeup-1").selectbox(key="attack").options
    for question in QUESTIONS.values():
        assert any(question.look.lower() in label.lower() for label in labels)


def test_the_list_of_runs_shows_the_verdict(home: Home) -> None:
    for state in STATES:
        write_run(home, state, MadeUp(result={"verdict": madeup_verdict(state)}))
    write_run(home, "older")
    table = open_page("runs.py").dataframe[0].value.set_index("run")
    for state in STATES:
        assert list(table.loc[state, "verdict"]) == [state_words(state)]
    assert table.loc["older", "verdict"] is None


def test_the_comparison_shows_and_sorts_verdicts(home: Home) -> None:
    for seed, state in enumerate(STATES):
        write_run(home, state, MadeUp(seed=seed, result={"verdict": madeup_verdict(state)}))
    write_run(home, "older", MadeUp(seed=9))
    app = open_page("compare.py", runs=",".join([*STATES, "older"]))
    app.get_by_key("seeds").set_value("each").run()
    (table,) = [one.value for one in app.dataframe if "verdict" in one.value]
    ranks = table["verdict"].tolist()
    assert ranks[:3] == [0, 1, 2] and np.isnan(ranks[3:]).all()
