"""Small drawings for entries of the glossary: from exact mathematics or made-up points, never from a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.figures.theme import COLOURS, NEUTRAL, TITLE_SIZE, dress, marker, tint
from cu_core.metrics.band import band

_HEIGHT = 220
_FONT = 12
_BEFORE, _AFTER = "dash", "solid"


@dataclass(frozen=True)
class GlossarySketch:
    """One drawing.

    Attributes:
        draw: makes the figure anew, the same every time.
        caption: what is seen, below the figure and for screen readers.
        exact: whether what is drawn is computed from the made-up points; else it is drawn by hand to show an idea.
    """

    draw: Callable[[], go.Figure]
    caption: str
    exact: bool = True

    @property
    def words(self) -> str:
        """The caption with what kind of drawing it is."""
        kind = "Made-up points, computed exactly" if self.exact else "A sketch, not measured"
        return f"{kind}: {self.caption}"


def _scatter(x: np.ndarray, y: np.ndarray, name: str, group: str, **more: object) -> go.Scatter:
    mark = marker(group, size=9)
    return go.Scatter(x=x, y=y, name=name, mode="markers", marker=mark, hoverinfo="skip", **more)


def _line(x: np.ndarray, y: np.ndarray, name: str, colour: str, dash: str = _AFTER) -> go.Scatter:
    style = {"color": colour, "dash": dash, "width": 2}
    return go.Scatter(x=x, y=y, name=name, mode="lines", line=style, hoverinfo="skip")


def _bare(figure: go.Figure) -> go.Figure:
    """Without ticks: what counts are places, not numbers."""
    figure.update_xaxes(showticklabels=False, showgrid=False)
    figure.update_yaxes(showticklabels=False, showgrid=False)
    figure.update_layout(dragmode=False, legend={"font": {"size": _FONT}})
    return dress(figure, height=_HEIGHT, bottom=40)


def row_and_weights() -> go.Figure:
    """A line that was fitted with one row more stays as it is when the row is deleted from the table."""
    x = np.arange(1.0, 9.0)
    y = 1.0 + 0.25 * x + np.array([0.2, -0.1, 0.1, -0.2, 0.15, -0.15, 0.1, 0.0])
    at, height = 7.5, 8.0
    with_row = np.polyfit([*x, at], [*y, height], 1)
    without = np.polyfit(x, y, 1)
    ends = np.array([0.5, 8.5])
    figure = go.Figure(
        [
            _scatter(x, y, "Other rows", "retain"),
            _scatter(np.array([at]), np.array([height]), "The row, deleted", "forget"),
            _line(ends, np.polyval(with_row, ends), "Model, before and after the row is deleted", NEUTRAL),
            _line(ends, np.polyval(without, ends), "Trained without the row", COLOURS["reference"], _BEFORE),
        ]
    )
    return _bare(figure)


def _overlapping(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) points of three classes that overlap, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    middles = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, 1.7]])
    return middles[labels] + rng.normal(0, 0.7, (count, 2)), labels


def _nearest(points: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Label of the nearest point: a model that knows all its samples by heart."""
    distance = ((asked[:, None] - points[None]) ** 2).sum(2)
    found: np.ndarray = labels[distance.argmin(1)]
    return found


def class_and_sample_accuracies() -> dict[str, tuple[float, float, float]]:
    """By what is forgotten: accuracy on it before, in a reference, and that of the reference on unseen samples.

    The model is the nearest neighbour among 900 made-up points of three classes.
    """
    points, labels = _overlapping(0, 900)
    unseen, unseen_labels = _overlapping(1, 3000)
    shown = {}
    for name, forget in (("A class", labels == 2), ("Random samples", np.random.default_rng(2).random(900) < 0.2)):
        stays = ~forget
        asked = np.isin(unseen_labels, labels[stays]) if name == "A class" else np.ones(3000, bool)
        kept, kept_labels = points[stays], labels[stays]
        shown[name] = (
            float((_nearest(points, labels, points[forget]) == labels[forget]).mean()),
            float((_nearest(kept, kept_labels, points[forget]) == labels[forget]).mean()),
            float((_nearest(kept, kept_labels, unseen[asked]) == unseen_labels[asked]).mean()),
        )
    return shown


