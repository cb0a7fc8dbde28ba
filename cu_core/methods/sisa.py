"""SISA: shard retraining (Bourtoule et al., Machine Unlearning, IEEE S&P 2021, section IV)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from cu_core.catalogue.method_record import METHODS, PER_SHARD, Method
from cu_core.methods.context import Context

if TYPE_CHECKING:
    from cu_core.learning.classifier import Classifier
    from cu_core.learning.ensemble import Ensemble
    from cu_core.learning.shards import ShardedBase
    from cu_core.learning.training import EpochReport


@dataclass(frozen=True)
class SisaParams:
    """Shard retraining has nothing to choose: shards and slices belong to the training."""


METHOD = Method(
    id="sisa",
    title="SISA",
    summary="Trains the shards with forgotten samples again, each from before the first of them was seen: exact.",
    paper="Bourtoule et al., Machine Unlearning, IEEE S&P 2021 (arXiv 1912.03817), section IV",
    params=SisaParams,
    implementation=lambda: unlearn,
    needs_forget=False,
    needs_shards=True,
    starts_anew=True,
    needs="A model that was trained in shards and slices (train.shards, train.slices), with its members' weights after "
    "each stage on disk; a round is a shard.",
    fails="Accuracy falls with more shards, because each member learns from fewer samples. A whole class, or many "
    "random samples, lies in all shards, and then it costs nearly as much as retraining.",
    rounds={"class": PER_SHARD, "sample": PER_SHARD},
)
METHODS.add(METHOD)


def unlearn(context: Context, params: SisaParams) -> Iterator[dict[str, float]]:
    """Trains one affected shard per round, from its first affected stage on, without the forgotten samples.

    The other members are not touched. Afterwards all weights are those that training without the forgotten samples
    would have given from the same seed. Nothing comes from a cache but the weights of the stages before, so the time
    is that of the retraining.

    Args:
        context: model, data and how the base was trained in shards.
        params: nothing to choose.

    Yields:
        Per round the number of the ``shard``, of the first affected ``slice`` (both from 1) and of the ``samples``
        that are left in the shard, and ``loss`` and ``accuracy`` of the last epoch, where there was one.
    """
    base, model = cast("ShardedBase", context.shards), cast("Ensemble", context.model)
    affected = base.plan.affected(context.forget.indices.numpy())
    for number in context.rounds():
        if number > len(affected):
            return
        shard, first = affected[number - 1]
        member = model.member(shard)
        member.load_state_dict(_before(context, base, shard, first))
        last = _retrain(context, base, member, shard, first)
        base.plan.set_voters(model, context.retain.indices.numpy())
        left = len(base.plan.samples(context.retain.indices.numpy(), shard, base.plan.spec.slices))
        diagnostics = {"shard": shard + 1.0, "slice": first + 1.0, "samples": float(left)}
        if last is not None and last.accuracy is not None:
            diagnostics |= {"loss": last.loss, "accuracy": last.accuracy}
        yield diagnostics


def _before(context: Context, base: ShardedBase, shard: int, stage: int) -> dict[str, object]:
    """A member's weights when a stage began: untrained ones before the first."""
    if stage > 0:
        return dict(base.after(shard, stage - 1))
    return dict(cast("Ensemble", context.fresh(context.base_seed)).member(shard).state_dict())


def _retrain(context: Context, base: ShardedBase, member: Classifier, shard: int, first: int) -> EpochReport | None:
    """Takes a member through its stages from the first affected one on; the last epoch's report, if there was one."""
    retain = context.retain.indices.numpy()
    last: EpochReport | None = None
    for stage in range(first, base.plan.spec.slices):
        context.check()
        drawn = len(base.plan.samples(retain, shard, stage))

        def on_epoch(report: EpochReport, drawn: int = drawn) -> None:
            nonlocal last
            last = report
            context.retain.images_drawn += drawn

        base.plan.train_stage(
            member,
            context.retain.source,
            retain,
            shard,
            stage,
            precision=context.precision,
            on_epoch=on_epoch,
            check=context.check,
        )
    return last
