"""Made-up answers of models for verdicts: a base that knows the forget samples, retrained models that do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cu_core.metrics.questions.verdict_evidence import GroupSeen, ModelSeen, TrainedOn, VerdictEvidence

CLASSES = 4
FORGOTTEN = 3
WIDTH = 8


def evidence(task: str = "sample", references: int = 6, seed: int = 0, *, known: float = 0.0) -> VerdictEvidence:
    """Evidence of an honestly retrained model, or of one that still knows a share of the forget samples.

    Args:
        task: ``"sample"`` or ``"class"``.
        references: number of retrained models.
        seed: of everything.
        known: share of the forget samples that the unlearned model knows as the base does.
    """
    rng = np.random.default_rng(seed)
    sizes = {"forget": 80, "retain": 240, "unseen": 240}
    labels = {g: rng.integers(0, CLASSES, n) for g, n in sizes.items()}
    if task == "class":
        labels["forget"][:] = FORGOTTEN
        labels["retain"] %= FORGOTTEN
    hard = {g: rng.normal(0, 1, n) for g, n in sizes.items()}
    made = [model(task, labels, hard, rng, known=share) for share in (1.0, known, *[0.0] * references)]
    return VerdictEvidence(
        base=made[0],
        after=made[1],
        references=tuple(made[2:]),
        task=task,
        kind="supervised",
        classes=CLASSES,
        forgotten=(FORGOTTEN,) if task == "class" else (),
        layer_names=("embedding",),
        stored_gap=0.0,
    )


def model(
    task: str,
    labels: dict[str, np.ndarray],
    hard: dict[str, np.ndarray],
    rng: np.random.Generator,
    *,
    known: float,
) -> ModelSeen:
    """One model: retained samples are known well, unseen ones less, a share of the forget samples as retained ones."""
    groups = {}
    for group, label in labels.items():
        n = len(label)
        sure = np.full(n, 4.0 if group == "retain" else 2.0)
        if group == "forget":
            stranger = -3.0 if task == "class" else 2.0
            sure = np.where(np.arange(n) < known * n, 4.0, stranger)
        if group == "unseen" and task == "class":
            sure = np.where(label == FORGOTTEN, 4.0 if known > 0.5 else -3.0, sure)
        groups[group] = seen(label, sure + hard[group] + rng.normal(0, 0.3) / 3 + rng.normal(0, 0.3, n), rng, known)
    stages = tuple(
        TrainedOn(steps, groups["forget"].score, groups["forget"].right, groups["unseen"].score) for steps in (0, 20)
    )
    layers = {group: [made.embedding] for group, made in groups.items()}
    return ModelSeen(groups["forget"], groups["retain"], groups["unseen"], layers, stages)


def seen(labels: np.ndarray, margin: np.ndarray, rng: np.random.Generator, known: float) -> GroupSeen:
    """Answers with given margins; the rest of the probability is spread over the other classes."""
    n = len(labels)
    logits = rng.normal(0, 0.1, (n, CLASSES))
    rows = np.arange(n)
    logits[rows, labels] = -np.inf
    others = np.log(np.exp(logits).sum(1))
    logits[rows, labels] = others + margin
    outputs = np.exp(logits - logits.max(1, keepdims=True))
    outputs /= outputs.sum(1, keepdims=True)
    centres = np.eye(CLASSES, WIDTH) * 3
    embedding = centres[labels] * (1 / (1 + np.exp(-margin)))[:, None] + rng.normal(0, 0.5, (n, WIDTH))
    return GroupSeen(labels, outputs, logits.argmax(1), margin, embedding.astype(np.float32))


def with_after(made: VerdictEvidence, after: ModelSeen) -> VerdictEvidence:
    """The same evidence with another unlearned model."""
    return replace(made, after=after)
