"""Numbers beside their reference: distances by an independent formula, and reasons where something is missing."""

from __future__ import annotations

import statistics
from dataclasses import replace

import pytest
import scipy.stats

from cu_core.analysis.compare import measures
from cu_core.analysis.compare.measures import (
    attack_measure,
    images_measure,
    metric_measure,
    over_unlearning,
    own_interval,
    passes_measure,
    samples_behind,
    seconds_measure,
    time_kind,
    time_measure,
    tow_measure,
)
from cu_core.analysis.compare.outside import outside
from cu_core.catalogue.method_record import method
from cu_core.catalogue.spec import MethodSpec
from tests.analysis.runs_in_memory import BASE, run_of

REFERENCES = [{"forget_acc": v, "retain_acc": 0.95, "forget_loss": v} for v in (0.1, 0.2, 0.45)]


def test_distance_is_in_half_widths_of_the_prediction_interval() -> None:
    values = [m["forget_acc"] for m in REFERENCES]
    half = scipy.stats.t.ppf(0.975, 2) * statistics.stdev(values) * (1 + 1 / 3) ** 0.5
    found = metric_measure(run_of(after={"forget_acc": 0.9}, references=REFERENCES), "forget_acc")
    assert found.distance == pytest.approx((0.9 - 0.25) / half)
    assert found.reference == pytest.approx(0.25) and found.gap == pytest.approx(0.65)
    assert found.why == found.why_no_band == ""


def test_a_band_of_a_share_has_no_sampling_error_but_a_sample() -> None:
    # All references agree, and all are judged on the same 400 retain samples: rounding to a sample is what is left.
    found = metric_measure(run_of(after={"retain_acc": 0.5}, references=REFERENCES), "retain_acc")
    half = scipy.stats.t.ppf(0.975, 2) * (1 / 12) ** 0.5 * (1 + 1 / 3) ** 0.5 / 400
    assert found.band is not None and found.band.half == pytest.approx(half)
    assert found.note == "all agree; one sample is 0.25 %"
    assert metric_measure(run_of(references=REFERENCES), "forget_acc").note == ""


def test_the_interval_of_a_number_stands_apart() -> None:
    run = run_of(after={"retain_acc": 0.5, "forget_loss": 1.0, "mia_auc": 0.8}, references=REFERENCES)
    expected = scipy.stats.binomtest(200, 400).proportion_ci(0.95, method="wilson")
    assert own_interval(run, "retain_acc") == pytest.approx((expected.low, expected.high))
    low, high = own_interval(run, "mia_auc") or (0, 0)
    assert low < 0.8 < high and high - low > 0.1, "40 members and 10 others"
    assert own_interval(run, "forget_loss") is None, "a mean does not say how its samples spread"
    assert own_interval(run, "forget_acc") is None, "which was not measured"
    assert own_interval(run_of(result={"counts": None}), "forget_acc") is None


def test_tells_what_lies_outside_and_how_much_would_by_chance() -> None:
    after = {"forget_acc": 0.9, "retain_acc": 0.95, "forget_loss": 9.0}
    found = outside(run_of(after=after, references=REFERENCES))
    assert list(found.measured) == ["forget_acc", "retain_acc", "forget_loss"]
    assert found.names == ("forget_loss",) and found.by_chance == pytest.approx(0.15)
    assert found.words() == (
        "3 rows have a band, 1 lies outside it; of a true retraining 0.2 would on average, by chance alone."
    )
    assert outside(run_of(replace(BASE, reference=0))).words() == ""


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
    # Of the processor, half of the time that passed for retraining and a quarter for the method.
    assert time_measure(run_of(references=REFERENCES)).value == pytest.approx(2 / 10)
    assert time_measure(run_of(replace(BASE, reference=0))).why == measures.NO_REFERENCE
    assert time_measure(run_of(state="cancelled")).why == measures.UNFINISHED
    assert "not known" in time_measure(run_of(references=REFERENCES, seconds=(0.0, 0.0, 0.0))).why
    assert seconds_measure(run_of()).value == 2.0


