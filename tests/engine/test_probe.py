"""The probe and the rule's samples: disjoint groups, kept shares, nothing reported that a rule saw."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cu_core.data.forget import ForgetSet
from cu_core.data.images import ImageData
from cu_core.engine.probe import GROUPS, choose_probe, rule_samples, spare_samples, stratified


def dataset(train=200, test=80, classes=4):
    images = np.zeros((train, 1, 2, 2), np.uint8)
    labels, unseen = np.arange(train) % classes, np.arange(test) % classes
    names = tuple(str(c) for c in range(classes))
    return ImageData(images, labels, images[:test], unseen, names, (0.5,), (0.5,), labels, "x")


def forget_class(data, label=1):
    return ForgetSet(np.flatnonzero(data.train_labels == label), "class", (label,))


def forget_random(data, n=40):
    return ForgetSet(np.sort(np.random.default_rng(9).permutation(len(data.train_labels))[:n]), "sample")


@settings(max_examples=60, deadline=None)
@given(n=st.integers(0, 60), seed=st.integers(0, 1000), classes=st.integers(1, 7))
def test_stratified_keeps_class_shares(n, seed, classes):
    items = np.arange(100, 160)
    labels = np.random.default_rng(seed).integers(0, classes, 60)
    drawn = stratified(items, labels, n, np.random.default_rng(seed))
    assert len(drawn) == n == len(set(drawn))
    assert set(drawn) <= set(items)
    for c in range(classes):
        share = (labels == c).sum() * n / 60
        assert abs((labels[drawn - 100] == c).sum() - share) <= 1


@pytest.mark.parametrize("size", [30, 100, 1000])
def test_groups_are_disjoint_and_sized(size):
    data = dataset()
    forget = forget_random(data)
    rule = rule_samples("sample", "held-out", data, forget, 0)
    probe = choose_probe(data, forget, rule, size=size, protocol="held-out", seed=0)
    assert len(probe.sample) == min(size, 280)
    by_group = {g: set(probe.sample[probe.rows(g, reported=False)]) for g in GROUPS}
    assert by_group["forget"] <= set(forget.indices)
    assert not by_group["retain"] & set(forget.indices)
    assert not by_group["forget"] & by_group["retain"]
    assert all(by_group.values())
    assert (probe.label[probe.is_test] == data.test_labels[probe.sample[probe.is_test]]).all()
    assert (probe.label[~probe.is_test] == data.train_labels[probe.sample[~probe.is_test]]).all()


def test_held_out_rule_samples_are_not_reported():
    data = dataset()
    forget = forget_random(data)
    rule = rule_samples("sample", "held-out", data, forget, 0)
    assert len(rule.forget) == 20 and len(rule.unseen) == 40
    probe = choose_probe(data, forget, rule, size=1000, protocol="held-out", seed=0)
    assert not set(probe.sample[probe.rows("forget")]) & set(rule.forget)
    assert not set(probe.sample[probe.rows("unseen")]) & set(rule.unseen)


def test_class_rule_looks_only_at_unseen_samples_of_the_forgotten_class():
    data = dataset()
    forget = forget_class(data)
    rule = rule_samples("class", "held-out", data, forget, 0)
    assert len(rule.forget) == 0
    assert (data.test_labels[rule.unseen] == 1).all() and len(rule.unseen) == 10
    assert (data.test_labels[rule_samples("class", "paper", data, forget, 0).unseen] == 1).all()


def test_paper_protocol_reports_everything():
    data = dataset()
    forget = forget_random(data)
    rule = rule_samples("sample", "paper", data, forget, 0)
    assert len(rule.forget) == 40 and len(rule.unseen) == 80
    probe = choose_probe(data, forget, rule, size=1000, protocol="paper", seed=0)
    assert len(probe.rows("forget")) == 40 and len(probe.rows("unseen")) == 80
    assert len(rule_samples("none", "paper", data, forget, 0).unseen) == 0


def test_probe_depends_on_its_seed_alone():
    data = dataset()
    forget = forget_random(data)
    rule = rule_samples("sample", "held-out", data, forget, 0)
    first, second, other = (choose_probe(data, forget, rule, size=60, protocol="held-out", seed=s) for s in (0, 0, 1))
    assert (first.sample == second.sample).all()
    assert (first.sample != other.sample).any()


@pytest.mark.parametrize(("train", "forget", "size"), [(400, 100, 100), (8000, 5000, 2000), (8000, 2000, 2000)])
def test_of_more_forget_samples_than_are_recorded_some_are_left_to_report_on(train, forget, size):
    data = dataset(train)
    chosen = forget_random(data, forget)
    rule = rule_samples("sample", "held-out", data, chosen, 0)
    probe = choose_probe(data, chosen, rule, size=size, protocol="held-out", seed=0)
    recorded, reported = probe.rows("forget", reported=False), probe.rows("forget")
    # As large a share as of all forget samples, but for chance.
    share = 1 - len(rule.forget) / forget
    assert len(recorded) >= size // 2
    assert len(reported) / len(recorded) == pytest.approx(share, abs=3 * np.sqrt(0.25 / len(recorded)))
    assert not set(probe.sample[reported]) & set(rule.forget)


def test_chance_rule_looks_at_forget_samples_alone():
    data = dataset()
    rule = rule_samples("chance", "held-out", data, forget_random(data), 0)
    assert len(rule.forget) == 20 and len(rule.unseen) == 0


def test_rule_samples_are_drawn_class_by_class_from_their_seed_up_to_a_limit():
    labels = np.repeat([0, 1, 2], [3000, 1500, 500])
    images = np.zeros((5000, 1, 1, 1), np.uint8)
    data = ImageData(images, labels, images, labels[::-1].copy(), ("a", "b", "c"), (0.5,), (0.5,), labels, "x")
    forget = ForgetSet(np.arange(0, 5000, 2), "sample")
    first, other = (rule_samples("sample", "held-out", data, forget, seed) for seed in (0, 1))
    assert len(first.forget) == len(first.unseen) == 1000
    assert np.bincount(data.train_labels[first.forget]) == pytest.approx([600, 300, 100], abs=1)
    assert np.bincount(data.test_labels[first.unseen]) == pytest.approx([600, 300, 100], abs=1)
    assert set(first.forget) <= set(forget.indices) and set(first.forget) != set(other.forget)


@pytest.mark.parametrize(
    ("train", "test", "forget", "sizes"),
    [
        (200, 80, 40, (40, 30, 30)),  # the unseen quarter of what the forget set leaves
        (200, 10, 40, (40, 50, 10)),  # few unseen: the rest goes to retain
        (200, 80, 190, (50, 10, 40)),  # few retained: their share goes to unseen
        (200, 4, 195, (91, 5, 4)),  # few of both: it goes back to the forget set
    ],
)
def test_a_group_that_is_short_leaves_its_share_to_the_others(train, test, forget, sizes):
    data = dataset(train, test)
    chosen = forget_random(data, forget)
    rule = rule_samples("none", "held-out", data, chosen, 0)
    probe = choose_probe(data, chosen, rule, size=100, protocol="held-out", seed=0)
    assert tuple(len(probe.rows(group)) for group in GROUPS) == sizes


def test_labels_before_noise_are_kept():
    data = dataset()
    noisy = (data.train_labels + (np.arange(200) % 5 == 0)) % 4
    data = dataclasses.replace(data, train_labels=noisy)
    rule = rule_samples("none", "held-out", data, forget_random(data), 0)
    probe = choose_probe(data, forget_random(data), rule, size=1000, protocol="held-out", seed=0)
    seen = ~probe.is_test
    assert (probe.true_label[seen] == data.true_labels[probe.sample[seen]]).all()
    assert (probe.label[seen] != probe.true_label[seen]).sum() == 40
    assert (probe.true_label[~seen] == probe.label[~seen]).all()


@pytest.mark.parametrize("rule", ["class", "sample"])
def test_samples_for_the_method_are_kept_from_rule_and_probe(rule):
    data = dataset()
    forget = forget_class(data) if rule == "class" else forget_random(data)
    spare = spare_samples(True, data, forget, 0)
    assert len(spare) == 80 // 3 and len(spare_samples(False, data, forget, 0)) == 0
    looked_at = rule_samples(rule, "held-out", data, forget, 0, spare)
    probe = choose_probe(data, forget, looked_at, size=1000, protocol="held-out", seed=0, spare=spare)
    seen = set(probe.sample[probe.is_test])
    assert seen == set(range(80)) - set(spare)
    assert len(looked_at.unseen) > 0 and set(looked_at.unseen) <= seen
    if rule == "class":
        assert set(data.test_labels[looked_at.unseen]) == set(forget.classes)
