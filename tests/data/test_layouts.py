"""Every kind of image set is read with the right labels, or refused in words."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.layouts.recognised import recognised
from cu_core.data.prepared import dataset_key, prepare
from cu_core.data.source import silent
from cu_core.data.trees import limits
from cu_core.data.trees.opened_tree import open_tree, opened
from tests.data.folder_kinds import FOLDER_KINDS
from tests.data.input_kinds import (
    COLOURS,
    NAMES,
    InputKind,
    folders,
    hugging,
    loose,
    npz,
    numbers,
    picture,
    rows_of,
    stack,
    table,
    tarred,
    tree,
    zipped,
)
from tests.data.input_outcomes import outcome
from tests.data.refused_kinds import REFUSED_KINDS
from tests.data.table_kinds import TABLE_KINDS

IMAGE_KINDS = (*FOLDER_KINDS, *TABLE_KINDS, *REFUSED_KINDS)


@pytest.mark.parametrize("kind", IMAGE_KINDS, ids=lambda kind: kind.name)
def test_kind(tmp_path, kind: InputKind):
    found = outcome(kind, tmp_path)
    for words in kind.said:
        assert words in found.words
    if kind.read is None:
        assert not found.classes, found.words
        return
    names = tuple(kind.read)
    assert found.classes == names, found.words
    colours = np.array([COLOURS[kind.colours.get(name, name)] for name in names])
    for place, (labels, images, called) in enumerate(zip(found.labels, found.images, found.names, strict=True)):
        assert np.bincount(labels, minlength=len(names)).tolist() == [kind.read[name][place] for name in names]
        # All but the corner where arrays hold their darkest and brightest value.
        assert np.abs(images[:, :, 4:, 4:].mean(axis=(2, 3)) - colours[labels]).max() < 12
        assert len(called) == len(set(called)) == len(labels)


def test_there_are_enough_kinds():
    assert len({kind.name for kind in IMAGE_KINDS}) == len(IMAGE_KINDS) >= 60


def test_an_archive_and_its_folder_are_the_same_dataset(home, tmp_path):
    files = (folders("train", 2), folders("val", 1))
    made = [pack(tmp_path) for pack in (tree(*files), zipped(*files), tarred(*files))]
    assert len({prepare(DataSpec(f"folder:{path}", image_size=8), home).sha256 for path in made}) == 1


def test_findings_and_names_are_kept(home, tmp_path):
    data = prepare(DataSpec(f"folder:{npz(images=stack(5), labels=numbers(5))(tmp_path)}", image_size=8), home)
    assert data.findings.train == (4, 4, 4) and data.findings.test == (1, 1, 1)
    assert set(data.names("train")) | set(data.names("test")) == {f"images.npy[{row}]" for row in range(15)}
    for part in ("train", "test"):
        rows = np.array([int(name[11:-1]) for name in data.names(part)])
        np.testing.assert_array_equal(rows % 3, getattr(data, f"{part}_labels"))


@pytest.mark.parametrize("changed", ["labels.csv", "images/a_red_0.png"])
def test_a_table_is_read_again_when_it_or_an_image_changes(tmp_path, changed):
    root = tree(loose("a", 2), {"labels.csv": table([("file", "label"), *rows_of("a", 2)]), "x.txt": b""})(tmp_path)
    specs = [DataSpec(f"folder:{root}{end}") for end in ("", "/labels.csv")]
    before = [dataset_key(spec) for spec in specs]
    (root / changed).write_bytes((root / changed).read_bytes() + b"\n")
    assert all(dataset_key(spec) != key for spec, key in zip(specs, before, strict=True))
    keys = [dataset_key(spec) for spec in specs]
    (root / "x.txt").write_bytes(b"other")
    assert dataset_key(specs[1]) == keys[1]


def test_titles_decide_the_dataset(tmp_path):
    root = tree(folders("train", 2), {"classes.txt": b"red r\ngreen g\nblue b\n"})(tmp_path)
    spec = DataSpec(f"folder:{root}")
    keys = {dataset_key(spec), dataset_key(dataclasses.replace(spec, titles="none"))}
    (root / "classes.txt").write_bytes(b"red r\ngreen g\nblue bb\n")
    assert len(keys | {dataset_key(spec)}) == 3


def test_a_packed_tar_is_unpacked_to_no_named_file(home, tmp_path):
    prepare(DataSpec(f"folder:{tarred(folders('train', 5))(tmp_path)}", image_size=8), home)
    assert {path.suffix for path in home.root.rglob("*") if path.is_file()} == {".npy", ".json", ".lock"}


def test_a_packed_tar_may_not_unpack_to_more_than_the_bound(tmp_path, monkeypatch):
    bomb = tarred(folders("train", 1), {"train/red/big.bmp": bytes(2**22)})(tmp_path)
    assert bomb.stat().st_size < 2**15
    monkeypatch.setattr(limits, "MAX_TOTAL_BYTES", 2**21)
    with pytest.raises(limits.DatasetError, match="would unpack to more than"):
        open_tree(str(bomb))


def test_many_names_take_little_time(home, tmp_path):
    """A table of many rows is not looked up row by row in all that there is."""
    names = [f"{n:05}.png" for n in range(3000)]
    files = {f"images/{name}": picture("red") for name in names}
    rows = [("file", "label"), *((name, NAMES[place % 3]) for place, name in enumerate(names))]
    packed = zipped(files, {"labels.csv": table(rows)})(tmp_path)
    started = time.process_time()
    listing = recognised(opened(str(packed))).listing(DataSpec(), silent)
    assert len(listing.train.names) == 3000
    assert time.process_time() - started < 2


def test_pictures_of_parquet_are_read_in_any_order(tmp_path):

    root = tree({"train-0.parquet": hugging(5), "train-1.parquet": hugging(4)})(tmp_path)
    listing = recognised(opened(str(root))).listing(DataSpec(), silent)
    for name in reversed(listing.train.names):
        row = int(name.rpartition("[")[2][:-1])
        assert listing.content(name) == picture(NAMES[row % 3], row // 3)
