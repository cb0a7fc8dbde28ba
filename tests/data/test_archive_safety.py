"""Hostile and damaged trees: links, path traversal, bombs, encryption."""

from __future__ import annotations

import io
import os
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from cu_core.base.errors import DatasetError
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.prepared import dataset_key, prepare
from cu_core.data.trees import limits
from cu_core.data.trees.opened_tree import open_tree


def png(value: int = 0) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def members(**extra: bytes) -> dict[str, bytes]:
    return {f"{part}/{kind}/{i}.png": png(i) for part in ("train", "test") for kind in "ab" for i in range(2)} | extra


@pytest.fixture
def write_zip(tmp_path):
    def write(entries, method=zipfile.ZIP_DEFLATED):
        path = tmp_path / "pictures.zip"
        with zipfile.ZipFile(path, "w", method) as file:
            for name, content in entries.items():
                file.writestr(name, content)
        return path

    return write


@pytest.mark.parametrize(
    "name", ["../evil.png", "train/a/../../../evil.png", "/etc/evil.png", "C:\\evil.png", "..\\evil.png"]
)
def test_path_traversal_is_refused(write_zip, name):
    with pytest.raises(DatasetError, match="which leads out of it"):
        open_tree(str(write_zip(members() | {name: png()})))


def test_backslashes_of_other_zip_programs_are_folders(write_zip):
    tree = open_tree(str(write_zip({name.replace("/", "\\"): content for name, content in members().items()})))
    assert tree.files == sorted(members())
    assert tree.read("train/a/1.png") == png(1)


def test_links_inside_a_zip_are_refused(write_zip):
    path = write_zip(members())
    link = zipfile.ZipInfo("train/a/link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(DatasetError, match="holds the link"):
        open_tree(str(path))


def test_the_size_that_counts_is_that_of_the_files_not_how_small_they_were_packed(write_zip, monkeypatch):
    drawings = write_zip(members() | {f"train/a/{i}.bmp": bytes(2**22) for i in range(10, 13)})
    assert drawings.stat().st_size * 100 < 3 * 2**22 == open_tree(str(drawings)).size("train/a/10.bmp") * 3
    monkeypatch.setattr(limits, "MAX_TOTAL_BYTES", 2**23)
    with pytest.raises(DatasetError, match="would unpack to more than"):
        open_tree(str(drawings))


def test_a_zip_of_overlapping_members_is_refused(write_zip):
    """One packed stream that many entries of the directory point to grows although each entry looks harmless."""
    path = write_zip({"train/a/0.bmp": np.random.default_rng(0).bytes(50_000)}, zipfile.ZIP_STORED)
    with zipfile.ZipFile(path, "a") as file:
        first = file.infolist()[0]
        for number in range(1, 200):
            twin = zipfile.ZipInfo(f"train/a/{number}.bmp")
            for field in ("header_offset", "file_size", "compress_size", "CRC", "compress_type"):
                setattr(twin, field, getattr(first, field))
            file.filelist.append(twin)
            file.NameToInfo[twin.filename] = twin
        file._didModify = True
    with pytest.raises(DatasetError, match="zip bomb"):
        open_tree(str(path))


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("MAX_FILES", 3, "more than 3 files"),
        ("MAX_FILE_BYTES", 10, "is larger than"),
        ("MAX_TOTAL_BYTES", 100, "would unpack to more than"),
    ],
)
def test_limits_of_a_zip(write_zip, monkeypatch, limit, value, message):
    path = write_zip(members())
    open_tree(str(path))
    monkeypatch.setattr(limits, limit, value)
    with pytest.raises(DatasetError, match=message):
        open_tree(str(path))


def test_a_member_that_is_larger_than_it_says_is_refused(write_zip):
    """The reader stops at the size that the limits were checked against."""
    path = write_zip({"train/a/0.bmp": bytes(5000)} | members())
    raw = path.read_bytes()
    size = struct.pack("<L", 5000)
    assert raw.count(size) == 2
    path.write_bytes(raw.replace(size, struct.pack("<L", 50)))
    with pytest.raises(DatasetError, match=r"train/a/0\.bmp is damaged"):
        open_tree(str(path)).read("train/a/0.bmp")


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x05\x06"])
def test_not_a_zip(tmp_path, content):
    path = tmp_path / "file.zip"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="neither a folder nor a zip file"):
        open_tree(str(path))


def test_truncated_zip(write_zip):
    path = write_zip(members())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetError, match="neither a folder nor a zip file"):
        open_tree(str(path))


def test_damaged_member_is_named(write_zip, home):
    path = write_zip(members(), zipfile.ZIP_STORED)
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as file:
        start = file.getinfo("train/b/1.png").header_offset
    raw[start + 60] ^= 255
    path.write_bytes(bytes(raw))
    with pytest.raises(DatasetError, match=r"train/b/1\.png \(is damaged inside the zip"):
        prepare(DataSpec(dataset=f"folder:{path}", unreadable=0.0), home)


