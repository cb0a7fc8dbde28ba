"""Pictures on disk: drawn once, later rounds placed on them, and drawn again where what they rest on has changed."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from cu_core.base.errors import BadInput
from cu_core.jobs import submission
from cu_core.projections import serve, service
from cu_core.projections.draw import draw
from cu_core.projections.map_request import MapRequest, read_request
from cu_core.projections.map_store import drop_orphans, read_picture
from cu_core.runstore.reader import open_run
from tests.madeup import MadeUp, write_round, write_run

COUNTS = (40, 60, 30)


@pytest.fixture
def run(home):
    return write_run(home, "first", MadeUp(rounds=3, references=(0,), counts=COUNTS))


def drawn(home, request):
    picture = read_picture(home, request)
    assert picture is not None
    return picture


def test_a_picture_holds_every_round_and_the_reference(home, run):
    request = MapRequest("first", method="principal")
    draw(home, request)
    picture = drawn(home, request)
    assert [m["kind"] for m in picture.manifest["moments"]] == ["round"] * 4 + ["reference"]
    assert picture.coordinates.shape == (5, 130, 2)
    assert picture.coordinates.dtype == np.float32
    assert 0 <= picture.manifest["moments"][-1]["residual"] < 2
    assert picture.manifest["whole"] and not np.isnan(picture.kept).any()
    assert len(picture.manifest["fidelity"]["rounds"]) == 4
    view = open_run(home, "first")
    assert picture.moved[2] == pytest.approx(np.asarray(view.array(2, "moved")), abs=1e-3)
    # The kept neighbours are those of the full space.
    full = np.asarray(open_run(home, "first").array(2, "embedding"), np.float64)
    flat = picture.coordinates[2].astype(np.float64)
    gaps = [np.linalg.norm(x[:, None] - x[None], axis=2) + np.eye(130) * 1e9 for x in (full, flat)]
    near = [np.argsort(g, axis=1)[:, :15] for g in gaps]
    want = np.array([len(set(a) & set(b)) / 15 for a, b in zip(*near, strict=True)])
    assert picture.kept[2] == pytest.approx(want, abs=0.07)
    assert np.corrcoef(picture.kept[2], want)[0, 1] > 0.99


def test_rounds_that_arrive_later_are_placed_and_old_points_stay(home, run):
    request = MapRequest("first")
    hidden = run / "rounds" / "3"
    shutil.move(hidden, run / "held-back")
    draw(home, request)
    before = drawn(home, request)
    shutil.move(run / "held-back", hidden)
    draw(home, request)
    after = drawn(home, request)
    assert [m.get("fitted", False) for m in after.manifest["moments"]] == [True, True, True, False, True]
    assert (after.coordinates[:3] == before.coordinates[:3]).all()
    assert (after.coordinates[4] == before.coordinates[3]).all()  # the reference
    assert len(after.manifest["fidelity"]["rounds"]) == 4
    stamp = after.stamp
    draw(home, request)
    assert drawn(home, request).stamp == stamp  # nothing new, nothing done
    draw(home, request, refit=True)
    anew = drawn(home, request)
    assert all(m.get("fitted") for m in anew.manifest["moments"][:4])
    assert (anew.coordinates[0] != before.coordinates[0]).any()


def test_a_round_that_was_done_again_makes_a_new_picture(home, run):
    request = MapRequest("first", method="principal")
    draw(home, request)
    before = drawn(home, request)
    view = open_run(home, "first")
    other = MadeUp(rounds=3, references=(0,), counts=COUNTS, seed=9)
    write_round(run, other, view.probe(), 0)
    draw(home, request)
    after = drawn(home, request)
    assert (after.coordinates[0] != before.coordinates[0]).any()
    assert after.manifest["moments"][0]["sha256"] != before.manifest["moments"][0]["sha256"]
    draw(home, request, refit=True)
    assert (drawn(home, request).coordinates == after.coordinates).all(), "it rested on the round that is gone"


def test_two_runs_share_one_map(home, run):
    write_run(home, "second", MadeUp(rounds=2, counts=COUNTS, references=()))
    request = MapRequest("first", "second", method="principal")
    draw(home, request)
    picture = drawn(home, request)
    kinds = [(m["kind"], m["number"]) for m in picture.manifest["moments"]]
    rounds, others = [("round", k) for k in range(4)], [("other", k) for k in range(3)]
    assert kinds == [*rounds, *others, ("reference", 0)]
    # The same base model: the same place before unlearning.
    assert (picture.coordinates[4] == picture.coordinates[0]).all()
    write_run(home, "third", MadeUp(counts=(30, 60, 30)))
    # Each run is a film of its own: the way from the end of one to the start of the other is no step.
    own, beside = (picture.manifest[name] for name in ("fidelity", "beside_fidelity"))
    draw(home, MapRequest("first", method="principal"))
    alone = drawn(home, MapRequest("first", method="principal")).manifest["fidelity"]
    assert own["snap_excess"] == pytest.approx(alone["snap_excess"]) and len(own["rounds"]) == 4
    assert len(beside["rounds"]) == 3
    with pytest.raises(BadInput, match="other samples"):
        draw(home, MapRequest("first", "third", method="principal"))


def test_methods_that_fit_all_at_once_leave_the_reference_out_and_warn(home, run):
    request = MapRequest("first", method="tsne-per-round")
    draw(home, request)
    picture = drawn(home, request)
    assert {m["kind"] for m in picture.manifest["moments"]} == {"round"}
    assert picture.manifest["warning"]
    stamp = picture.stamp
    draw(home, request)
    assert drawn(home, request).stamp == stamp


def test_common_motion_is_taken_out_and_disclosed(home, run):
    request = MapRequest("first", method="principal", remove_motion=True)
    draw(home, request)
    removed = drawn(home, request).manifest["removed"]
    assert removed[0] is None
    assert all(-1 <= share <= 1 for share in removed[1:])


def test_a_damaged_picture_is_drawn_again(home, run):
    request = MapRequest("first", method="principal")
    draw(home, request)
    folder = request.folder(home)
    good = drawn(home, request)
    (folder / good.stamp).write_bytes(b"torn")
    assert read_picture(home, request) is None
    draw(home, request)
    assert (drawn(home, request).coordinates == good.coordinates).all()
    (folder / "manifest.json").write_text("{")
    assert read_picture(home, request) is None


def test_pictures_go_with_their_run(home, run):
    request = MapRequest("first", method="principal")
    draw(home, request)
    submission.delete(home, "first")
    drop_orphans(home)
    assert read_picture(home, request) is not None  # it may come back from the bin
    submission.empty_bin(home)
    assert not request.folder(home).exists()


def test_the_process_works_off_requests_and_tells_of_failures(home, run, monkeypatch):
    monkeypatch.setattr(service, "_start", lambda home: None)
    good, bad = MapRequest("first", method="principal"), MapRequest("gone", method="principal")
    assert service.status(home, good).state == "none"
    for request in (good, bad):
        service.ask(home, request)
        service.ask(home, request)
    assert service.status(home, good).state == "waiting"
    serve.serve(home, idle=0.3)
    assert service.status(home, good).state == "none"
    assert read_picture(home, good) is not None
    failed = service.status(home, bad)
    assert failed.state == "failed" and "does not exist" in failed.message
    assert json.loads((home.maps / "speed.json").read_text())["principal"] > 0


def test_asking_for_a_new_fit_is_not_lost_behind_an_older_request(home, run, monkeypatch):
    monkeypatch.setattr(service, "_start", lambda home: None)
    request = MapRequest("first", method="principal")
    draw(home, request)
    before = drawn(home, request).stamp
    service.ask(home, request)
    service.ask(home, request, refit=True)
    service.ask(home, request)
    serve.serve(home, idle=0.3)
    assert drawn(home, request).stamp != before


def test_a_picture_that_killed_its_process_is_given_up(home, run, monkeypatch):
    monkeypatch.setattr(service, "_start", lambda home: None)
    deadly, good = MapRequest("first"), MapRequest("first", method="principal")
    for request in (deadly, good):
        service.ask(home, request)
    # As the process leaves things when it is killed in the middle of a drawing.
    service.working(home).write_text(json.dumps({"key": deadly.key, "message": "fitting", "expected": None}))
    serve.serve(home, idle=0.3)
    told = service.status(home, deadly)
    assert told.state == "failed" and "was ended" in told.message and told.seen == 4
    assert read_picture(home, deadly) is None and read_picture(home, good) is not None


def test_a_picture_of_a_later_version_does_not_stop_the_others(home, run, monkeypatch):
    monkeypatch.setattr(service, "_start", lambda home: None)
    request = MapRequest("first", method="principal")
    draw(home, request)
    path = request.folder(home) / "manifest.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"request": content["request"] | {"method": "of the future"}}))
    drop_orphans(home)
    other = MapRequest("first", method="discriminant")
    service.ask(home, other)
    serve.serve(home, idle=0.3)
    assert read_picture(home, other) is not None


def test_a_torn_request_does_not_stop_the_others(home, run, monkeypatch):
    monkeypatch.setattr(service, "_start", lambda home: None)
    service.queue(home).mkdir(parents=True)
    (service.queue(home) / "torn.json").write_text("{")
    request = MapRequest("first", method="principal")
    service.ask(home, request)
    serve.serve(home, idle=0.3)
    assert read_picture(home, request) is not None
    assert not list(service.queue(home).iterdir())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"run": "../x"}, "not a run id"),
        ({"run": "a", "method": "umap"}, "reference-map"),
        ({"run": "a", "n_components": 1}, "2, 3"),
        ({"run": "a", "colour": 1}, "damaged"),
        ({"run": "a", "beside": "../../x"}, "not a run id"),
    ],
)
def test_bad_requests_name_what_is_allowed(content, words):
    with pytest.raises(BadInput, match=words):
        read_request(content)
