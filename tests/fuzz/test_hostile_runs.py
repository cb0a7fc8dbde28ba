"""Runs that come from elsewhere: whatever their files hold, lists and pages read them or say what is wrong."""

from __future__ import annotations

import json
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cu_core.base import files
from cu_core.base.errors import BadInput
from cu_core.base.files import parse_json, read_json, sha256_of
from cu_core.base.home import Home
from cu_core.base.process import identity, is_alive
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.jobs.demo import install
from cu_core.projections.map_request import MapRequest
from cu_core.projections.map_store import read_picture, write_picture
from cu_core.runstore import layout
from cu_core.runstore.export import export_run
from cu_core.runstore.reader import list_runs, open_run
from cu_core.runstore.rows import LONGEST_TITLE, read_row
from cu_core.runstore.shapes import AUDIT, RESULT, ROUND, misfit
from cu_core.runstore.verify import verify
from tests.fuzz.image_zip import packed
from tests.fuzz.profile import fuzzed
from tests.fuzz.run_files import look
from tests.madeup import MadeUp, write_run

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def run_dir(home: Home) -> Path:
    return write_run(home, "received", MadeUp(rounds=2, images=False))


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    "content",
    [
        b"NaN",
        b'{"a": -Infinity}',
        b"1e999",
        b"1" + b"0" * 400,
        b"1" + b"0" * 5000,
        b'"\\ud800"',
        b'{"\\udc00": 1}',
        b"[" * 100_000,
        b"[" * 60 + b"]" * 60,
        b"\xff",
        b"",
    ],
)
def test_what_python_reads_and_json_is_not(content: bytes) -> None:
    with pytest.raises(json.JSONDecodeError):
        parse_json(content)


def test_what_json_is_stays_readable() -> None:
    assert parse_json(b'{"a": ["\\ud83d\\ude00", 1e30, -2, null, "\\u00fc"]}') == {"a": ["😀", 1e30, -2, None, "ü"]}


def test_pipes_and_endless_files_are_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(json.JSONDecodeError, match="no plain file"):
        read_json(tmp_path / "pipe.json")
    monkeypatch.setattr(files, "MAX_JSON_BYTES", 5)
    (tmp_path / "large.json").write_text("[1, 2, 3]")
    with pytest.raises(json.JSONDecodeError, match="more than"):
        read_json(tmp_path / "large.json")


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\x1b[2J", "x" * 20_000])
def test_texts_that_no_page_can_show_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="name") as caught:
        spec_from_json({"name": text})
    assert len(str(caught.value)) < 1000
    str(caught.value).encode()


def test_what_an_error_quotes_is_bounded_and_can_be_printed() -> None:
    error = BadInput("a" * 10_000, "begins " + "b" * 10_000 + " ends", ["c" * 10_000, "\udcff"])
    assert len(str(error)) < 5000 and "begins" in error.reason and error.reason.endswith("ends")
    str(error).encode()


JSON_FILES = (layout.INFO, layout.RESULT, layout.REQUEUE, layout.SPEC, f"attempt-1/{layout.OUTCOME}",
              f"attempt-1/{layout.PID}", f"attempt-1/{layout.LAUNCH}", f"rounds/1/{layout.MANIFEST}",
              f"reference/0/{layout.MANIFEST}")  # fmt: skip


@fuzzed
@given(data=st.data())
def test_odd_values_anywhere_are_read_or_said(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    run_dir = _shared_run(tmp_path_factory)
    path = run_dir / data.draw(st.sampled_from(JSON_FILES))
    before = path.read_bytes() if path.exists() else None
    content = json.loads(before) if before else {}
    for _ in range(data.draw(st.integers(1, 3))):
        inner = content
        while True:
            known = [key for key in inner if isinstance(inner[key], dict) and inner[key]]
            if not known or data.draw(st.booleans()):
                break
            inner = inner[data.draw(st.sampled_from(known))]
        key = data.draw(st.sampled_from(sorted(inner)) if inner else st.text(max_size=5))
        inner[key] = data.draw(VALUES)
    try:
        path.write_text(json.dumps(content))
        look(run_dir)
        assert [row.run_id for row in list_runs(Home(run_dir.parent.parent))] == [run_dir.name]
    finally:
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)


_RUNS: list[Path] = []


def _shared_run(factory: pytest.TempPathFactory) -> Path:
    if not _RUNS:
        home = Home(factory.mktemp("fuzz") / "home").create()
        _RUNS.append(write_run(home, "shared", MadeUp(rounds=2, images=False)))
    return _RUNS[0]


