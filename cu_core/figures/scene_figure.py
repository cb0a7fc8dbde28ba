"""A scene as a Plotly figure: in reports, and in browsers that cannot draw the viewer."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.figures.scene import Scene, SceneAxis, SceneSamples, drawn_axes
from cu_core.figures.scrubber import add_scrubber
from cu_core.figures.theme import GRID, GROUPS, NEUTRAL, TITLES, class_name, dress, legend_rows, marker, reference_title
from cu_core.figures.thinning import MOST_POINTS, choose_points

FEWER = 2000
"""Samples that are drawn without WebGL, where each mark is an element of the page."""


def scene_figure(
    scene: Scene,
    samples: SceneSamples,
    *,
    shown: int | None = None,
    webgl: bool = True,
    most: int = MOST_POINTS,
    height: int = 380,
) -> go.Figure:
    """Panes "before", "round k" with a slider over all rounds, and each reference, on the same fixed axes.

    Every trace of a group lists the same samples in the same order, with the row of the probe as custom data. Frames
    hold coordinates alone, so that the file grows by 4 bytes per sample, axis and round.

    Args:
        scene: of two or three axes.
        samples: of the scene, in the same order.
        shown: number of the round that is shown first; by default the last.
        webgl: without it, samples are drawn as plain marks and on the first two axes.
        most: samples that are drawn; without WebGL at most `FEWER`.
        height: px of the panes.

    Raises:
        ValueError: the scene has no such round.
    """
    rounds = [index for index, state in enumerate(scene.states) if state.kind == "round"]
    numbers = [_number(scene, index) for index in rounds]
    first = numbers[-1] if shown is None else shown
    panes = [rounds[0], rounds[numbers.index(first)]]
    panes += [index for index, state in enumerate(scene.states) if state.kind == "reference"]
    deep = webgl and len(scene.axes) == 3
    axes = drawn_axes(scene)[: 3 if deep else 2]
    names = np.asarray(GROUPS)[samples.group]
    kept = choose_points(names, most if webgl else min(most, FEWER))
    # Retain first, so that the few forget samples lie on top.
    rows_of = {group: kept[names[kept] == group] for group in reversed(GROUPS)}
    rows_of = {group: rows for group, rows in rows_of.items() if len(rows)}
    figure = make_subplots(
        rows=1,
        cols=len(panes),
        specs=[[{"type": "scene" if deep else "xy"}] * len(panes)],
        subplot_titles=[_pane_title(scene, index) for index in panes],
        horizontal_spacing=0.03,
    )
    size = (2.4 if deep else 4.5) if len(kept) > 1000 else (3.4 if deep else 7.0)
    kind = go.Scatter3d if deep else go.Scattergl if webgl else go.Scatter
    for pane, index in enumerate(panes):
        for group, rows in rows_of.items():
            trace = kind(
                **_coordinates(scene, index, rows, axes),
                mode="markers",
                marker=_marker(group, pane == 0, size, deep),
                name=f"{TITLES[group]} (n = {int((names == group).sum()):,})",
                legendgroup=group,
                legendrank=GROUPS.index(group) + 1,
                showlegend=pane == 1,
                customdata=samples.row[rows],
                text=_who(samples, rows),
                hovertemplate="%{text}<extra></extra>",
            )
            figure.add_trace(trace, row=1, col=pane + 1)
    moving = list(range(len(rows_of), 2 * len(rows_of)))
    captions = [annotation.to_plotly_json() for annotation in figure.layout.annotations]
    figure.frames = [
        go.Frame(
            name=str(number),
            traces=moving,
            data=[kind(_coordinates(scene, index, rows, axes)) for rows in rows_of.values()],
            layout={
                "annotations": [
                    caption | ({"text": _pane_title(scene, index)} if k == 1 else {})
                    for k, caption in enumerate(captions)
                ]
            },
        )
        for number, index in zip(numbers, rounds, strict=True)
    ]
    _fix_cubes(figure, axes) if deep else _fix_axes(figure, axes, len(panes), scene.equal)
    if len(numbers) > 1:
        add_scrubber(figure, numbers, first)
    legend = [trace.name for trace in figure.data if trace.showlegend]
    return dress(figure, height=height + 120, bottom=120, top=50 + 24 * legend_rows(legend))


def _number(scene: Scene, index: int) -> int:
    number = scene.states[index].number
    if number is None:
        raise ValueError("a round without a number")
    return number


def _pane_title(scene: Scene, index: int) -> str:
    state = scene.states[index]
    return reference_title(state.title) if state.kind == "reference" else f"<b>{state.title}</b>"


def _coordinates(scene: Scene, index: int, rows: np.ndarray, axes: tuple[SceneAxis, ...]) -> dict[str, np.ndarray]:
    cloud = scene.coordinates[index][rows].astype(np.float32)
    return {"xyz"[k]: np.clip(cloud[:, k], axis.low, axis.high) for k, axis in enumerate(axes)}


def _marker(group: str, before: bool, size: float, deep: bool) -> dict[str, Any]:
    look: dict[str, Any] = dict(marker(group, before=before, size=size))
    if deep and look["symbol"] == "x-open":
        # Plotly has no hollow cross in space; the thinner look has to do.
        look["symbol"] = "cross"
    return look


def _who(samples: SceneSamples, rows: np.ndarray) -> list[str]:
    words = []
    for row in rows:
        label, truth = (class_name(samples.classes, int(kind[row])) for kind in (samples.label, samples.truth))
        named = f"class {label}" if label == truth else f"labelled {label}, truly {truth}"
        split = "test" if samples.test[row] else "train"
        words.append(f"{TITLES[GROUPS[samples.group[row]]]} · {split} sample {samples.sample[row]}<br>{named}")
    return words


def _fix_axes(figure: go.Figure, axes: tuple[SceneAxis, ...], panes: int, equal: bool) -> None:
    across, upward = axes
    for pane in range(1, panes + 1):
        suffix = "" if pane == 1 else str(pane)
        square = {"scaleanchor": f"x{suffix}", "scaleratio": 1, "constraintoward": "top"} if equal else {}
        line = {"showline": True, "linecolor": GRID, "mirror": True, "nticks": 6, "constrain": "domain"}
        figure.update_xaxes(
            line | {"range": _range(across), "title_text": across.title, "matches": None if pane == 1 else "x"},
            row=1,
            col=pane,
        )
        figure.update_yaxes(
            line | square | {"range": _range(upward), "showticklabels": pane == 1}
            | ({"title_text": upward.title} if pane == 1 else {"matches": "y"}),
            row=1,
            col=pane,
        )  # fmt: skip
        guide = {"line": {"color": NEUTRAL, "width": 1, "dash": "dash"}, "row": 1, "col": pane}
        if across.mark is not None:
            figure.add_vline(across.mark, **guide)
        if upward.mark is not None:
            figure.add_hline(upward.mark, **guide)
    figure.update_annotations(yshift=5)


def _fix_cubes(figure: go.Figure, axes: tuple[SceneAxis, ...]) -> None:
    named = zip(("xaxis", "yaxis", "zaxis"), axes, strict=True)
    figure.update_scenes(
        aspectmode="cube",
        **{
            name: {"range": _range(axis), "title": {"text": axis.short}, "gridcolor": GRID, "showbackground": False}
            for name, axis in named
        },
    )


def _range(axis: SceneAxis) -> list[float]:
    room = 0.03 * (axis.high - axis.low)
    return [axis.low - room, axis.high + room]
