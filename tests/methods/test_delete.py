"""DELETE beside its target and divergence in NumPy, and SGD written out."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from scipy.special import rel_entr, softmax

from cu_core.methods.delete import DeleteParams, unlearn, without_label
from cu_core.methods.teacher import distillation_loss
from tests.methods.plain import PlainSgd, assert_same, twin
from tests.methods.small import FP16, context_of


def target_of(logits: np.ndarray, label: int) -> np.ndarray:
    """Probabilities of the other classes as they were, raised so that they sum to 1."""
    p = softmax(logits.astype(np.float64))
    p[label] = 0
    return p / p.sum()


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_target_and_divergence_are_those_of_the_other_classes(classes: int) -> None:
    rng = np.random.default_rng(classes)
    base, student = rng.normal(0, 3, (2, 9, classes)).astype(np.float32)
    labels = rng.integers(0, classes, 9)
    given = torch.from_numpy(base)
    masked = without_label(given, torch.from_numpy(labels))
    want = np.array([target_of(row, label) for row, label in zip(base, labels, strict=True)])
    assert masked.softmax(1).numpy() == pytest.approx(want, abs=1e-6)
    loss = distillation_loss(torch.from_numpy(student), masked, 1.0)
    assert float(loss) == pytest.approx(rel_entr(want, softmax(student, axis=1)).sum(1).mean(), rel=1e-5)
    assert torch.equal(given, torch.from_numpy(base)), "the logits that were given have changed"


def test_steps_lead_to_the_base_models_answers_without_the_label() -> None:
    context, mirror = (context_of(forget=11, rounds=2, batch_norm=True) for _ in range(2))
    student, base = twin(mirror), copy.deepcopy(mirror.model).eval()
    sgd = PlainSgd(student, lr=0.2, momentum=0.9, weight_decay=0.0)
    for told in unlearn(context, DeleteParams(lr=0.2, batch_size=4)):
        losses, shares = [], []
        for x, y, _ in mirror.forget.epoch(4):
            log_q = student(x).log_softmax(1)
            p = torch.tensor(np.array([target_of(row, c) for row, c in zip(base(x).detach().numpy(), y, strict=True)]))
            # At the label p is 0, and so is p log p.
            rows = torch.where(p > 0, p * (p.clamp(min=1e-30).log() - log_q), 0.0).sum(1)
            losses.append(rows.mean())
            shares.append(float(log_q.detach().exp()[torch.arange(len(y)), y].mean()))
            sgd.step(losses[-1])
        assert told["loss"] == pytest.approx(float(torch.stack(losses).mean().detach()), rel=1e-4)
        assert told["true_class"] == pytest.approx(np.mean(shares), rel=1e-4)
    assert_same(context.model, student, tolerance=1e-4)
    assert context.retain.images_drawn == 0 and context.forget.images_drawn == 22


@pytest.mark.parametrize("named", [{"forget": 1}, {"forget": 9, "precision": FP16}], ids=["one sample", "fp16"])
def test_the_labels_probability_falls(named: dict) -> None:
    context = context_of(rounds=30, batch_norm=True, **named)
    told = list(unlearn(context, DeleteParams(lr=0.3)))
    assert told[-1]["true_class"] < 0.7 * told[0]["true_class"]
