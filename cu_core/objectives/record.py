"""What the registry knows about a training objective."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Objective:
    """One way to train a network.

    Attributes:
        id: name on the command line and in run files.
        title: name shown to people.
        summary: one sentence.
        paper: source; empty for what needs none.
        implementation: ``"module:class"`` of the `cu_core.objectives.base.TrainingObjective`; imported only
            where something is trained.
        self_supervised: whether it trains an encoder without labels.
        temperature: the objective's default; 0 where there is none.
        predictor: whether the encoder carries a predictor.
    """

    id: str
    title: str
    summary: str
    paper: str
    implementation: str
    self_supervised: bool = True
    temperature: float = 0.0
    predictor: bool = False

    @property
    def kind(self) -> str:
        """``"supervised"`` or ``"self-supervised"``, as `Method.objectives` names them."""
        return "self-supervised" if self.self_supervised else "supervised"
