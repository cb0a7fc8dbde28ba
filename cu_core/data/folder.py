"""Any user's images: a directory or zip with ``train/<class>/…`` and optionally ``test/<class>/…``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cu_core.base.errors import DatasetError
from cu_core.base.home import Home
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.archive import Tree, open_tree
from cu_core.data.findings import Findings
from cu_core.data.sampling import stratified_split
from cu_core.data.source import Progress, Source
from cu_core.data.transform import Unreadable, decode

DEFAULT_SIZE = 32
SUFFIXES = ("png", "jpg", "jpeg", "bmp", "gif", "webp", "tif", "tiff", "ppm", "pgm")
_FIELD = "dataset"


@dataclass(frozen=True)
class Listing:
    """The images below ``train/`` or ``test/``.

    Attributes:
        names: (n,) relative paths, sorted.
        classes: class of each image, in the same order.
        folders: all class folders, with or without images.
        ignored: files that are no images by their name.
    """

    names: list[str]
    classes: list[str]
    folders: set[str]
    ignored: int


def load(spec: DataSpec, home: Home, progress: Progress) -> Source:
    """Lists the images and checks that they make a dataset; decodes none.

    Raises:
        DatasetError: see `list_images` and `open_tree`; a single class, or classes that differ between
            train and test.
    """
    tree = open_tree(spec.dataset.partition(":")[2])
    train = list_images(tree, "train")
    has_test = "test" in tree.folders or any(name.startswith("test/") for name in tree.files)
    test = list_images(tree, "test") if has_test else None
    classes = _class_names(train, test)
    label = {name: number for number, name in enumerate(classes)}
    train_labels = np.array([label[c] for c in train.classes], dtype=np.int64)
    if test is not None:
        names = {"train": train.names, "test": test.names}
        test_labels = np.array([label[c] for c in test.classes], dtype=np.int64)
    else:
        kept, apart = _split(train_labels, classes, spec)
        names = {"train": [train.names[i] for i in kept], "test": [train.names[i] for i in apart]}
        train_labels, test_labels = train_labels[kept], train_labels[apart]
    found = len(train_labels) + len(test_labels)
    ignored = train.ignored + (test.ignored if test else 0)
    progress(0, found, f"found {found} images in {len(classes)} classes, ignoring {ignored} other files")
    size = spec.image_size or DEFAULT_SIZE

    def read(split: str, indices: np.ndarray) -> Iterator[np.ndarray]:
        for index in indices:
            yield _decoded(tree, names[split][index], size)

    listed = Findings(
        train=tuple(np.bincount(train_labels, minlength=len(classes)).tolist()),
        test=tuple(np.bincount(test_labels, minlength=len(classes)).tolist()),
    )
    return Source(classes, train_labels, test_labels, read, names, lambda: listed)


def list_images(tree: Tree, part: str) -> Listing:
    """The images of one part, by class folder; deeper folders belong to their class.

    Raises:
        DatasetError: no classes, a class without images, an image outside of a class folder.
    """
    names, classes, ignored = [], [], 0
    folders = {name.split("/")[1] for name in tree.folders if name.startswith(f"{part}/")}
    for name in tree.files:
        if not name.startswith(f"{part}/"):
            continue
        if name.rpartition(".")[2].lower() not in SUFFIXES:
            ignored += 1
        elif name.count("/") == 1:
            raise DatasetError(_FIELD, f"{name} lies outside of a class folder", (f"{part}/<class>/…",))
        else:
            names.append(name)
            classes.append(name.split("/")[1])
    if not folders:
        raise DatasetError(_FIELD, f"{part}/ has no class folders", (f"{part}/<class>/…",))
    for empty in sorted(folders - set(classes)):
        raise DatasetError(_FIELD, f"class {empty!r} in {part}/ has no images", SUFFIXES)
    return Listing(names, classes, folders, ignored)


def _class_names(train: Listing, test: Listing | None) -> tuple[str, ...]:
    if len(train.folders) == 1:
        raise DatasetError(_FIELD, f"train/ has a single class, {min(train.folders)!r}; at least two are needed")
    if test is not None and train.folders != test.folders:
        lines = [
            f"only in {part}/: {', '.join(sorted(names)[:5])}{', …' if len(names) > 5 else ''}"
            for part, names in (("train", train.folders - test.folders), ("test", test.folders - train.folders))
            if names
        ]
        raise DatasetError(_FIELD, f"train/ and test/ have different classes ({'; '.join(lines)})")
    # Numbers in order of size, so that folders 0 … 10 get labels 0 … 10.
    if all(name.isascii() and name.isdigit() for name in train.folders):
        return tuple(sorted(train.folders, key=lambda name: (len(digits := name.lstrip("0")), digits, name)))
    return tuple(sorted(train.folders))


def _split(labels: np.ndarray, classes: tuple[str, ...], spec: DataSpec) -> tuple[np.ndarray, np.ndarray]:
    lonely = np.flatnonzero(np.bincount(labels) < 2)
    if len(lonely):
        raise DatasetError(
            _FIELD,
            f"class {classes[lonely[0]]!r} has a single image; without a test/ folder each class needs two or more",
        )
    return stratified_split(labels, max(1, round(spec.test_share * len(labels))), spec.split_seed)


def _decoded(tree: Tree, name: str, size: int) -> np.ndarray:
    try:
        return decode(tree.read(name), size)
    except Unreadable as error:
        raise DatasetError(_FIELD, f"{name} is no readable image ({error})") from None
