"""How browser tests look into the viewer of drift and move the pointer in it."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page

from cu_core.base.home import Home
from tests.browser.waiting import drawn, eventually, picture
from tests.madeup import MadeUp, write_run

# The component lies in a shadow root; `inspect` is what it tells about its state.
FIND = """
const walk = (root) => {
  for (const part of root.querySelectorAll("*")) {
    if (part.inspect) return part
    const found = part.shadowRoot && walk(part.shadowRoot)
    if (found) return found
  }
}
const board = walk(document)
"""
# What the pictures and curves beside it say that they have lit, and where the first panel has its last round.
LINKED = """() => {
const walk = (root) => {
  for (const part of root.querySelectorAll("*")) {
    if (part.linked) return part
    const found = part.shadowRoot && walk(part.shadowRoot)
    if (found) return found
  }
}
const board = walk(document); const { state, drawnAt, panels, across } = board.linked()
const at = board.querySelector("canvas").getBoundingClientRect(); const panel = panels[0]
return { chosen: [...state.chosen].sort((a, b) => a - b), shown: state.shown().length, drawn: Boolean(drawnAt),
  last: [at.x + across(panel).at(-2), at.y + panel.y, panel.height] } }"""
STATE = f"""() => {{ {FIND} const {{ state, number, shares, drawn, panes }} = board.inspect()
  return {{ number, share: shares.share, drawn, position: state.position, overlay: state.overlay,
    chosen: [...state.chosen].sort((a, b) => a - b), zoom: state.view().zoom, titles: panes.map((p) => p.title),
    matrices: panes.map((p) => [...p.matrix]), hovered: state.hovered?.index ?? null }} }}"""
# Where a sample is drawn, in px of the page.
SPOT = f"""([pane, i]) => {{ {FIND} const {{ panes, spot, points }} = board.inspect()
  const box = points.getBoundingClientRect(); const [x, y] = spot(panes[pane], i); return [box.x + x, box.y + y] }}"""
PLACES = f"([moment]) => {{ {FIND} return [...board.inspect().state.scene.placesAt(moment)] }}"
MIDDLE = f"""(pane) => {{ {FIND} const {{ panes, points }} = board.inspect(); const {{ box }} = panes[pane]
  const at = points.getBoundingClientRect(); return [at.x + box.x + box.width / 2, at.y + box.y + box.height / 2] }}"""
LOSE = f"""(way) => {{ {FIND} const gl = board.inspect().points.getContext('webgl2')
  window.lost ??= gl.getExtension("WEBGL_lose_context"); window.lost[way]() }}"""
CANVASES = (
    f"() => {{ {FIND} return [...board.querySelectorAll('canvas')].filter((c) => c.getContext('webgl2')).length }}"
)


def state(page: Page) -> dict[str, Any]:
    """What the viewer shows, as it says itself."""
    drawn(page)
    found: dict[str, Any] = page.evaluate(STATE)
    return found


def reaches(page: Page, **wanted: Any) -> dict[str, Any]:
    """Waits until the viewer shows something, since machines that test are often busy; fails if it never does."""

    def check() -> dict[str, Any]:
        found = state(page)
        assert {name: found[name] for name in wanted} == wanted
        return found

    return eventually(page, check)


def pointed_at(page: Page, pane: int, sample: int) -> int:
    """Moves the pointer to a sample and returns the one that lies on top there."""
    page.mouse.move(*page.evaluate(SPOT, [pane, sample]))
    page.wait_for_function(f"() => {{ {FIND} return board.inspect().state.hovered }}")
    index: int = state(page)["hovered"]
    return index


def screen(page: Page, spot: Sequence[float], reach: int) -> np.ndarray:
    """(2 reach + 1, 2 reach + 1, 3) colours around a place in px of the page."""
    drawn(page)
    x, y = (round(part) for part in spot)
    clip = {"x": x - reach, "y": y - reach, "width": 2 * reach + 1, "height": 2 * reach + 1}
    return np.asarray(Image.open(io.BytesIO(picture(page, clip=clip))).convert("RGB")).astype(int)  # type: ignore[arg-type]


def pixels(page: Page, pane: int, sample: int, reach: int = 5) -> np.ndarray:
    """The screen around a sample in a pane; the pointer goes away first."""
    page.mouse.move(3, 3)
    return screen(page, page.evaluate(SPOT, [pane, sample]), reach)


def reddish(area: np.ndarray) -> bool:
    """Whether the forget colour is somewhere in it."""
    return bool(((area[..., 0] - area[..., 2] > 90) & (area[..., 0] > area[..., 1] + 40)).any())


def turns_red(page: Page, look: Callable[[], np.ndarray], red: bool = True) -> None:
    """Waits until the forget colour is somewhere in an area that is looked at again and again, or gone from it."""

    def check() -> None:
        assert reddish(look()) is red, "the forget colour is not there" if red else "the forget colour is there"

    eventually(page, check)


def middle_of_forget(page: Page, pane: int) -> np.ndarray:
    """Mean place of the pixels in the forget colour in a pane."""
    picture = screen(page, page.evaluate(MIDDLE, pane), 140)
    is_red = (picture[..., 0] - picture[..., 2] > 90) & (picture[..., 0] > picture[..., 1] + 40)
    return np.argwhere(is_red).mean(0)


def drag(page: Page, corners: list[tuple[float, float]], *keys: str) -> None:
    """Draws with the pressed button through corners in px of the page, with keys held down."""
    for key in keys:
        page.keyboard.down(key)
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=5)
    page.mouse.up()
    for key in keys:
        page.keyboard.up(key)
    drawn(page)


def around(page: Page, pane: int, sample: int, reach: float) -> list[tuple[float, float]]:
    """Corners of a square around a sample."""
    x, y = page.evaluate(SPOT, [pane, sample])
    return [(x + dx * reach, y + dy * reach) for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


def thumb(page: Page, share: float) -> tuple[float, float]:
    """Place of the slider's thumb at a share of its way; the thumb is 16 px wide."""
    box = page.locator(".track input").bounding_box()
    assert box
    return box["x"] + 8 + share * (box["width"] - 16), box["y"] + box["height"] / 2


def growing_run(home: Home, made: MadeUp, aside: Path) -> Path:
    """Puts a run called "growing" into a served home, whole at once: half-written it would be one in the queue."""
    return write_run(Home(aside / "aside").create(), "growing", made).rename(home.runs / "growing")
