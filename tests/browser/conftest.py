"""A headless Chromium and a dashboard for the browser tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.served import Server, serve

SCREENSHOTS = Path(__file__).resolve().parent / "screenshots"
# WebGL without a graphics card.
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
WIDTH, HEIGHT = 1280, 1000
# Machines that test are often busy.
expect.set_options(timeout=30_000)
PATIENCE_MS = 60_000


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

    def opened(address: str, scheme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A fresh server process, which nobody has visited yet."""
    with serve(tmp_path) as running:
        yield running


@pytest.fixture
def shoot() -> Callable[[Page, str], Path]:
    """Takes a screenshot for people to look at."""
    SCREENSHOTS.mkdir(exist_ok=True)

    def taken(page: Page, name: str) -> Path:
        path = SCREENSHOTS / f"{name}.png"
        page.screenshot(path=path)
        return path

    return taken
