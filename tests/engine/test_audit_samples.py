"""Who is attacked: reported samples only, one class mix on both sides, folds that share nobody."""

from __future__ import annotations

import numpy as np
import pytest

from cu_core.base.home import Home
from cu_core.catalogue.spec import spec_from_json
from cu_core.engine.audit.audit_samples import FEWEST, AuditSamples, Side, audit_samples, folds, matched
from cu_core.engine.audit.plan import AuditPlan
from cu_core.engine.setup import RunSetup, set_up


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("audit") / "home").create()


def bench_of(home: Home, select: str, **parts: dict | int) -> RunSetup:
    spec = spec_from_json({"forget": {"select": select}, "reference": 1, "device": "cpu", **parts})
    return set_up(spec, home, lambda done, total, message: None)


def mix(side: Side | None) -> list[int]:
    assert side is not None
    return np.bincount(side.label, minlength=10).tolist()


def present(samples: AuditSamples) -> tuple[Side, Side]:
    assert samples.known is not None and samples.unknown is not None
    return samples.known, samples.unknown


@pytest.mark.parametrize("select", ["class:5", "random:150", "class:1,2"])
def test_both_sides_are_reported_samples_of_one_class_mix(home, select):
    setup = bench_of(home, select)
    samples = audit_samples(setup)
    assert len(samples.members) == len(samples.others) >= FEWEST
    assert np.isin(samples.members.index, setup.reported_forget).all()
    assert np.isin(samples.others.index, setup.reported_unseen).all()
    assert not np.isin(samples.members.index, setup.rule_samples.forget).any()
    assert not np.isin(samples.others.index, setup.rule_samples.unseen).any()
    assert mix(samples.members) == mix(samples.others)
    assert len(set(samples.members.index)) == len(samples.members)
    assert (samples.members.label == setup.data.train_labels[samples.members.index]).all()
    assert (samples.others.label == setup.data.test_labels[samples.others.index]).all()
    for fold in (0, 1):
        sides = [
            Side(s.index[s.fold == fold], s.label[s.fold == fold], s.fold) for s in (samples.members, samples.others)
        ]
        assert mix(sides[0]) == mix(sides[1])


def test_class_forgetting_attacks_unseen_samples_of_the_forgotten_classes_alone(home):
    samples = audit_samples(bench_of(home, "class:5"))
    assert set(samples.others.label) == set(samples.members.label) == {5}
    known, unknown = present(samples)
    assert 5 not in known.label and 5 not in unknown.label, "a reference knows none of them"
    assert mix(known) == mix(unknown) and len(known) > 100
    assert not set(unknown.index) & set(samples.others.index)


def test_a_shadow_model_is_asked_about_what_it_knows_and_what_it_does_not(home):
    setup = bench_of(home, "random:150")
    samples = audit_samples(setup)
    known, unknown = present(samples)
    assert np.isin(known.index, setup.retain).all() and mix(known) == mix(unknown)
    own_fold = dict(zip(samples.others.index, samples.others.fold, strict=True))
    assert [own_fold[i] for i in unknown.index] == unknown.fold.tolist(), "same sample, same fold"
    assert audit_samples(bench_of(home, "random:150", reference=0)).known is None


def test_draws_depend_on_the_audit_seed_alone(home):
    def drawn(**audit: int) -> list[int]:
        return audit_samples(bench_of(home, "random:150", audit={"size": 30, **audit})).members.index.tolist()

    assert drawn() == drawn() and len(drawn()) == 30
    assert drawn() != drawn(seed=1)


def test_size_keeps_the_class_mix():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    first, second = matched(np.arange(1000), labels, np.arange(2000, 3000), labels, 50, rng)
    assert len(first) == len(second) == 50
    assert np.bincount(labels[first]).tolist() == np.bincount(labels[second - 2000]).tolist() == [30, 15, 5]


def test_each_class_counts_as_often_as_the_smaller_side_has_it():
    first_labels, second_labels = np.repeat([0, 1, 3], [5, 2, 4]), np.repeat([0, 1, 2], [3, 6, 9])
    first, second = matched(np.arange(11), first_labels, np.arange(18), second_labels, 100, np.random.default_rng(0))
    assert np.bincount(first_labels[first]).tolist() == np.bincount(second_labels[second]).tolist() == [3, 2]
    nothing = matched(np.arange(2), np.array([0, 0]), np.arange(2), np.array([1, 1]), 9, np.random.default_rng(0))
    assert [len(side) for side in nothing] == [0, 0]


def test_folds_are_even_within_every_class():
    labels = np.random.default_rng(0).integers(0, 4, 101)
    fold = folds(labels, np.random.default_rng(1))
    for part in (np.ones(101, bool), *(labels == c for c in range(4))):
        assert abs((fold[part] == 0).sum() - (fold[part] == 1).sum()) <= 1


@pytest.mark.parametrize(("parts", "words"), [({}, "there are 15"), ({"stop": {"protocol": "paper"}}, "")])
def test_too_few_samples_are_said(home, parts, words):
    plan = AuditPlan(bench_of(home, "random:30", **parts))
    if words:
        assert plan.samples is None and plan.units == plan.images == 0
        (note,) = plan.notes
        assert words in note and "No membership attacks" in note
    else:
        assert plan.samples is not None and plan.notes == []


def test_no_shadow_model_without_samples_that_the_reference_knows_is_said(home, monkeypatch):
    setup = bench_of(home, "class:5")
    only_forgotten = setup.reported_unseen[setup.data.test_labels[setup.reported_unseen] == 5]
    monkeypatch.setattr(RunSetup, "reported_unseen", only_forgotten)
    plan = AuditPlan(setup)
    assert plan.samples is not None and plan.samples.known is None and plan.samples.unknown is None
    assert "shadow" in plan.notes[0]


def test_attacks_can_be_left_out(home):
    plan = AuditPlan(bench_of(home, "random:150", audit={"attacks": "none"}))
    assert plan.samples is None and plan.notes == []
