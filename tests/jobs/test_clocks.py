"""Clocks that somebody sets while work goes on: nothing is lost, and no time on the screen is negative."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.presets import DEFAULT_PRESET
from cu_core.jobs import submission
from cu_core.jobs.launchers.local import LocalLauncher
from cu_core.jobs.supervisor import Supervisor, Timing
from cu_core.projections import service
from cu_core.projections.map_request import MapRequest
from cu_core.runstore.handover import new_attempt
from cu_core.runstore.reader import list_runs, open_run
from cu_core.runstore.state import START_SECONDS
from pages._shared.number_words import ago, duration
from tests.pages.page_helpers import open_page, texts

DAY = 86_400.0
MOMENT = 1_700_000_000.0


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The wall clock of states, and the dispatcher's clock that nobody can set."""
    moved = SimpleNamespace(wall=0.0, steady=0.0)
    real = time.time
    monkeypatch.setattr("cu_core.runstore.state.time", SimpleNamespace(time=lambda: real() + moved.wall))
    monkeypatch.setattr("cu_core.jobs.supervisor.time", SimpleNamespace(monotonic=lambda: moved.steady, time=real))
    return moved


def look(supervisor: Supervisor, home: Home, run_id: str) -> None:
    supervisor.look({run_id: open_run(home, run_id).run_state})


@pytest.mark.parametrize("jump", [DAY, -DAY, 2 * START_SECONDS, -2 * START_SECONDS])
def test_a_jump_costs_a_worker_that_is_about_to_start_no_attempt(
    home: Home, clocks: SimpleNamespace, jump: float
) -> None:
    run_id = submission.submit(DEFAULT_PRESET.spec, home)
    new_attempt(home, run_id, {"launcher": "local", "slot": "cpu-0"})
    supervisor = Supervisor(home, LocalLauncher(), Timing())
    look(supervisor, home, run_id)
    clocks.wall = jump
    assert open_run(home, run_id).state == "lost", "by the wall clock alone"
    while clocks.steady < START_SECONDS - 1:
        clocks.steady += 5.0
        look(supervisor, home, run_id)
        if clocks.steady < START_SECONDS:
            assert open_run(home, run_id).run_state.attempt == 1 and open_run(home, run_id).state == "lost"
    clocks.steady += 5.0
    look(supervisor, home, run_id)
    assert open_run(home, run_id).state == "queued", "it never came"


def test_one_that_was_late_before_this_dispatcher_is_given_up_at_once(home: Home, clocks: SimpleNamespace) -> None:
    run_id = submission.submit(DEFAULT_PRESET.spec, home)
    new_attempt(home, run_id, {"launcher": "local", "slot": "cpu-0"})
    clocks.wall = 2 * START_SECONDS
    look(Supervisor(home, LocalLauncher(), Timing()), home, run_id)
    assert open_run(home, run_id).state == "queued"


def test_no_duration_is_negative() -> None:
    assert duration(-3.0) == "–"
    assert ago(MOMENT, now=MOMENT - 1) == ago(MOMENT, now=MOMENT + 1) == "just now"
    assert ago(MOMENT + DAY, now=MOMENT) == ago(MOMENT + 61, now=MOMENT) == "–"
    assert ago(MOMENT, now=MOMENT + DAY) == "24 h 0 min ago"


def test_pages_after_the_clock_was_set_back(home: Home) -> None:
    run_id = submission.submit(DEFAULT_PRESET.spec, home)
    info = home.runs / run_id / "run.json"
    write_json(info, read_json(info) | {"submitted": time.time() + DAY})
    assert list_runs(home)[0].submitted > time.time()
    for page in ("runs.py", "run.py"):
        said = texts(open_page(page, **({"run": run_id} if page == "run.py" else {})))
        assert "-86400" not in said and "just now" not in said


def test_a_picture_that_was_asked_for_in_the_future(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_start", lambda home: None)
    request = MapRequest("run-1")
    service.ask(home, request)
    path = service.queue(home) / f"{request.key}.json"
    write_json(path, read_json(path) | {"t": time.time() + DAY})
    assert service.status(home, request).seconds == 0.0
