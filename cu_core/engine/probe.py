"""The probe: samples whose signals are recorded each round; and the samples that a stopping rule measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cu_core.catalogue.stopping import STOPPING_RULES
from cu_core.data.forget import ForgetSet
from cu_core.data.images import ImageData

GROUPS = ("forget", "retain", "unseen")
RULE_LIMIT = 1000
_ANOTHER_STREAM = 2


@dataclass(frozen=True)
class RuleSamples:
    """Samples on which a stopping rule is judged.

    Attributes:
        forget: (a,) int64 indices of training samples.
        unseen: (b,) int64 indices of test samples.
    """

    forget: np.ndarray
    unseen: np.ndarray


@dataclass(frozen=True)
class Probe:
    """The fixed samples of a run; row r of every recorded array is sample r of the probe.

    Attributes:
        sample: (n,) int64 index into the training or test images.
        is_test: (n,) bool, whether `sample` indexes the test images.
        group: (n,) int8, position in `GROUPS`.
        label: (n,) int64 label as trained on (forget, retain) or true (unseen).
        true_label: (n,) int64 label before noise.
        rule: (n,) bool, whether the stopping rule measures it; such rows are left out of reported metrics.
    """

    sample: np.ndarray
    is_test: np.ndarray
    group: np.ndarray
    label: np.ndarray
    true_label: np.ndarray
    rule: np.ndarray

    def rows(self, group: str, *, reported: bool = True) -> np.ndarray:
        """(k,) positions of a group's rows, by default only those that metrics are reported on."""
        inside = self.group == GROUPS.index(group)
        return np.flatnonzero(inside & ~self.rule if reported else inside)


