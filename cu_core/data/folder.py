"""Any user's images: a directory, an archive, a table of file and label, arrays, or Parquet with pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cu_core.base.errors import DatasetError
from cu_core.base.home import Home
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.findings import Findings
from cu_core.data.layouts.class_order import class_order
from cu_core.data.layouts.class_titles import titled
from cu_core.data.layouts.label_tables import TableLayout
from cu_core.data.layouts.recognised import recognised
from cu_core.data.layouts.set_listing import Listing, Pixels
from cu_core.data.picture_reader import PictureReader
from cu_core.data.sampling import stratified_split
from cu_core.data.source import Progress, Source, Unreadable
from cu_core.data.trees.directory_tree import DirectoryTree
from cu_core.data.trees.opened_tree import opened
from cu_core.data.trees.tree import Tree

DEFAULT_SIZE = 32
_FIELD = "dataset"


def load(spec: DataSpec, home: Home, progress: Progress) -> Source:
    """Lists the images and checks that they make a dataset; decodes none.

    Raises:
        DatasetError: see `recognised` and the layouts; a single class, or unseen classes that are not trained on.
    """
    found = opened(spec.dataset.partition(":")[2], home.datasets)
    layout = recognised(found)
    listing = layout.listing(spec, progress)
    order = class_order(listing)
    tables = [table.name for table in layout.tables] if isinstance(layout, TableLayout) else []
    titles = titled(found.tree, order.names, spec.titles, tables)
    names, labels, split = _parts(listing, order.names, spec)
    counts = {part: np.bincount(of, minlength=len(order.names)) for part, of in labels.items()}
    passed = (*found.tree.passed.counted(), *listing.skipped, *_circles(found.tree))
    faulty = (f"A file was passed over: {reason}." for reason in dict.fromkeys(found.tree.passed.faulty.values()))
    size = spec.image_size or DEFAULT_SIZE
    listed = Findings(
        layout=listing.layout,
        split=split,
        order=order.words,
        train=tuple(counts["train"].tolist()),
        test=tuple(counts["test"].tolist()),
        skipped=passed,
        side=size,
        notes=(*order.notes, *titles.notes, *listing.notes, *faulty),
    )
    total = sum(map(len, labels.values()))
    ignored = sum(count for _, count in listing.skipped)
    progress(0, total, f"found {total} images in {len(titles.names)} classes, ignoring {ignored} other files")
    reader: Pixels | PictureReader
    if listing.pixels is not None:
        reader = listing.pixels(size)
    else:
        assert listing.content is not None
        everything = [*names["train"], *names["test"]]
        reader = PictureReader(listing.content, everything, size, spec.background, progress)

    def read(part: str, indices: np.ndarray) -> Iterator[np.ndarray | Unreadable]:
        yield from reader.read([names[part][index] for index in indices])

    return Source(titles.names, labels["train"], labels["test"], read, names, lambda: reader.findings(listed))


def _parts(
    listing: Listing, classes: Sequence[str], spec: DataSpec
) -> tuple[dict[str, Sequence[str]], dict[str, np.ndarray], str]:
    """Names and labels by part, and a sentence on where the unseen images come from."""
    number = {name: label for label, name in enumerate(classes)}
    train = np.array([number[name] for name in listing.train.classes], dtype=np.int64)
    names = listing.train.names
    if listing.unseen is not None:
        test = np.array([number[name] for name in listing.unseen.classes], dtype=np.int64)
        return {"train": names, "test": listing.unseen.names}, {"train": train, "test": test}, listing.split
    kept, apart = _split(train, classes, spec)
    words = (
        f"There is no unseen part, so {spec.test_share:.0%} are set apart as unseen, class by class, by the split seed."
    )
    return (
        {"train": [names[i] for i in kept], "test": [names[i] for i in apart]},
        {"train": train[kept], "test": train[apart]},
        words,
    )


def _split(labels: np.ndarray, classes: Sequence[str], spec: DataSpec) -> tuple[np.ndarray, np.ndarray]:
    lonely = np.flatnonzero(np.bincount(labels) < 2)
    if len(lonely):
        raise DatasetError(
            _FIELD,
            f"class {classes[lonely[0]]!r} has a single image; without an unseen part (test/, val/) each class needs "
            "two or more",
        )
    return stratified_split(labels, max(1, round(spec.test_share * len(labels))), spec.split_seed)


def _circles(tree: Tree) -> tuple[tuple[str, int], ...]:
    count = tree.circles if isinstance(tree, DirectoryTree) else 0
    return (("links to a folder above them", count),) if count else ()