@pytest.mark.parametrize(
    "info",
    [
        {"submitted": "yesterday"},
        {"submitted": [1]},
        {"title": {"a": 1}},
        {"title": "x" * 10**6},
        {"title": "a\n\n# b\0"},
        {"group": 7},
    ],
)
def test_a_run_with_an_odd_description_is_listed_and_the_others_too(home: Home, run_dir: Path, info: dict) -> None:
    write_run(home, "sound", MadeUp(rounds=1, images=False))
    change(run_dir / layout.INFO, **info)
    rows = {row.run_id: row for row in list_runs(home)}
    assert set(rows) == {"received", "sound"}
    row = rows["received"]
    assert len(row.title) <= LONGEST_TITLE + 1 and not set(row.title) & {"\n", "\0"}
    assert isinstance(row.submitted, float) and isinstance(row.group, str)


def test_metrics_that_are_no_numbers_are_left_out(run_dir: Path) -> None:
    change(run_dir / layout.RESULT, metrics={"after": {"forget_acc": "all", "test_acc": 0.5}})
    assert read_row(run_dir).metrics == {"forget_acc": None, "test_acc": 0.5}
    assert open_run(Home(run_dir.parent.parent), "received").result() is None
    change(run_dir / layout.RESULT, metrics=[1])
    assert not read_row(run_dir).metrics, "a round's numbers do not stand in for a damaged result"


@pytest.mark.parametrize("pid", [10**300, -1, "1", None, 2**40])
def test_process_numbers_that_no_process_has(pid: Any) -> None:
    assert not is_alive(identity() | {"pid": pid})


@pytest.mark.parametrize("name", ["10000000000", "007", "-1", "٣", "1e3", "9" * 200])
def test_rounds_with_odd_numbers_do_not_count(home: Home, run_dir: Path, name: str) -> None:
    os.rename(run_dir / "rounds" / "2", run_dir / "rounds" / name)
    assert open_run(home, "received").rounds() == [0, 1]


def test_a_round_far_away_is_named_without_counting_up_to_it(home: Home, run_dir: Path) -> None:
    os.rename(run_dir / "rounds" / "2", run_dir / "rounds" / "4000000000")
    assert "rounds: missing: 2 to 3999999999" in map(str, verify(home, "received"))


def test_links_are_not_exported(home: Home, run_dir: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of another user")
    (run_dir / "notes.json").symlink_to(secret)
    (run_dir / "rounds" / "3").symlink_to(tmp_path)
    export_run(home, "received", tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert not [name for name in archive.namelist() if "notes" in name or "rounds/3" in name]
        assert "received/result.json" in archive.namelist()


def replace_array(run_dir: Path, name: str, array: np.ndarray) -> None:
    """Another array with all the right hashes, as somebody would make it who wants it to be drawn."""
    folder = run_dir / "rounds" / "1"
    manifest = json.loads((folder / layout.MANIFEST).read_text())
    entry = manifest["arrays"][name]
    np.save(folder / entry["file"], array, allow_pickle=False)
    entry |= {"dtype": str(array.dtype), "shape": list(array.shape), "sha256": sha256_of(folder / entry["file"])}
    (folder / layout.MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("loss", np.zeros((200, 7), np.float32), "shape"),
        ("loss", np.full(200, "x" * 50), "not numbers"),
        ("loss", np.zeros(200, "datetime64[s]"), "not numbers"),
        ("top3_class", np.zeros((200, 3), np.float64), "holds float64"),
        ("top3", np.zeros((200, 1), np.float32), "shape"),
        ("coordinates", np.zeros((200, 2, 2), np.float32), "shape"),
        ("embedding", np.zeros((), np.float16), "shape"),
    ],
)
def test_arrays_of_another_kind_are_not_shown(home: Home, run_dir: Path, name: str, array: Any, words: str) -> None:
    replace_array(run_dir, name, array)
    view = open_run(home, "received")
    assert view.rounds() == [0, 2]
    with pytest.raises(BadInput, match=words):
        view.array(1, name)
    assert any(words in str(problem) for problem in verify(home, "received"))


def test_arrays_with_other_samples_than_the_probe_are_not_shown(home: Home, run_dir: Path) -> None:
    replace_array(run_dir, "loss", np.zeros(9, np.float32))
    assert open_run(home, "received").rounds() == [0, 2]


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (10**12,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 1000000000000), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-5,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (200,), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (200,), }",
        "__import__('os').system('false')",
        "(" * 3000,
        "{",
    ],
)
def test_headers_of_arrays_that_promise_too_much(home: Home, run_dir: Path, header: str) -> None:
    folder = run_dir / "rounds" / "1"
    manifest = json.loads((folder / layout.MANIFEST).read_text())
    path = folder / manifest["arrays"]["loss"]["file"]
    text = header.encode() + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(800))
    manifest["arrays"]["loss"]["sha256"] = sha256_of(path)
    (folder / layout.MANIFEST).write_text(json.dumps(manifest))
    view = open_run(home, "received")
    assert view.rounds() == [0, 2]
    with pytest.raises(BadInput, match="is damaged"):
        view.array(1, "loss")


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("sample", "x", "sample holds"),
        ("sample", -1, "sample holds"),
        ("label", 1.5, "label holds"),
        ("rule", "no", "rule holds"),
        ("group", "<b>", "group holds"),
        ("split", None, "split holds"),
    ],
)
def test_a_probe_with_other_values_is_refused(home: Home, run_dir: Path, column: str, values: Any, words: str) -> None:
    table = pd.read_parquet(run_dir / layout.PROBE)
    table[column] = values
    table.to_parquet(run_dir / layout.PROBE, index=False)
    with pytest.raises(BadInput, match=words):
        open_run(home, "received").probe()


