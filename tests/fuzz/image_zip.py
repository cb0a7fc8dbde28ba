"""Zips of images: bytes become pictures of one size, or words about what is wrong; nothing is written."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

from PIL import Image

from tests.fuzz.harness import fuzz, instrumented

with instrumented():
    from cu_core.base.errors import DatasetError
    from cu_core.data.layouts.class_folders import list_images
    from cu_core.data.transform import Unreadable, decode
    from cu_core.data.trees.opened_tree import open_tree

SIZE = 4
_FOLDER = tempfile.TemporaryDirectory(prefix="fuzz-zip-")


def target(content: bytes) -> None:
    path = Path(_FOLDER.name) / "images.zip"
    path.write_bytes(content)
    picture(content)
    try:
        tree = open_tree(str(path))
        names = list_images(tree, "train").names
        for name in names[:20]:
            picture(tree.read(name))
    except DatasetError as error:
        assert error.field == "dataset" and error.reason
        str(error).encode()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def picture(content: bytes) -> None:
    """One file, by its content."""
    try:
        pixels = decode(content, SIZE)
    except Unreadable as error:
        assert str(error)
    else:
        assert pixels.shape in ((1, SIZE, SIZE), (3, SIZE, SIZE)) and pixels.dtype == "uint8"


def drawn(kind: str, mode: str = "RGB", size: tuple[int, int] = (5, 3)) -> bytes:
    """A small sound picture."""
    buffer = io.BytesIO()
    Image.new(mode, size, 90).save(buffer, kind)
    return buffer.getvalue()


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, inside in members.items():
            archive.writestr(name, inside)
    return buffer.getvalue()


KINDS = (("PNG", "RGB"), ("PNG", "LA"), ("JPEG", "RGB"), ("BMP", "L"), ("GIF", "P"), ("WEBP", "RGB"), ("TIFF", "I;16"))
SEEDS = [
    *(drawn(kind, mode) for kind, mode in KINDS),
    packed({"train/a/1.png": drawn("PNG"), "train/b/1.jpg": drawn("JPEG")}),
    packed({"x/train/a/1.png": drawn("PNG"), "x/train/b/1.gif": drawn("GIF", "P")}, zipfile.ZIP_STORED),
]

if __name__ == "__main__":
    fuzz(target, SEEDS)
