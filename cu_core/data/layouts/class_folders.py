"""A folder per class: below train/ and an unseen part, or at once in the root."""

from __future__ import annotations

import unicodedata
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from typing_extensions import override

from cu_core.base.errors import DatasetError
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.layouts.part_names import Parts, is_part, unused_words
from cu_core.data.layouts.picture_files import PICTURE, SUFFIXES, PictureSieve, picture_kind
from cu_core.data.layouts.set_listing import LabelledImages, Layout, Listing, quoted
from cu_core.data.source import Progress
from cu_core.data.trees.limits import FIELD
from cu_core.data.trees.tree import Tree

# Entries that are looked at before a folder counts as one without images.
_MOST_LOOKED_AT = 20_000
# Folders of which two with pictures are looked for.
_ENOUGH_CLASSES = 20
# Folders that mean pictures beside their outlines or boxes, not classes.
_PICTURES, _OUTLINES = {"images", "imgs", "img", "jpegimages"}, {"masks", "labels", "annotations", "mask", "label"}


@dataclass(frozen=True)
class FolderImages:
    """The images below one part.

    Attributes:
        names: (n,) paths, sorted.
        classes: class of each image, in the same order.
        folders: all class folders, with or without images.
        skipped: what is no image, in words and numbers.
    """

    names: list[str]
    classes: list[str]
    folders: set[str]
    skipped: tuple[tuple[str, int], ...]

    @property
    def empty(self) -> set[str]:
        """Class folders without images."""
        return self.folders - set(self.classes)


@dataclass(frozen=True)
class ClassFolderLayout(Layout):
    """See the module.

    Attributes:
        tree: the files.
        parts: folders of the training and unseen parts; none where the class folders lie in the root.
    """

    tree: Tree
    parts: Parts

    @override
    def watched(self) -> Iterable[str]:
        for part in self._folders():
            below = self.tree.below(part)
            yield from below.files
            yield from (f"{folder}/" for folder in sorted(below.folders))

    @override
    def listing(self, spec: DataSpec, progress: Progress) -> Listing:
        train = list_images(self.tree, self.parts.train)
        where = f"{self.parts.train}/" if self.parts.train else self.tree.title
        if train.empty:
            raise _without_images(min(train.empty), where)
        if not self.parts.train:
            return Listing(
                LabelledImages(train.names, train.classes),
                None,
                "A folder per class, without a training and an unseen part.",
                content=self.tree.read,
                skipped=train.skipped,
            )
        unseen, notes, skipped = self._unseen(train)
        used = f"{unseen}/" if unseen else ""
        listed = list_images(self.tree, unseen) if unseen else None
        if listed is not None:
            _check_unseen(train, listed, self.parts.train, unseen)
        return Listing(
            LabelledImages(train.names, train.classes),
            LabelledImages(listed.names, listed.classes) if listed else None,
            f"A folder per class in {self.parts.train}/{f' and in {used}' if used else ''}.",
            f"The unseen images are those in {used}." if used else "",
            content=self.tree.read,
            skipped=_summed(train.skipped, listed.skipped if listed else (), skipped),
            notes=tuple(notes),
        )

    def _folders(self) -> list[str]:
        """What is walked: the training part and the unseen one that is used, or the root."""
        return [self.parts.train, *self.parts.unseen] if self.parts.train else [""]

    def _unseen(self, train: FolderImages) -> tuple[str, list[str], list[tuple[str, int]]]:
        """The unseen part that is used, words on others that cannot be, and images that are left out."""
        notes, usable = [], []
        for part in self.parts.unseen:
            below = self.tree.below(part)
            images = sum(picture_kind(self.tree, name) == PICTURE for name in below.files)
            if not images and not below.folders:
                notes.append(f"{part}/ holds no images and is not used.")
            elif not _classes_in(self.tree, part):
                notes.append(f"{part}/ has no class folders, so its {images:,} images have no labels and are not used.")
            else:
                usable.append((part, images))
        if not usable:
            return "", notes, []
        (used, _), *others = usable
        return used, notes, unused_words(f"{used}/", [(f"{part}/", images) for part, images in others])


def class_folders_at(tree: Tree) -> ClassFolderLayout | None:
    """The layout, where each folder of the root is a class.

    Raises:
        DatasetError: folders of parts, but none to train on.
    """
    folders, _ = tree.names_in("")
    if len(folders) < 2 or any(is_part(name) and not is_class(tree, name, folders) for name in folders):
        return None
    names = {name.lower() for name in folders}
    if names & _PICTURES and names & _OUTLINES:
        return None
    empty = [name for name in folders if not has_image(tree, name)]
    if len(empty) == len(folders):
        return None
    if empty:
        raise _without_images(empty[0], tree.title)
    return ClassFolderLayout(tree, Parts())


