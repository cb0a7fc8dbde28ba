"""Disk space: the required free space, folder sizes, and an estimate of a run's files."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from cu_core.base.errors import DISK_FULL, BadInput, OutOfDisk
from cu_core.catalogue.attack_record import MODELS, attacks_for, ways_for
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.objective_record import objective
from cu_core.catalogue.spec import RunSpec
from cu_core.metrics.boundary import MOST_HEAD_BYTES

FLOOR_MB = 500
FLOOR_VARIABLE = "CU_DISK_FLOOR_MB"


def floor_bytes() -> int:
    """Bytes that must stay free (environment variable ``CU_DISK_FLOOR_MB``, default 500 MB).

    Raises:
        BadInput: the variable is not a number.
    """
    text = os.environ.get(FLOOR_VARIABLE, "").strip()
    if not text:
        return FLOOR_MB * 10**6
    try:
        return int(float(text) * 10**6)
    except (ValueError, OverflowError):
        raise BadInput(FLOOR_VARIABLE, f"{text!r} is not a number of megabytes", ("0 or more",)) from None


def free_bytes(folder: Path) -> int:
    """Free space in bytes on the disk of a folder, or of its nearest parent that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_floor(folder: Path, needed: int = 0) -> None:
    """Checks that writing keeps the floor.

    Args:
        folder: where the files will go.
        needed: bytes about to be written.

    Raises:
        OutOfDisk: too little would stay free; the message names the numbers.
    """
    floor, free = floor_bytes(), free_bytes(folder)
    if free - needed < floor:
        want = f" and {_mb(needed)} are about to be written" if needed else ""
        raise OutOfDisk(
            f"only {_mb(free)} are free on the disk of {folder}{want}; {_mb(floor)} must stay free ({FLOOR_VARIABLE})"
        )


def is_disk_error(error: BaseException) -> bool:
    """Whether an error, or one that caused it, says that the disk is full."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        if isinstance(current, OutOfDisk) or (isinstance(current, OSError) and current.errno in DISK_FULL):
            return True
        seen.add(id(current))
        current = current.__cause__ or current.__context__
    return False


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder; files that vanish meanwhile count as nothing."""
    total = 0
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return 0
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            total += folder_size(Path(entry.path))
        else:
            try:
                total += entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                continue
    return total


def weights_fit(size: int, most_mb: int, round_number: int) -> bool:
    """Whether a round's weights are kept: all so far fit into a bound.

    Args:
        size: bytes of the weights of one round.
        most_mb: the bound, `cu_core.catalogue.spec_parts.ProbeSpec.keep_weights_mb`.
        round_number: the round, from 0.
    """
    # Of a network that fits but once, the base model alone would be kept, and that lies in the cache already.
    return size * max(round_number + 1, 2) <= most_mb * 10**6


@dataclass(frozen=True)
class DiskEstimate:
    """What a run will take at most, in bytes.

    Attributes:
        snapshots: arrays of all rounds and references.
        weights: checkpoint, final weights and those of rounds; None where the number of parameters is unknown.
        rounds: rounds counted, with round 0.
        samples: probe samples per round.
        audit: arrays of the membership attacks.
    """

    snapshots: int
    weights: int | None
    rounds: int
    samples: int
    audit: int = 0

    @property
    def total(self) -> int:
        """Bytes that are known."""
        return self.snapshots + self.audit + (self.weights or 0)


# Per sample besides embedding and logits (float16): top3 and its classes, loss, margin, two-view
# cosine, two coordinates, cosine to the start, distance moved (also relative to neighbours, in float16), cosine to the
# own centroid, distance to the decision boundary.
_SCALAR_BYTES = 3 * 4 + 3 * 2 + 4 + 4 + 4 + 2 * 4 + 4 + 4 + 2 + 4 + 4
# Of an encoder besides: three output probabilities, and float16 cosines of all pairs of views.
_OUTPUT_BYTES = 3 * 4
_FILES_PER_ROUND = 16
# No published image-text model has a wider embedding; how wide one's is cannot be known without loading it.
WIDEST_IMAGE_TEXT = 1280
_HEADER_BYTES = 128
_MANIFEST_BYTES = 8192
# Of an attacked sample: its index, label, side and fold; of each attack in each way a score, and its numbers as text.
_ATTACKED_BYTES = 8 + 8 + 1 + 1 + 1
_ATTACK_TEXT_BYTES = 1024


def estimate_disk(
    spec: RunSpec, *, classes: int | None = None, embedding_dim: int | None = None, parameters: int | None = None
) -> DiskEstimate:
    """Upper estimate of a run's directory; arithmetic only, nothing is read.

    Args:
        spec: the run.
        classes: number of classes; from the dataset's record by default, else 10.
        embedding_dim: width of the embedding; the projected one's by default.
        parameters: number of weights of the model, where known.

    Raises:
        BadInput: no such dataset or method.
    """
    record = DATASETS.get(spec.data.dataset.partition(":")[0])
    count = classes or (record.classes if record else 0) or 10
    image_text = objective(spec.train.objective).image_text
    width = embedding_dim or (WIDEST_IMAGE_TEXT if image_text else spec.model.embedding_dim)
    width *= max(spec.train.members, 1)
    images = (record.train + record.test) if record else 0
    samples = min(spec.probe.size, images) if images else spec.probe.size
    rounds = spec.max_rounds + 1
    per_sample = 2 * width + 2 * count + _SCALAR_BYTES
    if spec.self_supervised:
        per_sample += _OUTPUT_BYTES + spec.audit.views * (spec.audit.views - 1)
    head = 4 * count * (width + 1)
    per_round = (
        (head if head <= MOST_HEAD_BYTES else 0)
        + samples * per_sample
        + _FILES_PER_ROUND * _HEADER_BYTES
        + _MANIFEST_BYTES
    )
    weights = None
    if parameters is not None:
        # Final weights once; the checkpoint holds them with up to two optimizer moments, and is
        # written beside the old one before it replaces it.
        size = 4 * parameters
        kept = min(rounds, spec.probe.keep_weights_mb * 10**6 // max(size, 1))
        weights = size * (1 + 2 * 3 + (kept if weights_fit(size, spec.probe.keep_weights_mb, 0) else 0))
    audit = _audit_bytes(spec, record.test if record else 0)
    return DiskEstimate(per_round * (rounds + spec.references), weights, rounds, samples, audit)


def _audit_bytes(spec: RunSpec, unseen: int) -> int:
    """Bytes of the membership attacks, with both sides as large as the unseen images allow."""
    if spec.audit.attacks == "none":
        return 0
    rows = 2 * (min(spec.audit.size, unseen) if unseen else spec.audit.size)
    models = MODELS if spec.references else MODELS[:2]
    made = sum(len(ways_for(model, spec.references > 0)) for model in models)
    made *= len(attacks_for(objective(spec.train.objective).kind))
    return rows * (_ATTACKED_BYTES + 4 * made) + made * (_HEADER_BYTES + _ATTACK_TEXT_BYTES)


def _mb(size: int) -> str:
    return f"{size / 10**6:,.0f} MB"
