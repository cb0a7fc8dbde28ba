"""The index says what the files say, and nobody needs it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sqlite3
import sys
import time

import pytest

from cu_core.base.errors import UnlearnscopeError
from cu_core.engine.perform import run_attempt
from cu_core.jobs import submission
from cu_core.runstore import index, layout
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.handover import new_attempt
from cu_core.runstore.index import Index, make_entry, read_index, reindex
from cu_core.runstore.reader import list_runs, open_run
from cu_core.runstore.rows import read_row
from tests.jobs.stubs import execute, spec


def settle():
    """Waits until the index may vouch for what was just written."""
    time.sleep(2 * index.SETTLED_SECONDS)


@pytest.fixture
def populated(home):
    """A home with runs in all states that do not need a living process."""
    for words in ("rounds=1", "rounds=2 die=error", "rounds=3"):
        run_id = submission.submit(spec(words), home)
        run_attempt(Attempt.claim(home, run_id, new_attempt(home, run_id, {"launcher": "local"})), execute)
    submission.submit(spec("waits"), home)
    submission.cancel(home, submission.submit(spec("unwanted"), home))
    return home


@pytest.fixture
def no_reading(monkeypatch):
    """Fails the test if a list of runs opens a run directory; returns a switch."""

    def refuse(run_dir):
        raise AssertionError(f"{run_dir.name} was read although the index knows it")

    return lambda: monkeypatch.setattr(index, "read_row", refuse)


def truth(home):
    rows = [read_row(home.runs / run_id) for run_id in layout.run_ids(home.runs)]
    return sorted(rows, key=lambda row: (-row.submitted, row.run_id))


def test_same_list_with_and_without_index(populated, no_reading):
    expected = truth(populated)
    assert {row.state for row in expected} == {"succeeded", "failed", "queued", "cancelled"}
    assert list_runs(populated) == expected
    settle()
    assert reindex(populated) == 5
    no_reading()
    assert list_runs(populated) == expected


def test_reindex_equals_the_old_index(populated):
    settle()
    reindex(populated)
    old = read_index(populated)
    assert len(old) == 5 and all(entry.stamp for entry in old.values())
    populated.index.unlink()
    reindex(populated)
    assert read_index(populated) == old


@pytest.mark.parametrize("damage", ["absent", "garbage", "torn", "empty", "other version", "other table", "locked"])
def test_readers_do_without_it(populated, damage):
    settle()
    reindex(populated)
    expected = truth(populated)
    path = populated.index
    locked = None
    if damage == "absent":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(os.urandom(10_000))
    elif damage == "torn":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        locked = sqlite3.connect(path, isolation_level=None)
        statements = {
            "other version": "PRAGMA user_version = 99",
            "other table": "DROP TABLE runs",
            "locked": "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM runs",
        }
        for statement in statements[damage].split(";"):
            locked.execute(statement)
    assert list_runs(populated) == expected
    if locked is not None:
        locked.close()
    assert reindex(populated) == 5
    assert list_runs(populated) == expected


def test_rows_of_another_program_version_are_not_used(populated):
    settle()
    reindex(populated)
    expected = truth(populated)
    with sqlite3.connect(populated.index) as database:
        database.execute("UPDATE runs SET row = json_remove(row, '$.title')")
    database.close()
    assert list_runs(populated) == expected


def changes():
    def delete(home, run_id):
        submission.delete(home, run_id)

    def cancel(home, run_id):
        submission.cancel(home, run_id)

    def launch(home, run_id):
        new_attempt(home, run_id, {"launcher": "local"})

    def finish(home, run_id):
        run_attempt(Attempt.claim(home, run_id, new_attempt(home, run_id, {"launcher": "local"})), execute)

    def fail_and_resume(home, run_id):
        submission.cancel(home, run_id)
        submission.resume(home, run_id)

    return [delete, cancel, launch, finish, fail_and_resume]


@pytest.mark.parametrize("change", changes(), ids=lambda change: change.__name__)
@pytest.mark.parametrize("wait", [True, False], ids=["settled", "at once"])
def test_no_stale_row_is_ever_shown(home, change, wait):
    run_id = submission.submit(spec(), home)
    if wait:
        settle()
    writer = Index(home)
    writer.put(run_id, make_entry(home.runs / run_id))
    change(home, run_id)
    assert list_runs(home) == truth(home)
    writer.close()


def test_a_change_within_one_step_of_the_clock_is_seen(home):
    run_id = submission.submit(spec(), home)
    moment = time.time_ns()
    os.utime(home.runs / run_id, ns=(moment, moment))
    writer = Index(home)
    writer.put(run_id, make_entry(home.runs / run_id))
    submission.cancel(home, run_id)
    # As on a disk whose clock did not move on meanwhile.
    os.utime(home.runs / run_id, ns=(moment, moment))
    assert [row.state for row in list_runs(home)] == ["cancelled"]
    writer.close()


def test_a_row_made_while_the_run_changes_does_not_count(home, monkeypatch):
    run_id = submission.submit(spec(), home)
    settle()

    def slow(run_dir):
        row = read_row(run_dir)
        submission.cancel(home, run_id)
        return row

    monkeypatch.setattr(index, "read_row", slow)
    entry = make_entry(home.runs / run_id)
    assert entry.row.state == "queued" and not entry.is_fresh(home.runs / run_id)


def test_readers_write_nothing(populated):
    settle()
    reindex(populated)
    content = populated.index.read_bytes()
    list_runs(populated)
    for row in list_runs(populated):
        view = open_run(populated, row.run_id)
        assert (view.row(), view.rounds(), view.damage(), view.events(), view.log()) is not None
    assert populated.index.read_bytes() == content
    before = {path: path.stat().st_mtime_ns for path in populated.runs.rglob("*")}
    list_runs(populated)
    assert {path: path.stat().st_mtime_ns for path in populated.runs.rglob("*")} == before


def test_damaged_run_directories_do_not_hide_the_others(populated):
    ids = layout.run_ids(populated.runs)
    (populated.runs / ids[0] / "spec.json").write_text("{torn")
    (populated.runs / ids[1] / "run.json").write_text("[]")
    content = json.loads((populated.runs / ids[2] / "spec.json").read_text())
    (populated.runs / ids[2] / "spec.json").write_text(json.dumps(content | {"surprise": 1}))
    (populated.runs / "nearly-empty").mkdir()
    rows = {row.run_id: row for row in list_runs(populated)}
    assert len(rows) == 6
    assert "cannot be read" in rows[ids[0]].error
    assert "surprise" in rows[ids[2]].error
    assert "spec.json" in rows["nearly-empty"].error
    settle()
    assert reindex(populated) == 6
    assert {row.run_id: row for row in list_runs(populated)} == rows


def test_a_thousand_runs(home, no_reading):
    model = submission.submit(spec(), home)
    run_attempt(Attempt.claim(home, model, new_attempt(home, model, {"launcher": "local"})), execute)
    for number in range(300):
        shutil.copytree(home.runs / model, home.runs / f"{model[:-8]}{number:08d}")
    settle()
    assert reindex(home) == 301
    no_reading()
    assert len(list_runs(home)) == 301


def test_reindex_asks_a_living_dispatcher(home):
    with layout.dispatcher_lock(home), pytest.raises(UnlearnscopeError, match="busy"):
        reindex(home, seconds=0.2)
    assert not index.rebuild_request(home).exists()


def test_rows_hold_only_what_json_holds(populated):
    for row in truth(populated):
        assert json.loads(json.dumps(dataclasses.asdict(row))) == dataclasses.asdict(row)


def test_a_list_parses_a_row_once_and_opens_no_file_of_a_run(populated, monkeypatch):
    settle()
    reindex(populated)
    expected = list_runs(populated)
    opened, parsed, listens = [], [], [True]
    loads = json.loads
    monkeypatch.setattr(index.json, "loads", lambda text: parsed.append(text) or loads(text))
    # A hook cannot be taken off again; it only listens here.
    sys.addaudithook(lambda event, found: opened.append(str(found[0])) if listens and event == "open" else None)
    assert list_runs(populated) == expected
    listens.clear()
    assert not parsed and not [path for path in opened if str(populated.runs) in path]


def test_a_changed_row_is_parsed_again(populated):
    settle()
    reindex(populated)
    run_id = next(row.run_id for row in list_runs(populated) if row.state == "queued")
    submission.cancel(populated, run_id)
    settle()
    reindex(populated)
    assert next(row.state for row in list_runs(populated) if row.run_id == run_id) == "cancelled"


def test_how_many_runs_are_read_from_files(populated):
    assert index.unindexed(populated) == 5
    settle()
    reindex(populated)
    assert index.unindexed(populated) == 0
    submission.submit(spec("another"), populated)
    assert index.unindexed(populated) == 1
