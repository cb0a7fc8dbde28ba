"""What the verdict rests on: the answers of models to the same samples, and what a question asks of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class GroupSeen:
    """One model on n samples of a group; the samples are the same for every model.

    Attributes:
        labels: (n,) int64, as trained on.
        outputs: (n, c) float64: class probabilities; of encoders cosines to fixed retained samples, which a rotation of
            the embedding does not change.
        predicted: (n,) int64 classes; of encoders by a vote of retained samples.
        score: (n,) float64, larger for what looks more like a training sample: margin z_y - log Σ_{k≠y} exp z_k of
            classifiers (logit-scaled confidence, Carlini et al. 2022, Eq. 4), mean cosine of augmented views of
            encoders.
        embedding: (n, d) float32.
    """

    labels: np.ndarray
    outputs: np.ndarray
    predicted: np.ndarray
    score: np.ndarray
    embedding: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """(n,) bool, whether the prediction is the label."""
        return self.predicted == self.labels

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class TrainedOn:
    """A model after some steps of training on retained samples alone.

    Attributes:
        steps: how many; 0 is the model itself.
        forget_score: (n,) float64 as `GroupSeen.score` of the forget samples.
        forget_right: (n,) bool, whether they are classified as their label says.
        unseen_score: (m,) float64 of the unseen samples.
    """

    steps: int
    forget_score: np.ndarray
    forget_right: np.ndarray
    unseen_score: np.ndarray


@dataclass(frozen=True)
class ModelSeen:
    """One model on the samples of the verdict.

    Attributes:
        forget: samples to be forgotten.
        retain: retained training samples.
        unseen: samples that no model was trained on.
        layers: group to one array (k, width) per layer, on k samples of the group.
        trained_on: the model after short trainings on retained samples, by steps; empty where none were made.
    """

    forget: GroupSeen
    retain: GroupSeen
    unseen: GroupSeen
    layers: Mapping[str, Sequence[np.ndarray]] = field(default_factory=dict)
    trained_on: tuple[TrainedOn, ...] = ()


@dataclass(frozen=True)
class VerdictEvidence:
    """Everything that the questions of one verdict are asked of.

    Attributes:
        base: the model before unlearning.
        after: the unlearned model.
        references: models retrained without the forget samples.
        task: ``"class"`` or ``"sample"``.
        kind: of the training objective, as `cu_core.catalogue.objective_record.Objective.kind`.
        classes: number of classes of the data.
        forgotten: labels of the forgotten classes; empty for samples.
        layer_names: of `ModelSeen.layers`.
        same_weights: whether every weight is bit for bit what it was before unlearning.
        stored_gap: largest difference between the answers that were recorded and those of the stored weights, in
            standard deviations of the answers; None where there is nothing to compare.
        untrained: why no model was trained on, in words; empty where they were, or where there are too few references.
    """

    base: ModelSeen
    after: ModelSeen
    references: tuple[ModelSeen, ...]
    task: str
    kind: str
    classes: int
    forgotten: tuple[int, ...] = ()
    layer_names: tuple[str, ...] = ()
    same_weights: bool = False
    stored_gap: float | None = None
    untrained: str = ""

    def ours(self, group: GroupSeen) -> np.ndarray:
        """(n,) bool: samples of classes that are not forgotten as a whole."""
        return ~np.isin(group.labels, self.forgotten) if self.task == "class" else np.ones(len(group), bool)


Measure = Callable[[ModelSeen, Sequence[ModelSeen]], float | None]
"""One number of a model beside references that do not include it; None where there is none."""


@dataclass(frozen=True)
class Statistic:
    """One number by which a question tells a model from retrained ones.

    Attributes:
        id: unique within the question.
        title: name shown to people.
        unit: of the number, in words.
        of: computes it.
        n: samples behind it.
        low: what a number below those of the references means, in a few words; empty where that is no difference.
        high: the same for one above them.
        control: a second number that has to differ in the same direction at 5 %, uncorrected, for a difference to
            count.
        least: difference that is too small to matter.
        floor: no smaller standard deviation over references is believed.
        bounds: least and largest value that the number can have.
    """

    id: str
    title: str
    unit: str
    of: Measure
    n: int
    low: str = ""
    high: str = ""
    control: Measure | None = None
    least: float = 0.0
    floor: float = 0.0
    bounds: tuple[float, float] = (-math.inf, math.inf)

    def within(self, value: float) -> float:
        """A value cut to `bounds`."""
        return min(max(value, self.bounds[0]), self.bounds[1])

    @property
    def sides(self) -> str:
        """``"both"``, ``"high"`` or ``"low"``."""
        return "both" if self.low and self.high else "high" if self.high else "low"


@dataclass(frozen=True)
class Settled:
    """The answer to a question that needs no retrained models to compare with.

    Attributes:
        differs: whether the model is not what it should be.
        direction: what is wrong where it differs, as the beginning of a sentence.
        alike: what holds where it does not, likewise.
        measure: what was measured.
        value: what was measured.
        limit: at which it begins to differ.
        unit: of both, in words; empty for plain numbers.
        n: samples behind it.
        notes: more, in sentences.
    """

    differs: bool
    direction: str
    alike: str
    measure: str
    value: float
    limit: float
    unit: str
    n: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inquiry:
    """What a question asks of some evidence.

    Attributes:
        statistics: the numbers that answer it.
        settled: the answer where no statistics are needed.
        why_not: why the question does not exist for this run; empty where it does.
        missing: what is missing to answer it, where it exists; empty where nothing is.
        planted: makes a model that differs out of a retrained one, as positive control; by default that is the model
            before unlearning.
        notes: more, in sentences.
    """

    statistics: tuple[Statistic, ...] = ()
    settled: Settled | None = None
    why_not: str = ""
    missing: str = ""
    planted: Callable[[ModelSeen], ModelSeen] | None = None
    notes: tuple[str, ...] = ()


def calibrated(group: str, model: ModelSeen, references: Sequence[ModelSeen]) -> np.ndarray:
    """(n,) scores of a model minus the references' mean score of the same sample.

    Args:
        group: ``"forget"``, ``"retain"`` or ``"unseen"``.
        model: whose.
        references: one or more that do not include it.
    """
    own: GroupSeen = getattr(model, group)
    mean = np.mean([getattr(reference, group).score for reference in references], axis=0)
    return np.asarray(own.score - mean)
