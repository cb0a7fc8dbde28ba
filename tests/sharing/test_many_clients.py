"""Several browsers at one live job: all see it end, nothing goes wrong, and the pages then rest."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from benchmarks.many_browsers import GOOD, crowd
from cu_core.runstore.reader import open_run
from tests.loops import run
from tests.madeup import MadeUp, write_run
from tests.served import Server, serve
from tests.streamlit_client import open_tab

# As long as it takes where other things are at work, too.
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1500)]
WATCHERS = 4
PATIENCE = 400.0


def end(server: Server, run_id: str) -> None:
    """Ends a run that is at work, as its worker would: with the files of one that has succeeded."""
    ended = write_run(server.home, "ended", MadeUp())
    run_dir = server.home.runs / run_id
    shutil.copy(ended / "result.json", run_dir / "result.json")
    shutil.copy(ended / "attempt-1" / "outcome.json", run_dir / "attempt-1" / "outcome.json")
    assert open_run(server.home, run_id).state == "succeeded"


def test_all_see_a_live_job_end(tmp_path: Path) -> None:
    async def watch(server: Server) -> None:
        crowded = asyncio.create_task(crowd(server, "live", WATCHERS, PATIENCE))
        first = await open_tab(server.url, "run", "run=live")
        # The page is drawn again by itself while the run is at work.
        await first.until(lambda tab: tab.runs >= 3 and "running]" in tab.text(), PATIENCE)
        assert GOOD not in first.text() and not first.rests
        await asyncio.to_thread(end, server, "live")
        seen = await crowded
        await first.until(lambda tab: GOOD in tab.text() and tab.rests, PATIENCE)
        await first.socket.close()
        assert [watched.errors for watched in seen] == [[]] * WATCHERS
        assert all(watched.noticed for watched in seen)

    with serve(tmp_path) as server:
        write_run(server.home, "live", MadeUp(state="running"))
        run(watch(server))
        assert "Traceback" not in server.log.read_text()