def is_class(tree: Tree, name: str, folders: Sequence[str]) -> bool:
    """Whether a folder that is called like a part is a class: of locomotives, say, beside cars and ships.

    It holds pictures and no folders, and at least two more class folders lie beside it.

    Args:
        tree: the files.
        name: of the folder.
        folders: all folders of the root.
    """
    inside, files = tree.names_in(name)
    if inside or not any(picture_kind(tree, f"{name}/{file}") == PICTURE for file in files):
        return False
    others = [other for other in folders if not is_part(other) and other.lower() not in _PICTURES | _OUTLINES]
    return sum(has_image(tree, other) for other in others[:_ENOUGH_CLASSES]) >= 2


def has_image(tree: Tree, folder: str) -> bool:
    """Whether a picture lies in a folder or below it; not looked for among more than a bounded number of entries."""
    pending, looked_at = deque([folder]), 0
    while pending and looked_at < _MOST_LOOKED_AT:
        here = pending.popleft()
        try:
            folders, files = tree.names_in(here)
        except DatasetError:
            if here == folder:
                raise
            continue
        looked_at += len(folders) + len(files) + 1
        if any(picture_kind(tree, f"{here}/{name}") == PICTURE for name in files[:_MOST_LOOKED_AT]):
            return True
        if here.count("/") < folder.count("/") + 8:
            pending.extend(f"{here}/{name}" for name in folders)
    return False


def list_images(tree: Tree, part: str) -> FolderImages:
    """The images of one part, by class folder; deeper folders belong to their class.

    Args:
        tree: the files.
        part: path of the part's folder; empty for the root, where pictures outside of class folders are passed over.

    Raises:
        DatasetError: no class folders, two names of one class, an image outside of a class folder.
    """
    start = f"{part}/" if part else ""
    below, sieve = tree.below(part), PictureSieve(tree)
    title = {raw: unicodedata.normalize("NFC", raw) for raw in _classes_in(tree, part)}
    names, classes, loose = [], [], 0
    for name in below.files:
        if not sieve.takes(name):
            continue
        inside = name[len(start) :]
        if "/" in inside:
            names.append(name)
            classes.append(title[inside.partition("/")[0]])
        elif part:
            raise DatasetError(FIELD, f"{name} lies outside of a class folder", (f"{part}/<class>/…",))
        else:
            loose += 1
    if not title:
        raise DatasetError(FIELD, f"{part}/ has no class folders", (f"{part}/<class>/…",))
    _check_unique(title.values(), start)
    outside = (("images outside of class folders", loose),) if loose else ()
    return FolderImages(names, classes, set(title.values()), (*sieve.skipped(), *outside))


def _classes_in(tree: Tree, part: str) -> list[str]:
    depth = part.count("/") + 1 if part else 0
    return [name.rpartition("/")[2] for name in sorted(tree.below(part).folders) if name.count("/") == depth]


def _check_unique(names: Iterable[str], start: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise DatasetError(
                FIELD,
                f"{start or 'the folder'} has two folders named {name!r}, which differ only in how accents are stored; "
                "put their images into one",
            )


def _check_unseen(train: FolderImages, unseen: FolderImages, train_part: str, part: str) -> None:
    unknown = unseen.folders - train.folders
    if empty := unseen.empty & unknown:
        raise _without_images(min(empty), f"{part}/")
    if unknown:
        lines = [f"only in {part}/: {quoted(unknown)}"]
        if missing := train.folders - unseen.folders:
            lines.insert(0, f"only in {train_part}/: {quoted(missing)}")
        raise DatasetError(FIELD, f"{train_part}/ and {part}/ have different classes ({'; '.join(lines)})")
    if not unseen.names:
        raise DatasetError(FIELD, f"{part}/ has class folders, but no images in them", SUFFIXES)


def _without_images(name: str, where: str) -> DatasetError:
    return DatasetError(FIELD, f"class {name!r} in {where} has no images", SUFFIXES)


def _summed(*counted: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    total: dict[str, int] = {}
    for pairs in counted:
        for words, count in pairs:
            total[words] = total.get(words, 0) + count
    return tuple(total.items())
