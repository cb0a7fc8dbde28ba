"""The record of a metric, its registry, and the outputs of a model that metrics are computed from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np

from cu_core.base.registry import Registry
from cu_core.catalogue.objective_record import KINDS

T = TypeVar("T")
COUNTED = ("forget", "retain", "unseen", "unseen_forgotten", "unseen_retained")
"""Samples that a metric may be counted on; the last two are unseen ones of the forgotten and of the other classes."""


class SampleOutputs(Protocol):
    """The outputs of a model for n samples of a group; see `cu_core.engine.signals.Forward`."""

    @property
    def embedding(self) -> np.ndarray:
        """(n, d) float32."""

    @property
    def labels(self) -> np.ndarray:
        """(n,) int64."""

    @property
    def logits(self) -> np.ndarray:
        """(n, C) float32; of encoders log shares of a vote of retain samples."""

    @property
    def prediction(self) -> np.ndarray:
        """(n,) predicted classes."""

    @property
    def loss(self) -> np.ndarray:
        """(n,) float32 cross-entropy in nats; of encoders the loss of their own training."""

    @property
    def top1(self) -> np.ndarray:
        """(n,) highest probability, of the classes or of an encoder's outputs."""

    @property
    def two_view(self) -> np.ndarray | None:
        """(n,) cosine of the embeddings of two augmented views; None where they were not passed."""


@dataclass(frozen=True)
class Evidence:
    """The outputs of one evaluation of a model, from which every metric is computed.

    Attributes:
        forget: outputs for forget samples.
        retain: for retain samples.
        unseen: for unseen samples.
        forgotten: labels of forgotten classes; empty for sample forgetting.
        true_labels: (n_forget,) labels before noise, if the forget set holds mislabelled samples.
        voters: labels that an encoder's predictions can name, those of the samples that vote; None for classifiers,
            which can name every class.
        fitted: numbers of classifiers that were fitted to the model's frozen features, by the metric's id; fitted
            only where all samples are evaluated.
        kind: of the model, one of `cu_core.catalogue.objective_record.KINDS`.
    """

    forget: SampleOutputs
    retain: SampleOutputs
    unseen: SampleOutputs
    forgotten: tuple[int, ...] = ()
    true_labels: np.ndarray | None = None
    voters: np.ndarray | None = None
    fitted: Mapping[str, float | None] = field(default_factory=dict)
    kind: str = "supervised"
    _kept: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def task(self) -> str:
        """``"class"`` or ``"sample"``: what was forgotten."""
        return "class" if self.forgotten else "sample"

    def once(self, compute: Callable[[Evidence], T]) -> T:
        """What a function makes of it, kept for other metrics that rest on the same."""
        if compute not in self._kept:
            self._kept[compute] = compute(self)
        found: T = self._kept[compute]
        return found


def always(evidence: Evidence) -> bool:
    """A metric that exists for every evaluation."""
    return True


@dataclass(frozen=True)
class Metric:
    """One number of an evaluation.

    Attributes:
        id: key in run files.
        title: name shown to people.
        summary: one sentence.
        compute: from `Evidence` to the value; None where there is nothing to compute it from.
        counted_on: one of `COUNTED`: the samples behind the value. Their group decides its colour.
        target: what the value should come near to by unlearning, in a few words; empty where that depends.
        unit: unit of the value; shares (`percent`) have none.
        percent: whether it is a share to be shown in percent.
        bounded: whether it lies within -1..1.
        signed: whether it can be below 0.
        predicted: whether it rests on predicted classes, which for encoders come from a vote of neighbours.
        ranks: whether it is an AUC that tells forget samples from unseen ones, which has a band of its own.
        recorded: in which rounds: ``"every"``, ``"some"``, or ``"end"`` for what takes all samples.
        heading: title where there is room for two words; the title by default.
        applies: whether an evaluation has it at all, where task and kind of model do not say it.
        tasks: forgetting tasks for which it exists; it is computed in no others.
        objectives: kinds of models for which it exists, as in `cu_core.catalogue.method_record.Method`; it is computed
            for no others.
    """

    id: str
    title: str
    summary: str
    compute: Callable[[Evidence], float | None]
    counted_on: str
    target: str = ""
    unit: str = ""
    percent: bool = True
    bounded: bool = True
    signed: bool = True
    predicted: bool = False
    ranks: bool = False
    recorded: str = "every"
    heading: str = ""
    applies: Callable[[Evidence], bool] = always
    tasks: tuple[str, ...] = ("class", "sample")
    objectives: tuple[str, ...] = KINDS

    def __post_init__(self) -> None:
        if not self.heading:
            object.__setattr__(self, "heading", self.title)
        if self.counted_on not in COUNTED:
            raise ValueError(f"a metric is counted on one of {', '.join(COUNTED)}, not on {self.counted_on!r}")

    @property
    def group(self) -> str:
        """``"forget"``, ``"retain"`` or ``"unseen"``."""
        return self.counted_on.partition("_")[0]

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest value that there can be."""
        least = 0.0 if self.percent or self.ranks or not self.signed else -1.0 if self.bounded else -math.inf
        return least, 1.0 if self.bounded else math.inf

    @property
    def whole_group(self) -> bool:
        """Whether all samples of its group are behind it."""
        return self.counted_on == self.group

    def exists(self, task: str, objective: str) -> bool:
        """Whether runs of that task on that kind of model can report it."""
        return task in self.tasks and objective in self.objectives

    def title_for(self, objective: str) -> str:
        """The title, which says of an encoder's accuracies that they are those of weighted nearest neighbours."""
        return f"{self.title} (kNN)" if self.predicted and objective == "self-supervised" else self.title


METRICS: Registry[Metric] = Registry("metric", Metric, group="unlearnscope.metrics")