def test_a_probe_without_a_column_or_that_is_none_is_refused(home: Home, run_dir: Path) -> None:
    table = pd.read_parquet(run_dir / layout.PROBE)
    table.drop(columns="rule").to_parquet(run_dir / layout.PROBE, index=False)
    with pytest.raises(BadInput, match="lacks the columns rule"):
        open_run(home, "received").probe()
    (run_dir / layout.PROBE).write_bytes(b"PAR1" + bytes(20) + b"PAR1")
    with pytest.raises(BadInput, match="cannot be read"):
        open_run(home, "received").probe()


def probe_of(rows: int, **columns: Any) -> pa.Table:
    zeros = pa.array(np.zeros(rows, np.int64))
    usual = {"sample": zeros, "label": zeros, "true_label": zeros, "rule": pa.array(np.zeros(rows, bool))}
    texts = {name: pa.array(["train" if name == "split" else "forget"] * rows) for name in ("split", "group")}
    return pa.table(usual | texts | columns)


def refused_probe(home: Home, words: str) -> None:
    """The probe is refused in words, soon, and without taking memory."""
    started, pool = time.perf_counter(), pa.system_memory_pool()
    before, kept = pool.max_memory(), pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        with pytest.raises(BadInput, match=words):
            open_run(home, "received").probe()
    finally:
        pa.set_memory_pool(kept)
    assert pool.max_memory() - before < 100e6 and time.perf_counter() - started < 2


def test_one_long_text_many_times_in_a_probe_stays_small(home: Home, run_dir: Path) -> None:
    places = pa.array(np.zeros(20_000, np.int32))
    group = pa.DictionaryArray.from_arrays(places, ["g" * 50_000])
    pq.write_table(probe_of(20_000, group=group), run_dir / layout.PROBE, store_schema=False)
    refused_probe(home, "group holds other things")
    many = pa.array([f"g{number}" for number in range(20_000)])
    pq.write_table(probe_of(20_000, group=many), run_dir / layout.PROBE)
    refused_probe(home, "many texts")


@pytest.mark.parametrize(
    ("table", "options", "words"),
    [
        (probe_of(2_000_001), {}, "more than 2,000,000 samples"),
        (probe_of(9), {"compression": "zstd"}, "packed with ZSTD"),
        (probe_of(9).append_column("x" * 20_000, pa.array([0] * 9)), {}, "description of itself"),
        (probe_of(1, group=pa.array([[["forget"]]])), {}, "group holds list"),
        (probe_of(1, sample=pa.array([{"a": 1}])), {}, "sample holds struct"),
        (probe_of(1, rule=pa.array([None])), {}, "rule holds"),
    ],
    ids=["rows", "packed", "footer", "nested", "struct", "null"],
)
def test_a_probe_that_is_made_to_harm_is_refused(
    home: Home, run_dir: Path, table: pa.Table, options: dict[str, str], words: str
) -> None:
    pq.write_table(table, run_dir / layout.PROBE, **options)
    refused_probe(home, words)