def class_and_sample() -> go.Figure:
    """Accuracy on forget samples before and in a reference, for a class and for random samples."""
    shown = class_and_sample_accuracies()
    names = list(shown)
    colours = {"Before": tint(COLOURS["forget"], 0.45), "Retrained without them": COLOURS["reference"]}
    figure = go.Figure(
        [
            go.Bar(
                x=names,
                y=[shown[name][place] for name in names],
                name=title,
                marker={"color": colour},
                text=[f"{shown[name][place]:.0%}" for name in names],
                textposition="outside",
                textfont={"size": _FONT},
                cliponaxis=False,
                hoverinfo="skip",
            )
            for place, (title, colour) in enumerate(colours.items())
        ]
    )
    mark = {"symbol": "line-ew", "size": 70, "line": {"width": 3, "color": COLOURS["unseen"]}}
    unseen = [shown[name][2] for name in names]
    figure.add_scatter(x=names, y=unseen, name="On unseen samples", mode="markers", marker=mark, hoverinfo="skip")
    figure.update_yaxes(range=[0, 1.15], tickformat=".0%", title_text="Accuracy")
    figure.update_layout(bargap=0.45, dragmode=False, legend={"font": {"size": _FONT}})
    return dress(figure, height=_HEIGHT)


def retained_neighbours() -> go.Figure:
    """A boundary that is moved until a forget sample lies across takes retain samples with it."""
    rng = np.random.default_rng(3)
    left, right = rng.normal([-1.2, 0], [0.55, 0.6], (24, 2)), rng.normal([1.4, 0], [0.5, 0.6], (24, 2))
    forget = np.array([[-0.75, 0.2]])
    # Left of the boundary is the forget sample's own class. It is moved to just past the forget sample.
    moved = float(forget[0, 0]) - 0.1
    taken = (left[:, 0] > moved) & (left[:, 0] < 0)
    mark = marker("retain", size=15) | {"symbol": "circle-open", "color": NEUTRAL, "line": {"width": 2}}
    ends = np.array([-1.5, 1.5])
    figure = go.Figure(
        [
            _scatter(left[:, 0], left[:, 1], "Retained, same class", "retain"),
            _scatter(right[:, 0], right[:, 1], "Retained, other class", "unseen"),
            _scatter(forget[:, 0], forget[:, 1], "To forget", "forget"),
            go.Scatter(
                x=left[taken, 0],
                y=left[taken, 1],
                name=f"Dragged along ({int(taken.sum())})",
                mode="markers",
                marker=mark,
                hoverinfo="skip",
            ),
            _line(np.zeros(2), ends, "Boundary before", NEUTRAL, _BEFORE),
            _line(np.full(2, moved), ends, "Boundary after", NEUTRAL),
        ]
    )
    # The other class is no group of its own here; its colour is that of a guide.
    figure.data[1].marker.color = tint(NEUTRAL, 0.7)
    return _bare(figure)


def seeds_and_band() -> go.Figure:
    """One reference beside eight, with the band that one more would lie in."""
    values = np.random.default_rng(11).normal(0.86, 0.02, 8)
    level = band(list(values))
    assert level is not None
    low, high = level.mean - level.half, level.mean + level.half
    colour = COLOURS["reference"]
    figure = go.Figure(
        [
            go.Scatter(
                x=[low, high, high, low],
                y=[0.7, 0.7, 1.3, 1.3],
                fill="toself",
                fillcolor=tint(colour, 0.2),
                line={"width": 0},
                mode="lines",
                name="Band: where one more would lie",
                hoverinfo="skip",
            ),
            _scatter(values, np.ones(8), "References, one a seed", "reference"),
            _scatter(values[:1], np.full(1, 2.0), "One reference", "reference", showlegend=False),
            _scatter(np.repeat(level.mean + 0.6 * level.half, 2), np.array([1.0, 2.0]), "Unlearned model", "forget"),
        ]
    )
    figure.update_yaxes(tickvals=[1, 2], ticktext=["Eight seeds", "One seed"], range=[0.4, 2.5], showgrid=False)
    figure.update_xaxes(title_text="Accuracy on forget samples", tickformat=".0%")
    figure.update_layout(dragmode=False, legend={"font": {"size": _FONT}})
    return dress(figure, height=_HEIGHT)


def one_minimum() -> go.Figure:
    """A loss with one minimum, as proofs assume, and one with several."""
    x = np.linspace(-2, 2, 161)
    figure = make_subplots(1, 2, subplot_titles=["What proofs assume", "What networks have"])
    for column, y in ((1, x**2), (2, 0.5 * x**2 + 0.7 * np.cos(5 * x) + 0.25 * np.sin(9 * x))):
        lows = np.flatnonzero((y[1:-1] < y[:-2]) & (y[1:-1] < y[2:])) + 1
        figure.add_trace(_line(x, y, "Loss over a weight", NEUTRAL), 1, column)
        figure.add_trace(_scatter(x[lows], y[lows], "Where training may end", "reference"), 1, column)
    figure.for_each_trace(lambda trace: trace.update(showlegend=trace.xaxis == "x"))
    figure.update_annotations(font={"size": TITLE_SIZE})
    return _bare(figure)


