"""Which arrays are images and which are their labels, by their names and shapes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cu_core.base.errors import DatasetError
from cu_core.data.layouts.class_order import normal
from cu_core.data.layouts.part_names import TRAIN, UNSEEN
from cu_core.data.layouts.set_listing import quoted
from cu_core.data.layouts.stored_array import StoredArray, holds_numbers
from cu_core.data.trees.limits import FIELD

WAYS = ("images and labels", "x_train and y_train, x_test and y_test", "train_images and train_labels, …")
_IMAGES = [
    "images", "image", "imgs", "img", "x", "data", "pixels", "pictures", "samples", "input", "inputs", "arr",
    "arr_0",
]  # fmt: skip
_LABELS = [
    "labels", "label", "y", "targets", "target", "class", "classes", "category", "categories", "output",
    "outputs", "arr_1",
]  # fmt: skip
_CLASS_NAMES = ("class_names", "classnames", "label_names", "names", "categories", "classes")
_PLAIN = re.compile(r"[^a-z0-9]+")
_WHOLE_PARTS = {name: "train" if name in TRAIN else name for name in (*TRAIN, *UNSEEN)}


@dataclass(frozen=True)
class Pair:
    """Images and their labels.

    Attributes:
        images: (n, …) array.
        labels: (n, …) array.
    """

    images: StoredArray
    labels: StoredArray


def paired(arrays: Mapping[str, StoredArray]) -> dict[str, Pair]:
    """Finds pairs among arrays by their names without ending.

    Returns:
        Pair by part; an empty text where no part is named.

    Raises:
        DatasetError: none, or images without labels.
    """
    found: dict[tuple[str, str], list[StoredArray]] = {}
    for stem, array in arrays.items():
        part, kind = _meaning(stem, array)
        if kind:
            found.setdefault((part, kind), []).append(array)
    parts = [part for part, kind in found if kind == "images"]
    pairs = {}
    for part in parts:
        images, labels = found[part, "images"], found.get((part, "labels"), [])
        if len(images) > 1 or len(labels) > 1:
            several = quoted(array.name for array in (images if len(images) > 1 else labels))
            raise DatasetError(FIELD, f"several arrays could be meant: {several}", WAYS)
        if labels:
            pairs[part] = Pair(images[0], labels[0])
    bare = [found[part, "images"][0].name for part in parts if part not in pairs]
    if pairs and bare:
        # Read without them, a set of its own for testing would be gone without a word.
        raise DatasetError(FIELD, f"{quoted(bare)} {'has' if len(bare) < 2 else 'have'} no labels", WAYS)
    if pairs:
        return pairs
    large = [array for array in arrays.values() if len(array.shape) >= 3]
    small = [array for array in arrays.values() if len(array.shape) in (1, 2)]
    if len(large) == 1 and len(small) == 1 and large[0].shape[0] == small[0].shape[0]:
        return {"": Pair(large[0], small[0])}
    shapes = quoted(f"{stem} ({' × '.join(map(str, array.shape))})" for stem, array in arrays.items())
    raise DatasetError(FIELD, f"no arrays of images and labels among {shapes}", WAYS)


def class_names_in(arrays: Mapping[str, StoredArray]) -> tuple[str, ...]:
    """Names of classes by number, where an array of texts has them.

    Raises:
        DatasetError: several classes have one name, and would become one class.
    """
    for stem in _CLASS_NAMES:
        array = arrays.get(stem)
        if array is not None and array.dtype.kind in "US" and len(array.shape) == 1:
            names = _texts(array.whole())
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise DatasetError(FIELD, f"{array.name} names several classes {quoted(twice)}", ("one name each",))
            return tuple(names)
    return ()


def label_names(array: StoredArray, names: Sequence[str]) -> list[str]:
    """The class of each sample, by name.

    Args:
        array: labels as numbers, texts, or one column per class.
        names: of the classes by number; empty where numbers are the names.

    Raises:
        DatasetError: values that are no labels.
    """
    labels = array.whole()
    if labels.ndim > 1 and labels.size == len(labels):
        labels = labels.reshape(-1)
    if labels.dtype.kind in "US" and labels.ndim == 1:
        return _texts(labels)
    if not holds_numbers(array) or labels.ndim > 2:
        raise DatasetError(FIELD, f"{array.name} holds no labels: {labels.dtype} of {labels.shape}", ("one per image",))
    if labels.ndim == 2:
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise DatasetError(FIELD, f"{array.name} gives an image several labels or none", ("one label per image",))
        labels = labels.argmax(axis=1)
    if not (np.isfinite(labels).all() and (labels == np.floor(labels)).all() and (labels >= 0).all()):
        raise DatasetError(FIELD, f"{array.name} holds labels that are no whole numbers from 0 on")
    numbers = labels.astype(np.int64)
    if names and len(numbers) and numbers.max() >= len(names):
        raise DatasetError(FIELD, f"{array.name} holds label {numbers.max()}, but there are {len(names)} class names")
    called = {number: names[number] if names else str(number) for number in np.unique(numbers).tolist()}
    return [called[number] for number in numbers.tolist()]


def _texts(values: np.ndarray) -> list[str]:
    texts = (v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values.tolist())
    once: dict[str, str] = {}
    return [once.setdefault(name, name) for name in map(normal, texts)]


def _meaning(stem: str, array: StoredArray) -> tuple[str, str]:
    """Part and kind that a name says; the kind is empty where it says nothing that the shape bears out."""
    plain = _PLAIN.sub("_", stem.lower()).strip("_")
    part, rest = "", plain
    for name in sorted(_WHOLE_PARTS, key=len, reverse=True):
        if plain.startswith(name) or plain.endswith(name):
            part, rest = (
                _WHOLE_PARTS[name],
                (plain.removeprefix(name) if plain.startswith(name) else plain[: -len(name)]),
            )
            break
    rest = rest.strip("_")
    large = len(array.shape) >= 3
    if large and (rest in _IMAGES or (part and not rest)):
        return part, "images"
    return (part, "labels") if rest in _LABELS and not large and not _are_class_names(plain, array) else (part, "")


def _are_class_names(plain: str, array: StoredArray) -> bool:
    return plain in _CLASS_NAMES and array.dtype.kind in "US"


def beside(name: str, others: Iterable[str]) -> str:
    """The file of labels that belongs to a file of images, by its name; empty where there is none."""
    stem, known = name.rpartition(".")[0], {other.lower(): other for other in others}
    wanted = [f"{stem}{joint}{word}" for word in _LABELS[:4] for joint in ("_", "-", ".", "")]
    wanted += [f"{word}_{stem}" for word in _LABELS[:4]]
    wanted += [stem.lower().replace(one, word) for one in ("images", "image", "imgs") for word in ("labels", "targets")]
    wanted += [f"y{stem[1:]}"] if stem[:1] in "xX" else []
    wanted += ["labels", "targets", "y"]
    for candidate in wanted:
        found = known.get(f"{candidate}.npy".lower())
        if found and found != name:
            return found
    return ""
