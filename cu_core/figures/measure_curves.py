"""Curves of drift measures over rounds: median and quartiles per group, with the noise between seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.figures.theme import COLOURS, GROUPS, NEUTRAL, SYMBOLS, TITLES, dress, join, round_axis, tint
from cu_core.metrics.drift.drift_measure import MEASURES, QUANTILES
from cu_core.metrics.drift.seed_noise import NoiseBand

COLUMNS = ["round", "group", "measure", "mean", "low", "median", "high"]
TO_REFERENCE = "cka_reference"
"""Measure in a table: linear CKA to the references, which is drawn in the pane of that to round 0."""


def measure_table(manifests: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Recorded measures of drift by round and group.

    Args:
        manifests: of rounds or of references, in any order.

    Returns:
        One row per round, group and measure of `MEASURES` that was recorded: ``round``,
        ``group``, ``measure``, ``mean``, and the quartiles ``low``, ``median``, ``high`` (NaN where there are none,
        as in older runs and for shares and CKA). By round, then group, then measure. References are all of round 0.
    """
    low, median, high = (QUANTILES.index(q) for q in (0.25, 0.5, 0.75))
    rows: list[tuple[Any, ...]] = []
    for manifest in sorted(manifests, key=lambda m: m["round"]):
        for group in GROUPS:
            report = manifest.get("drift", {}).get(group, {})
            for name in MEASURES:
                if report.get(name) is None:
                    continue
                levels = report.get("quantiles", {}).get(name)
                quartiles = (levels[low], levels[median], levels[high]) if levels else (np.nan,) * 3
                rows.append((manifest["round"], group, name, report[name], *quartiles))
    return pd.DataFrame(rows, columns=COLUMNS)


