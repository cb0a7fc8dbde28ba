"""Zips, folders, pictures and index files that are made to harm: each is refused in words and in little memory."""

from __future__ import annotations

import io
import os
import stat
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from cu_core.base.errors import BadInput, DatasetError
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec
from cu_core.data import index_file
from cu_core.data.folder import load
from cu_core.data.index_file import read_indices, scan_indices
from cu_core.data.source import silent
from cu_core.data.transform import Unreadable, decode
from cu_core.data.trees import limits
from cu_core.data.trees.opened_tree import open_tree
from cu_core.jobs.adopt import adopt_index_file
from tests.fuzz.image_zip import drawn, packed

SOUND = {"train/a/1.png": drawn("PNG"), "train/b/1.png": drawn("PNG")}
BOMB = 16 * 2**20


def write(folder: Path, content: bytes) -> str:
    path = folder / "images.zip"
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("train/" + "a/" * 100 + "1.png", "too long or too deep"),
        ("train/a/" + "x" * 2000 + ".png", "too long or too deep"),
        ("train/a/\x1b[31m.png", "characters that are no text"),
        ("train/a\n/1.png", "characters that are no text"),
    ],
)
def test_names_that_nobody_could_list_or_show(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        open_tree(write(tmp_path, packed(SOUND | {name: b"x"})))


def test_a_member_without_a_name_is_left_out(tmp_path: Path) -> None:
    content = packed(SOUND | {"Z": b"x"}).replace(b"\x01\x00\x00\x00Z", b"\x01\x00\x00\x00Z")
    at = content.rfind(b"PK\x01\x02")
    assert content[at + 46 : at + 47] == b"Z"
    # The name becomes a comment of the member: its length 0, that of the comment 1.
    lengths = struct.pack("<HHH", 0, 0, 1)
    content = content[: at + 28] + lengths + content[at + 34 :]
    assert open_tree(write(tmp_path, content)).files == sorted(SOUND)


def test_folders_named_by_endless_numbers_have_an_order(tmp_path: Path, home: Home) -> None:
    names = ["9" * 900, "0" * 5 + "10", "2"]
    path = write(tmp_path, packed({f"train/{name}/{k}.png": drawn("PNG") for name in names for k in range(2)}))
    assert load(DataSpec(dataset=f"folder:{path}"), home, silent).classes == ("2", "0000010", "9" * 900)


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (zipfile.ZIP_DEFLATED, "damaged inside the zip"),
        (zipfile.ZIP_BZIP2, "packed in an unusual way"),
        (zipfile.ZIP_LZMA, "packed in an unusual way"),
    ],
)
def test_a_member_that_lies_about_its_size_takes_no_memory(tmp_path: Path, method: int, words: str) -> None:
    content = packed({"train/a/1.bmp": bytes(BOMB)} | SOUND, method)
    lie = content.replace(struct.pack("<L", BOMB), struct.pack("<L", 500))
    assert lie != content
    tree = open_tree(write(tmp_path, lie))
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError, match=words):
            tree.read("train/a/1.bmp")
        assert tracemalloc.get_traced_memory()[1] < BOMB / 4
    finally:
        tracemalloc.stop()


def test_a_torn_header_of_a_member_is_said(tmp_path: Path) -> None:
    content = packed(SOUND, zipfile.ZIP_STORED)
    at = content.rfind(b"PK\x01\x02")
    # The last member is said to begin where the file is nearly over.
    content = content[: at + 42] + struct.pack("<L", len(content) - 3) + content[at + 46 :]
    with pytest.raises(DatasetError, match="damaged inside the zip"):
        open_tree(write(tmp_path, content)).read("train/b/1.png")


def test_an_endless_list_of_members_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, packed(SOUND))
    monkeypatch.setattr(limits, "MAX_LIST_BYTES", 50)
    with pytest.raises(DatasetError, match="list of members"):
        open_tree(path)


def test_a_folder_that_never_ends_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / "tree" / "train"
    for _ in range(limits.MAX_DEPTH + 1):
        deep = deep / "a"
    deep.mkdir(parents=True)
    with pytest.raises(DatasetError, match="too long or too deep"):
        assert open_tree(str(tmp_path / "tree")).files


def test_a_file_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tree" / "train" / "a").mkdir(parents=True)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/tree/train/a/\xff.png")).write_bytes(drawn("PNG"))
    with pytest.raises(DatasetError, match="no text; rename it") as caught:
        assert open_tree(str(tmp_path / "tree")).files
    str(caught.value).encode()


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_could_be_read_for_ever_is_no_input(tmp_path: Path, home: Home, kind: str) -> None:
    path = Path("/dev/zero") if kind == "device" else tmp_path / "pipe"
    if kind == "pipe":
        os.mkfifo(path)
    elif not path.exists():
        pytest.skip("there is no /dev/zero on this system")
    with pytest.raises(DatasetError, match="neither a folder nor a zip"):
        open_tree(str(path))
    with pytest.raises(BadInput, match="is not a file"):
        scan_indices(str(path), Path(), 10, "forget.select")
    with pytest.raises(BadInput, match="is not a file"):
        adopt_index_file(RunSpec(forget=ForgetSpec(f"indices:{path}")), home)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("kind", ["eps", "PCX", "ICO", "SGI", "TGA", "MSP", "PALM"])
def test_only_the_named_kinds_of_pictures_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A file is what its content says; an EPS picture named .png would start Ghostscript."""
    trap, sprung = tmp_path / "gs", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\n")
    trap.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    buffer = io.BytesIO(EPS)
    if kind != "eps":
        Image.new("1" if kind in ("MSP", "PALM") else "RGB", (16, 16)).save(buffer, kind)
    with pytest.raises(Unreadable):
        decode(buffer.getvalue(), 4)
    assert not sprung.exists()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM"])
def test_the_named_kinds_are_opened_and_torn_ones_refused(kind: str) -> None:
    whole = drawn(kind, size=(40, 30))
    assert decode(whole, 4).shape == (3, 4, 4)
    with pytest.raises(Unreadable):
        decode(whole[: len(whole) // 3], 4)


def test_an_absurd_size_is_refused_before_it_is_drawn() -> None:
    content = bytearray(drawn("BMP"))
    content[18:26] = struct.pack("<ll", 60_000, 60_000)
    with pytest.raises(Unreadable, match="megapixels|decompression bomb"):
        decode(bytes(content), 4)


def test_an_index_file_with_many_wrong_lines_keeps_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_file, "MOST_PROBLEMS", 3)
    (tmp_path / "mine.csv").write_text("index\n" + "x\n" * 10 + "5\n")
    scan = scan_indices("mine.csv", tmp_path, 10, "forget.select")
    assert (len(scan.problems), scan.wrong, scan.indices.tolist()) == (3, 10, [5])
    with pytest.raises(BadInput, match="9 more lines are wrong"):
        read_indices("mine.csv", tmp_path, 10, "forget.select")


def test_a_large_index_file_takes_little_more_than_its_size(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("index\n" + "7\n" * 30_000)
    tracemalloc.start()
    try:
        assert len(read_indices("mine.csv", tmp_path, 10, "forget.select")) == 30_000
        assert tracemalloc.get_traced_memory()[1] < 30_000 * 60
    finally:
        tracemalloc.stop()


def test_endless_cells_are_shortened_in_what_is_said(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("index\n" + "9" * 100_000 + "\n")
    with pytest.raises(BadInput) as caught:
        read_indices("mine.csv", tmp_path, 10, "forget.select")
    assert len(str(caught.value)) < 500
