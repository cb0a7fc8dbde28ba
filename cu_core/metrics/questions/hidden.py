"""Question: is it only hidden? Compactness, class means, prototypes, probes and re-fitted heads on the features."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cu_core.catalogue.question_record import Question
from cu_core.metrics.questions.remembers import FEWEST
from cu_core.metrics.questions.verdict_evidence import (
    GroupSeen,
    Inquiry,
    Measure,
    ModelSeen,
    Statistic,
    VerdictEvidence,
)

RIDGE = 1.0
PROTOTYPE = 5
DRAWS = 20
SEED = 9

HIDDEN = Question(
    id="hidden",
    title="Hidden",
    question="Is it only hidden?",
    means="Differs: the features still hold what answers may no longer show: forgotten samples lie together, or a head "
    "that is fitted anew finds them, beyond what the same does on retrained models.",
    means_not="Good features separate classes that no model was taught; where retrained models pass as well, nothing "
    "can be told.",
    look="drift",
    ask=lambda evidence: hidden(evidence),
    if_differs="Its features still hold what answers may no longer show.",
    if_none="Nothing was found in its features that those of retrained models lack.",
)


def hidden(evidence: VerdictEvidence) -> Inquiry:
    """Asks for what the embedding holds of the forget samples.

    Args:
        evidence: of all models.
    """
    forget = evidence.after.forget
    n = len(forget)
    if n < FEWEST:
        return Inquiry(missing=f"it needs {FEWEST} forget samples; there are {n}")
    if evidence.task == "class":
        return Inquiry(_of_classes(evidence, n))
    return Inquiry(_of_samples(evidence, n))


def _of_classes(evidence: VerdictEvidence, n: int) -> tuple[Statistic, ...]:
    """Of whole classes: half of the forget samples teach, the other half is judged."""
    teach = np.arange(n) % 2 == 0

    def compact(model: ModelSeen) -> float:
        return compactness(model.forget)

    def class_means(model: ModelSeen) -> float:
        taught, labels = _with(model.retain, model.forget, teach)
        return float(
            mean_margins(taught, labels, _unit(model.forget.embedding[~teach]), model.forget.labels[~teach]).mean()
        )

    def prototype(model: ModelSeen) -> float:
        return prototype_margin(model.retain, model.forget, evidence.classes)

    def refitted(model: ModelSeen) -> float:
        taught, labels = _with(model.retain, model.forget, teach)
        scores = ridge_scores(taught, labels, _unit(model.forget.embedding[~teach]), evidence.classes)
        return float(label_margins(scores, model.forget.labels[~teach]).mean())

    return (
        Statistic(
            "compactness",
            "Cosine of forgotten samples to the middle of their class",
            "",
            alone(compact),
            n,
            bounds=(-1.0, 1.0),
            low="forgotten samples are scattered unlike in retrained models",
            high="the forgotten class still lies together",
        ),
        Statistic(
            "class-means",
            "Margin of forgotten samples by nearest class mean",
            "of cosine",
            alone(class_means),
            int((~teach).sum()),
            high="class means find the forgotten class",
        ),
        Statistic(
            "prototype",
            f"Margin of forgotten samples by the mean of {PROTOTYPE} of them",
            "of cosine",
            alone(prototype),
            n,
            high=f"{PROTOTYPE} samples find the forgotten class",
        ),
        Statistic(
            "refitted",
            "Margin of forgotten samples under a head fitted anew",
            "",
            alone(refitted),
            int((~teach).sum()),
            high="a head fitted anew finds the forgotten class",
        ),
    )


def _of_samples(evidence: VerdictEvidence, n: int) -> tuple[Statistic, ...]:
    """Of samples: only retained ones teach."""

    def own(model: ModelSeen) -> float:
        centres = class_centres(_unit(model.retain.embedding), model.retain.labels)
        rows = [i for i, label in enumerate(model.forget.labels) if int(label) in centres]
        units = _unit(model.forget.embedding)
        return float(np.mean([units[i] @ _direction(centres[int(model.forget.labels[i])]) for i in rows]))

    def class_means(model: ModelSeen) -> float:
        taught = _unit(model.retain.embedding)
        return float(
            mean_margins(taught, model.retain.labels, _unit(model.forget.embedding), model.forget.labels).mean()
        )

    def refitted(model: ModelSeen) -> float:
        scores = ridge_scores(
            _unit(model.retain.embedding), model.retain.labels, _unit(model.forget.embedding), evidence.classes
        )
        return float(label_margins(scores, model.forget.labels).mean())

    def probed(model: ModelSeen) -> float:
        return membership_probe(model.forget, model.unseen)

    found = [
        Statistic(
            "own-class",
            "Cosine of forget samples to retained samples of their label",
            "",
            alone(own),
            n,
            bounds=(-1.0, 1.0),
            low="forgotten samples lie away from their label's class",
            high="forgotten samples still lie with their label's class",
        ),
        Statistic(
            "class-means",
            "Margin of forget samples by nearest class mean of retained ones",
            "of cosine",
            alone(class_means),
            n,
            high="class means of retained samples still find the forgotten ones",
        ),
        Statistic(
            "refitted",
            "Margin of forget samples under a head fitted anew on retained ones",
            "",
            alone(refitted),
            n,
            high="a head fitted anew on retained samples still knows the forgotten ones",
        ),
    ]
    if min(n, len(evidence.after.unseen)) >= 2 * FEWEST:
        found.append(
            Statistic(
                "probe",
                "AUC of a linear probe, forget against unseen samples",
                "",
                alone(probed),
                n,
                bounds=(0.0, 1.0),
                high="a probe of the features tells forgotten from unseen samples",
            )
        )
    return tuple(found)


def alone(of: Callable[[ModelSeen], float]) -> Measure:
    """A number of one model that needs no references beside it; worked out once for each model."""
    known: dict[int, float] = {}

    def measure(model: ModelSeen, references: Sequence[ModelSeen]) -> float:
        if id(model) not in known:
            known[id(model)] = of(model)
        return known[id(model)]

    return measure


def compactness(group: GroupSeen) -> float:
    """Mean cosine of samples to the mean of the other samples of their label.

    Args:
        group: with two or more samples of a label.
    """
    units, found = _unit(group.embedding), []
    for label in np.unique(group.labels):
        rows = units[group.labels == label]
        if len(rows) < 2:
            continue
        others = (rows.sum(0) - rows) / (len(rows) - 1)
        found.append((rows * others).sum(1) / np.maximum(np.linalg.norm(others, axis=1), 1e-12))
    return float(np.concatenate(found).mean()) if found else 0.0


def mean_margins(taught: np.ndarray, taught_labels: np.ndarray, units: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n,) cosine to the mean of the own class minus that to the nearest mean of another.

    Args:
        taught: (m, d) unit rows that the class means are taken of.
        taught_labels: (m,).
        units: (n, d) unit rows.
        labels: (n,); samples of labels that nothing was taught of count with a cosine of 0 to their own.
    """
    centres = class_centres(taught, taught_labels)
    names = np.array(sorted(centres))
    cosines = units @ np.stack([_direction(centres[int(k)]) for k in names]).T
    mine = names[None, :] == labels[:, None]
    own = np.where(mine.any(1), np.where(mine, cosines, 0.0).sum(1), 0.0)
    return np.asarray(own - np.where(mine, -np.inf, cosines).max(1))


