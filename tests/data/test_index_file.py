"""Index files: everything that is read, and every line that is refused."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cu_core.base.errors import BadInput
from cu_core.data import index_file
from cu_core.data.index_file import count_listed, read_indices, scan_indices


def read(content: str | bytes, total: int = 100) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_indices(path.name, Path(folder), total, "forget.select")


@given(
    st.lists(st.integers(0, 99), min_size=1, max_size=40),
    st.sampled_from([None, "index", "Sample", "ID", " index "]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([",", ";"]),
    st.booleans(),
    st.integers(0, 2),
    st.integers(0, 2),
    st.booleans(),
)
def test_whatever_is_written_is_read(indices, header, newline, separator, mark, before, after, quoted):
    if header is None:
        before = after = 0
    cell = '"{}"'.format if quoted else "{}".format
    rows = [[*["7"] * before, cell(i), *["8"] * after] for i in indices]
    if header is not None:
        rows.insert(0, [*["other"] * before, header, *["more"] * after])
    text = ("\ufeff" if mark else "") + newline.join(separator.join(row) for row in rows)
    if header is None and len(indices) > 2 and max(indices) < 2:
        with pytest.raises(BadInput, match="all 0 or 1"):
            read(text)
    else:
        assert read(text).tolist() == indices


def npy(values) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def npz(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


MASK = np.array([0, 1, 0, 0, 1, 1, 0])


@pytest.mark.parametrize(
    "content",
    [
        *(npy(MASK.astype(kind)) for kind in (bool, np.uint8, np.int64)),
        npz(forget=MASK),
        npz(mask=MASK.astype(float), labels=MASK + 5),
        npz(forget_mask=MASK),
        json.dumps(MASK.tolist()),
        json.dumps({"indices": MASK.tolist()}),
        json.dumps({"mask": [float(value) for value in MASK]}),
        json.dumps([str(value) for value in MASK]),
        "\n".join(map(str, MASK)),
        "mask\n" + "\n".join(map(str, MASK)),
    ],
)
def test_zeros_and_ones_are_a_mask_and_one_of_another_length_is_refused(content):
    assert read(content, len(MASK)).tolist() == [1, 4, 5]
    assert count_listed(content if isinstance(content, bytes) else content.encode(), "x", "f") in (
        3,
        *range(len(MASK), len(MASK) + 2),
    )
    with pytest.raises(BadInput, match="all 0 or 1, as a mask of 8|a mask with 7 entries for 8"):
        read(content, len(MASK) + 1)


def test_few_of_them_and_those_below_a_header_are_samples():
    assert read(npy(np.array([0, 1])), 2).tolist() == [0, 1]
    assert read("[0, 1]", 2).tolist() == [0, 1]
    assert read("index\n0\n1\n1\n", 3).tolist() == [0, 1, 1]


@pytest.mark.parametrize("content", [npz(mask=np.array([0, 3])), '{"mask": [0, 3]}', '{"forget_mask": [[0], "a"]}'])
def test_what_is_called_a_mask_is_never_indices(content):
    with pytest.raises(BadInput, match="named as a mask, but holds other values than 0 and 1"):
        read(content, 4)
    with pytest.raises(BadInput, match="line 3: 3 is out of range"):
        read("mask\n0\n3\n", 4)
    with pytest.raises(BadInput, match="a column 'mask' beside others"):
        read("index,mask\n0,1\n", 4)


def test_blank_lines_and_spaces_do_not_matter():
    assert read("\n  index \n\n 3 \n\t4\n\n").tolist() == [3, 4]


def test_index_goes_before_sample_and_id():
    assert read("id,sample,index\n1,2,3\n").tolist() == [3]
    assert read("id,sample\n1,2\n").tolist() == [2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"mine\.csv is empty"),
        ("\n \n", r"mine\.csv is empty"),
        ("index\n", "has a header but no index below it"),
        ("3\nfour\n5", r"mine\.csv line 2: 'four' is not a whole number"),
        ("name\n3", r"line 1: 'name' is not a whole number"),
        ("3\n4.0", r"line 2: '4\.0' is not a whole number"),
        ("1_0", "line 1: '1_0' is not a whole number"),
        ("٣", "line 1: '٣' is not a whole number"),
        ("1e3", "line 1"),
        ("index\n3\n\n100", r"line 4: 100 is out of range \(allowed: 0 to 99\)"),
        ("-1", r"line 1: -1 is out of range"),
        ("9" * 400, "line 1: '9{60}…' is not a whole number"),
        ("1,2\n3,4", "line 1: several columns and none is named"),
        ("a,index\n1,2\n3", "line 3: column 2 is missing"),
        ("a,index\n1,2\n3,", "line 3: '' is not a whole number"),
        ('"3\n4', "line"),
        (b"\xff\xfe3\x00", "not a text in UTF-8"),
        (b"PK\x03\x04\x00\x00\x80", "not a text in UTF-8"),
        (b"3\x00\n", "line"),
    ],
)
def test_refused_lines_are_named(content, message):
    with pytest.raises(BadInput, match=message) as caught:
        read(content)
    assert caught.value.field == "forget.select"


def test_missing_and_too_large_files(tmp_path, monkeypatch):
    with pytest.raises(BadInput, match=r"cannot be read \(No such file or directory\)"):
        read_indices("gone.csv", tmp_path, 10, "forget.select")
    with pytest.raises(BadInput, match=r"cannot be read \(Is a directory\)"):
        read_indices(str(tmp_path), Path(), 10, "forget.select")
    monkeypatch.setattr(index_file, "MAX_BYTES", 3)
    with pytest.raises(BadInput, match="is larger than"):
        read("1\n2\n3\n")


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_in_words(content):
    try:
        indices = read(content)
    except BadInput as error:
        assert error.reason
    else:
        assert indices.min() >= 0 and indices.max() < 100


@given(st.text('0123456789,;"\n\r index-', max_size=40))
def test_almost_indices_are_read_or_refused_in_words(content):
    try:
        assert len(read(content))
    except BadInput as error:
        assert error.reason


def test_a_scan_goes_on_behind_wrong_lines_and_reading_counts_them(tmp_path):
    (tmp_path / "mine.csv").write_text("name;index\na;3\nb;300\nc\nd;3\ne;x\n")
    scan = scan_indices("mine.csv", tmp_path, 100, "forget.select")
    assert scan.indices.tolist() == [3, 3]
    assert scan.problems == ((3, "300 is out of range"), (4, "column 2 is missing"), (6, "'x' is not a whole number"))
    with pytest.raises(BadInput, match=r"mine\.csv line 3: 300 is out of range; 2 more lines are wrong \(allowed"):
        read_indices("mine.csv", tmp_path, 100, "forget.select")
    with pytest.raises(BadInput, match="is empty"):
        (tmp_path / "empty.csv").write_text("")
        scan_indices("empty.csv", tmp_path, 100, "forget.select")