def test_encrypted_member_is_named(write_zip, home):
    path = write_zip(members(), zipfile.ZIP_STORED)
    raw = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := raw.find(signature, start + 1)) >= 0:
            raw[start + offset] |= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(DatasetError, match="encrypted"):
        prepare(DataSpec(dataset=f"folder:{path}"), home)


def test_nothing_is_unpacked(write_zip, home):
    prepare(DataSpec(dataset=f"folder:{write_zip(members())}"), home)
    assert {path.suffix for path in home.root.rglob("*") if path.is_file()} == {".npy", ".json", ".lock"}


def test_hidden_files_and_resource_forks_are_left_out(write_zip):
    extra = {"__MACOSX/train/a/._0.png": b"x", "train/a/.DS_Store": b"x", "train/a/Thumbs.db": b"x"}
    assert open_tree(str(write_zip(members() | extra))).files == sorted(members())


@pytest.fixture
def write_tree(tmp_path):
    root = tmp_path / "tree"
    for name, content in members().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def test_links_that_lead_out_of_a_folder_are_refused(write_tree, tmp_path):
    outside = tmp_path / "secret.png"
    outside.write_bytes(png())
    (write_tree / "train/a/link.png").symlink_to(outside)
    with pytest.raises(DatasetError, match=r"train/a/link\.png is a link that leads out"):
        dataset_key(DataSpec(dataset=f"folder:{write_tree}"))


@pytest.mark.parametrize("name", ["train/c", "train"])
def test_linked_folders_are_refused(write_tree, tmp_path, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    if name == "train":
        (write_tree / "train").rename(tmp_path / "moved")
    (write_tree / name).symlink_to(outside)
    with pytest.raises(DatasetError, match=f"{name} is a link that leads out"):
        assert open_tree(str(write_tree)).files


def test_a_link_to_a_folder_above_is_passed_over_and_counted(write_tree):
    (write_tree / "train/a/loop").symlink_to(write_tree / "train")
    tree = open_tree(str(write_tree))
    assert tree.files == sorted(members()) and tree.circles == 1


def test_links_to_folders_inside_are_followed(write_tree):
    (write_tree / "train/c").symlink_to(write_tree / "train/b")
    (write_tree / "train/a/more").symlink_to(write_tree / "test/a")
    tree = open_tree(str(write_tree))
    extra = {f"train/{name}/{i}.png" for name in ("c", "a/more") for i in range(2)}
    assert tree.files == sorted(set(members()) | extra) and tree.circles == 0
    assert tree.read("train/c/1.png") == png(1)


def test_links_in_a_circle_lead_to_nothing(write_tree):
    for one, other in (("x", "y"), ("y", "x")):
        (write_tree / f"train/a/{one}.png").symlink_to(write_tree / f"train/a/{other}.png")
    with pytest.raises(DatasetError, match=r"train/a/[xy]\.png is a link to nothing"):
        assert open_tree(str(write_tree)).files


def test_a_link_to_a_picture_inside_is_read(write_tree):
    (write_tree / "train/a/link.png").symlink_to(write_tree / "train/b/1.png")
    assert open_tree(str(write_tree)).read("train/a/link.png") == png(1)


def test_a_link_to_nothing_is_named(write_tree):
    (write_tree / "train/a/link.png").symlink_to(write_tree / "train/a/gone.png")
    with pytest.raises(DatasetError, match="link to nothing"):
        assert open_tree(str(write_tree)).files


def test_a_link_to_the_whole_folder_is_followed(write_tree, tmp_path):
    (tmp_path / "alias").symlink_to(write_tree)
    assert open_tree(str(tmp_path / "alias")).files == sorted(members())


def test_a_pipe_is_no_picture_and_does_not_block(write_tree):
    os.mkfifo(write_tree / "train/a/pipe.png")
    assert open_tree(str(write_tree)).files == sorted(members())


def test_limits_of_a_folder(write_tree, monkeypatch):
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 10)
    with pytest.raises(DatasetError, match=r"train/a/0\.png is larger than"):
        open_tree(str(write_tree)).read("train/a/0.png")
    monkeypatch.setattr(limits, "MAX_FILES", 3)
    with pytest.raises(DatasetError, match="more than 3 files"):
        assert open_tree(str(write_tree)).files


def test_a_picture_that_vanishes_is_named(write_tree):
    tree = open_tree(str(write_tree))
    (write_tree / "train/a/0.png").unlink()
    with pytest.raises(DatasetError, match=r"train/a/0\.png cannot be read"):
        tree.read("train/a/0.png")
