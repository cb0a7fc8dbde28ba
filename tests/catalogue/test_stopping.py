"""Stopping rules and the collapse guard on constructed cases."""

from __future__ import annotations

import math

import pytest

from cu_core.catalogue.stopping import collapsed, judge, judge_distance, rule_for, why_too_few


@pytest.mark.parametrize(("accuracy", "met"), [(0.1, True), (0.11, False), (0.0, True)])
def test_class_rule_stops_at_chance(accuracy, met):
    verdict = judge("class", None, accuracy, 10)
    assert (verdict.met, verdict.threshold, verdict.value) == (met, pytest.approx(0.1), accuracy)


@pytest.mark.parametrize(("forget", "unseen", "met"), [(0.8, 0.8, True), (0.81, 0.8, False), (0.5, 0.8, True)])
def test_sample_rule_stops_at_unseen_accuracy(forget, unseen, met):
    assert judge("sample", forget, unseen, 10).met is met


@pytest.mark.parametrize(("forget", "met"), [(0.1, True), (0.2, False)])
def test_chance_rule_for_wrong_labels(forget, met):
    assert judge("chance", forget, None, 10).met is met


def test_no_rule_no_verdict():
    assert judge("none", 0.1, 0.9, 10) is None
    assert judge("class", 0.1, None, 10) is None
    assert judge("sample", None, 0.9, 10) is None


def test_auto_follows_the_task():
    assert rule_for("auto", "class") == "class"
    assert rule_for("auto", "random") == "sample"
    assert rule_for("auto", "mislabelled") == "chance"
    assert rule_for("none", "class") == "none"


def test_no_rule_ends_the_unlearning_of_an_encoder_by_itself():
    for kind in ("class", "random", "mislabelled"):
        assert rule_for("auto", kind, encoder=True) == "none"
    assert rule_for("sample", "random", encoder=True) == "sample"


def test_collapse_guard_names_the_reason():
    assert collapsed({"loss": math.nan}, 0.9, 0.9, 0.5) == "not_a_number"
    assert collapsed({"loss": math.inf}, 0.9, 0.9, 0.5) == "not_a_number"
    assert collapsed({"loss": 1.0}, 0.9, 0.35, 0.5) == "collapse"
    assert collapsed({"loss": 1.0}, 0.9, 0.45, 0.5) == ""
    assert collapsed({}, None, None, 0.5) == ""


def test_verdicts_say_what_was_compared():
    sample, chance = judge("sample", 0.7, 0.8, 10), judge("chance", 0.3, 0.8, 4)
    assert sample.to_json() == {"name": "sample", "value": 0.7, "threshold": 0.8, "met": True}
    assert chance.to_json() == {"name": "chance", "value": 0.3, "threshold": 0.25, "met": False}
    assert judge("chance", None, 0.8, 4) is None


def test_a_fall_by_exactly_the_limit_is_a_collapse():
    assert collapsed({}, 0.75, 0.25, 0.5) == "collapse"
    assert collapsed({}, 0.25, 0.75, 0.5) == ""


@pytest.mark.parametrize(("distance", "met"), [(1.0, True), (0.2, True), (1.001, False), (52.0, False)])
def test_a_round_is_like_a_reference_within_their_band(distance, met):
    verdict = judge_distance("like-reference", distance)
    assert verdict.to_json() == {"name": "like-reference", "value": distance, "threshold": 1.0, "met": met}
    assert judge_distance("like-reference", None) is None
    assert judge("like-reference", 0.1, 0.9, 10) is None, "no accuracy meets it"


def test_only_a_rule_that_compares_needs_references():
    assert why_too_few("sample", 0) is None and why_too_few("auto", 0) is None and why_too_few("none", 0) is None
    assert why_too_few("like-reference", 5) is None
    assert "at least 5" in why_too_few("like-reference", 4)
    assert rule_for("like-reference", "class") == "like-reference"
    assert rule_for("like-reference", "class", unguarded=True) == "none"
