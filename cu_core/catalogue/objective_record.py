"""The record of a training objective, and its registry."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.registry import Registry, Target

# Fields of `TrainSpec` that only some objectives read; each of those names them in its `settings`.
OWN_SETTINGS = ("augment", "label_smoothing", "smallest_crop", "temperature", "queue", "key_momentum")

# Kinds of models: those that answer with class logits, and encoders.
WITH_CLASSES = ("supervised", "image-text")
KINDS = (*WITH_CLASSES, "self-supervised")


@dataclass(frozen=True)
class Objective:
    """One way to train a network.

    Attributes:
        id: name on the command line and in run files.
        title: name shown to people.
        summary: one sentence.
        paper: source; empty for what needs none.
        implementation: class, or ``"module:class"``, of the `TrainingObjective`; imported only
            where something is trained.
        self_supervised: whether it trains an encoder without labels.
        image_text: whether it trains an image-text model, whose classes are prompts.
        temperature: the objective's default; 0 where there is none.
        predictor: whether the encoder carries a predictor.
        settings: fields of `TrainSpec` that it reads besides those that every objective reads.
        cost: time of one training image as a multiple of a supervised one's: a pass without gradients takes about
            a third of one with them.
    """

    id: str
    title: str
    summary: str
    paper: str
    implementation: Target
    self_supervised: bool = True
    image_text: bool = False
    temperature: float = 0.0
    predictor: bool = False
    settings: tuple[str, ...] = ()
    cost: float = 1.0

    @property
    def kind(self) -> str:
        """One of `KINDS`, as `Method.objectives` names them."""
        if self.image_text:
            return "image-text"
        return "self-supervised" if self.self_supervised else "supervised"

    @property
    def loss_words(self) -> tuple[str, str]:
        """What is recorded as the loss of a sample, with its unit where it has one; and the same in short."""
        if not self.self_supervised:
            return "Cross-entropy of the label (nats)", "Cross-entropy (nats)"
        # The contrastive losses are cross-entropies; the other one is a distance.
        unit = " (nats)" if self.temperature else ""
        return f"{self.title} loss of two views{unit}", f"{self.title} loss{unit}"

    def reads(self, field: str) -> bool:
        """Whether a field of `cu_core.catalogue.spec_parts.TrainSpec` makes a difference to this objective."""
        return field in self.settings or field not in OWN_SETTINGS


OBJECTIVES: Registry[Objective] = Registry("objective", Objective, field="train.objective")


def objective(name: str) -> Objective:
    """The record of that id.

    Raises:
        BadInput: no such objective.
    """
    return OBJECTIVES.named(name)
