"""NumPy arrays of images and labels: ``.npz``, or ``.npy`` files in one folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from typing_extensions import override

from cu_core.base.errors import DatasetError
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.layouts.array_pairs import WAYS, Pair, beside, class_names_in, label_names, paired
from cu_core.data.layouts.array_pixels import ArrayPixels
from cu_core.data.layouts.listing import Layout, Listing, Part
from cu_core.data.layouts.part_names import parts_among, unused_words
from cu_core.data.layouts.stored_array import StoredArray
from cu_core.data.source import Progress
from cu_core.data.trees.limits import FIELD
from cu_core.data.trees.tree import Tree


@dataclass(frozen=True)
class ArrayLayout(Layout):
    """See the module.

    Attributes:
        tree: the files.
        names: the files of arrays.
    """

    tree: Tree
    names: tuple[str, ...]

    @override
    def watched(self) -> Iterable[str]:
        return self.names

    @override
    def listing(self, spec: DataSpec, progress: Progress) -> Listing:
        arrays = {_stem(name): StoredArray(self.tree, name) for name in self.names}
        pairs = paired(arrays)
        parts = parts_among(pairs)
        train = "" if "" in pairs and not parts.train else parts.train
        if train not in pairs:
            raise DatasetError(FIELD, "the arrays have an unseen part, but none to train on", WAYS)
        unseen = parts.unseen[0] if parts.unseen else ""
        used = [train, unseen] if unseen else [train]
        titles = class_names_in(arrays)
        listed = {part: _part(pairs[part], titles) for part in used}
        types = {pairs[part].images.dtype for part in used}
        if len(types) > 1:
            raise DatasetError(FIELD, f"images of several types: {', '.join(sorted(map(str, types)))}", ("one type",))
        images = {pairs[part].images.name: pairs[part].images for part in used}
        progress(0, 0, "looking at arrays")
        counted = [(part, pairs[part].images.shape[0]) for part in parts.unseen[1:]]
        return Listing(
            listed[train],
            listed[unseen] if unseen else None,
            f"NumPy arrays: {' and '.join(_words(pairs[part]) for part in used)}.",
            f"The unseen images are those of {pairs[unseen].images.name}." if unseen else "",
            pixels=lambda size: ArrayPixels(images, size, spec.background, progress),
            order=_order(pairs, used, titles),
            skipped=tuple(unused_words(unseen, counted)),
        )


def arrays_at(tree: Tree, focus: str = "") -> ArrayLayout | None:
    """The layout, where the root holds arrays; with a focus, those that belong to one file.

    Raises:
        DatasetError: labels of the file that was named are missing.
    """
    names = [name for name in tree.names_in("")[1] if name.lower().endswith(".npy")]
    if not focus:
        return ArrayLayout(tree, tuple(names)) if names else None
    labels = beside(focus, names)
    if not labels:
        stem = focus.rpartition(".")[0]
        raise DatasetError(
            FIELD,
            f"{focus} has no labels beside it",
            (f"{stem}_labels.npy in the same folder", "numpy.savez(FILE, images=…, labels=…)"),
        )
    return ArrayLayout(tree, (focus, labels))


def _stem(name: str) -> str:
    return name[: -len(".npy")] if name.lower().endswith(".npy") else name


def _part(pair: Pair, titles: tuple[str, ...]) -> Part:
    labels = label_names(pair.labels, titles)
    count = pair.images.shape[0]
    if len(labels) != count:
        raise DatasetError(FIELD, f"{pair.images.name} has {count:,} images, {pair.labels.name} {len(labels):,} labels")
    return Part([f"{pair.images.name}[{row}]" for row in range(count)], labels)


def _order(pairs: Mapping[str, Pair], used: Iterable[str], titles: tuple[str, ...]) -> tuple[str, ...]:
    """The classes in the order of their numbers, where they have names as well."""
    if not titles or any(pairs[part].labels.dtype.kind in "US" for part in used):
        return ()
    return tuple(np.array(titles).tolist())


def _words(pair: Pair) -> str:
    return f"images of {pair.images.name} with labels of {pair.labels.name}"
