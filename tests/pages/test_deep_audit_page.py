"""The deep audit on the page of a run: what was found, who is most at risk, and the button."""

from __future__ import annotations

from typing import Any

import pytest

from cu_core.analysis.deep_words import CANNOT_TELL, DIFFERS, NO_DIFFERENCE, deep_sentences, deep_state
from cu_core.base.home import Home
from cu_core.catalogue.deep_audit import USUAL_SHADOWS
from cu_core.runstore.reader import list_runs, open_run
from tests.madeup import MadeUp, write_run
from tests.pages.page_helpers import open_page, texts


def told(area: float) -> dict[str, Any]:
    return {"auc": [area, area - 0.05, area + 0.05], "tpr": 0.2, "fpr": 0.025}


def beside_chance(area: float, p: float) -> dict[str, float]:
    return {"area": area, "low": 0.47, "high": 0.53, "p": p}


def deep(after: float = 0.0025, before: float = 0.0025, **changes: Any) -> dict[str, Any]:
    """What a result tells of a deep audit."""
    return {
        "shadows": 60,
        "sound": 60,
        "targets": 80,
        "forget": 40,
        "unseen": 40,
        "worlds": 20,
        "own_spread": True,
        "ulira": told(0.66),
        "over_shadows": {
            "ulira": beside_chance(0.64, after),
            "before": beside_chance(0.71, before),
            "privacy": 0.61,
            "efficacy": 0.8,
            "models": 60,
        },
        "controls": {"before": told(0.7), "reference": told(0.51)},
        "ruli": {
            "privacy": told(0.63),
            "efficacy": told(0.81),
            "published_bandwidth": {"privacy": [0.6, 0.5, 0.7], "efficacy": [0.7, 0.6, 0.8]},
        },
        "klom": {"why": "KLoM needs 50 unlearned and 50 retrained models per sample.", "pairs": 20},
        "at_risk": [
            {"sample": 5, "label": 5, "score": 3.25, "unseen_as_high": 0},
            {"sample": 15, "label": 5, "score": 1.5, "unseen_as_high": 2},
        ],
        "of_run": "audited",
        "same_weights": True,
        "notes": ["A note on it."],
        "made": 60,
        "seconds": 100.0,
        "processor_seconds": 90.0,
        "shadow_seconds": 95.0,
    } | changes


def test_numbers_words_and_pictures_are_on_the_page(home: Home) -> None:
    write_run(home, "audited", MadeUp())
    write_run(home, "madeup-1", MadeUp(result={"deep_audit": deep()}))
    app = open_page("run.py", run="madeup-1")
    said = texts(app).replace("\\", "")
    assert "Differs]" in said and "An attacker with shadow models tells samples" in said
    assert "0.640 (chance: 0.470 to 0.530, p = 0.003)" in said
    assert "Were both alike, 1.0 would be on average" in said, "each of 40 lies above 40 others in one order of 41"
    assert "0.700 (0.650 to 0.750) for the model before unlearning, 0.510" in said
    assert "(2.50%, the smallest rate that 40 resolve), it finds 20.0% of the forgotten ones" in said
    assert "0.610 over the shadow models" in said
    assert "the 2 forgotten samples that look most like unlearned ones, in order; 1 of them" in said
    assert "A note on it." in said
    assert "ended with the weights of the audited run" in said
    risk = next(frame.value for frame in app.dataframe if "Log-likelihood ratio" in frame.value)
    assert risk["Sample"].tolist() == [5, 15] and risk["Label"].nunique() == 1
    assert "Pictures of forgotten samples most at risk: 5, 15" in [
        picture.proto.imgs[0].alt for picture in app.get("image")
    ]
    assert not [box for box in app.expander if box.label == "Deep audit"]


@pytest.mark.parametrize(
    ("after", "before", "state"),
    [(0.01, 0.01, DIFFERS), (0.2, 0.01, NO_DIFFERENCE), (0.2, 0.3, CANNOT_TELL), (0.01, 0.9, DIFFERS)],
)
def test_the_state_follows_from_both_tests(after: float, before: float, state: str) -> None:
    assert deep_state(deep(after, before)) == state
    assert deep_sentences(deep(after, before))[0].startswith(f"{state}: ")


def test_games_that_do_not_exist_say_why() -> None:
    ruli = deep()["ruli"] | {"efficacy": {"why": "whole classes are forgotten."}}
    assert any("not made, because whole classes are forgotten." in text for text in deep_sentences(deep(ruli=ruli)))


def test_klom_is_told_with_its_floor() -> None:
    klom = {"pairs": 50, "p95": 2.0, "p95_published": 1.9, "half_pairs": 25, "half_p95": 2.5, "floor_p95": 1.25}
    found = deep_sentences(deep(klom=klom))[-1]
    assert "2.00 from 50 models" in found and "From 25 of either kind 2.50" in found and "gives 1.25" in found


def test_a_result_with_holes_is_told_as_far_as_it_goes(home: Home) -> None:
    holes = {"shadows": 12, "ulira": {"auc": [0.5, None, None]}, "over_shadows": None, "at_risk": [{"sample": -3}]}
    write_run(home, "madeup-1", MadeUp(result={"deep_audit": holes}))
    said = texts(open_page("run.py", run="madeup-1"))
    assert "Cannot tell]" in said and "There are too few shadow models" in said
    assert "12 shadow models, none of them made by this run, the others before" in said


def test_the_button_queues_the_run_once_more_with_shadows(home: Home) -> None:
    write_run(home, "madeup-1", MadeUp())
    app = open_page("run.py", run="madeup-1")
    assert not [button for button in app.button if button.label == "Start the deep audit"]
    app.session_state["deep_audit_box"] = True
    app.run()
    app.button(key="start_deep_audit").click().run()
    assert not app.exception
    queued = [row for row in list_runs(home) if row.state == "queued"]
    assert [row.title.startswith("Deep audit of") for row in queued] == [True]
    spec = open_run(home, queued[0].run_id).spec
    assert (spec.audit.shadows, spec.audit.of_run) == (USUAL_SHADOWS, "madeup-1")
    assert app.query_params["run"] == queued[0].run_id


def test_a_run_that_cannot_be_audited_says_why(home: Home) -> None:
    write_run(home, "madeup-1", MadeUp(objective="moco"))
    app = open_page("run.py", run="madeup-1")
    app.session_state["deep_audit_box"] = True
    app.run()
    assert "an encoder has none" in texts(app)
    assert not [button for button in app.button if button.label == "Start the deep audit"]


def test_nothing_is_offered_before_a_run_has_ended(home: Home) -> None:
    write_run(home, "madeup-1", MadeUp(state="failed"))
    app = open_page("run.py", run="madeup-1")
    assert not [box for box in app.expander if box.label == "Deep audit"]