def test_older_results_know_the_time_that_passed_alone() -> None:
    run = run_of(references=REFERENCES)
    assert time_kind(run) == measures.PROCESSOR
    on_cuda = run_of(references=REFERENCES, result={"hardware": {"device": "cuda:0"}})
    assert time_kind(on_cuda) == measures.DEVICE

    older = run_of(references=REFERENCES, result={"cpu_seconds": None})
    assert time_kind(older) == measures.WALL
    assert time_measure(older).value == pytest.approx(8 / 20) and seconds_measure(older).value == 8.0
    cached = replace(run, references=tuple(replace(r, cpu_seconds=None) for r in run.references))
    assert time_kind(cached) == measures.WALL, "references from a cache of an earlier version"
    assert time_measure(cached).value == pytest.approx(8 / 20)
    one = replace(run, references=(run.references[0], *cached.references[1:]))
    assert time_measure(one).value == pytest.approx(2 / 5), "the one that tells"
    assert time_kind(run_of(replace(BASE, reference=0))) == measures.PROCESSOR


def test_images_are_a_share_of_those_that_retraining_draws() -> None:
    drawn = 150 + 800
    plain = replace(BASE, train=replace(BASE.train, epochs=5))
    assert images_measure(run_of(plain)).value == pytest.approx(drawn / (5 * 400))
    sharded = replace(BASE, train=replace(BASE.train, epochs=6, shards=4, slices=3))
    first, second, third = sharded.train.stage_epochs
    visits = 400 * (first / 3 + second * 2 / 3 + third)
    assert images_measure(run_of(sharded)).value == pytest.approx(drawn / visits)
    assert images_measure(run_of(result={"served": None})).why == measures.OLDER
    taken = replace(BASE, train=replace(BASE.train, epochs=0))
    assert images_measure(run_of(taken)).why == "nothing was trained"
    anew = replace(BASE, method=MethodSpec("retrain", method("retrain").params()))
    assert images_measure(run_of(anew, result={"served": {"forget": 0, "retain": 0}})).why == measures.OLDER


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
    # The references were attacked on the same samples: 40 and 10 of them make no band wider.
    half = scipy.stats.t.ppf(0.975, 2) * 0.02 * (4 / 3) ** 0.5
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
    never = "the forget samples never look less known than to retrained models"
    assert over_unlearning(run_of(references=REFERENCES)) == (False, never)
    late = {"first_round": 2, "final": True, "metrics": ["forget_loss"]}
    found, words = over_unlearning(run_of(references=REFERENCES, result={"over_unlearning": late}))
    assert found is True and words == (
        "the forget samples look less known than to retrained models in round 2 for the first time, and at the end "
        "(Loss, forget)"
    )
    back = {"first_round": 2, "final": False, "metrics": []}
    found, words = over_unlearning(run_of(references=REFERENCES, result={"over_unlearning": back}))
    assert found is False and words.endswith("in round 2 for the first time, but not at the end")
    one = run_of(replace(BASE, reference=1), references=REFERENCES[:1])
    assert over_unlearning(one) == (None, measures.ONE_REFERENCE)


def test_older_results_of_methods_that_start_anew_are_read_at_their_end() -> None:
    spec = replace(BASE, method=MethodSpec("retrain", method("retrain").params()))
    back = {"first_round": 1, "final": False, "metrics": []}
    found, words = over_unlearning(run_of(spec, references=REFERENCES, result={"over_unlearning": back}))
    assert found is False and words == "the forget samples at the end do not look less known than to retrained models"
    late = {"first_round": 1, "final": True, "metrics": ["forget_acc"]}
    found, words = over_unlearning(run_of(spec, references=REFERENCES, result={"over_unlearning": late}))
    assert found is True and words.endswith("at the end (Forget accuracy)")
