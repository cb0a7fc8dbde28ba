"""Lists of samples in files of every kind: what is read, and what is refused with its place."""

from __future__ import annotations

import hashlib
import io
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import ForgetSpec
from cu_core.data.forget import resolve
from cu_core.data.images import ImageData
from cu_core.data.index_file import count_listed, read_indices, scan_indices
from cu_core.data.name_lookup import NameLookup
from cu_core.data.sample_names import write_names
from cu_core.jobs.adopt import adopt_index_file

TRAIN = ["train/cat/1.png", "train/cat/2.png", "train/dog/1.png", "train/dog/a,b.png", "train/dog/[x]*.png", "café.png"]
TEST = ["test/cat/9.png"]


def lookup() -> NameLookup:
    return NameLookup({"train": TRAIN, "test": TEST}.__getitem__)


def npy(values) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(values))
    return file.getvalue()


def npz(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def read(tmp_path: Path, content: bytes | str, total: int = 6, names: NameLookup | None = None) -> list[int]:
    # The ending says nothing.
    path = tmp_path / "mine.dat"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_indices(str(path), Path(), total, "forget.select", names).tolist()


@pytest.mark.parametrize(
    "content",
    [
        npy([4, 2]),
        npy(np.array([4, 2], ">u2")),
        npz(anything=np.array([4, 2])),
        npz(images=np.zeros(3), forget_idx=np.array([4, 2])),
        "[4, 2]",
        '\ufeff {"indices": [4, 2], "seed": 1}',
        '["4", 2]',
        "4\n2\n",
        "name\tindex\ncat\t4\ndog\t2\n",
    ],
)
def test_indices_in_every_kind_of_file(tmp_path, content):
    assert read(tmp_path, content) == read(tmp_path, content, names=lookup()) == [4, 2]


@pytest.mark.parametrize(
    "content", [npy([False, True, False, False, True, False]), "[false,true,false,false,true,false]"]
)
def test_a_mask_marks_samples(tmp_path, content):
    assert read(tmp_path, content) == [1, 4]
    with pytest.raises(BadInput, match="a mask with 6 entries for 7 training samples"):
        read(tmp_path, content, 7)


@pytest.mark.parametrize(
    "content",
    [
        "train/dog/a,b.png\ntrain/cat/1.png\n",
        "\ufeff./train/dog/a,b.png\r\n\r\ncat/1.png\r\n",
        'file,label\n"dog/a,b.png",dog\ncat/1.png,cat\n',
        '"dog/a,b.png",dog\ntrain/cat/1.png,cat\n'.replace("dog/a", "train/dog/a"),
        "/data/mine/train/dog/a,b.png\n".replace("/data/mine/", "") + "C:\\pictures\\train\\cat\\1.png\n",
        '["a,b.png", "cat/1.png"]',
        '{"files": ["dog/a,b.png", "train/cat/1.png"]}',
        npy(["train/dog/a,b.png", "cat/1.png"]),
        npy(np.array([b"a,b.png", b"cat/1.png"])),
    ],
)
def test_names_in_every_kind_of_file(tmp_path, content):
    assert read(tmp_path, content, names=lookup()) == [3, 0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (npy([1, 6, -1]), r"mine\.dat value 2: 6 is out of range; 1 more value is wrong \(allowed: 0 to 5\)"),
        (npy([-1]), "value 1: -1 is out of range"),
        (npy(np.array([2**63 + 5], np.uint64)), "value 1: 9223372036854775813 is out of range"),
        (npy([1.0, 2.0]), "holds real numbers"),
        (npy([[1, 2]]), r"an array of shape \(1, 2\)"),
        (npy(3), r"an array of shape \(\)"),
        (npy(np.zeros(0, int)), "is empty"),
        (npy(np.zeros(6, bool)), "marks no sample"),
        (npy(np.array([1, 2], "M8[s]")), "values of type datetime64"),
        (npy(np.array([1, "x"], object)), "pickled Python objects, which could run code"),
        (npy([1, 2])[:-3], "cut off or damaged: 13 bytes of values where 16 belong"),
        (npy([1, 2])[:30], "damaged .npy file"),
        (b"\x93NUMPY\x09\x09" + b"\x00" * 40, "damaged .npy file"),
        (b"\x93NUMPY\x01\x00" + struct.pack("<H", 60) + b"{'descr': '<i8', 'fortran_order': False, 'shape': (10**20,)}",
         "damaged .npy file"),
        (pickle.dumps([1, 2]), "is a Python pickle, which could run code"),
        (npz(a=np.array([1]), b=np.array([2])), r"several arrays \(a, b\) and none is named as an index"),
        (npz(), "zip file without NumPy arrays"),
        ("[1, 2.5]", "value 2: 2.5 is not a whole number"),
        ("[1, null, [2]]", "value 2: null is not a whole number; 1 more value is wrong"),
        ("[1, true]", "value 2: true is not a whole number"),
        ("[]", "is empty"),
        ("[1,\n 2,]", "line 2: is not JSON"),
        ('{"labels": [1]}', r"no list of samples \(its keys are 'labels'\)"),
        ("[" * 100_000 + "]" * 100_000, "not JSON that can be read"),
        ("[1" + "0" * 5000 + "]", "not JSON that can be read"),
        ("PAR1\x00", "is a Parquet file; this is not read"),
        ("1\n2.0", "line 2: '2.0' is not a whole number"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_refused_says_where(tmp_path, content, words):
    with pytest.raises(BadInput, match=words):
        read(tmp_path, content, names=lookup())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("train/cat/1.png\ntrain/cat/3.png", r"line 2: 'train/cat/3\.png' names no training sample; the nearest are "
         r"train/cat/"),
        ("train/cat/1.png\n1.png", r"line 2: '1\.png' names 2 training samples \(train/cat/1\.png, train/dog/1\.png\)"),
        ("test/cat/9.png", r"line 1: 'test/cat/9\.png' is an unseen sample, and only training samples can"),
        ("file\ncow.png", "line 2: 'cow.png' names no training sample"),
        ('["cat/1.png", "x"]', "value 2: 'x' names no training sample"),
    ],
)  # fmt: skip
def test_names_that_mean_no_sample_say_which_are_near(tmp_path, content, words):
    with pytest.raises(BadInput, match=words):
        read(tmp_path, content, names=lookup())


@given(st.one_of(st.binary(max_size=80), st.binary(max_size=80).map(lambda b: npy([1, 2])[:100] + b)))
def test_any_bytes_are_read_or_refused_in_words(content):
    path = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path()
    file = path / "unlearnscope-listed.dat"
    file.write_bytes(content)
    try:
        assert scan_indices(str(file), Path(), 6, "forget.select", lookup()).indices.max(initial=0) < 6
    except BadInput as error:
        assert error.reason
    finally:
        file.unlink()


def test_a_copy_keeps_content_and_kind_and_is_counted(tmp_path):
    home = Home(tmp_path / "home").create()
    for content, count in ((npy([1, 4]), 2), ("[true, false]", 1), (npz(x=np.arange(3)), 3)):
        raw = content if isinstance(content, bytes) else content.encode()
        (tmp_path / "mine.x").write_bytes(raw)
        kept = adopt_index_file(RunSpec(forget=ForgetSpec(f"indices:{tmp_path / 'mine.x'}")), home).forget.select
        copy = Path(kept.removeprefix("indices:"))
        assert copy == home.uploads / f"{hashlib.sha256(raw).hexdigest()[:12]}-mine.x" and copy.read_bytes() == raw
        assert adopt_index_file(RunSpec(forget=ForgetSpec(kept)), home).forget.select == kept, "a copy of no copy"
        assert count_listed(raw, "x", "f") == count


def test_messages_about_a_copy_name_the_users_file(tmp_path):
    home = Home(tmp_path / "home").create()
    (tmp_path / "My list (2).csv").write_text("1\nx\n")
    spec = adopt_index_file(RunSpec(forget=ForgetSpec(f"indices:{tmp_path / 'My list (2).csv'}")), home)
    with pytest.raises(BadInput, match=r"^forget\.select: My-list-2-\.csv line 2: 'x' is not a whole number"):
        read_indices(spec.forget.select.removeprefix("indices:"), tmp_path, 5, "forget.select")


@pytest.fixture
def named(tmp_path) -> ImageData:
    write_names(tmp_path, "train", TRAIN)
    write_names(tmp_path, "test", TEST)
    labels = np.array([0, 0, 1, 1, 1, 0])
    images = np.zeros((6, 1, 2, 2), np.uint8)
    return ImageData(images, labels, images, labels, ("cat", "dog"), (0.0,), (1.0,), labels, "", folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("train/cat/1.png", [0]),
        ("cat/*", [0, 1]),
        ("*/1.png", [0, 2]),
        ("dog/1.png, cat/2.png", [1, 2]),
        ('"dog/a,b.png",cat/?.png', [0, 1, 3]),
        ("train/dog/a,b.png", [3]),
        ("train/dog/[x]*.png", [4]),
        ("train/dog/[[]x*", [4]),
        ("cafe\u0301.png", [5]),
        ("*.png", None),
    ],
)
def test_samples_by_name(named, text, indices):
    if indices is None:
        with pytest.raises(BadInput, match="all 6 training samples are selected"):
            resolve(f"names:{text}", named, 0)
    else:
        assert resolve(f"names:{text}", named, 0).indices.tolist() == indices


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cow/*", r"'cow/\*' names no training sample; the nearest are"),
        ("cat/1.png,cat/7.png", "'cat/7.png' names no training sample; the nearest are train/cat/"),
        ("1.png", "names 2 training samples"),
        ("cat/1.png,,x", "empty name"),
    ],
)
def test_names_that_match_nothing(named, text, words):
    with pytest.raises(BadInput, match=words):
        resolve(f"names:{text}", named, 0)


def test_samples_without_names(named):
    with pytest.raises(BadInput, match="samples of this dataset have no names"):
        resolve("names:cat/*", ImageData(**{**vars(named), "folder": None}), 0)
