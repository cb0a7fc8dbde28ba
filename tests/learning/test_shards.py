"""Training in shards: who learns what, and that shard retraining is exact."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cu_core.base.errors import Cancelled, CheckpointError, Incompatible
from cu_core.base.home import Home
from cu_core.catalogue import compatibility
from cu_core.catalogue.method_record import method
from cu_core.catalogue.presets import PRESETS
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.catalogue.spec_parts import ModelSpec, TrainSpec
from cu_core.data.batches import ImageSource, Split
from cu_core.data.images import ImageData
from cu_core.learning.build import build_model
from cu_core.learning.device import choose_precision
from cu_core.learning.ensemble import Ensemble
from cu_core.learning.model_cache import Trained, train_key, trained_model
from cu_core.learning.network import Network
from cu_core.learning.objectives.supervised import Supervised
from cu_core.learning.shards import ShardPlan, partition
from cu_core.learning.training import EpochReport, fingerprint
from cu_core.learning.weights import weights_sha256
from cu_core.methods.context import Context
from cu_core.methods.sisa import SisaParams, unlearn

CPU = torch.device("cpu")
FULL = choose_precision("fp32", CPU)
TOTAL, CLASSES, SEED = 60, 3, 4
SPEC = RunSpec(
    model=ModelSpec(embedding_dim=8),
    train=TrainSpec(epochs=4, batch_size=8, lr=0.05, augment="crop", shards=3, slices=2),
)


def toy() -> ImageData:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (TOTAL, 1, 8, 8), dtype=np.uint8), np.arange(TOTAL) % CLASSES
    return ImageData(images, labels, images[:4], labels[:4], ("a", "b", "c"), (0.5,), (0.3,), labels, "d" * 64)


def trained(
    home: Home,
    indices: np.ndarray | None = None,
    spec: RunSpec = SPEC,
    on_epoch: Callable[[EpochReport], None] = lambda report: None,
) -> Trained:
    data = toy()
    return trained_model(
        spec,
        data,
        ImageSource.train(data, CPU),
        np.arange(TOTAL) if indices is None else indices,
        SEED,
        home=home,
        device=CPU,
        precision=FULL,
        on_epoch=on_epoch,
    )


def fresh(seed: int) -> Network:
    return FULL.place(build_model(SPEC.model, 1, 8, CLASSES, seed, shards=SPEC.train.shards), CPU)


def context_of(base: Trained, forget: np.ndarray) -> Context:
    model = fresh(0)
    model.load_state_dict(base.model.state_dict())
    source, generator = ImageSource.train(toy(), CPU), torch.Generator().manual_seed(0)
    retain = np.setdiff1d(np.arange(TOTAL), forget)
    return Context(
        model=model,
        forget=Split(source, forget, generator),
        retain=Split(source, retain, generator),
        task="sample",
        loss=F.cross_entropy,
        objective=Supervised(SPEC.train, model, TOTAL),
        device=CPU,
        precision=FULL,
        generator=generator,
        classes=CLASSES,
        recipe=SPEC.train,
        fresh=fresh,
        base_seed=SEED,
        shards=base.shards,
        max_rounds=SPEC.train.shards,
    )


def sha(model: torch.nn.Module) -> str:
    return weights_sha256(model.state_dict())


def shard_of(shard: int) -> np.ndarray:
    return np.flatnonzero(partition(TOTAL, 3, 2, SEED)[0] == shard)


def slice_of(shard: int, slice: int) -> np.ndarray:
    of = partition(TOTAL, 3, 2, SEED)
    return np.flatnonzero((of[0] == shard) & (of[1] == slice))


@pytest.mark.parametrize(("shards", "slices"), [(1, 4), (4, 1), (4, 3), (7, 2)])
def test_the_partition_is_even_and_follows_the_seed(shards: int, slices: int) -> None:
    shard, slice = partition(101, shards, slices, 5)
    cells = np.array([[np.sum((shard == s) & (slice == r)) for r in range(slices)] for s in range(shards)])
    assert cells.sum() == 101 and np.ptp(cells) <= 1 and np.ptp(cells.sum(1)) <= 1
    assert np.array_equal(partition(101, shards, slices, 5), (shard, slice))
    assert not np.array_equal(partition(101, shards, slices, 6), (shard, slice))
    assert np.any(shard != np.arange(101) % shards) or shards == 1


def test_removing_samples_moves_no_other() -> None:
    plan = ShardPlan.of(SPEC.train, TOTAL, SEED)
    everything, some = np.arange(TOTAL), np.setdiff1d(np.arange(TOTAL), [3, 17, 40])
    for shard in range(3):
        for stage in range(2):
            assert set(plan.samples(some, shard, stage)) == set(plan.samples(everything, shard, stage)) - {3, 17, 40}
        assert len(plan.samples(everything, shard, 0)) < len(plan.samples(everything, shard, 1))


@pytest.mark.parametrize("slices", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("epochs", [1, 2, 3, 15, 100])
def test_stages_show_every_sample_as_often_as_an_ordinary_training(epochs: int, slices: int) -> None:
    spec = TrainSpec(epochs=epochs, shards=2, slices=slices)
    stages = spec.stage_epochs
    visits = sum(count * (r + 1) / slices for r, count in enumerate(stages))
    assert len(stages) == slices and stages[-1] >= 1 and min(stages) >= 0
    assert abs(visits - epochs) <= 0.5 or slices > epochs
    usual = 2 * epochs / (slices + 1)
    assert all(abs(count - usual) <= 1 for count in stages), "2E/(R+1) epochs per stage, to the nearest whole ones"
    assert spec.work == (2 * sum(stages))


FORGET = {
    "one sample of a last slice": slice_of(1, 1)[:1],
    "one sample of a first slice": slice_of(2, 0)[:1],
    "two shards": np.array([slice_of(0, 1)[2], slice_of(0, 1)[3], slice_of(2, 0)[0]]),
    "a class": np.arange(0, TOTAL, CLASSES),
    "a whole slice": slice_of(1, 0),
    "a whole shard": shard_of(1),
    "all but one of a shard": shard_of(0)[1:],
}


@pytest.mark.parametrize("which", FORGET)
def test_shard_retraining_ends_where_training_without_the_samples_ends(home: Home, which: str) -> None:
    forget = np.sort(FORGET[which])
    base = trained(home)
    context = context_of(base, forget)
    told = list(unlearn(context, SisaParams()))
    scratch = trained(home, np.setdiff1d(np.arange(TOTAL), forget))
    assert sha(context.model) == sha(scratch.model) != sha(base.model)
    assert [numbers["shard"] - 1 for numbers in told] == sorted({s for s in range(3) if set(shard_of(s)) & set(forget)})
    assert scratch.shards is None and not list(home.models.glob(f"{scratch.key}.shard*"))


def test_other_shards_are_not_touched(home: Home) -> None:
    base = trained(home)
    context = context_of(base, slice_of(1, 1)[:2])
    list(unlearn(context, SisaParams()))
    for shard in range(3):
        before, after = (m.member(shard) for m in (base.model, context.model))
        assert (sha(before) == sha(after)) == (shard != 1)
    assert context.forget.images_drawn == 0
    left = len(shard_of(1)) - 2
    assert context.retain.images_drawn == left * SPEC.train.stage_epochs[1], "the first stage was not done again"


def test_a_member_without_samples_is_not_asked(home: Home) -> None:
    context = context_of(trained(home), shard_of(1))
    list(unlearn(context, SisaParams()))
    assert isinstance(context.model, Ensemble) and context.model.voters.tolist() == [1, 0, 1]


def test_a_second_request_is_served_from_the_cache(home: Home) -> None:
    epochs: list[int] = []
    first = trained(home, on_epoch=lambda report: epochs.append(report.epoch))
    assert epochs == list(range(1, SPEC.train.work + 1))
    epochs.clear()
    second = trained(home, on_epoch=lambda report: epochs.append(report.epoch))
    assert (second.cached, second.seconds, epochs, sha(second.model)) == (True, first.seconds, [], sha(first.model))


def test_a_lost_stage_alone_is_trained_again(home: Home) -> None:
    first = trained(home)
    path = home.models / f"{first.key}.shard1.stage1.pt"
    path.write_bytes(path.read_bytes()[:-5] + b"wrong")
    assert first.shards is not None
    with pytest.raises(CheckpointError, match="shard 2 was after stage 2"):
        first.shards.after(1, 1)
    epochs: list[str] = []
    second = trained(home, on_epoch=lambda report: epochs.append(report.where))
    assert set(epochs) == {"shard 2 of 3, stage 2 of 2"} and not second.cached
    assert sha(second.model) == sha(first.model)


def test_an_interrupted_training_goes_on(home: Home, tmp_path: Path) -> None:
    whole = trained(Home(tmp_path / "other").create())

    def stop(report: EpochReport) -> None:
        if report.epoch == 11:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        trained(home, on_epoch=stop)
    epochs: list[EpochReport] = []
    again = trained(home, on_epoch=epochs.append)
    assert 1 < epochs[0].epoch <= 12 and epochs[-1].epoch == epochs[-1].epochs == SPEC.train.work
    assert [r.seconds for r in epochs] == sorted(r.seconds for r in epochs)
    assert sha(again.model) == sha(whole.model)


def test_keys_of_ordinary_models_are_what_they_were_before_there_were_shards() -> None:
    everything = np.arange(40)
    key = train_key(PRESETS["digit-5"].spec, "d" * 64, everything, 0, "cuda", "fp32")
    assert key == "8154f1ee02f72e6992d0a139f2022df82dba1e49ec526e3e5d93e61a1523143e"
    key = train_key(PRESETS["moco-digits"].spec, "d" * 64, everything, 0, "cuda", "fp32")
    assert key == "7a3ee269553a94df0e13451b854b75779e14fec0b0090a9f270c3eee23109fd6"
    source = ImageSource(np.zeros((10, 1, 8, 8), np.uint8), np.arange(10) % 2, (0.5,), (0.3,), CPU)
    split = Split(source, np.arange(10), torch.Generator())
    model = build_model(ModelSpec(embedding_dim=8), 1, 8, 2, 0)
    precision = dataclasses.replace(FULL, channels_last=False)
    found = fingerprint(model, split, PRESETS["digit-5"].spec.train, 0, precision)
    assert found == "02944d3639321916acf9b5ccaa4fe883538a7880988261f723de8840db9f0111"


def test_shards_and_slices_change_the_key() -> None:
    def key(**changes: int) -> str:
        spec = dataclasses.replace(SPEC, train=dataclasses.replace(SPEC.train, **changes))
        return train_key(spec, "d", np.arange(9), 0, "cpu")

    assert len({key(), key(shards=4), key(slices=3), key(shards=1, slices=1), key(shards=1), key(slices=1)}) == 6


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "no shards": ({"method": "sisa"}, "SISA needs a model that is trained in shards"),
    "another method": ({"train": {"shards": 4}}, "Contrastive unlearning unlearns ordinary models"),
    "retraining": ({"train": {"slices": 4}, "method": "retrain"}, "Retrain unlearns ordinary models"),
    "an encoder": ({"train": {"shards": 4, "objective": "moco"}, "method": "sisa"}, "only classifiers are trained in"),
    "too few rounds": ({"train": {"shards": 4}, "method": "sisa", "stop": {"max_rounds": 3}}, "members that know them"),
    "no epochs": ({"train": {"shards": 4, "epochs": 0}, "method": "sisa"}, "0 epochs"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_words(case: str) -> None:
    content, words = REFUSED[case]
    with pytest.raises(Incompatible, match=words):
        compatibility.check(spec_from_json(content))


def test_own_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "own.pt").write_bytes(b"")
    content = {"train": {"shards": 2}, "method": "sisa", "model": {"weights": str(tmp_path / "own.pt")}}
    with pytest.raises(Incompatible, match="may have seen what is to be forgotten"):
        compatibility.check(spec_from_json(content))


def test_all_shards_are_done_unless_told_otherwise() -> None:
    spec = spec_from_json({"train": {"shards": 7, "slices": 2}, "method": "sisa"})
    compatibility.check(spec)
    assert spec.max_rounds == 7 and method("sisa").starts_anew
