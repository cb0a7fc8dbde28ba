"""A tuning from its plan to its recipe: what it is judged on, what counts, and that asking again goes on with it."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from cu_core.analysis.tuning.own_setting import own_setting
from cu_core.analysis.tuning.trial_results import best_of, spent_seconds, trials_of, waiting
from cu_core.analysis.tuning.tuned_record import recipe_of
from cu_core.analysis.tuning.tuning_plan import (
    begun,
    drawn,
    fitting_methods,
    recall_tuning,
    remember_tuning,
    stored_tunings,
)
from cu_core.base.errors import BadInput, Incompatible
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.method_record import methods_here
from cu_core.catalogue.search_space import axes_of
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec, TrainSpec
from cu_core.metrics.average_gap import MARGINS
from cu_core.metrics.logit_margin import logit_margins
from cu_core.runstore import layout
from cu_core.runstore.reader import open_run
from tests.tuned_runs import REPORTED, planned, write_trial


def setting(select: str, seed: int = 0, **data) -> RunSpec:
    return RunSpec(data=DataSpec(**data), forget=ForgetSpec(select), seed=seed, train=TrainSpec(seed=4))


@pytest.mark.parametrize(
    ("select", "on"),
    [("class:5", "class:6"), ("class:9", "class:0"), ("class:8,9", "class:0,1"), ("random:50", "random:50")],
)
def test_trials_have_a_seed_and_samples_of_their_own(select: str, on: str) -> None:
    own = own_setting(setting(select))
    assert own.forget.select == on and own.seed == 10 and own.train_seed == 10 and own.forget_seed == 10
    assert own.audit.attacks == "none" and not own.audit.verdict and own.reference == 3


def test_names_of_classes_are_kept_apart_as_numbers_are() -> None:
    own = own_setting(setting("class:cat"), classes=("bee", "cat", "dog, red"))
    assert own.forget.select == 'class:"dog, red"'
    with pytest.raises(BadInput, match="say which samples"):
        own_setting(setting("class:bee,cat"), classes=("bee", "cat", "dog"))


def test_a_subset_is_another_one_and_so_are_wrong_labels() -> None:
    assert own_setting(setting("class:5", train_limit=500)).data.split_seed == 10
    assert own_setting(setting("mislabelled", label_noise=0.1)).data.split_seed == 10
    assert own_setting(setting("class:5")).data.split_seed == 0


def test_what_is_reported_is_refused() -> None:
    with pytest.raises(BadInput, match="seed of what is reported"):
        own_setting(setting("class:5", seed=10))
    with pytest.raises(BadInput, match="is the forget set that is reported"):
        own_setting(setting("class:5"), forget="class:5")
    with pytest.raises(BadInput, match="shares classes"):
        own_setting(setting("class:1"), forget="class:b", classes=("a", "b", "c"))
    with pytest.raises(BadInput, match="say which samples"):
        own_setting(setting("duplicates:3"))
    with pytest.raises(BadInput, match="is sample forgetting"):
        own_setting(setting("class:5"), forget="random:50")
    for spec in (setting("class:5"), setting("random:50")):
        own = own_setting(spec)
        assert (own.forget.select, own.forget_seed) != (spec.forget.select, spec.forget_seed)
        assert own.seed != spec.seed


def test_every_method_gets_the_same_budget_and_begins_with_its_start(home: Home) -> None:
    counts = {}
    for name, record in methods_here().items():
        if "class" in record.tasks and "supervised" in record.objectives and not record.needs_shards:
            tuning = drawn(begun(REPORTED, name, trials=6), home)
            counts[name] = len(tuning.values)
            assert tuning.values[0] == begun(REPORTED, name).values[0]
            assert len({spec.content_hash() for spec in tuning.specs}) == len(tuning.values)
            bases = {(s.train, s.data, s.seed, s.forget, s.reference) for s in tuning.specs}
            assert len(bases) == 1, "base models and references are shared"
    assert {counts[name] for name in counts if axes_of(methods_here()[name])} == {6}
    with pytest.raises(Incompatible):
        begun(dataclasses.replace(REPORTED, forget=ForgetSpec("random:50")), "unsir")


def test_what_only_a_setting_keeps_a_method_from_leaves_it_out() -> None:
    usual = setting("class:5")
    short = dataclasses.replace(usual, train=TrainSpec(epochs=1))
    reasons = fitting_methods(short, ["finetune", "rewind_to_delete"])
    assert reasons["finetune"] is None and "epochs" in (reasons["rewind_to_delete"] or "")
    assert "self-supervised" in (fitting_methods(usual, ["alignment_calibration"])["alignment_calibration"] or "")


def test_a_plan_is_kept_and_grows_and_what_was_drawn_stays(home: Home) -> None:
    small = planned(home, trials=4)
    assert recall_tuning(home, small.name) == small and stored_tunings(home) == [small.name]
    grown = drawn(begun(REPORTED, "ssd", trials=7), home)
    assert grown.values[:4] == small.values and len(grown.values) == 7
    # A start that changed meanwhile is not that of this tuning.
    moved = dataclasses.replace(begun(REPORTED, "ssd", trials=4), values=({"alpha": 1.0},))
    assert drawn(moved, home).values == small.values
    other = drawn(begun(REPORTED, "ssd", trials=4, seed=11), home)
    assert other.values[1:] != small.values[1:]
    (home.root / "tunings" / "damaged.json").write_text("{")
    assert stored_tunings(home) == [small.name]


def test_distances_are_those_of_the_recorded_margins_and_accuracies(home: Home) -> None:
    tuning = planned(home)
    view = open_run(home, write_trial(home, tuning, 1))
    (first, second, third) = trials_of(tuning, home)
    assert second.row is None and third.state == "missing" and first.judged is not None
    gap = first.judged.gap
    assert gap is not None and first.distance == pytest.approx(np.mean(list(gap.parts.values())))
    result, probe = view.result(), view.probe()
    after = result["metrics"]["after"]
    for group, metric in (("forget", "forget_acc"), ("retain", "retain_acc"), ("unseen", "test_acc_retained")):
        theirs = np.mean([r["metrics"][metric] for r in result["references"]])
        assert gap.parts[group] == pytest.approx(abs(after[metric] - theirs))
    rows = np.flatnonzero((probe["group"] == "forget") & ~probe["rule"])
    labels = probe["label"].to_numpy()[rows]
    own = logit_margins(view.array(result["rounds"], "logits")[rows], labels)
    theirs = np.concatenate([logit_margins(view.reference_array(s, "logits")[rows], labels) for s in (10, 11, 12)])
    moved = np.abs(np.sort(np.tile(own, 3)) - np.sort(theirs)).mean()
    assert gap.parts[MARGINS] == pytest.approx(moved / (moved + theirs.std()))
    assert len(first.judged.among) == 3


def test_failures_are_trials_a_full_disk_is_none_and_minutes_end_it(home: Home) -> None:
    tuning = planned(home)
    write_trial(home, tuning, 1)
    write_trial(home, tuning, 2, state="failed")
    trials = trials_of(tuning, home)
    assert trials[1].ended and trials[1].distance is None and trials[1].reason
    assert [t.number for t in waiting(tuning, trials)] == [3] and best_of(trials) is trials[0]
    with pytest.raises(BadInput, match="not over"):
        recipe_of(tuning, trials)
    spent = dataclasses.replace(tuning, minutes=spent_seconds(trials) / 60)
    recipe = recipe_of(spent, trials)
    assert recipe.budget == {"trials": 3, "minutes": spent.minutes, "made": 2, "failed": 1}
    outcome = layout.attempt_dir(home.runs / "trial-2", 1) / layout.OUTCOME
    content = read_json(outcome)
    write_json(outcome, content | {"error": {"kind": "out-of-disk", "message": "the disk is full", "hint": ""}})
    assert [t.number for t in waiting(tuning, trials_of(tuning, home))] == [2, 3]


def test_a_trial_whose_weights_are_no_numbers_has_failed_although_its_run_kept_an_earlier_round(home: Home) -> None:
    tuning = planned(home)
    for number in (1, 2, 3):
        write_trial(home, tuning, number, rounds=2)
    nearest = best_of(trials_of(tuning, home))
    assert nearest is not None
    path = home.runs / f"trial-{nearest.number}" / layout.RESULT
    write_json(path, read_json(path) | {"stopped_by": "not_a_number"})
    trials = trials_of(tuning, home)
    broken = trials[nearest.number - 1]
    assert broken.ended and broken.distance is None and "no longer numbers in round 3" in broken.reason
    assert best_of(trials).number != nearest.number
    assert recipe_of(tuning, trials).budget["failed"] == 1


def test_the_nearest_trial_becomes_a_recipe_with_the_table_of_all(home: Home) -> None:
    tuning = planned(home)
    for number, rounds in ((1, 5), (2, 2), (3, 5)):
        write_trial(home, tuning, number, rounds=rounds)
    trials = trials_of(tuning, home)
    best = min(trials, key=lambda t: t.distance)
    recipe = recipe_of(tuning, trials)
    assert recipe.values == best.values and recipe.distance["after"] == pytest.approx(best.distance, abs=1e-6)
    assert recipe.distance["before"] == pytest.approx(trials[0].distance, abs=1e-6)
    assert recipe.tuned_on["forget"] == "class:6" and recipe.tuned_on["seed"] == 10
    assert recipe.reported == {"forget": "class:5", "seed": 0}
    assert [t["values"] for t in recipe.trials] == list(tuning.values)
    assert json.loads(json.dumps(dataclasses.asdict(recipe)))
    # Of equal distances the earlier one, so that a start is not given up for nothing.
    assert best_of([trials[2], trials[0]]).number == 1


def test_a_stopped_plan_goes_on_as_if_nothing_had_happened(home: Home) -> None:
    tuning = planned(home)
    write_trial(home, tuning, 1)
    write_trial(home, tuning, 2, state="cancelled")
    again = drawn(begun(REPORTED, "ssd", trials=3), home)
    remember_tuning(again, home)
    assert again == tuning
    assert [(t.number, t.state) for t in waiting(again, trials_of(again, home))] == [(2, "cancelled"), (3, "missing")]
