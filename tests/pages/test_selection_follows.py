"""Pages follow the selection of the session: narrowed to it or with it marked, in words and in numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cu_core.base.home import Home
from cu_core.catalogue.attack_record import score_array
from cu_core.runstore.reader import open_run
from pages._selection.selection_state import ONLY_KEY, Picked, few_words
from tests.madeup import write_run
from tests.pages.page_helpers import open_page, texts
from tests.pages.test_confidence_page import figures, numbers
from tests.pages.test_signals_page import board, unpack

# Three forget samples, two retain ones and one unseen one of the made-up run.
ROWS = np.array([0, 1, 2, 40, 41, 130])


def select(app: AppTest, rows: np.ndarray, only: bool) -> AppTest:
    app.session_state["selection madeup-1"] = Picked(np.asarray(rows), 1, "Drift")
    app.session_state[ONLY_KEY] = only
    app.run()
    assert not app.exception, app.exception
    return app


def page(name: str, rows: np.ndarray = ROWS, *, only: bool = False, **query: str) -> AppTest:
    return select(open_page(f"{name}.py", run="madeup-1", **query), rows, only)


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Where probabilities lie on an axis of log-odds in powers of ten, on which values that crowd at 1 are drawn."""
    return np.log10(probability.astype(float) / (1 - probability.astype(float)))


def named(figure: dict[str, Any], start: str) -> list[dict[str, Any]]:
    return [trace for trace in figure["data"] if str(trace.get("name", "")).startswith(start)]


@pytest.mark.parametrize("name", ["confidence", "similarity", "signals", "attack"])
def test_every_page_says_what_is_selected_and_where(home: Home, name: str) -> None:
    write_run(home)
    app = open_page(f"{name}.py", run="madeup-1")
    assert ONLY_KEY not in [toggle.key for toggle in app.toggle], "no bar without a selection"
    select(app, ROWS, only=False)
    assert "**6 samples** selected on Drift: 3 forget, 2 retain and 1 unseen." in texts(app)
    app.button(key="clear_selection").click().run()
    assert not app.exception and "selected on Drift" not in texts(app)
    assert ONLY_KEY not in [toggle.key for toggle in app.toggle]


def test_confidence_of_the_selection_alone(home: Home) -> None:
    write_run(home)
    app = page("confidence", only=True)
    view = open_run(home, "madeup-1")
    distribution, matrix = figures(app)
    assert {trace["name"] for trace in distribution["data"]} == {
        "Forget (n = 3)",
        "Retain (n = 2)",
        "Unseen (n = 1)",
    }
    after = [trace for trace in named(distribution, "Forget") if trace["showlegend"]][0]
    edges = numbers(after["x"])
    expected = np.histogram(log_odds(np.asarray(view.array(5, "top3"))[:3, 0]), edges)[0] / 3
    np.testing.assert_allclose(numbers(after["y"])[:-1], expected)
    counts = [np.nansum(numbers(trace["z"])) for trace in matrix["data"] if "z" in trace]
    assert sum(counts) == 3 * 3, "three panes of three samples"
    words = texts(app)
    assert "Everything below is about these samples alone." in words
    assert "With only 3 forget samples, 2 retain samples and 1 unseen sample" in words
    assert "n = 3 selected samples in every pane" in words


def test_confidence_marks_the_selection_among_all(home: Home) -> None:
    write_run(home)
    app = page("confidence")
    view = open_run(home, "madeup-1")
    distribution = figures(app)[0]
    strokes = named(distribution, "Selected samples")
    assert [trace["meta"]["selected"] for trace in strokes] == ["forget", "retain", "unseen"] * 3
    np.testing.assert_allclose(numbers(strokes[3]["x"]), np.sort(log_odds(np.asarray(view.array(5, "top3"))[:3, 0])))
    assert "Strokes at the foot are the selected samples" in texts(app)
    assert named(distribution, "Forget (n = 40)") and not named(figures(page("confidence", only=True))[0], "Selected")


def test_samples_of_the_stopping_rule_are_counted_and_left_out(home: Home) -> None:
    write_run(home)
    held = np.flatnonzero(open_run(home, "madeup-1").probe()["rule"])
    app = page("confidence", np.append(ROWS, held), only=True)
    assert f"these samples alone but {len(held)} that the stopping rule looks at" in texts(app)
    assert named(figures(app)[0], "Unseen (n = 1)")
    for name in ("confidence", "similarity", "signals"):
        app = page(name, held, only=True)
        assert not app.get("plotly_chart") and not app.main.get("bidi_component")
        assert "kept for the stopping rule" in texts(app)


