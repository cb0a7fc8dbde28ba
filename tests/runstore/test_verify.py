"""Damage is found, named and not shown."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile

import numpy as np
import pytest

from cu_core.base.errors import BadInput
from cu_core.engine.perform import run_attempt
from cu_core.jobs import submission
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.checksums import SEAL, sealed
from cu_core.runstore.handover import new_attempt
from cu_core.runstore.reader import open_run
from cu_core.runstore.verify import verify
from tests.jobs.stubs import arrays, execute, spec


@pytest.fixture
def finished(home):
    run_id = submission.submit(spec("rounds=3"), home)
    attempt = Attempt.claim(home, run_id, new_attempt(home, run_id, {"launcher": "local"}))

    def work(attempt):
        result = execute(attempt)
        attempt.promote("reference/7", arrays(9), {"round": 0, "seed": 7, "metrics": {}})
        return result

    assert run_attempt(attempt, work) == "succeeded"
    return home.runs / run_id


def problems(home, run_dir):
    return [str(problem) for problem in verify(home, run_dir.name)]


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(sealed(content) if SEAL in content else content))


def flip(path, place=-1):
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(bytes(content))


def test_a_sound_run_has_no_problems(home, finished):
    assert problems(home, finished) == []
    view = open_run(home, finished.name)
    assert view.rounds() == [0, 1, 2, 3] and view.references() == [7]
    metrics = [view.manifest(number)["metrics"] for number in view.rounds()]
    assert metrics == [{"forget_acc": pytest.approx(1 / number)} for number in (1, 2, 3, 4)]
    assert len(view.probe()) == 12 and view.reference_manifest(7)["seed"] == 7
    np.testing.assert_array_equal(view.reference_array(7, "loss"), arrays(9)["loss"])


def delete(path):
    path.unlink()


def truncate(path):
    path.write_bytes(path.read_bytes()[:-64])


def replace_by_other_shape(path):
    np.save(path, np.zeros((12, 5), np.float16))


def replace_by_pickle(path):
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [delete, truncate, flip, replace_by_other_shape, replace_by_pickle, empty])
@pytest.mark.parametrize("folder", ["rounds/2", "reference/7"])
def test_damaged_arrays_are_reported_and_not_shown(home, finished, harm, folder):
    # Read before, so that nothing remembered hides the damage.
    open_run(home, finished.name).array(2, "embedding")
    harm(finished / folder / "embedding.npy")
    assert any(text.startswith(f"{folder}: embedding") for text in problems(home, finished))
    view = open_run(home, finished.name)
    if folder == "rounds/2":
        assert view.rounds() == [0, 1, 3]
        with pytest.raises(BadInput, match="damaged"):
            view.array(2, "embedding")
    else:
        assert view.references() == []
        with pytest.raises(BadInput, match="damaged"):
            view.reference_array(7, "embedding")
    assert [str(problem) for problem in view.damage()] == problems(home, finished)


def test_verify_finds_damage_that_left_size_and_time_of_change_alone(home, finished):
    path = finished / "rounds/2/embedding.npy"
    open_run(home, finished.name).array(2, "embedding")
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert problems(home, finished)


@pytest.mark.parametrize("content", ["", "{torn", "[]", '{"arrays": 3}', '{"schema": 1}'])
def test_damaged_manifests(home, finished, content):
    (finished / "rounds/2/manifest.json").write_text(content)
    assert any(text.startswith("rounds/2") for text in problems(home, finished))
    assert open_run(home, finished.name).rounds() == [0, 1, 3]
    with pytest.raises(BadInput, match="manifest"):
        open_run(home, finished.name).manifest(2)


@pytest.mark.parametrize("file", ["../../../spec.json", "/etc/passwd", "x.txt", "", None, 3, "..npy/../x.npy"])
def test_a_manifest_cannot_point_elsewhere(home, finished, file):
    edit(finished / "rounds/2/manifest.json", lambda m: m["arrays"]["loss"].update(file=file))
    assert "rounds/2: loss: the manifest names no file" in problems(home, finished)
    assert 2 not in open_run(home, finished.name).rounds()


def test_other_damage_is_named(home, finished):
    def harmed(name, harm):
        path = finished / name
        before = path.read_bytes()
        harm(path)
        found = problems(home, finished)
        path.write_bytes(before)
        assert problems(home, finished) == []
        return " ".join(found)

    def set_to(**values):
        return lambda path: edit(path, lambda content: content.update(values))

    assert "spec.json: is not what was submitted" in harmed("spec.json", set_to(seed=5))
    assert "spec.json: cannot be used" in harmed("spec.json", truncate)
    assert "run.json: cannot be read" in harmed("run.json", truncate)
    assert "run.json: belongs to the run 'x'" in harmed("run.json", set_to(run_id="x"))
    assert "probe.parquet: cannot be read" in harmed("probe.parquet", truncate)
    assert "probe.parquet: is missing" in harmed("probe.parquet", delete)
    assert "result.json: cannot be used" in harmed("result.json", delete)
    assert "result.json: counts 9 rounds, recorded are 3" in harmed("result.json", set_to(rounds=9))
    assert "result.json: belongs to the run 'x'" in harmed("result.json", set_to(run_id="x"))
    assert "unknown metrics wit" in harmed("result.json", set_to(metrics={"before": {"wit": 1}, "after": {}}))
    assert "checkpoint.pt: has changed since it was written" in harmed("checkpoint.pt", truncate)
    assert "rounds/3: its manifest belongs to round 8" in harmed("rounds/3/manifest.json", set_to(round=8))
    assert "rounds: missing: 1" in harmed("rounds/1/manifest.json", delete)


def test_flipped_bits_in_weights_are_found(home, finished):
    with zipfile.ZipFile(finished / "weights.pt", "w") as archive:
        archive.writestr("tensor", b"0" * 1000)
    assert problems(home, finished) == []
    flip(finished / "weights.pt", 200)
    assert problems(home, finished) == ["weights.pt: is damaged at tensor"]


def test_arrays_that_do_not_fit_the_probe(home, finished):
    rows = np.zeros(5, np.float32)
    from_outside = finished / "rounds/3/loss.npy"
    np.save(from_outside, rows)

    def describe(manifest):
        entry = manifest["arrays"]["loss"]
        entry.update(shape=[5], sha256=hashlib.sha256(from_outside.read_bytes()).hexdigest())

    edit(finished / "rounds/3/manifest.json", describe)
    assert problems(home, finished) == ["rounds/3: loss has 5 rows, the probe has 12 samples"]


def test_a_last_layer_has_a_row_per_class(home, finished):
    path = finished / "rounds/3/head.npy"
    np.save(path, np.zeros((10, 5), np.float32))
    entry = {"file": "head.npy", "dtype": "float32", "shape": [10, 5]}
    entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    edit(finished / "rounds/3/manifest.json", lambda manifest: manifest["arrays"].update(head=entry))
    assert problems(home, finished) == []


def test_what_was_not_recorded_is_said_in_words(home, finished):
    view = open_run(home, finished.name)
    with pytest.raises(BadInput, match="not recorded"):
        view.array(2, "two_view_cosine")
    with pytest.raises(BadInput, match="not recorded"):
        view.array(99, "loss")
    queued = submission.submit(spec(), home)
    fresh = open_run(home, queued)
    assert (fresh.rounds(), fresh.references(), fresh.result(), fresh.events(), fresh.log()) == ([], [], None, [], "")
    assert fresh.damage() == []
    with pytest.raises(BadInput, match="not recorded yet"):
        fresh.probe()


def test_the_end_of_a_long_log(home, finished):
    (finished / "attempt-1/worker.log").write_text("".join(f"line {n}\n" for n in range(1000)))
    text = open_run(home, finished.name).log(tail_bytes=100)
    assert text.endswith("line 999\n") and text.startswith("line ") and len(text) <= 100
