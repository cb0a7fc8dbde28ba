"""Recorded runs of lessons in homes that an earlier version left: given once, and what was deleted stays deleted."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from cu_core.base.files import write_json
from cu_core.base.home import Home
from cu_core.jobs import demo, lesson_delivery, submission
from cu_core.runstore.reader import list_runs
from tests.madeup import MadeUp, write_run

EARLIER = {"run_id": None, "time": 1.0}
"""The note of a version that did not name what it gave, in a home that had runs already."""
ALL = {"a-demo", "a-lesson"}


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A folder with one demo, and beside it one run of a lesson."""
    maker = Home(tmp_path / "maker").create()
    for name, place in (("a-demo", "demo"), ("a-lesson", demo.LESSONS)):
        demo.pack(write_run(maker, name, MadeUp(rounds=1)), tmp_path / "assets" / place / f"{name}.zip")
    return tmp_path / "assets" / "demo"


def left(home: Home, note: dict, *runs: MadeUp) -> None:
    """Leaves a home as an earlier version did."""
    write_json(home.root / demo.MARKER, note)
    for number, made in enumerate(runs):
        write_run(home, f"own-{number}", made)


def names(home: Home) -> set[str]:
    return {row.run_id for row in list_runs(home)}


def test_a_home_with_runs_of_its_own_gets_them_once(home: Home, shipped: Path) -> None:
    left(home, EARLIER, MadeUp())
    assert set(lesson_delivery.deliver(home, shipped)) == ALL
    assert names(home) == ALL | {"own-0"}
    for run_id in ALL:
        submission.delete(home, run_id)
    submission.empty_bin(home)
    assert lesson_delivery.deliver(home, shipped) == [] and names(home) == {"own-0"}, "deleted on purpose"


def test_what_the_first_start_gave_does_not_come_back_and_later_zips_do(home: Home, shipped: Path) -> None:
    demo.welcome(home, shipped)
    submission.delete(home, "a-lesson")
    submission.empty_bin(home)
    assert lesson_delivery.deliver(home, shipped) == []
    maker = Home(shipped.parent / "maker").create()
    demo.pack(write_run(maker, "newer", MadeUp(rounds=1)), shipped.parent / demo.LESSONS / "newer.zip")
    assert lesson_delivery.deliver(home, shipped) == ["newer"]


@pytest.mark.parametrize("swept", [True, False])
def test_demos_of_an_earlier_first_start_that_were_all_deleted_stay_away(
    home: Home, shipped: Path, swept: bool
) -> None:
    left(home, {"run_id": "own-0", "time": 1.0}, MadeUp(), *([] if swept else [MadeUp(demo=True)]))
    assert set(lesson_delivery.deliver(home, shipped)) == ({"a-lesson"} if swept else ALL)


def test_before_the_first_start_nothing_is_given(home: Home, shipped: Path) -> None:
    assert lesson_delivery.deliver(home, shipped) == [] and names(home) == set()


def test_what_was_deleted_comes_back_when_somebody_asks(home: Home, shipped: Path) -> None:
    left(home, EARLIER)
    lesson_delivery.deliver(home, shipped)
    assert not lesson_delivery.lacking(home, shipped)
    submission.delete(home, "a-demo")
    submission.empty_bin(home)
    submission.delete(home, "a-lesson")
    assert lesson_delivery.lacking(home, shipped)
    lesson_delivery.bring_back(home, shipped)
    assert names(home) == ALL and submission.binned(home) == []


def test_two_servers_at_once_install_each_run_once(home: Home, shipped: Path) -> None:
    left(home, EARLIER, MadeUp())
    added: list[list[str]] = []
    threads = [threading.Thread(target=lambda: added.append(lesson_delivery.deliver(home, shipped))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(name for some in added for name in some) == sorted(ALL)
    assert names(home) == ALL | {"own-0"}


def test_an_installation_that_broke_off_is_made_up_for(home: Home, shipped: Path, monkeypatch) -> None:
    left(home, EARLIER)
    with monkeypatch.context() as broken:
        broken.setattr(lesson_delivery, "write_json", lambda *_: (_ for _ in ()).throw(OSError("no space")))
        with pytest.raises(OSError, match="no space"):
            lesson_delivery.deliver(home, shipped)
    lesson_delivery.deliver(home, shipped)
    assert names(home) == ALL
    submission.delete(home, "a-demo")
    submission.empty_bin(home)
    assert lesson_delivery.deliver(home, shipped) == []