def spare_samples(needed: bool, data: ImageData, forget: ForgetSet, seed: int) -> np.ndarray:
    """Test samples that a method may learn from: a third of them, no more than forget samples, drawn class by class.

    They are no longer unseen afterwards, so nothing is reported on them.

    Args:
        needed: whether the method reads samples from outside the training set; if not there are none.
        data: the dataset.
        forget: the forget set.
        seed: seed of the draw.

    Returns:
        (k,) int64 indices of test samples, sorted.
    """
    everything = np.arange(len(data.test_labels))
    size = min(len(everything) // 3, len(forget.indices)) if needed else 0
    # Another stream than that of the rule's samples.
    return stratified(everything, data.test_labels, size, np.random.default_rng([seed, 1]))


NO_SPARE = np.empty(0, np.int64)


def rule_samples(
    rule: str, protocol: str, data: ImageData, forget: ForgetSet, seed: int, spare: np.ndarray = NO_SPARE
) -> RuleSamples:
    """The samples that a stopping rule is judged on.

    Under the held-out protocol the rule gets half of what could be reported, at most 1,000 a side and
    drawn class by class; under the paper's protocol all samples are measured.

    Args:
        rule: id of a `cu_core.catalogue.stopping.StoppingRule`.
        protocol: ``"held-out"`` or ``"paper"``.
        data: the dataset.
        forget: the forget set.
        seed: seed of the draw.
        spare: (k,) test samples that belong to the method.
    """
    rng = np.random.default_rng(seed)
    none = np.empty(0, np.int64)
    looks_at = STOPPING_RULES.named(rule).looks_at
    unseen = none
    if {"unseen", "unseen_forgotten"} & set(looks_at):
        unseen = np.setdiff1d(np.arange(len(data.test_labels)), spare)
    if "unseen_forgotten" in looks_at:
        unseen = unseen[np.isin(data.test_labels[unseen], forget.classes)]
    forgotten = forget.indices if "forget" in looks_at else none
    if protocol == "paper":
        return RuleSamples(forgotten, unseen)

    def half(items: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return stratified(items, labels[items], min(len(items) // 2, RULE_LIMIT), rng)

    return RuleSamples(half(forgotten, data.train_labels), half(unseen, data.test_labels))


def choose_probe(
    data: ImageData,
    forget: ForgetSet,
    rule: RuleSamples,
    *,
    size: int,
    protocol: str,
    seed: int,
    spare: np.ndarray = NO_SPARE,
) -> Probe:
    """Draws the probe: everything if it fits, else up to half forget samples, a quarter unseen, the rest retain.

    Args:
        data: the dataset.
        forget: the forget set.
        rule: samples of the stopping rule, marked in the probe unless the protocol is the paper's.
        size: number of samples.
        protocol: ``"held-out"`` or ``"paper"``.
        seed: seed of the draw.
        spare: (k,) test samples that belong to the method and are not recorded.
    """
    rng = np.random.default_rng(seed)
    retain = np.setdiff1d(np.arange(len(data.train_labels)), forget.indices)
    unseen = np.setdiff1d(np.arange(len(data.test_labels)), spare)
    n_forget, n_retain, n_unseen = _shares(size, len(forget.indices), len(retain), len(unseen))
    train_labels, test_labels = data.train_labels, data.test_labels
    parts = [
        stratified(forget.indices, train_labels[forget.indices], n_forget, rng),
        stratified(retain, train_labels[retain], n_retain, rng),
        stratified(unseen, test_labels, n_unseen, rng),
    ]
    if protocol != "paper" and n_forget < len(forget.indices) and np.isin(parts[0], rule.forget).all():
        # The rule drew as many from the same stream, so these are its own, and none of them could be reported on.
        parts[0] = stratified(
            forget.indices, train_labels[forget.indices], n_forget, np.random.default_rng([seed, _ANOTHER_STREAM])
        )
    sample = np.concatenate(parts)
    group = np.repeat(np.arange(3, dtype=np.int8), [len(p) for p in parts])
    is_test = group == 2
    label, true_label, marked = (np.empty(len(sample), t) for t in (np.int64, np.int64, bool))
    label[~is_test], label[is_test] = train_labels[sample[~is_test]], test_labels[sample[is_test]]
    true_label[~is_test], true_label[is_test] = data.true_labels[sample[~is_test]], test_labels[sample[is_test]]
    marked[~is_test] = np.isin(sample[~is_test], rule.forget)
    marked[is_test] = np.isin(sample[is_test], rule.unseen)
    if protocol == "paper":
        marked[:] = False
    return Probe(sample, is_test, group, label, true_label, marked)


def recorded_probe(table: pd.DataFrame) -> Probe:
    """The probe that a run has recorded, from its table (`cu_core.runstore.reader.RunView.probe`).

    Earlier versions drew some of them in another way, and the rows of recorded arrays are theirs.
    """
    return Probe(
        sample=table["sample"].to_numpy(),
        is_test=(table["split"] == "test").to_numpy(),
        group=table["group"].map({name: place for place, name in enumerate(GROUPS)}).to_numpy().astype(np.int8),
        label=table["label"].to_numpy(),
        true_label=table["true_label"].to_numpy(),
        rule=table["rule"].to_numpy(),
    )


def stratified(items: np.ndarray, labels: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draws `size` of `items` without replacement, class shares kept to within one sample; sorted."""
    if size >= len(items):
        return np.sort(items)
    order = rng.permutation(len(items))
    # A stable sort by label after shuffling, then even steps through it, takes the same share of each class.
    order = order[np.argsort(labels[order], kind="stable")]
    picks = np.floor((np.arange(size) + 0.5) * len(items) / size).astype(np.int64) if size else np.empty(0, np.int64)
    return np.sort(items[order[picks]])


def _shares(size: int, forget: int, retain: int, unseen: int) -> tuple[int, int, int]:
    if forget + retain + unseen <= size:
        return forget, retain, unseen
    n_forget = min(forget, size // 2)
    n_unseen = min(unseen, (size - n_forget) // 2)
    n_retain = min(retain, size - n_forget - n_unseen)
    n_unseen = min(unseen, size - n_forget - n_retain)
    n_forget = min(forget, size - n_retain - n_unseen)
    return n_forget, n_retain, n_unseen
