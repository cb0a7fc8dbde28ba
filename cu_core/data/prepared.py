"""Prepared datasets on disk: written once, opened as memory-mapped arrays by workers and pages."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from cu_core.base.errors import BadInput, DatasetError, OutOfDisk
from cu_core.base.files import read_json, write_json
from cu_core.base.home import NOT_WRITABLE, Home
from cu_core.base.named_path import absolute_choice
from cu_core.base.parameters import contents
from cu_core.base.registry import imported
from cu_core.catalogue.dataset_record import dataset
from cu_core.catalogue.spec import digest
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.duplicates import trained_on
from cu_core.data.findings import Findings
from cu_core.data.folder import DEFAULT_SIZE
from cu_core.data.image_file import CHUNK, ImageFile
from cu_core.data.images import ImageData
from cu_core.data.layouts.recognised import fingerprint
from cu_core.data.sample_names import write_names
from cu_core.data.sampling import balanced_subset, noisy_labels
from cu_core.data.source import Progress, Source, Unreadable, silent
from cu_core.data.unusable import blank, check_left_out, noted

SCHEMA = 1
PICTURES = 2
"""Changes when picture files become other pixels than before: folders are then prepared again."""
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels", "true_labels")
# Share of the disk's free space that one prepared dataset may take.
_DISK_SHARE = 0.9
_FULL_BYTES = 2**20
_WAIT_SECONDS = 0.5


def dataset_key(spec: DataSpec) -> str:
    """Name of the prepared dataset: a hash of everything that decides its content.

    For ``folder:PATH`` that includes the path, names, sizes and modification times of the files, so
    that a changed folder is read again.

    Raises:
        BadInput: no such dataset; a folder that is missing or unsafe.
    """
    record = dataset(spec.dataset)
    size = spec.image_size or record.size or DEFAULT_SIZE
    content = contents(dataclasses.replace(spec, image_size=size)) | {"schema": SCHEMA}
    if record.needs_path:
        content["pictures"] = PICTURES
        content["files"] = fingerprint(spec.dataset.partition(":")[2])
        content["dataset"] = absolute_choice(spec.dataset, "dataset")
    return f"{record.id}-{digest(content)[:20]}"


def open_prepared(spec: DataSpec, home: Home) -> ImageData | None:
    """The prepared dataset, or None where it was not prepared yet, is damaged, or its folder is gone.

    Imports neither torch nor scikit-learn, so that pages can call it.
    """
    try:
        return open_key(dataset_key(spec), home)
    except BadInput:
        return None


def open_key(key: str, home: Home) -> ImageData | None:
    """The prepared dataset of a `dataset_key`, or None where it is missing or damaged."""
    folder = home.datasets / key
    try:
        meta = read_json(folder / "meta.json")
        if meta["schema"] != SCHEMA:
            return None
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS}
        if any([str(a.dtype), list(a.shape)] != meta["arrays"][name] for name, a in arrays.items()):
            return None
        return ImageData(
            **arrays,
            classes=tuple(meta["classes"]),
            mean=tuple(meta["mean"]),
            std=tuple(meta["std"]),
            sha256=meta["sha256"],
            findings=Findings.from_json(meta.get("findings")),
            folder=folder,
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


def prepare(spec: DataSpec, home: Home, progress: Progress | None = None) -> ImageData:
    """Loads a dataset, or opens it where it was prepared before.

    Several processes may ask at once: one prepares, the others wait and open the result.

    Args:
        spec: which images.
        home: where downloads and prepared arrays live.
        progress: called with (done, total, message); may raise to cancel, which leaves nothing behind.

    Raises:
        DatasetError: the source is missing, damaged, unsafe or inconsistent.
        OutOfDisk: too little free space.
    """
    progress = progress or silent
    key = dataset_key(spec)
    try:
        home.datasets.mkdir(parents=True, exist_ok=True)
        with _lock(home.datasets / f"{key}.lock", progress):
            return open_key(key, home) or _build(spec, key, home, progress)
    except OSError as error:
        if _disk_is_full(error, home.datasets):
            raise OutOfDisk(f"the disk is full: no room for the prepared dataset in {home.datasets}") from error
        # Of a home that can only be read what lies there is as good, and nobody prepares it at the same time.
        if error.errno in NOT_WRITABLE and (found := open_key(key, home)) is not None:
            return found
        raise


@contextlib.contextmanager
def _lock(path: Path, progress: Progress) -> Iterator[None]:
    """Waits for other processes that prepare the same dataset, without becoming deaf to a cancel."""
    lock = FileLock(path)
    while not lock.is_locked:
        try:
            lock.acquire(timeout=_WAIT_SECONDS)
        except Timeout:
            progress(0, 0, "waiting for another run that prepares the same dataset")
    try:
        yield
    finally:
        lock.release()


def _build(spec: DataSpec, key: str, home: Home, progress: Progress) -> ImageData:
    working = home.datasets / f".{key}.partial"
    shutil.rmtree(working, ignore_errors=True)
    working.mkdir()
    try:
        _write(spec, key, home, working, progress)
        shutil.rmtree(home.datasets / key, ignore_errors=True)
        working.rename(home.datasets / key)
    finally:
        shutil.rmtree(working, ignore_errors=True)
    data = open_key(key, home)
    if data is None:
        raise DatasetError("dataset", f"was prepared in {home.datasets / key} but cannot be read back")
    return data


def _disk_is_full(error: OSError, folder: Path) -> bool:
    """NumPy reports a short write without the system's error number, so the free space is asked as well."""
    if error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return folder.exists() and shutil.disk_usage(folder).free < _FULL_BYTES


