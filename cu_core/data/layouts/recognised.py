"""Which layout a tree has. Folders that wrap everything are looked through."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from pathlib import Path

from cu_core.base.errors import DatasetError
from cu_core.data.layouts.class_folders import ClassFolderLayout, class_folders_at, has_image
from cu_core.data.layouts.class_titles import title_files
from cu_core.data.layouts.image_arrays import arrays_at
from cu_core.data.layouts.image_tables import ImageTableLayout, image_tables_at
from cu_core.data.layouts.label_tables import tables_at
from cu_core.data.layouts.part_names import is_part, parts_among
from cu_core.data.layouts.picture_files import PICTURE, picture_kind
from cu_core.data.layouts.set_listing import Layout, quoted
from cu_core.data.trees.limits import FIELD
from cu_core.data.trees.opened_tree import OpenedTree, existing, opened
from cu_core.data.trees.tree import Tree

WAYS = (
    "train/<class>/… with images, and test/ or val/ like it",
    "<class>/… with images",
    "a CSV or Parquet of file and label",
    "arrays of images and labels (.npz)",
    "Parquet as Hugging Face stores images",
)
MOST_WRAPPERS = 3
_NUMPY = b"\x93NUMPY"


def recognised(found: OpenedTree) -> Layout:
    """The layout of a tree, whose root becomes the folder that has it.

    Raises:
        DatasetError: none fits; says what was found and what would fit.
    """
    tree, focus = found.tree, found.focus
    if focus:
        return _focused(tree, focus)
    top = tree.names_in("")
    wrapper = ""
    for _ in range(MOST_WRAPPERS + 1):
        layout = _layout_at(tree)
        if layout is not None:
            return layout
        folders, _files = tree.names_in("")
        if len(folders) != 1 or is_part(folders[0]):
            break
        wrapper = folders[0]
        tree.enter(wrapper)
    raise _none_fits(found.tree, top, wrapper)


def fingerprint(text: str) -> str:
    """Hash of what decides how a path is read: names, sizes and times of change of its files.

    Raises:
        DatasetError: missing, unsafe, or of no known layout.
    """
    path = existing(text)
    if path.is_file() and not _is_focus(path):
        status = path.stat()
        return hashlib.sha256(f"{path}\0{status.st_size}\0{status.st_mtime_ns}".encode()).hexdigest()
    found = opened(text)
    layout = recognised(found)
    watched = list(itertools.chain(layout.watched(), [] if found.focus else title_files(found.tree)))
    sha = hashlib.sha256()
    for line in found.tree.stamp(name for name in watched if not name.endswith("/")):
        sha.update(f"{line}\0".encode(errors="surrogateescape"))
    for folder in watched:
        if folder.endswith("/"):
            sha.update(f"{folder}\0".encode(errors="surrogateescape"))
    return sha.hexdigest()


def _is_focus(path: Path) -> bool:
    """Whether a file is read together with others beside it; an archive is not."""
    found = opened(str(path)) if _is_small_kind(path) else None
    return found is not None and bool(found.focus)


def _is_small_kind(path: Path) -> bool:
    """Whether opening a file, to see what it is, costs nothing."""
    with path.open("rb") as file:
        head = file.read(6)
    return not head.startswith((b"PK", b"\x1f\x8b", b"BZh", b"\xfd7zXZ"))


def _focused(tree: Tree, focus: str) -> Layout:
    with tree.open(focus) as file:
        head = file.read(len(_NUMPY))
    layout: Layout | None = None
    if head == _NUMPY:
        layout = arrays_at(tree, focus)
    elif head.startswith(b"PAR1"):
        layout = image_tables_at(tree, [focus])
    layout = layout or tables_at(tree, (), focus)
    assert layout is not None
    return layout


def _layout_at(tree: Tree) -> Layout | None:
    folders, files = tree.names_in("")
    parts = parts_among(folders)
    pictures = _parquet_in(tree, folders, files)
    if parts.train:
        labelled = any(has_image(tree, f"{parts.train}/{name}") for name in tree.names_in(parts.train)[0])
        loose = any(picture_kind(tree, f"{parts.train}/{name}") == PICTURE for name in tree.names_in(parts.train)[1])
        if not labelled and any(name.lower().endswith(".arrow") for name in tree.names_in(parts.train)[1]):
            return None
        if labelled or not (loose or pictures):
            return ClassFolderLayout(tree, parts)
        found = image_tables_at(tree, pictures) or tables_at(tree, ["", *[f for f in folders if is_part(f)]])
        if found is None and tree.passed.faulty:
            raise DatasetError(FIELD, next(iter(tree.passed.faulty.values())))
        return found or class_folders_at(tree) or ClassFolderLayout(tree, parts)
    if parts.unseen and not pictures and not files:
        return class_folders_at(tree)
    found = _parquet_at(tree, pictures) if pictures else None
    return found or tables_at(tree, [""]) or arrays_at(tree) or class_folders_at(tree)


def _parquet_at(tree: Tree, pictures: list[str]) -> ImageTableLayout | None:
    """The layout of Parquet files; one that cannot be read is passed over where each folder beside it is a class."""
    try:
        return image_tables_at(tree, pictures)
    except DatasetError as error:
        with contextlib.suppress(DatasetError):
            if class_folders_at(tree) is not None:
                tree.passed.faulty[error.reason] = error.reason
                return None
        raise


def _parquet_in(tree: Tree, folders: list[str], files: list[str]) -> list[str]:
    """Parquet files in the root, in a folder data/ or in folders of parts."""
    found = [name for name in files if name.lower().endswith(".parquet")]
    for folder in folders if not found else ():
        if folder.lower() == "data" or is_part(folder) or len(folders) == 1:
            inside = tree.names_in(folder)[1]
            found += [f"{folder}/{name}" for name in inside if name.lower().endswith(".parquet")]
    return found


def _none_fits(tree: Tree, top: tuple[list[str], list[str]], wrapper: str) -> DatasetError:
    folders, files = top
    seen = quoted([*folders, *files]) or "nothing"
    hint = ""
    if tree.passed.faulty:
        hint = f"; {'; '.join(tree.passed.faulty.values())}"
    elif any(name.lower().endswith(".arrow") or name in ("dataset_dict.json", "dataset_info.json") for name in files):
        hint = "; this is what save_to_disk of Hugging Face wrote: save it with to_parquet instead"
    elif any(is_part(name) for name in folders):
        hint = "; there is an unseen part, but none to train on"
    elif wrapper and any(picture_kind(tree, name) == PICTURE for name in tree.names_in("")[1][:50]):
        hint = (
            f"; {wrapper}/ would be a single class, and at least two are needed: put images of another class into a "
            "folder beside it, or add a CSV"
        )
    elif any(picture_kind(tree, name) == PICTURE for name in tree.names_in("")[1][:50]):
        hint = "; images lie beside each other without labels: put them into a folder per class, or add a CSV"
    return DatasetError(
        FIELD, f"{tree.title} has no train/ folder (found: {seen}), and no other layout fits{hint}", WAYS
    )
