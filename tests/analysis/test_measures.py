"""Numbers beside their reference: distances by an independent formula, and reasons where something is missing."""

from __future__ import annotations

import statistics
from dataclasses import replace

import pytest
import scipy.stats

from cu_core.analysis.compare import measures
from cu_core.analysis.compare.measures import (
    attack_measure,
    metric_measure,
    over_unlearning,
    passes_measure,
    samples_behind,
    seconds_measure,
    time_measure,
    tow_measure,
)
from tests.analysis.runs_in_memory import BASE, run_of

REFERENCES = [{"forget_acc": v, "retain_acc": 0.95, "forget_loss": v} for v in (0.1, 0.2, 0.45)]


def test_distance_is_in_half_widths_of_the_prediction_interval() -> None:
    values = [m["forget_acc"] for m in REFERENCES]
    half = scipy.stats.t.ppf(0.975, 2) * statistics.stdev(values) * (1 + 1 / 3) ** 0.5
    found = metric_measure(run_of(after={"forget_acc": 0.9}, references=REFERENCES), "forget_acc")
    assert found.distance == pytest.approx((0.9 - 0.25) / half)
    assert found.reference == pytest.approx(0.25) and found.gap == pytest.approx(0.65)
    assert found.why == found.why_no_band == ""


def test_a_band_of_a_share_is_no_narrower_than_counting_allows() -> None:
    # All references agree: the width is the binomial one on 400 retain samples (Agresti and Coull).
    found = metric_measure(run_of(after={"retain_acc": 0.5}, references=REFERENCES), "retain_acc")
    p = (0.95 * 400 + 2) / 404
    assert found.band is not None and found.band.half == pytest.approx(1.96 * (p * (1 - p) / 400) ** 0.5, rel=1e-6)


@pytest.mark.parametrize(
    ("metric", "samples"),
    [("forget_acc", 40), ("retain_acc", 400), ("test_acc", 100), ("test_acc_forgotten", 10), ("test_acc_retained", 90),
     ("probe_recovery", 10), ("forget_loss", None)],
)  # fmt: skip
def test_shares_know_on_how_many_samples_they_were_counted(metric: str, samples: int | None) -> None:
    assert samples_behind(run_of(), metric) == samples


def test_older_results_do_not_say_how_many_samples_there_were() -> None:
    assert samples_behind(run_of(result={"counts": None}), "test_acc_retained") is None


@pytest.mark.parametrize(
    ("asked", "references", "state", "why"),
    [
        (0, [], "succeeded", measures.NO_REFERENCE),
        (1, REFERENCES[:1], "succeeded", measures.ONE_REFERENCE),
        (3, [], "running", measures.UNFINISHED),
        (3, [], "succeeded", measures.OLDER),
    ],
)
def test_a_missing_band_says_why(asked: int, references: list, state: str, why: str) -> None:
    run = run_of(replace(BASE, reference=asked), references=references, state=state)
    found = metric_measure(run, "forget_acc")
    assert found.value == 0.3 and found.distance is None and found.why_no_band == why


def test_references_that_agree_on_what_is_no_share_give_no_width() -> None:
    same = [{"forget_loss": 2.0}] * 3
    found = metric_measure(run_of(after={"forget_loss": 2.5}, references=same), "forget_loss")
    assert found.band is None and found.why_no_band == measures.ALL_AGREE and found.gap == pytest.approx(0.5)


def test_a_missing_metric_says_why() -> None:
    run = run_of(after={"forget_acc": None})
    assert metric_measure(run, "true_label_acc").why == "not defined for class forgetting"
    assert metric_measure(run, "linear_acc").why == "not defined for classifiers"
    assert metric_measure(run, "retain_acc").why == measures.OLDER
    assert metric_measure(run, "forget_acc").why == "no sample to measure it on"
    assert "before the run has ended" in metric_measure(run_of(state="running"), "probe_recovery").why


def test_time_is_a_share_of_the_mean_retraining() -> None:
    assert time_measure(run_of(references=REFERENCES)).value == pytest.approx(4 / 20)
    assert time_measure(run_of(replace(BASE, reference=0))).why == measures.NO_REFERENCE
    assert time_measure(run_of(state="cancelled")).why == measures.UNFINISHED
    assert "not known" in time_measure(run_of(references=REFERENCES, seconds=(0.0, 0.0, 0.0))).why
    assert seconds_measure(run_of()).value == 4.0


