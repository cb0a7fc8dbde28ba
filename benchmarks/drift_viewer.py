"""How fast the viewer of drift changes its round, against Plotly's frames, in headless Chromium.

    .venv/bin/python -m benchmarks.drift_viewer

Both draw the same made-up samples before, at a round and in a reference: the viewer's own parts outside Streamlit, and
the figure that reports hold (packed float32, frames with coordinates alone). A frame is timed from the change of round
to the moment when the graphics driver has finished drawing it, by reading one pixel back from every canvas; the browser
runs without a limit on its frame rate, so that no waiting for the screen is in it. The viewer moves by a third of a
round, as it does while somebody drags the slider; Plotly can only jump. "First" is the time from opening the page, from
a server on the same machine, to the first frame. WebGL runs in software here.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import json
import os
import platform
import statistics
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import plotly
from playwright.sync_api import Browser, sync_playwright

from benchmarks.scatter_frames import FLAGS, plotly_page
from cu_core.figures.scene import Scene, SceneAxis, SceneSamples, SceneState, pack_scene, read_header
from cu_core.figures.scene_figure import scene_figure
from pages._drift.drift_viewer import PARTS

UNLIMITED = ["--disable-frame-rate-limit", "--disable-gpu-vsync"]
VIEWER_WIDTH, VIEWER_HEIGHT = 1000, 800

TIMES = """async (count) => {
  const times = []
  for (let k = 0; k < count; k++) {
    const start = performance.now()
    await change(k)
    for (const gl of canvases()) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4))
    times.push(performance.now() - start)
  }
  return times
}"""
OWN = """() => {
  const { state, points } = board.inspect()
  const slider = board.querySelector("input")
  window.canvases = () => [points.getContext("webgl2")]
  window.change = (k) => {
    slider.value = (k / 3) % (state.scene.rounds.length - 1)
    slider.oninput()
    return new Promise((done) => requestAnimationFrame(done))
  }
}"""
PLOTLY = """() => {
  const chart = document.querySelector(".js-plotly-plot")
  const { scene, scene2, scene3 } = chart._fullLayout
  const jump = { mode: "immediate", frame: { duration: 0, redraw: true }, transition: { duration: 0 } }
  const deep = [scene, scene2, scene3].filter(Boolean).map(({ _scene }) => _scene.glplot.gl)
  const flat = [...chart.querySelectorAll(".gl-canvas")]
  const drawn = () => flat.map((c) => c.getContext("webgl") ?? c.getContext("webgl2")).filter(Boolean)
  window.canvases = () => (deep.length ? deep : drawn())
  const names = chart._transitionData._frames.map(({ name }) => name)
  window.change = async (k) => {
    await Plotly.animate(chart, [names[k % names.length]], jump)
    await new Promise((done) => requestAnimationFrame(done))
  }
}"""


def made_up(count: int, rounds: int, axes: int, *, equal: bool) -> tuple[Scene, SceneSamples]:
    """A tenth of the samples walks to another place; the others tremble."""
    rng = np.random.default_rng(0)
    states = (
        *(SceneState(f"Round {k}", k) for k in range(rounds)),
        SceneState("Reference (retrained)", None, "reference"),
    )
    group = np.where(np.arange(count) < count // 10, 0, np.where(np.arange(count) < count * 8 // 10, 1, 2))
    label = rng.integers(0, 10, count)
    start = rng.uniform(-8, 8, (10, axes))[label] + rng.normal(size=(count, axes))
    goal = np.where((group == 0)[:, None], rng.uniform(-8, 8, axes), start)
    clouds = [
        (start + share * (goal - start) + 0.02 * rng.normal(size=start.shape)).astype(np.float32)
        for share in [*np.linspace(0, 1, rounds), 1.0]
    ]
    ends = [(float(min(c[:, k].min() for c in clouds)), float(max(c[:, k].max() for c in clouds))) for k in range(axes)]
    titles = tuple(
        SceneAxis(f"Axis {k + 1}", f"Axis {k + 1}", *ends[k], 0.0 if not equal and k == 0 else None)
        for k in range(axes)
    )
    numbers = [rng.normal(size=count).astype(np.float32) for _ in states]
    samples = SceneSamples(
        row=np.arange(count),
        sample=np.arange(count),
        test=group == 2,
        group=group,
        label=label,
        truth=label,
        classes=tuple("0123456789"),
        states=states,
        prediction=[label for _ in states],
        top3_class=[np.zeros((count, 3), int) for _ in states],
        top3=[np.zeros((count, 3)) for _ in states],
        loss=numbers,
        cosine=numbers,
        boundary=numbers,
    )
    return Scene("view", titles, states, clouds, equal=equal), samples


def own_page(scene: bytes, samples: bytes, shown: int) -> str:
    """The viewer outside Streamlit: same parts, same messages."""
    messages = {"scene": scene, "samples": samples}
    data = {
        "memory": "benchmark",
        "run": "benchmark",
        "messages": {name: read_header(message)["stamp"] for name, message in messages.items()},
        "selected": [],
        "revision": 0,
        "shown": shown,
        "alt": "",
    }
    carrier, viewer = (PARTS[name].replace("export default function", "return function") for name in ("message", "js"))
    return f"""<!doctype html><meta charset=utf-8><style>:root {{
      --st-text-color: #1e1e2a; --st-background-color: #ffffff; --st-font: sans-serif; --st-base-radius: 8px;
      --st-border-color: #dadae4; --st-primary-color: #5b4bc4 }} {PARTS["css"]}</style><body>{PARTS["html"]}<script>
      const carry = (() => {{ {carrier} }})()
      const mount = (() => {{ {viewer} }})()
      const board = document.querySelector(".board")
      const fetched = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer())
      Promise.all({json.dumps(list(messages))}.map(fetched)).then((found) => {{
        for (const data of found) carry({{ data, parentElement: {{}} }})
        mount({{ data: {json.dumps(data)}, parentElement: document, setStateValue() {{}} }})
      }})</script>"""


@contextlib.contextmanager
def served(files: dict[str, bytes]) -> Iterator[str]:
    """A web server on this machine with these files; yields its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path.strip("/"), b"")
            self.send_response(200)
            self.send_header(
                "Content-Type", "text/html" if content.startswith(b"<!doctype") else "application/octet-stream"
            )
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def measure(browser: Browser, files: dict[str, bytes], ready: str, setup: str, frames: int) -> str:
    """Cells of a table: milliseconds per frame, and seconds to the first one."""
    page = browser.new_page(viewport={"width": VIEWER_WIDTH, "height": VIEWER_HEIGHT})
    page.set_default_timeout(600_000)
    try:
        with served(files) as address:
            start = time.perf_counter()
            page.goto(f"{address}/page")
            page.wait_for_function(ready)
            first = time.perf_counter() - start
        page.evaluate(setup)
        page.evaluate(TIMES, 3)
        times = page.evaluate(TIMES, frames)
    finally:
        page.close()
    most = np.percentile(times, 90)
    return f"{statistics.median(times):.1f} ms ({min(times):.1f} to {most:.1f} ms) | {first:.1f} s"


