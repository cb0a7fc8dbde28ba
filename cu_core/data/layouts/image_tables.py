"""Parquet files that hold pictures and labels, as image datasets of Hugging Face are stored."""

from __future__ import annotations

import bisect
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from cu_core.base.errors import DatasetError
from cu_core.base.heavy import later
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.layouts.class_names import normal
from cu_core.data.layouts.column_names import LABELS, plain_header
from cu_core.data.layouts.listing import Layout, Listing, Part, quoted
from cu_core.data.layouts.parquet_files import opened_parquet
from cu_core.data.layouts.part_names import TRAIN, part_in, parts_among, unused_words
from cu_core.data.source import Progress
from cu_core.data.trees.limits import FIELD, check_size
from cu_core.data.trees.tree import Tree

_ROWS = 32
_LABEL_ROWS = 10_000
pyarrow = later("pyarrow")


@dataclass(frozen=True)
class Shard:
    """One Parquet file of pictures.

    Attributes:
        name: its path.
        image: column of the pictures.
        inside: whether the pictures are a field ``bytes`` of that column.
        label: column of the labels; empty where there is none.
        classes: names of the classes by number; empty where labels are the names.
    """

    name: str
    image: str
    inside: bool
    label: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class ImageTableLayout(Layout):
    """See the module.

    Attributes:
        tree: the files.
        shards: in the order of their names.
    """

    tree: Tree
    shards: tuple[Shard, ...]

    @override
    def watched(self) -> Iterable[str]:
        return (shard.name for shard in self.shards)

    @override
    def listing(self, spec: DataSpec, progress: Progress) -> Listing:
        by_part: dict[str, list[Shard]] = {}
        for shard in self.shards:
            by_part.setdefault(part_in(shard.name), []).append(shard)
        if "" in by_part and len(by_part) > 1:
            raise DatasetError(FIELD, f"{by_part[''][0].name} names no part as the others do", (*TRAIN[:1], "test"))
        found = parts_among(part for part in by_part if part)
        if found.unseen and not found.train:
            raise DatasetError(FIELD, f"Parquet files of {quoted(by_part)}, but none to train on", ("train-….parquet",))
        read = {part: self._part(shards) for part, shards in by_part.items()}
        notes = [f"{part} has no labels and is not used." for part in found.unseen if read[part] is None]
        labelled = {part: listed for part, listed in read.items() if listed is not None}
        if found.train not in labelled:
            raise DatasetError(FIELD, f"{self.shards[0].name} has no column of labels", LABELS[:6])
        used = next((part for part in found.unseen if part in labelled), "")
        others = [(part, len(labelled[part].names)) for part in found.unseen if part in labelled and part != used]
        shard = by_part[found.train][0]
        columns = f"pictures of column {shard.image}, labels of column {shard.label}"
        return Listing(
            labelled[found.train],
            labelled[used] if used else None,
            f"{len(self.shards):,} Parquet file{'s' * (len(self.shards) > 1)} with {columns}.",
            f"The unseen images are those of the part {used}." if used else "",
            content=_Rows(self.tree, self.shards).read,
            order=shard.classes,
            skipped=tuple(unused_words(used, others)),
            notes=tuple(notes),
        )

    def _part(self, shards: Sequence[Shard]) -> Part | None:
        """Names and classes; None where the labels are unknown."""
        names, classes = [], []
        for shard in shards:
            labels = list(_labels(self.tree, shard)) if shard.label else []
            if not labels or all(label == "" for label in labels):
                return None
            if "" in labels:
                raise DatasetError(FIELD, f"{shard.name} row {labels.index('')} has no label")
            names += [f"{shard.name}[{row}]" for row in range(len(labels))]
            classes += labels
        return Part(names, classes)


def image_tables_at(tree: Tree, names: Sequence[str]) -> ImageTableLayout | None:
    """The layout, where some of these files hold pictures."""
    shards = [shard for name in sorted(names) if (shard := _shard(tree, name)) is not None]
    return ImageTableLayout(tree, tuple(shards)) if shards else None