@pytest.mark.parametrize(
    ("shape", "value", "words"),
    [
        (ROUND, {"metrics": {"a": "b"}}, "metrics.a is not a number"),
        (ROUND, {"drift": {"forget": {"quantiles": {"cosine": 3}}}}, "drift.forget.quantiles.cosine is no list"),
        (ROUND, {"rule": {"met": "yes"}}, "rule.met is not true or false"),
        (ROUND, {"noise": {}}, "noise is no list"),
        (AUDIT, {"attacks": {"lira": {"after": {"refitted": {"auc": [0.5, "x"]}}}}}, r"auc\[1\] is not a number"),
        (RESULT, {"seconds": {"train": True}}, "seconds.train is not a number"),
        (RESULT, [], "it is no object"),
    ],
)
def test_what_is_of_another_shape_is_named(shape: Any, value: Any, words: str) -> None:
    found = misfit(value, shape)
    assert found is not None and words.replace("\\", "") in found


def test_what_is_recorded_has_the_shapes(run_dir: Path) -> None:
    assert misfit(read_json(run_dir / "rounds" / "1" / layout.MANIFEST), ROUND) is None
    assert misfit(read_json(run_dir / "reference" / "0" / layout.MANIFEST), ROUND) is None
    assert misfit(read_json(run_dir / layout.RESULT), RESULT) is None


def test_a_specification_survives_its_own_json() -> None:
    assert spec_from_json(parse_json(json.dumps(RunSpec().to_json()).encode())) == RunSpec()


def test_a_setting_without_a_name_is_named() -> None:
    with pytest.raises(BadInput) as caught:
        spec_from_json({"": 1})
    assert caught.value.field == "''"


def test_attacks_that_do_not_fit_are_not_shown(home: Home) -> None:
    run_dir = write_run(home, "audited", MadeUp(rounds=1, images=False, audited=20))
    path = run_dir / layout.AUDIT / layout.MANIFEST
    sound = path.read_text()
    assert open_run(home, "audited").audit() is not None
    for values in ({"members": 3}, {"members": None}, {"attacks": {"magic": {}}}, {"attacks": 5}, {"models": [1]}):
        path.write_text(sound)
        change(path, **values)
        assert open_run(home, "audited").audit() is None, values


def test_a_picture_of_another_shape_is_not_shown(home: Home) -> None:
    request = MapRequest("received")
    manifest = {"moments": [{"kind": "round", "run": "received", "number": 0}], "placeable": True, "whole": True,
                "fidelity": [], "axes": ["a", "b"]}  # fmt: skip
    arrays = {
        "coordinates": np.zeros((1, 5, 2), np.float32),
        "stray": np.zeros((1, 5), bool),
        "kept": np.zeros((1, 5), np.float16),
        "moved": np.zeros((1, 5), np.float32),
    }
    folder = request.folder(home)

    def shown(about: dict | None = None, **others: np.ndarray) -> bool:
        write_picture(folder, manifest | (about or {}), arrays | others, "picture.npz")
        return read_picture(home, request) is not None

    assert shown()
    assert not shown(coordinates=np.zeros((1, 5), np.float32))
    assert not shown(stray=np.zeros((2, 5), bool))
    assert not shown(coordinates=np.full((1, 5, 2), "x"))
    assert not shown({"moments": 5}) and not shown({"moments": [3]}) and not shown({"axes": "x"})
    assert not shown({"fitted_file": "../../x.npz"})
    assert shown()
    change(folder / "manifest.json", file="../picture.npz")
    assert read_picture(home, request) is None
    change(folder / "manifest.json", file="picture.npz")
    whole = (folder / "picture.npz").read_bytes()
    for torn in (whole[:-30], whole[:50], b"", b"\x93NUMPY", whole.replace(b"NUMPY", b"NUMPX")):
        (folder / "picture.npz").write_bytes(torn)
        assert read_picture(home, request) is None


@pytest.mark.parametrize("name", ["../x.json", "/x.json", "a\\..\\x.json", "c:x.json", "x.py", "a" * 300 + ".json"])
def test_a_packed_run_unpacks_nothing_elsewhere(home: Home, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "demos"
    folder.mkdir()
    with zipfile.ZipFile(folder / "demo.zip", "w") as archive:
        archive.writestr("run.json", '{"run_id": "packed"}')
        archive.writestr(name, "{}")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadInput):
        install(home, folder)
    assert sorted(tmp_path.rglob("*")) == before


@fuzzed
@given(data=st.data())
def test_torn_packed_runs_are_refused_in_words(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    home = Home(tmp_path_factory.mktemp("packed") / "home").create()
    content = bytearray(packed({"run.json": b'{"run_id": "packed"}', "rounds/0/manifest.json": b"{}" * 50}))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content)))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    (home.uploads / "demo.zip").write_bytes(bytes(content))
    try:
        assert install(home, home.uploads) in (["packed"], [])
    except BadInput as error:
        str(error).encode()
    assert {path.name for path in home.runs.iterdir()} <= {"packed"}