def prototype_margin(retain: GroupSeen, forget: GroupSeen, classes: int) -> float:
    """Margin of forget samples to the mean of `PROTOTYPE` of them, over the class means of retained samples.

    After Spotter's prototype attack (arXiv 2506.01318). Mean over `DRAWS` draws and the samples that were not drawn.

    Args:
        retain: samples of the other classes.
        forget: samples of the forgotten classes.
        classes: number of classes.
    """
    rng = np.random.default_rng(SEED)
    units, taught = _unit(forget.embedding), _unit(retain.embedding)
    found = []
    for label in np.unique(forget.labels):
        rows = np.flatnonzero(forget.labels == label)
        if len(rows) < 2 * PROTOTYPE:
            continue
        for _ in range(DRAWS):
            shots = rng.permutation(rows)
            some, rest = shots[:PROTOTYPE], shots[PROTOTYPE:]
            both = np.concatenate([taught, units[some]])
            labels = np.concatenate([retain.labels, forget.labels[some]])
            found.append(mean_margins(both, labels, units[rest], forget.labels[rest]).mean())
    return float(np.mean(found)) if found else 0.0


def ridge_scores(taught: np.ndarray, labels: np.ndarray, rows: np.ndarray, classes: int) -> np.ndarray:
    """(n, C) scores of a linear head fitted by regularised least squares to one-hot labels.

    Args:
        taught: (m, d) features.
        labels: (m,).
        rows: (n, d) features to score.
        classes: C.
    """
    mean = taught.mean(0)
    centred = taught - mean
    targets = np.eye(classes)[labels]
    offset = targets.mean(0)
    gram = centred.T @ centred + RIDGE * np.eye(centred.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (targets - offset))
    return np.asarray((rows - mean) @ weights + offset)


def label_margins(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n,) score of the label minus the largest other."""
    rows = np.arange(len(labels))
    own = scores[rows, labels]
    others = scores.copy()
    others[rows, labels] = -np.inf
    return np.asarray(own - others.max(1))


def membership_probe(forget: GroupSeen, unseen: GroupSeen) -> float:
    """AUC of a least-squares probe that learns forget against unseen samples on one half and ranks the other.

    Args:
        forget: n samples.
        unseen: m samples; only those of the forget samples' labels are taken.
    """
    rows = np.flatnonzero(np.isin(unseen.labels, forget.labels))
    features = _unit(np.concatenate([forget.embedding, unseen.embedding[rows]]))
    # What every class has in common is no membership.
    labels = np.concatenate([forget.labels, unseen.labels[rows]])
    for label in np.unique(labels):
        features[labels == label] -= features[labels == label].mean(0)
    member = np.arange(len(labels)) < len(forget)
    fold = np.concatenate([np.arange(len(forget)) % 2, np.arange(len(rows)) % 2])
    ranks = np.empty(len(labels))
    for half in (0, 1):
        scores = ridge_scores(features[fold != half], member[fold != half].astype(int), features[fold == half], 2)
        ranks[fold == half] = scores[:, 1].argsort().argsort()
    found = []
    for half in (0, 1):
        inside, truth = ranks[fold == half], member[fold == half]
        found.append((inside[truth][:, None] > inside[~truth][None, :]).mean())
    return float(np.mean(found))


def class_centres(units: np.ndarray, labels: np.ndarray) -> dict[int, np.ndarray]:
    """Label to the mean of its unit rows."""
    return {int(label): units[labels == label].mean(0) for label in np.unique(labels)}


def _with(retain: GroupSeen, forget: GroupSeen, teach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    units = np.concatenate([_unit(retain.embedding), _unit(forget.embedding[teach])])
    return units, np.concatenate([retain.labels, forget.labels[teach]])


def _direction(row: np.ndarray) -> np.ndarray:
    return np.asarray(row / max(float(np.linalg.norm(row)), 1e-12))


def _unit(rows: np.ndarray) -> np.ndarray:
    wide = rows.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))
