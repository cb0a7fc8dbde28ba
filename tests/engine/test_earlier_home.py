"""A home that an earlier version wrote opens as before: runs, caches, pictures, bin; and its work goes on."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from cu_core.base.home import Home
from cu_core.catalogue.spec import spec_from_json
from cu_core.engine.loop import execute
from cu_core.engine.perform import run_attempt
from cu_core.engine.verdict.verdict_anew import verdict_anew
from cu_core.jobs import submission
from cu_core.projections.map_request import MapRequest
from cu_core.projections.map_store import read_picture
from cu_core.runstore.amend import amend_result
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import RunView, list_runs, open_run
from cu_core.runstore.verify import verify
from tests.real_runs import work_to_the_end

EARLIER = Path(__file__).resolve().parents[1] / "fixtures" / "home-0.1.0.zip"
STATES = {"A class": "succeeded", "An encoder": "succeeded", "Cancelled": "cancelled", "Queued": "queued"}


@pytest.fixture
def earlier(home: Home) -> Home:
    with zipfile.ZipFile(EARLIER) as archive:
        archive.extractall(home.root)
    return home


def run_named(home: Home, name: str) -> RunView:
    return open_run(home, next(row.run_id for row in list_runs(home) if row.title == name))


def test_its_runs_are_listed_and_sound(earlier: Home) -> None:
    assert {row.title: row.state for row in list_runs(earlier)} == STATES
    for row in list_runs(earlier):
        assert verify(earlier, row.run_id) == []


@pytest.mark.parametrize("name", STATES)
def test_its_specifications_keep_their_hash(earlier: Home, name: str) -> None:
    view = run_named(earlier, name)
    assert view.spec.content_hash() == view.info["spec_hash"]
    assert spec_from_json(view.spec.to_json()) == view.spec


@pytest.mark.parametrize("name", ["A class", "An encoder"])
def test_its_rounds_and_results_are_read(earlier: Home, name: str) -> None:
    view = run_named(earlier, name)
    result = view.result()
    assert result is not None and view.audit() is not None
    assert view.rounds() == [0, 1, 2]
    assert view.array(2, "embedding").shape == (60, 16)
    assert len(view.probe()) == 60


def test_its_map_is_found_undrawn(earlier: Home) -> None:
    assert read_picture(earlier, MapRequest(run_named(earlier, "A class").run_id)) is not None


@pytest.mark.parametrize("name", ["A class", "An encoder"])
def test_a_verdict_is_made_on_its_runs(earlier: Home, name: str) -> None:
    view = run_named(earlier, name)
    found = verdict_anew(earlier, view.run_id)
    assert found.verdict["references"] == len(view.references()) and found.verdict["state"] == "cannot-tell"
    claims = {claim["id"]: claim for claim in found.verdict["claims"]}
    assert claims["integrity"]["state"] == claims["unchanged"]["state"] == "no-difference-found"
    assert found.notes == () and found.nearness is None, "its models lie in the cache; one reference has no band"
    amend_result(earlier, view.run_id, {"verdict": found.verdict})
    after = run_named(earlier, name).result()
    assert after is not None and after["verdict"]["sentence"] == found.verdict["sentence"]
    assert verify(earlier, view.run_id) == []


def test_its_bin_gives_a_run_back(earlier: Home) -> None:
    (binned,) = submission.binned(earlier)
    submission.restore(earlier, binned.run_id)
    assert run_named(earlier, "Deleted").state == "succeeded"


def test_a_cancelled_run_goes_on(earlier: Home) -> None:
    view = run_named(earlier, "Cancelled")
    done = max(view.rounds())
    number = submission.resume_here(earlier, view.run_id)
    run_attempt(Attempt.claim(earlier, view.run_id, number), execute)
    after = run_named(earlier, "Cancelled")
    result = after.result()
    assert after.state == "succeeded" and result is not None
    assert result["rounds"] == 30 > done
    assert result["base_cached"], "its base model must be found in the cache"


def test_the_same_run_again_finds_all_models_in_the_cache(earlier: Home) -> None:
    view = run_named(earlier, "A class")
    audit, probe = replace(view.spec.audit, attacks="none"), replace(view.spec.probe, tsne=False)
    spec = replace(view.spec, audit=audit, probe=probe)
    _, result = work_to_the_end(earlier, submission.submit(spec, earlier, foreground=True))
    stored = view.result()
    assert stored is not None
    assert result["base_cached"] and result["reference_cached"]
    assert result["metrics"]["before"] == pytest.approx(stored["metrics"]["before"])


def test_its_queued_run_is_worked_off(earlier: Home) -> None:
    view = run_named(earlier, "Queued")
    number = submission.resume_here(earlier, view.run_id)
    run_attempt(Attempt.claim(earlier, view.run_id, number), execute)
    assert run_named(earlier, "Queued").state == "succeeded"
