"""The context of an unlearning method: model, data, loss, random generator, checkpointed state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from cu_core.base.errors import BadInput
from cu_core.base.heavy import torch

if TYPE_CHECKING:
    from cu_core.catalogue.spec_parts import TrainSpec
    from cu_core.data.batches import Split
    from cu_core.learning.device import Precision
    from cu_core.learning.network import Network
    from cu_core.learning.objectives.training_objective import TrainingObjective
    from cu_core.learning.shards import ShardedBase


class Stateful(Protocol):
    """Anything whose state can be stored in a checkpoint: optimizers, queues, modules."""

    def state_dict(self) -> dict[str, Any]:
        """The state as tensors, numbers, lists and dicts."""

    def load_state_dict(self, state: dict[str, Any]) -> Any:
        """Takes over a state written by `state_dict`."""


Kept = TypeVar("Kept", bound=Stateful)


def none_kept(epochs: int) -> Mapping[str, torch.Tensor]:
    """Refuses: nothing is kept of the base model's training."""
    raise BadInput("train.keep_every", "no earlier weights of the base model are kept", ("1 or more",))


@dataclass
class Context:
    """Everything an unlearning method sees; it knows nothing of files, metrics, stopping or pages.

    Attributes:
        model: a copy of the base model, changed in place. Within a round it is in training mode, unless the method
            says otherwise, and outside in evaluation mode. ``model(images)`` are its logits (b, C) without softmax,
            float32; `cu_core.methods.steps.Steps.logits` asks for them under mixed precision.
        forget: the samples to unlearn.
        retain: the other training samples.
        task: ``"class"`` or ``"sample"``.
        unseen: samples outside the training set that are kept for the method and never reported on, for methods
            with ``needs_unseen``; None for others.
        objective: the loss of the original training without its memory: queue and slow copy start anew.
        loss: cross-entropy ``loss(logits, labels)``, mean over the batch; for models with classes.
        classes: number of classes of the data.
        forgotten: labels of the forgotten classes; empty for sample forgetting.
        recipe: how the base model was trained.
        fresh: makes an untrained model of the same kind on the device, given the seed of its weights; those that
            the base model started from for `base_seed`.
        base_seed: seed of the base model's training.
        shards: how the base model was trained in shards, and its members' earlier weights; None of ordinary models.
        earlier: the base model's weights so many epochs before the end of its training, as a state dict; for methods
            with ``needs_earlier``, as many epochs as there are rounds.
        seed: of this run.
        device: where the model and the batches are.
        precision: mixed-precision policy of the device.
        generator: CPU generator from which the method draws all of its randomness.
        first_round: number of the first round to run; above 1 after a resume.
        max_rounds: number of the last round.
        load: puts the weights of a user's file into the model, given its path.
        check: raises when the run was cancelled; call it once per batch.
    """

    model: Network
    forget: Split
    retain: Split
    task: str
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    objective: TrainingObjective
    device: torch.device
    precision: Precision
    generator: torch.Generator
    classes: int
    recipe: TrainSpec
    fresh: Callable[[int], Network]
    forgotten: tuple[int, ...] = ()
    base_seed: int = 0
    shards: ShardedBase | None = None
    seed: int = 0
    unseen: Split | None = None
    first_round: int = 1
    max_rounds: int = 1
    load: Callable[[str], None] = lambda path: None
    earlier: Callable[[int], Mapping[str, torch.Tensor]] = none_kept
    check: Callable[[], None] = lambda: None
    saved: dict[str, dict[str, Any]] = field(default_factory=dict)
    kept: dict[str, Stateful] = field(default_factory=dict)

    @property
    def has_classes(self) -> bool:
        """Whether the model outputs class logits; an encoder does not."""
        return self.model.has_classes

    def rounds(self) -> Iterator[int]:
        """The round numbers that are still to run."""
        yield from range(self.first_round, self.max_rounds + 1)

    def keep(self, name: str, thing: Kept) -> Kept:
        """Puts an optimizer, queue or module into the checkpoint, and restores it after a resume.

        Args:
            name: unique within the method.
            thing: has ``state_dict`` and ``load_state_dict``.

        Returns:
            `thing`, with the stored state if this run was resumed.
        """
        self.kept[name] = thing
        if name in self.saved:
            thing.load_state_dict(self.saved[name])
        return thing
