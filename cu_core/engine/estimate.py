"""Estimated time and disk space of a run before it starts: at most, and as expected. Loads no torch.

Times rest on a measured speed: of an earlier run with the same network, image size, batch size and
device, or of a few steps that `cu_core.engine.speed` times on request. Without either there is no time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.base.named_path import absolute_choice
from cu_core.base.processor import bf16_in_hardware
from cu_core.catalogue import compatibility
from cu_core.catalogue.dataset_record import dataset
from cu_core.catalogue.method_record import method
from cu_core.catalogue.objective_record import objective
from cu_core.catalogue.question_record import LEAST_REFERENCES
from cu_core.catalogue.selections import Known, parse_selection
from cu_core.catalogue.spec import RunSpec, digest
from cu_core.catalogue.stopping import rule_for
from cu_core.data.forget import resolve
from cu_core.data.prepared import open_prepared
from cu_core.engine.earlier_costs import known_rest, known_trained
from cu_core.runstore.disk import estimate_disk

EARLIER_RUN = "an earlier run"
TIMED_STEPS = "a few timed steps"
# Two idle cores of 2026, digits and 2,000 recorded samples: until a run of its own kind has ended here.
START_SECONDS = 4.0
RECORD_SECONDS = 0.35
AUDIT_SECONDS = 10.0
VERDICT_SECONDS = 4.0
PICTURE_SECONDS = 2.0
USUAL_ROUNDS = 0.5
"""Share of the rounds that a rule may take which it usually takes."""


@dataclass(frozen=True)
class Speed:
    """Measured speed of training.

    Attributes:
        seconds_per_image: one training image with the specification's objective, forward, backward and step.
        parameters: number of weights of the network.
        source: `EARLIER_RUN` or `TIMED_STEPS`.
        precision: in which it was measured: ``fp32``, ``bf16`` or ``fp16``; empty if not known.
    """

    seconds_per_image: float
    parameters: int
    source: str
    precision: str = ""


@dataclass(frozen=True)
class Estimate:
    """What a run will take.

    Attributes:
        seconds: by the work of all rounds and trainings;
            None where no speed has been measured yet, or the number of images or forget samples is not known.
        disk: bytes of the run directory.
        source: where the speed comes from; empty without one.
        training: seconds of these for base model and references, which runs that have them in common share.
        expected: seconds that it takes on an idle machine, as earlier runs like it did, or else with usual overheads:
            models that are trained already are not trained again, and a rule ends it before its last round.
        expected_training: seconds of these for base model and references.
    """

    seconds: float | None
    disk: int
    source: str
    training: float | None = None
    expected: float | None = None
    expected_training: float | None = None


def estimate(spec: RunSpec, home: Home, speed: Speed | None = None) -> Estimate:
    """Upper estimate of a run's time and disk space.

    Every round that the stopping rule may allow is counted, and training even where the base model
    may turn out to be cached.

    Args:
        spec: the run.
        home: where speeds and prepared datasets are kept.
        speed: measured just now; the one that is kept by default.

    Raises:
        BadInput: a value that cannot be used.
    """
    speed = speed or known_speed(spec, home)
    train, unseen, forget, classes = _counts(spec, home)
    disk = estimate_disk(spec, classes=classes, parameters=speed.parameters if speed else None).total
    if speed is None or train is None:
        return Estimate(None, disk, "")
    trained = spec.base_recipe.epochs * train + spec.train.epochs * spec.reference * (train - forget)
    # What follows is counted in images of supervised training, which are faster than ones of several views.
    plain = 1 / objective(spec.train.objective).cost
    drawn = 2 * forget * getattr(spec.method.params, "retain_batches", 1) * spec.max_rounds
    if method(spec.method.id).from_files:
        drawn = 0
    if spec.train.sharded:
        drawn = spec.train.epochs * (train - forget)  # at most: every shard from its beginning
    # A snapshot passes each probe sample three times, forward only: about a third of a training image.
    probed = (spec.max_rounds + 1 + spec.references) * min(spec.probe.size, 2 * train)
    # Before, after and for each reference the metrics of all samples, forward only.
    evaluated = (2 + spec.references) * (train + unseen) / 3
    # Each image trains one member of a model in shards, and passes through all of them.
    passed = max(spec.train.members, 1) * (probed + evaluated + _audited(spec, forget, unseen) / 3)
    shadows = spec.audit.shadows * (spec.train.epochs * train + plain * drawn)
    images = trained + plain * (drawn + passed) + shadows
    per_image = speed.seconds_per_image
    seconds, anew = images * per_image, _untrained(spec, home, train, train - forget) * per_image
    rest = known_rest(spec, home)
    if rest is None:
        rest = (images - trained - plain * _unneeded(spec, drawn, train)) * per_image + _overheads(spec)
    return Estimate(seconds, disk, speed.source, trained * per_image, START_SECONDS + rest + anew, anew)


def _untrained(spec: RunSpec, home: Home, train: int, retain: int) -> int:
    """Images that base model and references are trained on, without those models that are there already."""
    images = 0
    if spec.base_recipe.epochs and not known_trained(spec, home, spec.train_seed, reference=False):
        images += spec.base_recipe.epochs * train
    first = spec.train_seed + len(spec.reference_files)
    for seed in range(first, first + spec.reference):
        if not known_trained(spec, home, seed, reference=True):
            images += spec.train.epochs * retain
    return images


def _unneeded(spec: RunSpec, drawn: float, train: int) -> float:
    """Images of rounds that do not come to pass where a rule ends unlearning."""
    kind = parse_selection(spec.forget.select).kind
    unguarded = method(spec.method.id).unguarded
    if rule_for(spec.stop.rule, kind, encoder=spec.self_supervised, unguarded=unguarded) == "none":
        return 0.0
    recorded = max(spec.train.members, 1) * spec.max_rounds * min(spec.probe.size, 2 * train)
    return (1 - USUAL_ROUNDS) * (drawn + recorded)


def _overheads(spec: RunSpec) -> float:
    """Seconds of a run that hardly depend on its network, where nobody has measured them."""
    recorded = USUAL_ROUNDS * spec.max_rounds + 2 + 2 * spec.references
    asked = AUDIT_SECONDS * (spec.audit.attacks != "none")
    verdict = VERDICT_SECONDS * (spec.audit.verdict and spec.references >= LEAST_REFERENCES)
    return RECORD_SECONDS * recorded + asked + verdict + PICTURE_SECONDS * spec.probe.tsne


def _audited(spec: RunSpec, forget: int, unseen: int) -> int:
    """Most images that membership attacks pass through models, counting every augmented view."""
    if spec.audit.attacks == "none":
        return 0
    # Forget and unseen samples: before, after and the first reference, through which as many of its own pass.
    sides = 2 * min(spec.audit.size, forget, unseen)
    return sides * (1 + spec.audit.views) * (4 if spec.references else 2)


def speed_path(spec: RunSpec, home: Home) -> Path:
    """The file of the speed that this specification depends on."""
    record = dataset(spec.data.dataset)
    key = digest(
        [
            spec.model.backbone,
            spec.model.head,
            spec.model.embedding_dim,
            compatibility.image_size(spec.data),
            (record.channels or 3) if not record.needs_path else absolute_choice(spec.data.dataset, "data.dataset"),
            spec.train.batch_size,
            spec.train.augment,
            spec.device,
            spec.precision,
            *([spec.train.objective] if spec.self_supervised else []),
            *([spec.model.stem] if spec.model.stem != "auto" else []),
            *([spec.train.members] if spec.train.sharded else []),
            *([{"processes": spec.processes}] if spec.processes > 1 else []),
        ]
    )
    return home.root / "speeds" / f"{key[:24]}.json"


def known_speed(spec: RunSpec, home: Home) -> Speed | None:
    """The measured speed for this specification; None if nobody measured it."""
    try:
        content: dict[str, Any] = read_json(speed_path(spec, home))
        measured = float(content["seconds_per_image"]), int(content["parameters"]), str(content["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if spec.precision == "auto" and "precision" not in content and bf16_in_hardware():
        return None  # of an earlier version, which knew no precision but fp32 on processors
    return Speed(*measured, str(content.get("precision", "")))


def remember_speed(spec: RunSpec, home: Home, speed: Speed) -> None:
    """Stores a measured speed; a later one replaces it."""
    content = {
        "seconds_per_image": speed.seconds_per_image,
        "parameters": speed.parameters,
        "source": speed.source,
        "precision": speed.precision,
    }
    write_json(speed_path(spec, home), content)


def _counts(spec: RunSpec, home: Home) -> tuple[int | None, int, int, int | None]:
    """Training images, unseen images, forget samples and classes, as far as known without reading the data."""
    record, data = dataset(spec.data.dataset), open_prepared(spec.data, home)
    if data is not None:
        train, unseen, classes = len(data.train_labels), len(data.test_labels), len(data.classes)
    else:
        train, unseen, classes = spec.data.train_limit or record.train, record.test, record.classes
    if not train:
        return None, 0, 0, classes or None
    selection = parse_selection(spec.forget.select)
    count, names = selection.record.count, data.classes if data is not None else ()
    forget = count(selection.values, Known(train, classes, spec.data.label_noise, names)) if count else None
    if forget is None and data is not None and not selection.record.fits:
        forget = len(resolve(spec.forget.select, data, spec.forget_seed).indices)
    if forget is None:
        return None, 0, 0, classes or None
    return train, unseen, min(forget, train), classes
