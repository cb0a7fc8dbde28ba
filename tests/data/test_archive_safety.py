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
from cu_core.data import archive
from cu_core.data.archive import open_tree
from cu_core.data.prepared import dataset_key, prepare


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


def test_a_zip_that_grows_too_much_is_refused(write_zip):
    bomb = write_zip(members() | {f"train/a/{i}.bmp": bytes(2**25) for i in range(10, 13)})
    with pytest.raises(DatasetError, match="zip bomb"):
        open_tree(str(bomb))


def test_a_zip_of_overlapping_members_is_refused(write_zip, monkeypatch):
    """One packed stream that many entries of the directory point to grows although each entry looks harmless."""
    monkeypatch.setattr(archive, "HARMLESS_BYTES", 1000)
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
    monkeypatch.setattr(archive, limit, value)
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
        open_tree(str(write_tree))


def test_a_link_to_a_folder_inside_is_refused_before_it_can_loop(write_tree):
    (write_tree / "train/a/loop").symlink_to(write_tree / "train")
    with pytest.raises(DatasetError, match="is a link to a folder"):
        open_tree(str(write_tree))


def test_a_link_to_a_picture_inside_is_read(write_tree):
    (write_tree / "train/a/link.png").symlink_to(write_tree / "train/b/1.png")
    assert open_tree(str(write_tree)).read("train/a/link.png") == png(1)


def test_a_link_to_nothing_is_named(write_tree):
    (write_tree / "train/a/link.png").symlink_to(write_tree / "train/a/gone.png")
    with pytest.raises(DatasetError, match="link to nothing"):
        open_tree(str(write_tree))


def test_a_link_to_the_whole_folder_is_followed(write_tree, tmp_path):
    (tmp_path / "alias").symlink_to(write_tree)
    assert open_tree(str(tmp_path / "alias")).files == sorted(members())


def test_a_pipe_is_no_picture_and_does_not_block(write_tree):
    os.mkfifo(write_tree / "train/a/pipe.png")
    assert open_tree(str(write_tree)).files == sorted(members())


def test_limits_of_a_folder(write_tree, monkeypatch):
    monkeypatch.setattr(archive, "MAX_FILE_BYTES", 10)
    with pytest.raises(DatasetError, match=r"train/a/0\.png is larger than"):
        open_tree(str(write_tree)).read("train/a/0.png")
    monkeypatch.setattr(archive, "MAX_FILES", 3)
    with pytest.raises(DatasetError, match="more than 3 files"):
        open_tree(str(write_tree))


def test_a_picture_that_vanishes_is_named(write_tree):
    tree = open_tree(str(write_tree))
    (write_tree / "train/a/0.png").unlink()
    with pytest.raises(DatasetError, match=r"train/a/0\.png cannot be read"):
        tree.read("train/a/0.png")
