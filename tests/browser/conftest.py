"""A headless Chromium and a dashboard for the browser tests."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.browser.waiting import PATIENCE_MS, listen, picture
from tests.served import Server, serve

SCREENSHOTS = Path(__file__).resolve().parent / "screenshots"
# WebGL without a graphics card, by a process that is not ended for being slow: on a busy machine it may well be.
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
FLAGS += ["--disable-gpu-watchdog", "--disable-gpu-process-crash-limit"]
WIDTH, HEIGHT = 1280, 1000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def open_tab(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a tab in a context of its own: nothing is shared with an earlier visit."""
    contexts = []
    stopped: set[str] = set()

    def note(message: ConsoleMessage) -> None:
        # Fonts and pictures may be written out in the address.
        if "Content Security Policy" in message.text and "frame-ancestors" not in message.text:
            stopped.add(re.sub(r"(data:.{40})\S+", r"\1…", message.text))

    def opened(address: str, scheme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = listen(context.new_page())
        page.on("console", note)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert stopped == set(), "the content policy stops something of the dashboard's own"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A fresh server process, which nobody has visited yet."""
    with serve(tmp_path) as running:
        yield running


@pytest.fixture
def shoot() -> Callable[[Page, str], None]:
    """Takes a screenshot for people to look at, where CU_TEST_SCREENSHOTS asks for them."""

    def taken(page: Page, name: str) -> None:
        if os.environ.get("CU_TEST_SCREENSHOTS"):
            SCREENSHOTS.mkdir(exist_ok=True)
            picture(page, path=SCREENSHOTS / f"{name}.png")

    return taken
