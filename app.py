"""Launcher: serves the pages behind the door, a health route, and keeps a dispatcher alive while work is queued.

Start with ``streamlit run app.py`` (or ``make app``). The pages' frame is ``pages/_shell.py``; it is
started from here, and not itself, because Streamlit would otherwise serve a page opened by its
address without the frame (a folder named ``pages`` beside the started script has that effect).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cu_core.base.home import default_home, home_in_words
from cu_core.base.version import __version__
from cu_core.jobs.dispatcher import dispatcher_alive, ensure_dispatcher
from cu_core.jobs.submission import work_waiting
from cu_core.runstore.index import unindexed
from cu_core.sharing.door import Door
from pages._frame.login import StreamlitLogin, base_path, server
from pages._frame.served_index import ServedIndex
from pages._frame.warm_up import warm_up

ROOT = Path(__file__).resolve().parent
CHECK_SECONDS = 5.0
# Reading as many from their files takes a noticeable part of a second, on every page.
MOST_UNINDEXED = 50

log = logging.getLogger("unlearnscope")


async def health(_: Request) -> JSONResponse:
    """Answers whether the server is up, and says which home and dispatcher it works with."""
    home = default_home()
    alive = await anyio.to_thread.run_sync(dispatcher_alive, home)
    return JSONResponse({"status": "ok", "version": __version__, "home": str(home.root), "dispatcher": alive})


def keep_dispatcher() -> None:
    """Starts a dispatcher if none lives and runs wait for one, or lists would have to read many runs from files."""
    home = default_home()
    if not dispatcher_alive(home) and (unindexed(home) > MOST_UNINDEXED or work_waiting(home)):
        ensure_dispatcher(home)


async def _watch() -> None:
    while True:
        try:
            await anyio.to_thread.run_sync(keep_dispatcher)
        except Exception:  # the watch must outlive one bad moment such as a full disk
            log.exception("The dispatcher could not be checked")
        await anyio.sleep(CHECK_SECONDS)


def _first_start() -> None:
    try:
        # What reads runs and images takes longer to import than all the rest of the server, and every page needs it.
        # Done here, it happens while the browser fetches the site's own files.
        from cu_core.jobs.demo import welcome  # noqa: PLC0415
        from cu_core.jobs.lesson_delivery import prepare_images  # noqa: PLC0415

        home = default_home().create()
        welcome(home, ROOT / "assets" / "demo")
        prepare_images(home)
    except OSError as error:  # a home that can only be read, say: its runs are shown all the same
        log.warning("The first start could not be prepared: %s", home_in_words(error, default_home()))
    except Exception:  # a demo that cannot be installed must not keep the app from starting
        log.exception("The first start could not be prepared")


def _load_pages() -> None:
    try:
        warm_up()
    except Exception:  # whatever is wrong with one page is said where that page is opened
        log.exception("The pages could not be loaded ahead of their first visit")


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, Any] | None]:
    """Prepares a first start, then watches over the dispatcher; runs outlive the server."""
    # Only a new home keeps its first page waiting, which would show no demos otherwise.
    new = not default_home().runs.is_dir()
    if new:
        await anyio.to_thread.run_sync(_first_start)
    async with anyio.create_task_group() as tasks:
        if not new:
            tasks.start_soon(anyio.to_thread.run_sync, _first_start)
        tasks.start_soon(anyio.to_thread.run_sync, _load_pages)
        tasks.start_soon(_watch)
        try:
            yield None
        finally:
            tasks.cancel_scope.cancel()


# The door is outermost: a route that is added lies behind it without further ado.
app = st.App(
    ROOT / "pages" / "_shell.py",
    routes=[Route("/api/health", health)],
    middleware=[
        Middleware(Door, home=default_home, server=server, login=StreamlitLogin()),
        Middleware(ServedIndex, base=base_path),
    ],
    lifespan=lifespan,
)

if __name__ == "__main__":
    app.run()