def main() -> int:
    """Measures and prints a Markdown table; returns the exit code."""
    parser = argparse.ArgumentParser(description="Frame times of the viewer of drift.")
    parser.add_argument("--sizes", default="5000x10,20000x20", help="samples x rounds, by comma")
    parser.add_argument("--frames", type=int, default=60, help="of the viewer; of Plotly a fifth as many")
    parser.add_argument("--chromium", default="/usr/bin/chromium-headless-shell")
    options = parser.parse_args()
    views = {"map": (2, True), "boundary": (2, False), "space": (3, True)}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=[*FLAGS, *UNLIMITED])
        print(
            f"{os.cpu_count()} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f}, "
            f"Chromium {browser.version}, software WebGL, plotly {plotly.__version__}; three panes"
        )
        print("| samples x rounds | view | drawing | bytes each round | round change: median (best to 90 %) | first |")
        print("| --- | --- | --- | --- | --- | --- |")
        for size in options.sizes.split(","):
            count, rounds = map(int, size.split("x"))
            for view, (axes, equal) in views.items():
                scene, samples = made_up(count, rounds, axes, equal=equal)
                packed = pack_scene(scene, samples.predictions_at(scene.states))
                figure = scene_figure(scene, samples, most=count).to_json() or ""
                details = samples.message
                viewer = own_page(packed, details, rounds - 1).encode()
                drawn = "() => board.inspect?.().frames"
                plotted = "() => document.querySelector('.js-plotly-plot')?._transitionData?._frames.length"
                cases = {
                    "viewer": ({"page": viewer, "scene": packed, "samples": details}, len(packed), drawn, OWN),
                    "Plotly frames": ({"page": plotly_page(figure).encode()}, len(figure), plotted, PLOTLY),
                }
                for name, (files, sent, ready, setup) in cases.items():
                    frames = options.frames if name == "viewer" else max(options.frames // 5, 5)
                    cells = measure(browser, files, ready, setup, frames)
                    each = sent / count / len(scene.states)
                    print(f"| {count:,} x {rounds} | {view} | {name} | {each:.1f} | {cells} |", flush=True)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
