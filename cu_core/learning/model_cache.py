"""Cache of trained models, keyed by the content hash of data, recipe and seed."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout

from cu_core.base.errors import BadInput, CheckpointError
from cu_core.base.files import read_json, sha256_of, write_json
from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.base.parameters import contents
from cu_core.catalogue.objective_record import objective
from cu_core.catalogue.own_code import KIND, is_own_code, source_hash
from cu_core.catalogue.pixel_scales import Moments
from cu_core.catalogue.spec import RunSpec, digest
from cu_core.catalogue.spec_parts import TrainSpec
from cu_core.data.batches import ImageSource, Split
from cu_core.data.images import ImageData
from cu_core.learning.build import build_for
from cu_core.learning.device import Precision
from cu_core.learning.ensemble import Ensemble
from cu_core.learning.kept_epochs import KeptEpochs
from cu_core.learning.network import Network
from cu_core.learning.parallel.team import ALONE, Team
from cu_core.learning.shards import ShardedBase, ShardPlan
from cu_core.learning.stages import StageFiles
from cu_core.learning.training import EpochReport, train
from cu_core.learning.weights import load_safely, load_weights, read_state_dict, save_weights, weights_sha256
from cu_core.learning.work_clock import total

# Part of every key: raised when the arithmetic of building or training changes.
VERSION = 1
WAIT_SECONDS = 0.5
# Models of so many threads are looked for where one with another number is wanted.
MOST_THREADS = 256
# What is said of a training whose result is in the cache already.
AGAIN = "again, for weights of earlier epochs that are not there"
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Trained:
    """A model that is ready to be unlearned from, or a reference.

    Attributes:
        model: on the device, in evaluation mode.
        key: content hash of what made it.
        seconds: time that its training took, when it took place.
        cached: whether it was there already.
        shards: how it was trained in shards, and its members' earlier weights; None of ordinary models, and of those
            that were trained on a part of the samples, from which nothing is ever unlearned.
        cpu_seconds: seconds of the processor or the device that its training took; None if not known.
        kept: its weights after earlier epochs, where these were asked for.
    """

    model: Network
    key: str
    seconds: float
    cached: bool
    shards: ShardedBase | None = None
    cpu_seconds: float | None = None
    kept: KeptEpochs | None = None


def train_key(
    spec: RunSpec,
    data_sha: str,
    indices: np.ndarray,
    seed: int,
    device_type: str,
    precision: str | None = None,
    moments: Moments | None = None,
) -> str:
    """SHA-256 over everything that decides the trained weights.

    Args:
        spec: its model and training parts count, with the content of the own weights instead of their path.
        data_sha: hash of images, labels and class names (`ImageData.sha256`).
        indices: (n,) training samples.
        seed: of initial weights, order and augmentation.
        device_type: ``"cpu"``, ``"cuda"`` or ``"mps"``: their arithmetic differs.
        precision: the one in force; by default as the spec names it.
        moments: mean and deviation that images are normalised with, where they are not the dataset's own.

    Raises:
        CheckpointError: the own weights cannot be read.
    """
    return digest(_content(spec, data_sha, indices, seed, device_type, precision or spec.precision, moments))


def _content(
    spec: RunSpec,
    data_sha: str,
    indices: np.ndarray,
    seed: int,
    device_type: str,
    precision: str,
    moments: Moments | None,
) -> dict[str, Any]:
    content = _ingredients(spec, data_sha, indices, seed, device_type, precision)
    if spec.processes > 1:
        # Sums are split by processes, too.
        content["processes"] = spec.processes
    if moments is not None:
        content["normalisation"] = moments
    return content


def _ingredients(
    spec: RunSpec, data_sha: str, indices: np.ndarray, seed: int, device_type: str, precision: str
) -> dict[str, Any]:
    model = contents(spec.model)
    # What becomes of own weights is told by the epochs, and how inputs are made by mean and deviation.
    for told in ("train_on", "normalisation", *([] if spec.model.weights else ["class_order"])):
        model.pop(told, None)
    model["weights"] = _file_hash(spec.model.weights) if spec.model.weights else ""
    if is_own_code(spec.model.backbone):
        # A file that was moved makes the same network, and one that was changed another.
        model["backbone"] = f"{KIND}:{source_hash(spec.model.backbone)}"
    return {
        "version": VERSION,
        "model": model,
        "train": _recipe(spec.train),
        "data": data_sha,
        "indices": hashlib.sha256(np.ascontiguousarray(indices, dtype=np.int64).tobytes()).hexdigest(),
        "seed": seed,
        "device": device_type,
        "precision": precision,
        # Sums on the CPU are split by threads, and a different split rounds differently.
        "threads": torch.get_num_threads() if device_type == "cpu" else None,
    }


def _recipe(train: TrainSpec) -> dict[str, Any]:
    """The fields that the objective reads, with its own temperature where none was named."""
    record = objective(train.objective)
    recipe = {name: value for name, value in train.content().items() if record.reads(name)}
    del recipe["seed"]
    if "temperature" in recipe:
        recipe["temperature"] = train.temperature or record.temperature
    if record.kind == "supervised":
        # Keys of classifiers are as they were before there were other objectives.
        del recipe["objective"]
    return recipe


def _file_hash(path: str) -> str:
    try:
        return sha256_of(named_path(path, "model.weights"))
    except OSError as error:
        raise CheckpointError("model.weights", f"no file {path!r} can be read") from error


def trained_model(
    spec: RunSpec,
    data: ImageData,
    source: ImageSource,
    indices: np.ndarray,
    seed: int,
    *,
    home: Home,
    device: torch.device,
    precision: Precision,
    on_epoch: Callable[[EpochReport], None],
    check: Callable[[], None] = lambda: None,
    team: Team = ALONE,
    keep: Sequence[int] = (),
) -> Trained:
    """The model trained on some samples: from the cache, or trained now and kept there.

    One process trains a model; others that want the same one wait for it. An interrupted training is resumed,
    a damaged file is trained again. Zero epochs take own or published weights as they are.

    Args:
        spec: model and training recipe.
        data: its shape, classes and hash.
        source: the training images on the device.
        indices: (n,) training samples.
        seed: of initial weights, order and augmentation.
        home: where trained models are kept.
        device: where to compute.
        precision: mixed-precision policy.
        on_epoch: called after each epoch; may raise to stop.
        check: called before each step and while waiting for another process; may raise to stop.
        team: the processes that divide the training between them.
        keep: after which epochs an ordinary model's weights are kept as well. A model in the cache that lacks some is
            trained again for them, and stays as it is.

    Raises:
        BadInput: zero epochs without weights to take.
        CheckpointError: the own weights cannot be read or do not fit.
        Diverged: training left the finite numbers.
        OutOfMemory: the batch does not fit.
    """
    if spec.train.epochs == 0 and not (spec.model.weights or spec.model.pretrained):
        raise BadInput(
            "train.epochs", "zero epochs need own weights (model.weights) or a pretrained model", ("at least 1",)
        )
    key = _key_of(spec, data, source, indices, seed, device, precision)
    files = _Files(home.models, key)
    stages = StageFiles(home.models, key, spec.train.shards, spec.train.slices) if spec.train.sharded else None
    plan = ShardPlan.of(spec.train, len(data.train_labels), seed)
    # Only a model of all samples is ever unlearned from.
    shards = ShardedBase(plan, stages.weights) if stages and len(indices) == len(data.train_labels) else None
    kept = KeptEpochs(home.models, key, tuple(keep), spec.train.epochs) if keep and stages is None else None

    with _waiting_for(files.lock, check):
        info = files.info()
        complete = kept is None or not kept.missing()
        if info is not None and complete and (shards is None or (stages and stages.complete())):
            model = build_for(spec, data, seed)
            load_weights(model, read_state_dict(files.weights))
            ready = _ready(model, precision, device)
            return Trained(ready, key, info["seconds"], True, shards, info.get("cpu_seconds"), kept)
        model = build_for(spec, data, seed, own_weights=True)
        precision.place(model, device)
        if stages:
            assert isinstance(model, Ensemble)
            seconds, cpu = _train_shards(
                model, plan, stages, source, indices, files.partial, precision, on_epoch, check
            )
            about = {"seconds": seconds, "cpu_seconds": cpu, "epochs": spec.train.work, "seed": seed}
            files.keep(model, about)
            if shards is None:
                stages.drop()
            return Trained(_ready(model, precision, device), key, seconds, False, shards, cpu)
        # Own weights as they are: nobody has anything to divide.
        divided = team if spec.train.epochs else ALONE

        def keeping(report: EpochReport) -> None:
            if kept is not None:
                kept.after(report.epoch, model)
            on_epoch(report if info is None else dataclasses.replace(report, where=AGAIN))

        if kept is not None:
            kept.drop_unusable(files.partial)
        with divided.training(model, indices, seed, check, keeping) as together:
            result = train(
                model,
                Split(source, indices, torch.Generator()),
                spec.train,
                seed=seed,
                device=device,
                precision=precision,
                checkpoint=files.partial,
                on_epoch=together.on_epoch,
                check=together.check,
                ready=together.ready,
            )
        # What the other processes did is not known here.
        cpu = result.cpu_seconds if divided.size == 1 else None
        about = {"seconds": result.seconds, "cpu_seconds": cpu, "epochs": result.epochs, "seed": seed}
        if info is None:
            files.keep(model, about)
        else:
            # Trained again for its earlier epochs: other runs have recorded the weights that are there.
            load_weights(model, read_state_dict(files.weights))
            files.partial.unlink(missing_ok=True)
        return Trained(_ready(model, precision, device), key, result.seconds, cached=False, cpu_seconds=cpu, kept=kept)


def cached_model(
    spec: RunSpec,
    data: ImageData,
    source: ImageSource,
    indices: np.ndarray,
    seed: int,
    *,
    home: Home,
    device: torch.device,
    precision: Precision,
) -> Trained | None:
    """What `trained_model` takes from the cache; None where it would train. Waits for nobody and writes nothing."""
    key = _key_of(spec, data, source, indices, seed, device, precision)
    files = _Files(home.models, key)
    info = files.info()
    if info is None:
        return None
    model = build_for(spec, data, seed)
    load_weights(model, read_state_dict(files.weights))
    return Trained(_ready(model, precision, device), key, info["seconds"], True)


def other_threads(
    spec: RunSpec,
    data: ImageData,
    source: ImageSource,
    indices: np.ndarray,
    seed: int,
    *,
    home: Home,
    device: torch.device,
    precision: Precision,
) -> list[int]:
    """Numbers of threads with which the cache holds a model that is otherwise the same; none on other devices."""
    if device.type != "cpu":
        return []
    content = _content(spec, data.sha256, indices, seed, device.type, precision.name, _moments(data, source))
    others = [n for n in range(1, MOST_THREADS + 1) if n != content["threads"]]
    return [n for n in others if _Files(home.models, digest(content | {"threads": n})).info() is not None]


def _moments(data: ImageData, source: ImageSource) -> Moments | None:
    """What images are normalised with, where it is not the dataset's own mean and deviation."""
    return None if source.moments == (tuple(data.mean), tuple(data.std)) else source.moments


