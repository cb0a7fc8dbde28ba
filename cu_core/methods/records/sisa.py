"""Record of SISA: what the form, the command line and the docs say of it."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.catalogue.method_record import PER_SHARD, Method


@dataclass(frozen=True)
class SisaParams:
    """Shard retraining has nothing to choose: shards and slices belong to the training."""


METHOD = Method(
    id="sisa",
    title="SISA",
    summary="Trains the shards with forgotten samples again, each from before the first of them was seen: exact.",
    paper="Bourtoule et al., Machine Unlearning, IEEE S&P 2021 (arXiv 1912.03817), section IV",
    params=SisaParams,
    implementation="cu_core.methods.sisa:unlearn",
    needs_forget=False,
    needs_shards=True,
    starts_anew=True,
    needs="A model that was trained in shards and slices (train.shards, train.slices), with its members' weights after "
    "each stage on disk; a round is a shard.",
    fails="Accuracy falls with more shards, because each member learns from fewer samples. A whole class, or many "
    "random samples, lies in all shards, and then it costs nearly as much as retraining.",
    rounds={"class": PER_SHARD, "sample": PER_SHARD},
)
