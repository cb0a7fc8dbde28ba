"""How long a selection takes from the end of the gesture until every chart of the Drift page has lit it.

    python -m benchmarks.linked_selection

A made-up run stands on a real dashboard in headless Chromium, whose WebGL runs in software. A lasso is drawn in the
viewer, or a range of values is dragged over in a curve; the time runs from the event that ends the gesture to the end
of the frame in which the last of viewer, pictures and curves has drawn the same samples. Beside it stands when the
server's answer has been taken in: text and table follow then, as all charts did before.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.scatter_frames import FLAGS
from tests.madeup import MadeUp, write_run
from tests.served import serve

PATIENCE_MS = 120_000
COUNTS = (60, 400, 180)
# Both components lie in shadow roots; `inspect` and `linked` are what they tell about themselves.
FIND = """
const find = (root, name) => {
  for (const part of root.querySelectorAll("*")) {
    if (part[name]) return part
    const found = part.shadowRoot && find(part.shadowRoot, name)
    if (found) return found
  }
}
const viewer = () => find(document, "inspect"), linked = () => find(document, "linked")
"""
READY = f"() => {{ {FIND} return viewer()?.inspect().frames && linked()?.linked().drawnAt }}"
# Waits for the end of a gesture, then for the frames in which both have drawn the same new selection.
WATCH = f"""() => {{ {FIND}
  const app = document.querySelector("[data-testid=stApp]")
  const [seen, told] = [viewer().inspect, linked().linked]
  const before = JSON.stringify([...seen().state.chosen].sort())
  window.measured = new Promise((done) => window.addEventListener("pointerup", (event) => {{
    const start = event.timeStamp
    const look = () => {{
      const [shown, drawn] = [seen(), told()]
      const [first, second] = [shown, drawn].map(({{ state }}) => JSON.stringify([...state.chosen].sort()))
      const same = first !== before && first === second
      if (!same || Math.min(shown.drawnAt, drawn.drawnAt) < start) return requestAnimationFrame(look)
      const lit = Math.max(shown.drawnAt, drawn.drawnAt) - start
      let ran = false
      const wait = () => {{
        ran ||= app.dataset.testScriptState === "running"
        if (!ran || app.dataset.testScriptState === "running") return requestAnimationFrame(wait)
        done({{ lit, server: performance.now() - start, chosen: shown.state.chosen.size }})
      }}
      wait()
    }}
    requestAnimationFrame(look)
  }}, {{ once: true, capture: true }}))
}}"""
PANE = f"""() => {{ {FIND} const {{ panes, points }} = viewer().inspect(); const {{ box }} = panes[1]
  const at = points.getBoundingClientRect(); return [at.x + box.x, at.y + box.y, box.width, box.height] }}"""
CURVE = f"""() => {{ {FIND} const board = linked(); const {{ panels, across }} = board.linked()
  const at = board.querySelector("canvas").getBoundingClientRect(); const panel = panels[0]
  return [at.x + across(panel)[0], at.y + panel.y, panel.height] }}"""


def lasso(page: Page, share: float) -> dict[str, Any]:
    """Draws around the left part of the round's pane; what was measured."""
    x, y, width, height = page.evaluate(PANE)
    right = x + share * width
    page.evaluate(WATCH)
    page.mouse.move(x + 1, y + 1)
    page.mouse.down()
    for corner in ((right, y + 1), (right, y + height - 1), (x + 1, y + height - 1)):
        page.mouse.move(*corner, steps=4)
    page.mouse.up()
    return dict(page.evaluate("() => window.measured"))


def brush(page: Page, share: float) -> dict[str, Any]:
    """Drags over the upper part of a curve with Shift, which adds from all samples; what was measured."""
    x, y, height = page.evaluate(CURVE)
    page.evaluate(WATCH)
    page.keyboard.down("Shift")
    page.mouse.move(x, y + 1)
    page.mouse.down()
    page.mouse.move(x, y + share * height, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    return dict(page.evaluate("() => window.measured"))


def report(words: str, found: list[dict[str, Any]]) -> None:
    """Prints a line of the table."""
    lit, server = ([one[name] for one in found] for name in ("lit", "server"))
    sizes = [one["chosen"] for one in found]
    print(
        f"| {words} | {min(sizes):,} to {max(sizes):,} | {statistics.median(lit):.0f} ms ({min(lit):.0f} to "
        f"{max(lit):.0f}) | {statistics.median(server):.0f} ms ({min(server):.0f} to {max(server):.0f}) | "
        f"{len(found)} |",
        flush=True,
    )


def main() -> int:
    """Measures and prints a Markdown table; returns the exit code."""
    parser = argparse.ArgumentParser(description="Time from a selection to the lit charts.")
    parser.add_argument("--times", type=int, default=9, help="gestures of each kind")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--chromium", default="/usr/bin/chromium-headless-shell")
    options = parser.parse_args()
    print(
        f"{os.cpu_count()} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f}, software WebGL; "
        f"{sum(COUNTS)} samples, {options.rounds} rounds"
    )
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as server, sync_playwright() as playwright:
        write_run(server.home, "linked", MadeUp(counts=COUNTS, channels=3, rounds=options.rounds))
        browser = playwright.chromium.launch(executable_path=options.chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{server.url}/drift?run=linked")
        page.wait_for_function(READY)
        page.wait_for_timeout(3000)
        page.get_by_role("button", name="Lasso").click()
        print("| gesture | samples selected | lit in all charts: median (least to most) | server's answer | n |")
        print("| --- | --- | --- | --- | --- |")
        shares = itertools.cycle([0.5, 0.97, 0.3, 0.8])
        report("lasso in the viewer", [lasso(page, next(shares)) for _ in range(options.times)])
        found = []
        for _ in range(options.times):
            lasso(page, 0.2)
            found.append(brush(page, 0.6))
        report("range in a curve", found)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