def _write(spec: DataSpec, key: str, home: Home, folder: Path, progress: Progress) -> None:
    source: Source = imported(dataset(spec.dataset).loader)(spec, home, progress)
    wanted = {"train": _choose(spec, source), "test": np.arange(len(source.test_labels))}
    left_out = _write_images(source, wanted, folder, progress)
    check_left_out(left_out, wanted, source, spec.unreadable, home.datasets / f"{key}.unreadable.txt")
    kept = {split: np.delete(indices, list(left_out[split])) for split, indices in wanted.items()}
    truth = source.train_labels[kept["train"]].astype(np.int64)
    labels = {
        "train_labels": noisy_labels(truth, len(source.classes), spec.label_noise, spec.split_seed),
        "test_labels": source.test_labels[kept["test"]].astype(np.int64),
        "true_labels": truth,
    }
    for name, array in labels.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    for split, names in source.names.items():
        write_names(folder, split, (names[index] for index in kept[split]))
    found = source.findings() if source.findings else None
    described, contrast = _describe(folder, source.classes, found)
    if found is not None:
        found = noted(found, left_out, wanted, source, contrast)
        if dataset(spec.dataset).needs_path:
            found = _repeats_noted(found, folder)
        described["findings"] = found.to_json()
    write_json(folder / "meta.json", described)


def _write_images(
    source: Source, wanted: dict[str, np.ndarray], folder: Path, progress: Progress
) -> dict[str, dict[int, str]]:
    """Writes the images that can be read; returns, by split, the places of the others with what is wrong with them."""
    files = {split: ImageFile(folder / f"{split}_images.npy", len(indices)) for split, indices in wanted.items()}
    left_out: dict[str, dict[int, str]] = {split: {} for split in wanted}
    total, done = sum(map(len, wanted.values())), 0
    checked = False
    try:
        for split, indices in wanted.items():
            for place, image in enumerate(source.read(split, indices)):
                if isinstance(image, Unreadable):
                    left_out[split][place] = str(image)
                else:
                    if not checked:
                        _check_space(folder, total * image.nbytes)
                        checked = True
                    files[split].append(image)
                done += 1
                if done % CHUNK == 0 or done == total:
                    progress(done, total, "reading images")
        channels = max((file.shape[0] for file in files.values() if file.shape), default=0)
        for split, file in files.items():
            file.finish(channels, left_out=len(left_out[split]))
    finally:
        for file in files.values():
            file.close()
    return left_out


def _choose(spec: DataSpec, source: Source) -> np.ndarray:
    classes = len(source.classes)
    if spec.train_limit and spec.train_limit < classes:
        raise DatasetError(
            "data.train_limit",
            f"{spec.train_limit} images are too few for {classes} classes",
            ("0 for all", f"at least {classes}"),
        )
    return balanced_subset(source.train_labels, spec.train_limit or len(source.train_labels), spec.split_seed)


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free * _DISK_SHARE:
        raise OutOfDisk(
            f"the prepared dataset needs {needed / 2**20:,.0f} MB, but only {free / 2**20:,.0f} MB are free in "
            f"{folder.parent}; free some space, or lower the number of training images or the image size"
        )


def _describe(folder: Path, classes: tuple[str, ...], found: Findings | None) -> tuple[dict, tuple[int, int]]:
    """What is noted of the arrays, and the darkest and brightest level of the training images."""
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS}
    counts = _level_counts(arrays["train_images"])
    levels = np.flatnonzero(counts.sum(axis=0))
    if len(levels) == 1 and len(arrays["train_images"]) > 1:
        raise blank(int(levels[0]), found)
    mean, std = _moments(counts)
    sha = hashlib.sha256(json.dumps(classes).encode())
    for name, array in arrays.items():
        sha.update(f"{name}{array.dtype}{array.shape}".encode())
        for part in _chunks(array):
            sha.update(np.ascontiguousarray(part).tobytes())
    described = {
        "schema": SCHEMA,
        "classes": list(classes),
        "mean": mean,
        "std": std,
        "sha256": sha.hexdigest(),
        "arrays": {name: [str(a.dtype), list(a.shape)] for name, a in arrays.items()},
    }
    return described, (int(levels[0]), int(levels[-1]))


def _repeats_noted(found: Findings, folder: Path) -> Findings:
    """Adds how many of the unseen images are no unseen ones."""
    train, test = (np.load(folder / f"{split}_images.npy", mmap_mode="r") for split in ("train", "test"))
    count = trained_on(train, test)
    if not count:
        return found
    some = "1 unseen image has" if count == 1 else f"{count:,} unseen images have"
    words = f"All {count:,} unseen images have" if count == len(test) > 1 else some
    return dataclasses.replace(found, notes=(*found.notes, f"{words} the pixels of a training image."))


def _level_counts(images: np.ndarray) -> np.ndarray:
    """(channels, 256) int64: how often each level occurs."""
    counts = np.zeros((images.shape[1], 256), dtype=np.int64)
    for part in _chunks(images):
        for channel in range(images.shape[1]):
            counts[channel] += np.bincount(part[:, channel].ravel(), minlength=256)
    return counts


def _moments(counts: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per channel, scaled to 0..1; exact, from counts of the 256 values.

    A channel that is the same everywhere gets deviation 1, so that it can be divided by.
    """
    values = np.arange(256) / 255
    shares = counts / counts.sum(axis=1, keepdims=True)
    mean = shares @ values
    std = np.sqrt((shares * (values - mean[:, None]) ** 2).sum(axis=1))
    return mean.tolist(), np.where(std > 0, std, 1.0).tolist()


def _chunks(array: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(array), CHUNK):
        yield array[start : start + CHUNK]
