"""Which files are pictures: by their ending, and by how they begin where the ending says nothing."""

from __future__ import annotations

from collections import Counter

from cu_core.base.errors import DatasetError
from cu_core.data.trees.tree import Tree

SUFFIXES = ("png", "jpg", "jpeg", "bmp", "gif", "webp", "tif", "tiff", "ppm", "pgm")
_MORE_SUFFIXES = frozenset((*SUFFIXES, "jpe", "jfif", "pbm", "pnm", "dib", "apng"))
_UNREAD = frozenset([
    "heic", "heif", "avif", "svg", "svgz", "jp2", "j2k", "jxl", "dcm", "dicom", "nii", "nrrd", "raw", "cr2",
    "cr3", "nef", "arw", "dng", "orf", "rw2", "psd", "xcf", "exr", "hdr", "eps", "ai", "ico", "tga", "pcx",
    "mp4", "avi", "mov", "mkv", "webm",
])  # fmt: skip
_OTHER = frozenset([
    "txt", "csv", "tsv", "json", "jsonl", "xml", "yaml", "yml", "toml", "md", "rst", "html", "htm", "pdf",
    "doc", "docx", "xls", "xlsx", "py", "ipynb", "sh", "log", "ini", "cfg", "db", "sqlite", "npy", "npz", "pt",
    "pth", "pkl", "pickle", "h5", "hdf5", "mat", "parquet", "arrow", "zip", "tar", "gz", "tgz", "bz2", "xz",
    "7z", "rar", "url", "lnk", "bak", "tmp",
])  # fmt: skip
_BEGINNINGS = (
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0",
    b"P1\n", b"P2\n", b"P3\n", b"P4\n", b"P5\n", b"P6\n",
)  # fmt: skip
_HEAD = 12

PICTURE, OTHER = "picture", "other"


class PictureSieve:
    """Tells pictures from other files, and counts the others.

    Args:
        tree: that the files lie in.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._others: Counter[str] = Counter()

    def takes(self, name: str) -> bool:
        """Whether a file is a picture; counts it where it is none."""
        kind = picture_kind(self._tree, name)
        if kind != PICTURE:
            self._others[kind] += 1
        return kind == PICTURE

    def skipped(self) -> tuple[tuple[str, int], ...]:
        """What was no picture, in words and numbers."""
        kinds = sorted(kind for kind in self._others if kind != OTHER)
        found = [(f".{kind} files, a kind that is not read", self._others[kind]) for kind in kinds]
        if self._others[OTHER]:
            found.append(("files that are no pictures", self._others[OTHER]))
        return tuple(found)


def picture_kind(tree: Tree, name: str) -> str:
    """`PICTURE`, `OTHER`, or the ending of a kind of pictures that is not read."""
    last = name.rpartition("/")[2]
    suffix = last.rpartition(".")[2].lower() if "." in last else ""
    if suffix in _MORE_SUFFIXES:
        return PICTURE
    if suffix in _UNREAD:
        return suffix
    if suffix in _OTHER:
        return OTHER
    try:
        with tree.open(name) as file:
            head = file.read(_HEAD)
    except (DatasetError, OSError):
        return OTHER
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return PICTURE if webp or head.startswith(_BEGINNINGS) else OTHER