def _key_of(
    spec: RunSpec,
    data: ImageData,
    source: ImageSource,
    indices: np.ndarray,
    seed: int,
    device: torch.device,
    precision: Precision,
) -> str:
    return train_key(spec, data.sha256, indices, seed, device.type, precision.name, _moments(data, source))


def cached_weights(home: Home, key: str) -> dict[str, torch.Tensor] | None:
    """The state dict of a trained model; None where the cache does not hold it, or a damaged one.

    Args:
        home: where trained models are kept.
        key: as `train_key` gives it, or a result notes it.
    """
    files = _Files(home.models, key)
    return dict(load_safely(files.weights)) if _KEY.fullmatch(key) and files.info() is not None else None


def _train_shards(
    model: Ensemble,
    plan: ShardPlan,
    stages: StageFiles,
    source: ImageSource,
    indices: np.ndarray,
    partial: Path,
    precision: Precision,
    on_epoch: Callable[[EpochReport], None],
    check: Callable[[], None],
) -> tuple[float, float | None]:
    """Trains all members, stage by stage; those that an earlier attempt finished are taken from their files.

    Returns:
        Training time in seconds, earlier attempts included, and that of the processor or the device; None where it
        is not known.
    """
    spent, done = 0.0, 0
    worked: float | None = 0.0

    def report(inner: EpochReport) -> None:
        where = f"shard {shard + 1} of {stages.shards}, stage {stage + 1} of {stages.slices}"
        on_epoch(
            dataclasses.replace(
                inner,
                epoch=done + inner.epoch,
                epochs=plan.spec.work,
                seconds=spent + inner.seconds,
                where=where,
            )
        )

    for shard in range(stages.shards):
        member = model.member(shard)
        for stage in range(stages.slices):
            check()
            kept = stages.read(shard, stage)
            if kept is not None:
                member.load_state_dict(kept["model"])
                seconds, cpu = kept["seconds"], kept.get("cpu_seconds")
            else:
                result = plan.train_stage(
                    member,
                    source,
                    indices,
                    shard,
                    stage,
                    precision=precision,
                    checkpoint=partial,
                    on_epoch=report,
                    check=check,
                )
                seconds, cpu = result.seconds, result.cpu_seconds
                stages.write(shard, stage, member, seconds, cpu)
            spent += seconds
            worked = total(worked, cpu)
            done += plan.spec.stage_epochs[stage]
    plan.set_voters(model, indices)
    return spent, worked