def reference_cka_table(manifests: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Linear CKA of each round to the references, as rows that can be appended to those of `measure_table`.

    Args:
        manifests: of the references.

    Returns:
        Rows with measure `TO_REFERENCE`; ``mean``, ``low`` and ``high`` are mean, lowest and highest over references.
    """
    values: dict[tuple[int, str], list[float]] = {}
    for manifest in manifests:
        found = manifest.get("cka") or {}
        for place, number in enumerate(found.get("rounds", [])):
            for group in GROUPS:
                value = found[group][place]
                if value is not None:
                    values.setdefault((number, group), []).append(value)
    rows = [
        (number, group, TO_REFERENCE, float(np.mean(v)), min(v), float(np.median(v)), max(v))
        for (number, group), v in sorted(values.items(), key=lambda item: (item[0][0], GROUPS.index(item[0][1])))
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def measure_lines(
    table: pd.DataFrame,
    measures: Sequence[str],
    *,
    noise: NoiseBand | None = None,
    references: pd.DataFrame | None = None,
    columns: int = 2,
    height: int = 270,
) -> go.Figure:
    """Measures over rounds: mean as a line with marks, quartiles as a band, one pane per measure.

    Example:
        ``manifests = [view.manifest(k) for k in view.rounds()]``,
        ``retrained = [view.reference_manifest(s) for s in view.references()]``,
        ``table = pd.concat([measure_table(manifests), reference_cka_table(retrained)])`` and
        ``measure_lines(table, ["relative", "boundary"], noise=noise_band(retrained),
        references=measure_table(retrained))``. Below it ``noise.words()``, or `NO_BAND` where there is no band.

    Args:
        table: as `measure_table` makes it, perhaps with the rows of `reference_cka_table`.
        measures: ids of `MEASURES`, in the order of the panes.
        noise: grey band behind the lines: the forget samples' motion between two retrained models. Drawn in panes of
            measures of motion.
        references: as `measure_table` makes it of the references' manifests: band in the reference's colour, the
            forget samples' quartiles there. Drawn in the other panes.
        columns: panes in a row.
        height: px of each row.
    """
    columns = min(columns, max(len(measures), 1))
    rows = max(1, -(-len(measures) // columns))
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[MEASURES[name].title for name in measures],
        horizontal_spacing=0.11 / columns * 2,
        vertical_spacing=0.3 / rows,
    )
    last = max(float(table["round"].max()), 1.0) if len(table) else 1.0
    traces: list[go.Scatter] = []
    places: list[tuple[int, int]] = []
    shown: set[str] = set()

    def add(found: Sequence[go.Scatter], place: tuple[int, int]) -> None:
        for trace in found:
            trace.showlegend = trace.name is not None and trace.name not in shown
            shown.update([trace.name] if trace.name else [])
            traces.append(trace)
            places.append(place)

    by_pane = {key: part for key, part in table.groupby(["measure", "group"], sort=False)}
    for index, name in enumerate(measures):
        place = index // columns + 1, index % columns + 1
        add(_background(name, noise, references, last), place)
        for group in GROUPS:
            if (name, group) in by_pane:
                add(_group_lines(by_pane[name, group], name, group), place)
            if name == "cka" and (TO_REFERENCE, group) in by_pane:
                add([_to_reference(by_pane[TO_REFERENCE, group], group)], place)
        axis = {"title_text": MEASURES[name].axis}
        if name in ("euclidean", "relative", "own_centroid", "other_centroid", "neighbours_changed"):
            axis["rangemode"] = "tozero"
        if name == "neighbours_changed":
            axis["tickformat"] = ".0%"
        figure.update_yaxes(**axis, row=place[0], col=place[1])
    figure.add_traces(traces, rows=[p[0] for p in places], cols=[p[1] for p in places])
    figure.update_xaxes(round_axis(last))
    for index in range(max(0, len(measures) - columns), len(measures)):
        figure.update_xaxes(title_text="Round (0 = before)", row=index // columns + 1, col=index % columns + 1)
    if "boundary" in measures:
        index = list(measures).index("boundary")
        line = {"color": NEUTRAL, "width": 1, "dash": "dash"}
        figure.add_hline(y=0, line=line, row=index // columns + 1, col=index % columns + 1)
    return dress(figure, height=rows * height)


def measure_lines_alt(table: pd.DataFrame, measures: Sequence[str]) -> str:
    """The last round's means in words."""
    own = table[table["measure"].isin(list(measures))]
    if own.empty:
        return "No measure of drift has been recorded yet."
    last = int(own["round"].max())
    own = own[own["round"] == last]
    parts = [
        f"{MEASURES[name].title[:1].lower()}{MEASURES[name].title[1:]}: "
        + join([f"{row.group} {row.mean:.3f}" for row in part[["group", "mean"]].itertuples()])
        for name in measures
        if len(part := own[own["measure"] == name])
    ]
    return f"Means after round {last}. {'; '.join(parts)}."


def _background(name: str, noise: NoiseBand | None, references: pd.DataFrame | None, last: float) -> list[go.Scatter]:
    """What the rounds are held against in a pane."""
    measure = MEASURES[name]
    if measure.motion:
        found = noise.middle("forget", name) if noise else None
        title, colour = "Two seeds differ by (forget)", NEUTRAL
    else:
        found, title, colour = None, "Reference (forget)", COLOURS["reference"]
        if references is not None:
            own = references[(references["measure"] == name) & (references["group"] == "forget")]
            levels = own[["low", "median", "high"]].mean()
            found = (levels["low"], levels["median"], levels["high"]) if len(own) and levels.notna().all() else None
    if found is None:
        return []
    low, median, high = found
    ends = [-0.3, last + 0.3]
    words = "quartiles" if measure.spread else "lowest and highest"
    return [
        go.Scatter(
            x=ends + ends[::-1],
            y=[low, low, high, high],
            fill="toself",
            fillcolor=tint(colour, 0.22),
            line={"width": 0},
            mode="lines",
            name=title,
            legendgroup=title,
            hoverinfo="skip",
        ),
        go.Scatter(
            x=ends,
            y=[median, median],
            mode="lines",
            line={"color": tint(colour, 0.9), "width": 1.2, "dash": "dash"},
            legendgroup=title,
            hovertemplate=f"{title}<br>middle %{{y:.4f}}, {words} {low:.4f} and {high:.4f}<extra></extra>",
        ),
    ]


def _group_lines(own: pd.DataFrame, name: str, group: str) -> list[go.Scatter]:
    colour = COLOURS[group]
    rounds = own["round"].to_numpy()
    band = own.dropna(subset=["low", "high"])
    traces = []
    if len(band):
        forth = band["round"].to_numpy()
        traces.append(
            go.Scatter(
                x=np.concatenate([forth, forth[::-1]]),
                y=np.concatenate([band["low"], band["high"].to_numpy()[::-1]]),
                fill="toself",
                fillcolor=tint(colour, 0.16),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                legendgroup=group,
            )
        )
    hover = f"{TITLES[group]}, round %{{x}}<br>mean %{{y:.4f}}"
    if len(band):
        hover += "<br>median %{customdata[1]:.4f}, quartiles %{customdata[0]:.4f} and %{customdata[2]:.4f}"
    traces.append(
        go.Scatter(
            x=rounds,
            y=own["mean"].to_numpy(),
            mode="lines+markers",
            name=TITLES[group],
            legendgroup=group,
            line={"color": colour, "width": 2},
            marker={
                "symbol": [f"{SYMBOLS[group]}-open" if k == 0 else SYMBOLS[group] for k in rounds],
                "size": 7,
                "color": colour,
            },
            customdata=own[["low", "median", "high"]].to_numpy(),
            hovertemplate=hover + "<extra></extra>",
        )
    )
    return traces


def _to_reference(own: pd.DataFrame, group: str) -> go.Scatter:
    return go.Scatter(
        x=own["round"].to_numpy(),
        y=own["mean"].to_numpy(),
        mode="lines",
        name="CKA to the reference",
        legendgroup="cka-reference",
        line={"color": COLOURS[group], "width": 1.5, "dash": "dot"},
        customdata=own[["low", "high"]].to_numpy(),
        hovertemplate=f"{TITLES[group]}, round %{{x}}<br>CKA to the reference %{{y:.4f}} "
        "(%{customdata[0]:.4f} to %{customdata[1]:.4f} over references)<extra></extra>",
    )
