"""What a file is that holds no weights, by its first bytes, and what to do about it."""

from __future__ import annotations

import codecs
from pathlib import Path

FIRST = 4096

_BEGINNINGS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"version https://git-lfs", "it is a Git LFS pointer, not the file itself; run: git lfs pull"),
    (0, b"\x89HDF\r\n\x1a\n", "it is an HDF5 file, as Keras writes them; networks here are PyTorch's"),
    (0, b"GGUF", "it is a GGUF file, which holds language models for llama.cpp"),
    (4, b"TFL3", "it is a TensorFlow Lite model; networks here are PyTorch's"),
    (0, b"\x1f\x8b", "it is packed with gzip; unpack it first"),
    (0, b"\xfd7zXZ", "it is packed with xz; unpack it first"),
    (0, b"BZh", "it is packed with bzip2; unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "it is packed with zstd; unpack it first"),
    (0, b"7z\xbc\xaf", "it is a 7z archive; unpack it first"),
    (0, b"Rar!", "it is a RAR archive; unpack it first"),
    (257, b"ustar", "it is a tar archive; unpack it and name one file in it"),
    (0, b"\x93NUMPY", "it is one array of NumPy; weights are many, with names (numpy.savez, or torch.save)"),
    (0, b"PAR1", "it is a Parquet table"),
    (0, b"SQLite format 3", "it is a database"),
    (0, b"%PDF", "it is a PDF document"),
    (0, b"\x89PNG", "it is an image"),
    (0, b"\xff\xd8\xff", "it is an image"),
    (0, b"GIF8", "it is an image"),
    (0, b"\x7fELF", "it is a program"),
    (0, b"MZ", "it is a program"),
)
_WEB = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<body")
_IN_ARCHIVES = (
    ("model.weights.h5", "it is a Keras model; networks here are PyTorch's"),
    ("[Content_Types].xml", "it is an office document"),
    ("META-INF/MANIFEST.MF", "it is a Java archive"),
)


def foreign_kind(path: Path) -> str | None:
    """Why a file cannot hold weights that are read here; None where its content must tell.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(FIRST)
    if not head:
        return "it is empty"
    for place, beginning, words in _BEGINNINGS:
        if head[place:].startswith(beginning):
            return words
    start = head.lstrip().lower()
    if start.startswith(_WEB):
        return "it is a web page: what was downloaded is not the file itself"
    if _is_onnx(head):
        return "it is an ONNX model; save the weights from PyTorch (torch.save(model.state_dict(), FILE))"
    if start.startswith((b"{", b"[")) and _is_text(head):
        return "it is JSON text, perhaps the index of weights that lie in other files"
    return "it is text" if _is_text(head) else None


def foreign_archive(names: list[str]) -> str:
    """What a zip file is that holds no weights, by the names of its parts."""
    for name, words in _IN_ARCHIVES:
        if name in names:
            return words
    inside = [name for name in names if name.endswith((".pt", ".pth", ".safetensors", ".ckpt", ".bin", ".tar"))]
    if inside:
        return f"it is a zip file around {Path(inside[0]).name!r}; unpack it first"
    return "it is a zip file without weights in it"


def _is_onnx(head: bytes) -> bool:
    """A message that begins with a small version number and the name of what made it."""
    return head[:1] == b"\x08" and head[2:3] == b"\x12" and (b"pytorch" in head[:64] or b"onnx" in head[:400].lower())


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # the last letter may be cut off
    except UnicodeDecodeError:
        return False
    return len(text) > 8 and all(letter.isprintable() or letter in "\r\n\t" for letter in text)
