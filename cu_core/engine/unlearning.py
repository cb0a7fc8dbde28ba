"""The context of an unlearning method at its start, and the generator of its rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F

from cu_core.catalogue.method_record import method
from cu_core.catalogue.spec import RunSpec
from cu_core.data.batches import Split, Withheld
from cu_core.engine.setup import RunSetup
from cu_core.learning.build import build_for
from cu_core.learning.device import seed_everything
from cu_core.learning.kept_epochs import KeptEpochs
from cu_core.learning.network import Network
from cu_core.learning.objectives.training_objective import make_objective
from cu_core.learning.shards import ShardedBase
from cu_core.methods.context import Context, none_kept

UNLEARN_SEED = 1_000_003
PART_SEED = 2_000_003


def unlearning_context(
    setup: RunSetup,
    model: Network,
    check: Callable[[], None],
    shards: ShardedBase | None = None,
    kept: KeptEpochs | None = None,
) -> Context:
    """What the method of a run is given before its first round; seeds everything that is random.

    Args:
        setup: the fixed part of the run.
        model: to be changed, on the device.
        check: called by the method before each step; may raise to stop.
        shards: how the base model was trained in shards; None of ordinary ones.
        kept: what is kept of the base model's training; None if nothing is.
    """
    spec = setup.spec
    seed_everything(spec.seed + UNLEARN_SEED)
    generator = torch.Generator().manual_seed(spec.seed + UNLEARN_SEED)

    def fresh(seed: int) -> Network:
        # Never the user's own weights, which know the forget set.
        untrained = build_for(spec, setup.data, seed)
        setup.precision.place(untrained, setup.device)
        return untrained

    return Context(
        model=model,
        forget=setup.split(setup.forget.indices, generator),
        retain=retained_split(setup, generator),
        task=setup.forget.task,
        loss=F.cross_entropy,
        objective=make_objective(spec.train, model, len(setup.data.train_labels)),
        unseen=setup.spare_split(generator),
        device=setup.device,
        precision=setup.precision,
        generator=generator,
        classes=len(setup.data.classes),
        recipe=spec.train,
        fresh=fresh,
        forgotten=tuple(setup.forget.classes) if setup.forget.task == "class" else (),
        base_seed=spec.train_seed,
        shards=shards,
        seed=spec.seed,
        max_rounds=spec.max_rounds,
        check=check,
        earlier=kept.weights if kept else none_kept,
    )


def retained_split(setup: RunSetup, generator: torch.Generator) -> Split:
    """The retain samples that the run's method may read: all, a fixed part, or none of them."""
    chosen, retain = setup.spec.method, setup.split(setup.retain, generator)
    record = method(chosen.id)
    if record.retain_data == "part":
        return retain.share(chosen.params.retain_share, setup.spec.seed + PART_SEED)
    return retain if record.needs_retain else Withheld(retain, f"retain_data of {record.id} is none")


def method_rounds(spec: RunSpec, context: Context) -> Iterator[dict[str, float]]:
    """The rounds of a run's method.

    In a round the model is in training mode, which a method may change; between rounds it is in evaluation mode.
    """
    model = context.model
    rounds = method(spec.method.id).unlearn(context, spec.method.params)
    while True:
        model.train()
        try:
            numbers = next(rounds, None)
        finally:
            model.eval()
        if numbers is None:
            return
        yield numbers