def test_passes_are_images_served_by_the_size_of_the_set() -> None:
    assert passes_measure(run_of(), "forget").value == pytest.approx(150 / 50)
    assert passes_measure(run_of(), "retain").value == pytest.approx(800 / 400)
    assert passes_measure(run_of(result={"served": None}), "forget").why == measures.OLDER


def test_tug_of_war_keeps_its_interval_or_says_why_it_is_missing() -> None:
    found = tow_measure(run_of(references=REFERENCES))
    assert (found.value, found.low, found.high) == (0.9, 0.8, 0.95)
    assert tow_measure(run_of(replace(BASE, reference=0))).why == measures.NO_REFERENCE
    assert tow_measure(run_of(result={"tow": None})).why == measures.OLDER


def attacks(auc: float) -> dict:
    return {"loss": {"after": {"refitted": {"auc": [auc, auc - 0.1, auc + 0.1]}},
                     "reference": {"refitted": {"auc": [0.5, 0.4, 0.6]}}}}  # fmt: skip


def test_an_attack_stands_beside_the_same_attack_on_all_references() -> None:
    kept = {"loss": {"refitted": {"auc": [0.5, 0.52, 0.48], "accuracy": [0.5, 0.5, 0.5]}}}
    run = run_of(references=REFERENCES, result={"attacks": attacks(0.8), "reference_attacks": kept})
    found = attack_measure(run, "loss", "refitted")
    # The variance of the rank-sum statistic: 40 members and 10 others give a wider band than three seeds that agree.
    half = 1.96 * ((40 + 10 + 1) / (12 * 40 * 10)) ** 0.5
    assert half > scipy.stats.t.ppf(0.975, 2) * 0.02 * (4 / 3) ** 0.5
    assert (found.value, found.low, found.high) == (0.8, pytest.approx(0.7), pytest.approx(0.9))
    assert found.distance == pytest.approx(0.3 / half)


def test_an_attack_of_an_older_run_knows_one_reference() -> None:
    run = run_of(replace(BASE, reference=1), references=REFERENCES[:1], result={"attacks": attacks(0.8)})
    found = attack_measure(run, "loss", "refitted")
    assert found.reference == 0.5 and found.gap == pytest.approx(0.3)
    assert found.band is None and found.why_no_band == measures.ONE_REFERENCE


def test_a_missing_attack_says_why() -> None:
    said = "No membership attacks were made: they need 10 forget samples."
    assert attack_measure(run_of(result={"notes": ["Other.", said]}), "loss", "refitted").why == (
        "no membership attacks were made: they need 10 forget samples"
    )
    off = replace(BASE, audit=replace(BASE.audit, attacks="none"))
    assert attack_measure(run_of(off), "loss", "refitted").why.endswith("they were switched off")
    run = run_of(result={"attacks": attacks(0.8)})
    assert attack_measure(run, "svc", "refitted").why == "the attack Support vector machine was not made in this run"
    failed = {"loss": {"after": {"refitted": {"auc": None, "reason": "all scores are equal"}}}}
    assert attack_measure(run_of(result={"attacks": failed}), "loss", "refitted").why == "all scores are equal"
    assert attack_measure(run_of(state="running"), "loss", "refitted").why == measures.UNFINISHED


def test_over_unlearning_in_words() -> None:
    assert over_unlearning(run_of(references=REFERENCES)) == (False, "never beyond the references' band")
    late = {"first_round": 2, "final": True, "metrics": ["forget_loss"]}
    found, words = over_unlearning(run_of(references=REFERENCES, result={"over_unlearning": late}))
    assert found is True and words == "beyond the references' band from round 2 on and at the end (Loss, forget)"
    back = {"first_round": 2, "final": False, "metrics": []}
    assert over_unlearning(run_of(references=REFERENCES, result={"over_unlearning": back}))[0] is False
    one = run_of(replace(BASE, reference=1), references=REFERENCES[:1])
    assert over_unlearning(one) == (None, measures.ONE_REFERENCE)