def test_similarity_of_the_selection_against_all_retained_classes(home: Home) -> None:
    write_run(home)
    app = page("similarity", only=True)
    words = texts(app)
    assert "between 3 selected forget and all 90 retain samples" in words
    assert "With only 3 forget samples and 1 unseen sample" in words
    histogram = figures(app)[0]
    assert named(histogram, "Forget (n = 3)") and not named(histogram, "Selected")
    view = open_run(home, "madeup-1")
    embedding = np.asarray(view.array(5, "embedding"), np.float64)
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    retain = view.probe().query("group == 'retain' and label == 2").index.to_numpy()
    after = figures(app)[1]["data"][1]
    shown = [words for line in after["customdata"] for words in line]
    cell = numbers(after["z"]).ravel()[shown.index(["five", "two"])]
    assert cell == pytest.approx((unit[:3] @ unit[retain].T).mean(), abs=2e-3)


def test_similarity_says_that_only_retained_samples_are_selected(home: Home) -> None:
    write_run(home)
    words = texts(page("similarity", np.array([40, 41]), only=True))
    assert "No forget or unseen samples are selected" in words and "No forget samples are selected." in words


def test_the_signal_space_draws_the_selection_alone_or_marks_it(home: Home) -> None:
    write_run(home)
    data = board(page("signals"))
    assert data["selected"] == ROWS.tolist() and data["revision"] == 1
    assert len(unpack(data["rows"], "<i4")) == 198
    app = page("signals", only=True)
    narrowed = board(app)
    assert unpack(narrowed["rows"], "<i4").tolist() == ROWS.tolist()
    assert [group["count"] for group in narrowed["groups"]] == [3, 2, 1]
    assert narrowed["stamp"] != data["stamp"], "the browser takes in other samples"
    assert "Only the selected samples are drawn" in texts(app)


def audit_rows(home: Home, member: bool, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Probe rows of samples that were audited, and where the audit lists them."""
    view = open_run(home, "madeup-1")
    probe = view.probe()
    places = {
        (int(s), bool(t)): row
        for row, (s, t) in enumerate(zip(view.audit_array("sample"), view.audit_array("is_test"), strict=True))
    }
    found = []
    for row, (sample, split, group) in enumerate(zip(probe["sample"], probe["split"], probe["group"], strict=True)):
        place = places.get((sample, split == "test"))
        if place is not None and bool(view.audit_array("member")[place]) == member and group != "retain":
            found.append((row, place))
    rows, audited = np.array(found[:count]).T
    return rows, audited


def test_attack_of_the_selection_counts_instead_of_rating(home: Home) -> None:
    write_run(home)
    rows, audited = audit_rows(home, True, 4)
    app = page("attack", np.append(rows, 45), only=True)
    assert len(rows) == 4
    words = texts(app)
    assert "4 of the 5 selected samples are among those that the attacks were made on" in words
    assert "ROC curve are left out here" in words and "With fewer than 10 of a kind" in words
    assert len(figures(app)) == 1, "neither the overview nor the ROC curve"
    table = app.dataframe[0].value
    assert set(table["Non-members judged members"]) == {"–"}
    view = open_run(home, "madeup-1")
    threshold = app.slider[0].value
    score = np.asarray(view.audit_array(score_array(app.selectbox(key="attack").value, "after", "transferred")))
    after = table.set_index("At this threshold").filter(like="After", axis=0)["Members judged members"].iloc[0]
    assert after == f"{int((score[audited] >= threshold).sum())} of 4"


def test_attack_without_an_audited_sample_says_so(home: Home) -> None:
    write_run(home)
    app = page("attack", np.array([40, 41]), only=True)
    assert "None of the 2 selected samples is among the forget and unseen samples" in texts(app)
    assert not app.get("plotly_chart")


def test_attack_marks_the_selection_among_all(home: Home) -> None:
    write_run(home)
    rows, _ = audit_rows(home, True, 3)
    app = page("attack", rows)
    strokes = [trace for figure in figures(app) for trace in named(figure, "Selected samples")]
    assert [len(numbers(trace["x"])) for trace in strokes] == [3] * len(strokes) and len(strokes) >= 2
    assert "Strokes at the foot are the selected samples" in texts(app)


def test_few_samples_are_said_to_be_few() -> None:
    assert few_words(np.array(["forget"] * 10 + ["retain"] * 10 + ["unseen"] * 10)) == ""
    assert few_words(np.array(["forget"] * 9 + ["retain"] * 10)) == (
        "With only 9 forget samples, bars are single samples rather than a distribution. No unseen samples are "
        "selected."
    )