def _ready(model: Network, precision: Precision, device: torch.device) -> Network:
    precision.place(model, device)
    return model.eval()


@dataclass(frozen=True)
class _Files:
    """The files of one trained model: weights, what is known about them, lock, unfinished training."""

    folder: Path
    key: str

    @property
    def weights(self) -> Path:
        return self.folder / f"{self.key}.pt"

    @property
    def about(self) -> Path:
        return self.folder / f"{self.key}.json"

    @property
    def partial(self) -> Path:
        return self.folder / f"{self.key}.partial.pt"

    @property
    def lock(self) -> Path:
        return self.folder / f"{self.key}.lock"

    def info(self) -> dict[str, Any] | None:
        """What was stored about the weights; None if they are missing or not the ones that were stored."""
        try:
            info = read_json(self.about)
            intact = info["sha256"] == sha256_of(self.weights) and isinstance(info["seconds"], int | float)
        except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
            return None
        return info if intact else None

    def keep(self, model: Network, info: dict[str, Any]) -> None:
        """Stores weights, then their hash, then drops the unfinished training."""
        save_weights(self.weights, model)
        hashes = {"sha256": sha256_of(self.weights), "weights_sha256": weights_sha256(model.state_dict())}
        write_json(self.about, hashes | info)
        self.partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _waiting_for(path: Path, check: Callable[[], None]) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    while True:
        check()
        try:
            lock.acquire(timeout=WAIT_SECONDS)
            break
        except Timeout:
            continue
    try:
        yield
    finally:
        lock.release()
