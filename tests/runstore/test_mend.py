"""Checksums notice every change; mending derives what it can, loses nothing and says what it does."""

from __future__ import annotations

import json
import os
import sqlite3

import pytest

from cu_core.base.errors import BadInput
from cu_core.cli import main
from cu_core.engine.perform import run_attempt
from cu_core.jobs import submission
from cu_core.runstore import checksums, layout
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.handover import new_attempt
from cu_core.runstore.index import read_index, reindex
from cu_core.runstore.mend import mend
from cu_core.runstore.reader import list_runs, open_run
from cu_core.runstore.verify import verify
from tests.jobs.stubs import execute, spec


def work(home, words="rounds=3", token=None):
    run_id = submission.submit(spec(words), home, token=token)
    run_attempt(Attempt.claim(home, run_id, new_attempt(home, run_id, {"launcher": "local"})), execute)
    return home.runs / run_id


@pytest.fixture
def finished(home):
    return work(home, token="mine")


def edit(path, **values):
    """Changes values and leaves the checksum as it was."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))


def test_a_seal_tells_every_change_and_may_be_absent():
    content = checksums.sealed({"a": 1.5, "b": ["x", None], "seal": "an older one"})
    assert checksums.seal_damage(json.loads(json.dumps(content))) is None
    assert checksums.seal_damage({"a": 1.5}) is None
    for changed in ({"a": 1.25}, {"b": ["x"]}, {"c": 0}, {"seal": "0" * 64}, {"seal": None}):
        assert checksums.seal_damage(content | changed) is not None
    renamed = {("seam" if name == "seal" else name): value for name, value in content.items()}
    assert checksums.seal_damage(renamed) is not None, "the name of the seal is no way round it"


def test_a_file_that_is_being_replaced_is_sound_before_and_after(home):
    run_dir = work(home)
    old = checksums.sha256_of(run_dir / layout.CHECKPOINT)
    checksums.note(run_dir, layout.CHECKPOINT, "f" * 64, old)
    assert checksums.damage_of(run_dir, layout.CHECKPOINT) is None, "killed before the rename"
    checksums.note(run_dir, layout.CHECKPOINT, "e" * 64, None)
    assert checksums.damage_of(run_dir, layout.CHECKPOINT) is not None
    checksums.forget(run_dir, {layout.CHECKPOINT})
    assert checksums.damage_of(run_dir, layout.CHECKPOINT) is None, "nothing is known of it"


@pytest.mark.parametrize(
    "name",
    ["run.json", "rounds/2/manifest.json", "attempt-1/launch.json", "attempt-1/outcome.json", "checksums.json"],
)
def test_a_changed_value_is_named_where_the_file_can_still_be_read(home, finished, name):
    edit(finished / name, t=1)
    assert any(str(problem).startswith(name.removesuffix("/manifest.json")) for problem in verify(home, finished.name))


@pytest.mark.parametrize("name", ["probe.parquet", "result.json", "checkpoint.pt"])
@pytest.mark.parametrize("place", [0, 40, -1])
def test_a_flipped_bit_anywhere_is_named(home, finished, name, place):
    flip(finished / name, place)
    assert [problem.where for problem in verify(home, finished.name)] == [name]


def test_events_that_changed_or_are_gone_are_named_and_taken_out(home, finished):
    path = finished / "attempt-1" / layout.EVENTS
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) > 2 and verify(home, finished.name) == []
    path.write_bytes(b"".join(lines[:-1]))
    assert "bytes are missing" in str(verify(home, finished.name)[0])
    path.write_bytes(b"".join(lines)[:-20] + bytes(20))
    assert "1 lines are not as they were written" in str(verify(home, finished.name)[0]), (
        "its end is lost, not its size"
    )
    path.write_bytes(b"".join([lines[0].replace(b'"done": 0', b'"done": 7'), *lines[1:]]))
    assert "1 lines are not as they were written" in str(verify(home, finished.name)[0])
    assert [one.where for one in mend(home, finished.name)] == ["attempt-1/events.jsonl"]
    assert path.read_bytes() == b"".join(lines[1:]) and verify(home, finished.name) == []
    assert open_run(home, finished.name).state == "succeeded"


def test_the_specification_is_taken_back_from_its_copy(home, finished):
    before = json.loads((finished / layout.SPEC).read_text())
    edit(finished / layout.SPEC, seed=99)
    with pytest.raises(BadInput, match="not what was submitted"):
        _ = Attempt(home, finished.name, 1).spec
    mend(home, finished.name)
    assert json.loads((finished / layout.SPEC).read_text()) == before and verify(home, finished.name) == []
    # What was replaced is kept.
    assert json.loads((finished / "damaged/1/spec.json").read_text())["seed"] == 99


def test_run_json_is_made_anew_and_its_token_still_makes_no_second_run(home, finished):
    submitted = json.loads((finished / layout.INFO).read_text())["submitted"]
    (finished / layout.INFO).write_text("{torn")
    assert submission.submit(spec("rounds=3"), home, token="mine") == finished.name
    mend(home, finished.name)
    assert verify(home, finished.name) == []
    info = json.loads((finished / layout.INFO).read_text())
    assert info["run_id"] == finished.name and abs(info["submitted"] - submitted) < 60
    assert submission.submit(spec("rounds=3"), home, token="mine") == finished.name
    assert submission.submit(spec("rounds=3"), home, token="other") != finished.name


def test_a_damaged_round_is_put_aside_and_the_run_queued_again(home, finished):
    flip(finished / "rounds/2/loss.npy", -1)
    done = [str(one) for one in mend(home, finished.name)]
    assert done == ["rounds/2: put aside, to be made again", "run: queued again, to make again what was damaged"]
    view = open_run(home, finished.name)
    assert view.state == "queued" and view.rounds() == [0, 1, 3] and "rounds/2" in view.row().error
    assert (finished / "damaged/1/rounds/2/loss.npy").exists()


def test_a_manifest_of_the_picture_that_is_gone_is_missed_once_the_run_has_ended(home, finished):
    (finished / layout.TSNE).mkdir(parents=True)
    assert [problem.where for problem in verify(home, finished.name)] == [layout.TSNE]
    (finished / "attempt-1" / layout.OUTCOME).unlink()
    assert verify(home, finished.name) == [], "it may be on its way"


def test_a_list_knows_of_every_mending(home):
    run_dir = work(home, "rounds=3 die=error at=3")
    for number in (2, 1):
        flip(run_dir / f"rounds/{number}/loss.npy", -1)
        os.utime(run_dir, ns=(1, 1))
        os.utime(run_dir / "attempt-1", ns=(1, 1))
        reindex(home)
        assert read_index(home)[run_dir.name].is_fresh(run_dir)
        mend(home, run_dir.name)
        assert not read_index(home)[run_dir.name].is_fresh(run_dir), number


def test_what_cannot_be_mended_stays_visible_and_named(home, finished):
    (finished / layout.SPEC).write_text("{")
    (finished / layout.INFO).write_text("{")
    mend(home, finished.name)
    assert {problem.where for problem in verify(home, finished.name)} == {"spec.json", "run.json"}
    (row,) = list_runs(home)
    assert "spec.json" in row.error and open_run(home, finished.name).rounds() == [0, 1, 2, 3]


def test_a_list_of_checksums_is_made_anew(home, finished):
    (finished / layout.CHECKSUMS).write_text("[]")
    mend(home, finished.name)
    assert verify(home, finished.name) == []
    flip(finished / layout.RESULT, 5)
    assert [problem.where for problem in verify(home, finished.name)] == [layout.RESULT]


def test_only_a_resume_needs_the_checkpoint(home, finished):
    (finished / layout.CHECKPOINT).unlink()
    assert verify(home, finished.name) == []
    unfinished = work(home, "rounds=3 die=error at=2")
    (unfinished / layout.CHECKPOINT).unlink()
    assert [str(problem) for problem in verify(home, unfinished.name)] == ["checkpoint.pt: is missing"]


def test_a_run_at_work_is_left_alone(home):
    run_id = submission.submit(spec(), home)
    Attempt.claim(home, run_id, new_attempt(home, run_id, {"launcher": "local"}))
    with pytest.raises(BadInput, match="running; cancel it"):
        mend(home, run_id)


def test_the_command(home, finished, capsys):
    edit(finished / layout.SPEC, seed=99)
    assert main(["verify", finished.name]) == 1
    assert main(["verify", finished.name, "--mend"]) == 0
    assert "mended: spec.json" in capsys.readouterr().out


def test_a_row_of_the_index_that_was_hit_is_read_from_the_files(home, finished):
    os.utime(finished, ns=(1, 1))
    os.utime(finished / "attempt-1", ns=(1, 1))
    reindex(home)
    assert list(read_index(home)) == [finished.name]
    with sqlite3.connect(home.index) as database:
        database.execute("UPDATE runs SET row = replace(row, '\"rounds\": 3', '\"rounds\": 7')")
    database.close()
    assert read_index(home) == {} and list_runs(home)[0].rounds == 3
