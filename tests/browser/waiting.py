"""How browser tests wait: for the run of the script that an act causes, for a page at rest, for what must become true.

A page is at rest before its server has heard of a click, and once more between two runs of the script. So a test
waits for the effect it is after, or, where there is none to see, for the run of the script (`heard`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from playwright.sync_api import Locator, Page, WebSocket, expect
from playwright.sync_api import TimeoutError as TookTooLong
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

T = TypeVar("T")

# Machines that test are often busy.
PATIENCE_MS = 240_000
QUIET_MS = 400
FRAMES = 8
PICTURES_TRIED = 4
WHOLE = (ForwardMsg.FINISHED_SUCCESSFULLY,)
ANY = (*WHOLE, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)

# Resolves to true once the script rests and no element has moved, come or gone for a while and for some frames.
REST = """async ([quiet, frames, limit]) => {
  const look = () => JSON.stringify([document.querySelectorAll("[data-testid=stSkeleton]").length, scrollX, scrollY,
    ...[...document.querySelectorAll("[data-testid=stElementContainer], canvas, .main-svg")].map((part) => {
      const { x, y, width, height } = part.getBoundingClientRect(); return [x, y, width, height] })])
  const rests = () => document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "notRunning"
    && !document.querySelector("[data-testid=stSkeleton]")
  const end = performance.now() + limit
  let seen = "", since = performance.now(), count = 0
  while (performance.now() < end) {
    // A busy browser may draw nothing for long.
    await new Promise((next) => (requestAnimationFrame(next), setTimeout(next, 1000)))
    const now = look()
    if (now !== seen || !rests()) [seen, since, count] = [now, performance.now(), 0]
    else if (++count >= frames && performance.now() - since >= quiet) return true
  }
  return false
}"""
TWO_FRAMES = """() => new Promise((done) => {
  requestAnimationFrame(() => requestAnimationFrame(() => done(true)))
  setTimeout(() => done(false), 10000) })"""


class Traffic:
    """What a tab and its server have told each other.

    Attributes:
        asked: wishes to run the script that were sent, but for those that a clock sends, as the sidebar's does.
        ended: runs of the script that ended since the last such wish and may be its answer.
    """

    def __init__(self, page: Page) -> None:
        self.asked = self.ended = 0
        self._answers: tuple[Any, ...] = ANY
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framesent", self._note_sent)
        socket.on("framereceived", self._note_received)

    def _note_sent(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            message = BackMsg.FromString(frame)
            if message.WhichOneof("type") == "rerun_script" and not message.rerun_script.is_auto_rerun:
                self.asked, self.ended = self.asked + 1, 0
                # Fragments that a clock runs end meanwhile, too.
                self._answers = ANY if message.rerun_script.fragment_id else WHOLE

    def _note_received(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            message = ForwardMsg.FromString(frame)
            if message.WhichOneof("type") == "script_finished" and message.script_finished in self._answers:
                self.ended += 1


_traffic: WeakKeyDictionary[Page, Traffic] = WeakKeyDictionary()


def asked(page: Page) -> int:
    """How often the tab has asked its server to run the script since it was opened; a clock's wishes do not count."""
    return _traffic[page].asked


def listen(page: Page) -> Page:
    """Notes what a tab and its server tell each other from now on; call it before the tab goes anywhere."""
    _traffic[page] = Traffic(page)
    return page


def settled(page: Page) -> None:
    """Waits until the script rests, and checks that nothing went wrong; says nothing about a click before it."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stException")).to_have_count(0)


@contextmanager
def heard(page: Page) -> Iterator[None]:
    """Waits until the script has run because of what is done inside."""
    traffic = _traffic[page]
    before = traffic.asked
    yield
    until(page, lambda: traffic.asked > before and traffic.ended > 0, "the server has heard of it and is done")
    settled(page)


def quiet(page: Page) -> None:
    """Waits until nothing moves on the page, the script rests, and nothing has been asked for meanwhile."""
    while True:
        before = asked(page)
        at_rest(page, 3 * QUIET_MS)
        if asked(page) == before:
            return


def at_rest(page: Page, milliseconds: int = QUIET_MS) -> None:
    """Waits until the script rests and nothing on the page comes, goes or moves any more."""
    assert page.evaluate(REST, [milliseconds, FRAMES, PATIENCE_MS]), "the page does not come to rest"


def still_box(page: Page, part: Locator) -> dict[str, float]:
    """Where a part of the page lies once nothing moves any more, with `x`, `y`, `width` and `height` in px."""
    part.evaluate("(part) => part.scrollIntoView({ block: 'center' })")
    at_rest(page)
    box = part.bounding_box()
    assert box is not None
    return dict(box)


def picture(shown: Page | Locator, **options: Any) -> bytes:
    """A PNG of a page or of a part of it; asks again where the browser forgets to answer, as a busy one does."""
    for _ in range(PICTURES_TRIED - 1):
        with suppress(TookTooLong):
            return shown.screenshot(timeout=PATIENCE_MS / 6, **options)
    return shown.screenshot(timeout=PATIENCE_MS, **options)


def drawn(page: Page) -> None:
    """Waits until what is known to the page is on the screen."""
    page.evaluate(TWO_FRAMES)


def until(page: Page, holds: Callable[[], Any], what: str) -> None:
    """Waits until a condition holds."""

    def check() -> None:
        assert holds(), f"waited in vain until {what}"

    eventually(page, check)


def eventually(page: Page, check: Callable[[], T]) -> T:
    """What a check returns once its assertions hold; fails as it does where they never do."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > end:
                raise
        page.wait_for_timeout(50)


def nothing_spills(page: Page) -> None:
    """Checks that no chart's text sticks out of it and the page is not wider than the window.

    Charts take their size a moment after they appear.
    """
    page.wait_for_function(f"() => ({SPILLED})().length === 0", timeout=PATIENCE_MS)
    page.wait_for_function("() => document.documentElement.scrollWidth <= window.innerWidth", timeout=PATIENCE_MS)


SPILLED = """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap((c) => {
  const b = c.getBoundingClientRect()
  return [...c.querySelectorAll('text')].filter((t) => { const r = t.getBoundingClientRect(); return r.width &&
    (r.left < b.left - 1 || r.right > b.right + 1 || r.top < b.top - 1 || r.bottom > b.bottom + 1) })
    .map((t) => t.textContent) })"""
