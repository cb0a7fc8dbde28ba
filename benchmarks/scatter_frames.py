"""How smoothly the signal space turns and scrubs: 5,000 samples of each group in three panes, in headless Chromium.

    .venv/bin/python -m benchmarks.scatter_frames

Compared in the same run are the page's own scatter and Plotly's `scatter3d` with linked cameras, once as one would
write it at first (lists of numbers and a hover text per point) and once with packed float32 and no text. All three show
the same made-up values before, at a round and in a reference, with eleven rounds to scrub through. A frame is timed
from the change (camera or round) to the moment when the graphics driver has finished drawing it, by reading one pixel
back from every canvas, so that no work is hidden in another process; it holds two screen refreshes of waiting. Beside
it stand the processor time of all browser processes per frame, which other work on the machine hardly changes, and the
time that the page's thread spends in JavaScript, which is what is left where there is a graphics card.
WebGL runs in software here, as it does in the tests.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly
import plotly.graph_objects as go
import psutil
from playwright.sync_api import Browser, sync_playwright
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from cu_core.figures.signal_cloud import choose_drawn, pack, pack_groups, pack_space, signal_space, space_alt
from cu_core.figures.theme import COLOURS, GROUPS, SYMBOLS
from pages._signals.signal_board import PARTS

FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
REFERENCE = "Reference (retrained)"

TIMES = """async ([what, count]) => {
  const times = []
  for (let k = 0; k < count; k++) {
    const start = performance.now()
    await change[what](k)
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
    for (const gl of canvases()) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4))
    times.push(performance.now() - start)
  }
  return times
}"""
OWN = """() => {
  const { share } = board.inspect()
  const slider = board.querySelector("input")
  for (const key of board.querySelectorAll(".key[aria-pressed=false]")) key.click()
  window.canvases = () => [...board.querySelectorAll("canvas:not(.cover)")].map((c) => c.getContext("webgl2"))
  window.change = { turn: () => share.turn(0.05, 0), scrub: (k) => { slider.value = k; slider.oninput() } }
}"""
PLOTLY = """() => {
  const chart = document.querySelector(".js-plotly-plot")
  const names = ["scene", "scene2", "scene3"]
  const jump = { mode: "immediate", frame: { duration: 0, redraw: true }, transition: { duration: 0 } }
  const turn = (k) => {
    const eye = { x: 1.8 * Math.cos(0.05 * k), y: 1.8 * Math.sin(0.05 * k), z: 0.9 }
    return Plotly.relayout(chart, Object.fromEntries(names.map((name) => [`${name}.camera.eye`, eye])))
  }
  window.canvases = () => names.map((name) => chart._fullLayout[name]._scene.glplot.gl)
  window.change = { turn, scrub: (k) => Plotly.animate(chart, [String(k)], jump) }
}"""


def made_up(samples: int, rounds: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Group names and (n, 3) signals of all rounds and the reference; forget samples move towards the unseen ones."""
    rng = np.random.default_rng(0)
    groups = np.repeat(GROUPS, samples)
    member = np.isin(groups, ["forget", "retain"])
    forget = groups == "forget"
    clouds = []
    for progress in [*np.linspace(0, 1, rounds), 1.0]:
        known = member * (1 - progress * forget)
        probability = rng.beta(2 + 10 * known, 2)
        cosine = np.clip(0.6 + 0.3 * known + 0.1 * rng.normal(size=len(groups)), -1, 1)
        loss = -np.log(probability) * rng.uniform(0.7, 1.3, len(groups))
        clouds.append(np.column_stack([probability, cosine, loss]).astype(np.float32))
    return groups, clouds


def own_data(groups: np.ndarray, clouds: list[np.ndarray]) -> dict[str, Any]:
    """What the page sends to the browser, without images."""
    rows = choose_drawn(groups, len(clouds), most=len(groups))
    label = np.zeros(len(rows), np.int16)
    titles = [f"Round {k}" for k in range(len(clouds) - 1)] + [REFERENCE]
    return {
        "stamp": "benchmark",
        "flat": False,
        "log": True,
        "moments": titles,
        "reference": len(titles) - 1,
        "reference_colour": COLOURS["reference"],
        "shown": 0,
        "spaces": [pack_space(signal_space(False, "Cross-entropy (nats)"), [cloud[rows] for cloud in clouds])],
        "groups": pack_groups(groups[rows]),
        "rows": pack(rows.astype(np.int32)),
        "sample": pack(rows.astype(np.int32)),
        "test": pack(np.zeros(len(rows), np.uint8)),
        "label": pack(label),
        "truth": pack(label),
        "predicted": [pack(label) for _ in clouds],
        "classes": ["zero"],
        "selected": [],
        "png": None,
        "columns": 1,
        "alt": space_alt(groups[rows], titles, ["Probability, similarity and loss"]),
    }


def own_page(data: dict[str, Any]) -> str:
    """The component outside Streamlit: same parts, same data."""
    script = PARTS["js"].replace("export default function", "function mount")
    return (
        f"<!doctype html><meta charset=utf-8><style>{PARTS['css']}</style><body>{PARTS['html']}"
        f"<script>{script}\nconst board = document.querySelector('.board')\n"
        f"mount({{ data: {json.dumps(data)}, parentElement: document, setStateValue() {{}} }})</script>"
    )