def _shard(tree: Tree, name: str) -> Shard | None:
    with opened_parquet(tree, name) as file:
        schema = file.schema_arrow
        fields = {field.name: field.type for field in schema}
        images = [column for column, kind in fields.items() if _holds_pictures(kind)]
        if not images:
            return None
        told = _features(schema.metadata or {})
    named = [c for c in images if plain_header(c) in ("image", "img", "picture", "photo", "pixel_values")]
    image = (named or images)[0]
    texts = [column for column, feature in told.items() if feature.get("_type") == "ClassLabel" and column in fields]
    ordered = [c for wanted in LABELS for c in fields if plain_header(c) == wanted and c != image]
    if not ordered and len(texts) > 1:
        raise DatasetError(FIELD, f"{name} has several columns of labels: {quoted(texts)}", ("one called label",))
    label = next(iter(ordered or texts), "")
    names = told.get(label, {}).get("names")
    classes = tuple(normal(str(text)) for text in names) if isinstance(names, list) else ()
    if len(set(classes)) < len(classes):
        raise DatasetError(FIELD, f"{name} has two classes of one name among {quoted(classes)}")
    return Shard(name, image, pyarrow.types.is_struct(fields[image]), label, classes)


def _holds_pictures(kind: Any) -> bool:
    if pyarrow.types.is_struct(kind):
        return any(field.name == "bytes" and _is_binary(field.type) for field in kind)
    return _is_binary(kind)


def _is_binary(kind: Any) -> bool:
    return bool(pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind))


def _features(metadata: dict[bytes, bytes]) -> dict[str, dict[str, Any]]:
    """What Hugging Face notes of the columns."""
    try:
        told = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {str(name): feature for name, feature in told.items() if isinstance(feature, dict)}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return {}


def _labels(tree: Tree, shard: Shard) -> Iterator[str]:
    """The class of each row; an empty text where it is unknown."""
    called: dict[object, str] = {None: "", -1: ""}
    with opened_parquet(tree, shard.name) as file:
        for batch in file.iter_batches(_LABEL_ROWS, columns=[shard.label]):
            for value in batch.column(0).to_pylist():
                if isinstance(value, (list, dict, bytes)):
                    raise DatasetError(FIELD, f"{shard.name}: column {shard.label} holds no plain labels")
                if value not in called:
                    called[value] = _called(shard, value)
                yield called[value]


def _called(shard: Shard, value: object) -> str:
    if shard.classes and isinstance(value, int):
        if not 0 <= value < len(shard.classes):
            raise DatasetError(FIELD, f"{shard.name} holds label {value}, but there are {len(shard.classes)} names")
        return shard.classes[value]
    return normal(str(int(value)) if isinstance(value, float) and value.is_integer() else str(value))


class _Rows:
    """Reads pictures by name, fastest in their order: one file is open, and a few of its rows are held."""

    def __init__(self, tree: Tree, shards: Sequence[Shard]) -> None:
        self._tree = tree
        self._shards = {shard.name: shard for shard in shards}
        self._open: tuple[str, Any, Iterator[Any], list[int]] | None = None
        self._batch: list[Any] = []
        self._first = 0

    def read(self, name: str) -> bytes:
        """The picture of ``FILE[ROW]``."""
        file, _, rest = name.rpartition("[")
        row, shard = int(rest[:-1]), self._shards[file]
        if self._open is None or self._open[0] != file or row < self._first:
            self._start(shard, row)
        while row >= self._first + len(self._batch):
            self._first += len(self._batch)
            self._batch = self._next(shard)
        value = self._batch[row - self._first]
        content = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(content, bytes):
            raise DatasetError(FIELD, f"{name} holds no picture, only the name of one")
        check_size(name, len(content))
        return content

    def _start(self, shard: Shard, row: int) -> None:
        """Opens a file at the group of rows that a row lies in."""
        if self._open is not None:
            self._open[1].__exit__(None, None, None)
        block = opened_parquet(self._tree, shard.name)
        file = block.__enter__()
        starts = [0]
        for group in range(file.num_row_groups):
            starts.append(starts[-1] + file.metadata.row_group(group).num_rows)
        group = bisect.bisect_right(starts, row) - 1
        columns = [f"{shard.image}.bytes"] if shard.inside else [shard.image]
        batches = file.iter_batches(_ROWS, columns=columns, row_groups=list(range(group, file.num_row_groups)))
        self._open = (shard.name, block, batches, starts)
        self._first, self._batch = starts[group], []

    def _next(self, shard: Shard) -> list[Any]:
        assert self._open is not None
        try:
            batch = next(self._open[2])
        except StopIteration:
            raise DatasetError(FIELD, f"{shard.name} has fewer rows than it says") from None
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise DatasetError(FIELD, f"{shard.name} is damaged ({str(error)[:200]})") from None
        return batch.column(0).to_pylist()