def weight_distance() -> go.Figure:
    """Two weights of a network of two like neurons: swapped, they are far away and the same model."""
    reference, base = np.array([2.0, 0.6]), np.array([1.4, 0.5])
    places = np.array([reference, reference[::-1], base])
    figure = go.Figure(
        [
            _line(places[[0, 2], 0], places[[0, 2], 1], "Near, another model", COLOURS["forget"]),
            _line(places[[0, 1], 0], places[[0, 1], 1], "Far, the same model", COLOURS["reference"], _BEFORE),
            _scatter(places[:2, 0], places[:2, 1], "Reference, and with its neurons swapped", "reference"),
            _scatter(places[2:, 0], places[2:, 1], "Before unlearning", "forget"),
        ]
    )
    figure.update_xaxes(title_text="Weight of neuron 1", range=[0.2, 2.5])
    figure.update_yaxes(title_text="Weight of neuron 2", range=[0.2, 2.5])
    return _bare(figure)


def map_and_space() -> go.Figure:
    """The same places in two rounds, and two maps of them that are turned against each other."""
    rng = np.random.default_rng(5)
    places = np.concatenate([rng.normal(middle, 0.28, (12, 2)) for middle in ([-1, -0.4], [1, -0.4], [0, 1])])
    turn = np.deg2rad(110)
    # Turned and mirrored, which keeps every distance between two points.
    turned = places @ np.array([[np.cos(turn), np.sin(turn)], [np.sin(turn), -np.cos(turn)]])
    figure = make_subplots(1, 2, subplot_titles=["In the space", "On a map of each round"])
    for column, later in ((1, places), (2, turned)):
        steps = np.full((len(places), 3, 2), np.nan)
        steps[:, 0], steps[:, 1] = places, later
        figure.add_trace(
            _line(steps[..., 0].ravel(), steps[..., 1].ravel(), "Drawn motion", tint(NEUTRAL, 0.6)), 1, column
        )
        hollow = marker("retain", before=True, size=9)
        figure.add_trace(
            go.Scatter(x=places[:, 0], y=places[:, 1], mode="markers", marker=hollow, name="Round 0", hoverinfo="skip"),
            1,
            column,
        )
        figure.add_trace(_scatter(later[:, 0], later[:, 1], "Round 1", "retain"), 1, column)
    figure.data[0].showlegend = figure.data[4].showlegend = figure.data[5].showlegend = False
    figure.update_annotations(font={"size": TITLE_SIZE})
    return _bare(figure)


SKETCHES: Mapping[str, GlossarySketch] = {
    "row-and-weights": GlossarySketch(
        row_and_weights,
        "a line fitted with one row more. Deleting the row from the table leaves the line where the row has pulled "
        "it; only training without the row gives the other one.",
    ),
    "class-and-sample": GlossarySketch(
        class_and_sample,
        "accuracy on forgotten samples of a model that knows its samples by heart, and of the same model retrained "
        "without them: about nothing for a class, as on unseen samples for random ones.",
    ),
    "retained-neighbours": GlossarySketch(
        retained_neighbours,
        "a boundary that is moved until the sample to forget lies across takes retained samples of its class with it "
        "(ringed).",
    ),
    "seeds-and-band": GlossarySketch(
        seeds_and_band,
        "beside one reference the unlearned model looks wrong; beside eight it lies where one more reference could.",
    ),
    "one-minimum": GlossarySketch(
        one_minimum,
        "a loss with one minimum, where training always ends at the same place, and one with several, where it does "
        "not.",
        exact=False,
    ),
    "weight-distance": GlossarySketch(
        weight_distance,
        "two weights of a network whose output is the sum of two like neurons. The model before unlearning lies near "
        "the reference and is another function; with its neurons swapped the reference lies far from itself and is "
        "the same.",
    ),
    "map-and-space": GlossarySketch(
        map_and_space,
        "samples that keep their places from round 0 to round 1. A map that is made for each round by itself may be "
        "turned and mirrored: all distances between samples are right, and every sample seems to move.",
    ),
}
"""All drawings by the name that `cu_core.catalogue.glossary.term.Term.picture` has."""
