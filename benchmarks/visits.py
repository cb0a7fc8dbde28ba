"""Visits to the dashboard without a browser, timed: real sessions over real connections to a real server."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.many_runs import make_home
from cu_core.base.home import Home
from tests.served import Server, serve
from tests.streamlit_client import Client, open_tab

ONE_RUN = ("run", "drift", "confidence", "similarity", "signals", "attack")
"""Pages about a single run."""
ALL = ("runs", *ONE_RUN, "compare", "sweep", "papers", "launch")
PATIENCE = 300.0


@dataclass(frozen=True)
class Visit:
    """What one visit took.

    Attributes:
        page: that was opened.
        picture: seconds until the server had sent the first picture; None on a page without one.
        whole: seconds until it had sent the whole page.
        again: seconds of drawing the page once more in the same session.
        received: bytes of the first drawing.
    """

    page: str
    picture: float | None
    whole: float
    again: float
    received: int


def query_of(page: str, number: int, runs: int) -> str:
    """The query that leads to a run, or to a group of thirty; empty where a page needs none."""
    if page in ONE_RUN:
        return f"run=many-{number % runs:05d}"
    return f"group=sweep-{number % runs // 30}" if page == "compare" else ""


def has_picture(tab: Client) -> bool:
    """Whether a chart or a viewer has come; the search in the sidebar is none."""
    viewers = (part for part in tab.of("bidi_component") if part.component_name != "unlearnscope_palette")
    return bool(tab.of("plotly_chart")) or any(viewers)


async def visit(url: str, page: str, query: str = "") -> Visit:
    """Opens a page in a new session, draws it once more, and leaves.

    Raises:
        AssertionError: the page shows an exception.
    """
    began = time.perf_counter()
    async with tab_of(url, page, query) as tab:
        await tab.until(lambda t: t.runs > 0 or has_picture(t), PATIENCE)
        picture = time.perf_counter() - began if has_picture(tab) else None
        await tab.until(lambda t: t.runs > 0, PATIENCE)
        whole, received = time.perf_counter() - began, tab.received
        began = time.perf_counter()
        await tab.rerun()
        await tab.drawn(PATIENCE)
        again = time.perf_counter() - began
        if problems := tab.errors():
            raise AssertionError(f"{page}?{query}: {problems}")
    return Visit(page, picture, whole, again, received)


@contextlib.asynccontextmanager
async def tab_of(url: str, page: str, query: str) -> AsyncIterator[Client]:
    """A tab that is closed at the end."""
    tab = await open_tab(url, page, query)
    try:
        yield tab
    finally:
        await tab.socket.close()


@contextlib.contextmanager
def serving(folder: Path, runs: int, rounds: int) -> Iterator[Server]:
    """A dashboard over a home of many runs, which is made unless it is there."""
    home = Home(folder / "home")
    os.environ["CU_HOME"] = str(home.root)
    if not home.index.exists():
        make_home(home, runs, rounds)
    with serve(folder) as server:
        yield server


def resident(server: Server) -> float:
    """Resident memory of the server in MB (10⁶ bytes)."""
    return psutil.Process(server.process.pid).memory_info().rss / 1e6