def plotly_figure(groups: np.ndarray, clouds: list[np.ndarray], *, packed: bool) -> str:
    """The same as a Plotly figure with a frame per round, as JSON."""

    def points(cloud: np.ndarray, group: str) -> dict[str, Any]:
        rows = np.flatnonzero(groups == group)
        columns = dict(zip("xyz", cloud[rows].T, strict=True))
        if packed:
            return columns
        text = [
            f"{group} sample {row}<br>probability {p:.3f}<br>cosine {c:.3f}<br>loss {value:.3f}"
            for row, (p, c, value) in zip(rows, cloud[rows], strict=True)
        ]
        return {name: column.tolist() for name, column in columns.items()} | {"hovertext": text, "hoverinfo": "text"}

    figure = make_subplots(rows=1, cols=3, specs=[[{"type": "scene"}] * 3], horizontal_spacing=0.01)
    for pane, cloud in enumerate((clouds[0], clouds[0], clouds[-1])):
        for group in GROUPS:
            look = {"symbol": SYMBOLS[group], "color": COLOURS[group], "size": 2.6, "opacity": 0.8}
            figure.add_trace(go.Scatter3d(**points(cloud, group), mode="markers", marker=look), row=1, col=pane + 1)
    moving = [3, 4, 5]
    figure.frames = [
        go.Frame(name=str(k), traces=moving, data=[go.Scatter3d(points(cloud, group)) for group in GROUPS])
        for k, cloud in enumerate(clouds[:-1])
    ]
    return str(figure.update_scenes(zaxis_type="log", aspectmode="cube").update_layout(height=330).to_json())


def plotly_page(figure: str) -> str:
    """A page with that figure."""
    return (
        f"<!doctype html><meta charset=utf-8><body><div class=chart></div><script>{get_plotlyjs()}</script><script>"
        f"const figure = {figure}\nconst ready = Plotly.newPlot(document.querySelector('.chart'), figure)"
        ".then((chart) => Plotly.addFrames(chart, figure.frames))</script>"
    )


def cpu_seconds() -> float:
    """Processor time that the browser and its driver have used so far."""
    children = psutil.Process().children(recursive=True)
    return sum(sum(child.cpu_times()[:2]) for child in children)


def measure(browser: Browser, content: str, wait: str, setup: str, counts: Mapping[str, int]) -> list[str]:
    """Cells of a table for turning and scrubbing: milliseconds per frame, of the processor and of JavaScript."""
    page = browser.new_page(viewport={"width": 860, "height": 700})
    page.set_default_timeout(600_000)
    cells = []
    tools = page.context.new_cdp_session(page)
    tools.send("Performance.enable")

    def script_seconds() -> float:
        return next(
            m["value"] for m in tools.send("Performance.getMetrics")["metrics"] if m["name"] == "ScriptDuration"
        )

    try:
        page.set_content(content)
        page.wait_for_function(wait)
        page.evaluate(setup)
        for what, count in counts.items():
            page.evaluate(TIMES, [what, 3])
            before = cpu_seconds(), script_seconds()
            times = page.evaluate(TIMES, [what, count])
            used, script = (
                1000 * (after - b) / count for after, b in zip((cpu_seconds(), script_seconds()), before, strict=True)
            )
            took = f"{statistics.median(times):.0f} ms ({np.percentile(times, 95):.0f} ms)"
            cells.append(f"{took} | {used:.0f} ms | {script:.1f} ms")
    finally:
        page.close()
    return cells


def main() -> int:
    """Measures and prints a Markdown table; returns the exit code."""
    parser = argparse.ArgumentParser(description="Frame times of the signal space.")
    parser.add_argument("--samples", type=int, default=5000, help="of each of the three groups")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--frames", type=int, default=40, help="of turning")
    parser.add_argument("--chromium", default="/usr/bin/chromium-headless-shell")
    options = parser.parse_args()
    groups, clouds = made_up(options.samples, options.rounds)
    data = own_data(groups, clouds)
    ready = "() => document.querySelector('.js-plotly-plot')?._fullLayout?.scene3?._scene?.glplot"
    drawn = "() => board.inspect().charts[0]?.panes.length"
    cases = {"this page": (own_page(data), len(json.dumps(data)), drawn, OWN)}
    for name, packed in (("Plotly, lists and hover text", False), ("Plotly, packed float32", True)):
        figure = plotly_figure(groups, clouds, packed=packed)
        cases[name] = (plotly_page(figure), len(figure), ready, PLOTLY)
    counts = {"turn": options.frames, "scrub": options.rounds}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=FLAGS)
        print(
            f"{os.cpu_count()} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f}, "
            f"Chromium {browser.version}, software WebGL, plotly {plotly.__version__}; "
            f"3 panes of 3 x {options.samples:,} points, {options.rounds} rounds"
        )
        print(
            "| drawing | payload | turning: median (95 %) | processor | script "
            "| scrubbing: median (95 %) | processor | script |"
        )
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for name, (content, size, wait, setup) in cases.items():
            cells = measure(browser, content, wait, setup, counts)
            print(f"| {name} | {size / 1e6:.1f} MB | {' | '.join(cells)} |", flush=True)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
