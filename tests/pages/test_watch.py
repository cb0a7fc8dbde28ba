"""When the app starts a dispatcher: work waits, or lists would read many runs from their files."""

from __future__ import annotations

import time

import pytest

import app
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.jobs import submission
from cu_core.runstore.index import read_index, reindex
from tests.madeup import MadeUp, write_run


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Home]:
    """Homes for which a dispatcher was started; none really is."""
    homes: list[Home] = []
    monkeypatch.setattr(app, "ensure_dispatcher", homes.append)
    monkeypatch.setattr(app, "MOST_UNINDEXED", 1)
    return homes


@pytest.fixture
def ended(home: Home) -> Home:
    """Three ended runs and no index."""
    for name in ("one", "two", "three"):
        write_run(home, name, MadeUp(rounds=0, references=(), audited=0, state="failed", images=False))
    return home


def test_a_missing_index_is_filled(ended: Home, started: list[Home]) -> None:
    app.keep_dispatcher()
    assert started == [ended]


def test_ended_runs_that_the_index_knows_wake_nobody(ended: Home, started: list[Home]) -> None:
    end = time.monotonic() + 60
    while not read_index(ended) or not all(entry.stamp for entry in read_index(ended).values()):
        assert time.monotonic() < end
        reindex(ended)
    app.keep_dispatcher()
    assert not started


def test_a_few_runs_without_index_wake_nobody(
    ended: Home, started: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "MOST_UNINDEXED", 3)
    app.keep_dispatcher()
    assert not started
    submission.submit(RunSpec(), ended)
    monkeypatch.setattr(app, "MOST_UNINDEXED", 4)
    app.keep_dispatcher()
    assert started == [ended], "a queued run does"


def test_a_living_dispatcher_is_asked_nothing(
    ended: Home, started: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "dispatcher_alive", lambda home: True)
    monkeypatch.setattr(app, "work_waiting", lambda home: pytest.fail("the runs were listed for nothing"))
    app.keep_dispatcher()
    assert not started
