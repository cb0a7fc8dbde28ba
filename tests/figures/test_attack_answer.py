"""The answer of all attacks together, and which of their numbers carry no certainty."""

from __future__ import annotations

from typing import Any

import pytest

from cu_core.figures.attack_answer import answer_words, most_moved, pairs_of, why_uncertain
from cu_core.figures.attack_overview import calm_series, overview, uncertain_words
from cu_core.figures.attack_scores import MODEL_COLOURS


def auc(value: float, low: float, high: float, **more: Any) -> dict[str, Any]:
    return {"auc": [value, low, high]} | more


def attacks(after: dict[str, Any], reference: dict[str, Any] | None, other: dict[str, Any] | None = None) -> dict:
    found = {"loss": {"after": {"refitted": after}}}
    if reference:
        found["loss"]["reference"] = {"refitted": reference}
    if other:
        found["svc"] = {"after": {"transferred": other}, "reference": {"transferred": auc(0.5, 0.4, 0.6)}}
    return found


def test_where_all_intervals_meet_the_answer_names_the_farthest_beside_its_reference() -> None:
    short, behind = answer_words(attacks(auc(0.6, 0.5, 0.7), auc(0.5, 0.4, 0.6), auc(0.52, 0.4, 0.6)))
    assert (
        "no attack made here finds a difference to retraining: all 2 intervals, of each way of fitting, meet" in short
    )
    assert "Loss threshold, re-fitted, AUC 0.60 (0.50 to 0.70); on a retrained model 0.50 (0.40 to 0.60)" in behind


def test_an_attack_whose_interval_does_not_meet_comes_first_even_if_another_is_farther() -> None:
    wide, narrow = auc(0.9, 0.3, 1.0), auc(0.65, 0.61, 0.7)
    pairs = pairs_of(attacks(wide, auc(0.5, 0.2, 0.8), narrow))
    assert [pair.attack for pair in pairs] == ["svc", "loss"]
    short, _ = answer_words(attacks(wide, auc(0.5, 0.2, 0.8), narrow))
    assert short.startswith("1 of 2 attacks, counted once for each way of fitting, finds a difference to retraining")
    assert "look more like members than after retraining" in short


def test_below_the_reference_forget_samples_stand_out_as_well() -> None:
    short, _ = answer_words(attacks(auc(0.1, 0.05, 0.2), auc(0.5, 0.4, 0.6)))
    assert "look less like members than after retraining" in short


def test_the_attack_that_fitting_anew_changes_most() -> None:
    def both(transferred: float, refitted: float) -> dict[str, Any]:
        ways = {"transferred": auc(transferred, 0.0, 1.0), "refitted": auc(refitted, 0.0, 1.0)}
        return {"after": ways}

    moved = most_moved({"loss": both(0.4, 0.4), "svc": both(0.33, 0.63), "logistic": both(0.6, 0.5)})
    assert moved is not None and (moved.attack, moved.transferred, moved.refitted) == ("svc", 0.33, 0.63)
    assert moved.gap == pytest.approx(0.3)
    assert most_moved({"loss": {"after": {"refitted": auc(0.5, 0.4, 0.6)}}}) is None


def test_attacks_that_saw_nothing_before_unlearning_either_say_so() -> None:
    found = attacks(auc(0.6, 0.5, 0.7), auc(0.5, 0.4, 0.6))
    assert "Before unlearning" not in answer_words(found)[0], "the model before was not attacked"
    found["loss"]["before"] = {"refitted": auc(0.55, 0.45, 0.65)}
    assert "Before unlearning none of them found one either" in answer_words(found)[0]
    found["loss"]["before"] = {"refitted": auc(0.9, 0.8, 1.0)}
    assert "Before unlearning" not in answer_words(found)[0]


def test_without_a_reference_chance_is_what_is_compared_with() -> None:
    short, behind = answer_words(attacks(auc(0.55, 0.45, 0.65), None))
    assert "finds the forgotten samples among unseen ones: the interval meets chance" in short
    assert "retrained" not in behind
    assert "samples that were never seen" in answer_words(attacks(auc(0.9, 0.8, 0.95), None))[0]
    assert answer_words({"loss": {"after": {"refitted": {"auc": [None, None, None]}}}}) == ("", "")


def test_numbers_without_certainty_say_why() -> None:
    everyone = {"accuracy": [0.5, 0.5, 0.5], "recall": [1.0, 1.0, 1.0]}
    assert "every sample a member" in why_uncertain(everyone, "accuracy")
    nobody = {"accuracy": [0.5, 0.5, 0.5], "recall": [0.0, 0.0, 0.0]}
    assert "no sample a member" in why_uncertain(nobody, "accuracy")
    assert "same number in every resample" in why_uncertain(auc(1.0, 1.0, 1.0), "auc")
    # All members are found, and four of five others are judged rightly, too.
    apart = {"accuracy": [0.9, 0.85, 0.95], "recall": [1.0] * 3, "tpr_at_1_fpr": [0.0] * 3}
    assert "same number in every resample" in why_uncertain(apart, "recall")
    assert "same number in every resample" in why_uncertain(apart, "tpr_at_1_fpr")
    wrong = {"accuracy": [0.4, 0.3, 0.5], "recall": [0.0] * 3, "precision": [0.0] * 3}
    assert "same number in every resample" in why_uncertain(wrong, "precision")
    coarse = {"tpr_at_1_fpr": [0.0, 0.0, 0.289]}
    assert "one of 26 non-members is 3.8%" in why_uncertain(coarse, "tpr_at_1_fpr", 26)
    assert why_uncertain(coarse, "tpr_at_1_fpr", 1000) == ""
    assert why_uncertain({"accuracy": [0.6, 0.5, 0.7], "recall": [1.0, 1.0, 1.0]}, "accuracy") == ""


def test_marks_without_certainty_are_grey_and_named() -> None:
    everyone = {"accuracy": [0.5, 0.5, 0.5], "recall": [1.0, 1.0, 1.0]}
    certain = {"accuracy": [0.7, 0.6, 0.8], "recall": [0.7, 0.6, 0.8]}
    made = {"loss": {"after": {"refitted": everyone}}, "svc": {"after": {"refitted": certain}}}
    traces = overview(made, "accuracy").data
    grey = [trace for trace in traces if trace.meta.get("grey")]
    assert [list(trace.x) for trace in grey] == [[0.5]] and grey[0].marker.color != MODEL_COLOURS["after"]
    assert "every sample a member" in grey[0].customdata[0][2]
    assert "Loss threshold (after, re-fitted) judges every sample a member" in uncertain_words(made, "accuracy")
    assert uncertain_words({"svc": made["svc"]}, "accuracy") == ""


def test_at_first_two_models_are_drawn_and_rows_keep_series_apart() -> None:
    numbers = {way: auc(0.5, 0.4, 0.6) for way in ("refitted", "transferred")}
    made = {name: dict.fromkeys(("before", "after", "reference"), numbers) for name in ("loss", "svc")}
    calm = overview(made, "auc", series=calm_series(made))
    assert [(t.meta["model"], t.meta["way"]) for t in calm.data] == [("after", "refitted"), ("reference", "refitted")]
    whole = overview(made, "auc")
    row = (whole.layout.height - whole.layout.margin.t - whole.layout.margin.b) / 2
    first = sorted(trace.y[0] for trace in whole.data)
    gap = min(b - a for a, b in zip(first, first[1:], strict=False)) * row
    assert gap > 9, "marks of 9 px on one value do not cover each other"
