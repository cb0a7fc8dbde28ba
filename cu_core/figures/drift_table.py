"""How far samples really moved: full-space numbers per round, as a table and as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cu_core.figures.theme import COLOURS, GROUPS, SYMBOLS, TITLES, dress, join, tint

MEASURES: dict[str, str] = {
    "cosine": "Cosine to own round-0 embedding",
    "euclidean": "Distance from own round-0 embedding",
}
"""Displacement measures of a manifest's ``drift`` and what they mean; both without unit."""

ARRAYS: dict[str, str] = {"cosine": "cosine_to_start", "euclidean": "moved"}
"""Per-sample array of a round behind each measure."""


def drift_table(manifests: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Mean displacement from round 0 in the full embedding space.

    Args:
        manifests: of the rounds, in any order.

    Returns:
        One row per round and group: ``round``, ``group``, ``cosine``, ``euclidean`` (NaN where not
        recorded), by round, groups in their usual order.
    """
    rows = [
        {"round": manifest["round"], "group": group}
        | {measure: manifest.get("drift", {}).get(group, {}).get(measure) for measure in MEASURES}
        for manifest in sorted(manifests, key=lambda m: m["round"])
        for group in GROUPS
    ]
    table = pd.DataFrame(rows, columns=["round", "group", *MEASURES])
    return table.astype({measure: float for measure in MEASURES})


def wide_table(table: pd.DataFrame) -> pd.DataFrame:
    """`drift_table` with one row per round and one column per measure and group, e.g. ``cosine forget``."""
    wide = table.pivot(index="round", columns="group", values=list(MEASURES))
    wide.columns = [f"{measure} {group}" for measure, group in wide.columns]
    return wide[[f"{measure} {group}" for measure in MEASURES for group in GROUPS]].reset_index()


def quartiles(groups: np.ndarray, values: Mapping[str, np.ndarray], round_number: int) -> list[dict[str, Any]]:
    """Median and quartiles of each group's displacement in one round.

    Args:
        groups: (n,) group names.
        values: measure to (n,) displacement; NaN is left out.
        round_number: put into the rows.

    Returns:
        Rows with ``round``, ``group``, ``measure``, ``low``, ``median``, ``high``, ``n``; groups without
        any value are left out.
    """
    rows = []
    for measure, array in values.items():
        for group in GROUPS:
            inside = array[groups == group]
            inside = inside[np.isfinite(inside)]
            if len(inside):
                low, median, high = np.percentile(inside.astype(np.float64), [25, 50, 75])
                rows.append(
                    {"round": round_number, "group": group, "measure": measure}
                    | {"low": low, "median": median, "high": high, "n": len(inside)}
                )
    return rows


def drift_lines(table: pd.DataFrame, bands: pd.DataFrame, *, height: int = 290) -> go.Figure:
    """Displacement over rounds: mean as a line, median dotted, quartiles as a band.

    Args:
        table: as `drift_table` makes it.
        bands: rows as `quartiles` makes them, over all rounds; may be empty.
        height: px of the panes.
    """
    figure = make_subplots(rows=1, cols=len(MEASURES), subplot_titles=list(MEASURES.values()), horizontal_spacing=0.08)
    for column, measure in enumerate(MEASURES, start=1):
        for group in GROUPS:
            own = table[table["group"] == group].dropna(subset=[measure])
            band = bands[(bands["group"] == group) & (bands["measure"] == measure)] if len(bands) else bands
            if own.empty:
                continue
            count = f" (n = {int(band['n'].max()):,})" if len(band) else ""
            for trace in _lines(own, band, measure, group, f"{TITLES[group]}{count}", showlegend=column == 1):
                figure.add_trace(trace, row=1, col=column)
    last = max(float(table["round"].max()), 1.0) if len(table) else 1.0
    figure.update_xaxes(title_text="Round (0 = before)", range=[-0.3, last + 0.3], tickformat="d", nticks=10)
    if last <= 12:
        figure.update_xaxes(dtick=1 if last <= 6 else 2)
    figure.update_yaxes(title_text="Cosine (1 = did not turn)", row=1, col=1)
    figure.update_yaxes(title_text="Euclidean distance (0 = did not move)", rangemode="tozero", row=1, col=2)
    figure.update_annotations(font_size=13)
    return dress(figure, height=height)


def drift_lines_alt(table: pd.DataFrame) -> str:
    """The last round's displacement in words."""
    if table.empty:
        return "No round has been recorded yet."
    last = table[table["round"] == table["round"].max()].dropna(subset=["cosine"])
    parts = [
        f"{row.group} samples have mean cosine {row.cosine:.3f} to, and mean distance {row.euclidean:.3f} from, "
        "where they started"
        for row in last.itertuples()
    ]
    return f"After round {int(table['round'].max())}: {join(parts)}."


def _lines(
    own: pd.DataFrame, band: pd.DataFrame, measure: str, group: str, name: str, *, showlegend: bool
) -> list[go.Scatter]:
    colour = COLOURS[group]
    traces = []
    if len(band):
        band = band.sort_values("round")
        forth, back = band["round"].tolist(), band["round"].tolist()[::-1]
        traces = [
            go.Scatter(
                x=forth + back,
                y=band["low"].tolist() + band["high"].tolist()[::-1],
                fill="toself",
                fillcolor=tint(colour, 0.16),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                legendgroup=group,
                showlegend=False,
            ),
            go.Scatter(
                x=band["round"],
                y=band["median"],
                mode="lines",
                line={"color": tint(colour, 0.8), "width": 1.3, "dash": "dot"},
                customdata=band[["low", "high"]].to_numpy(),
                hovertemplate=f"{TITLES[group]}, round %{{x}}<br>median %{{y:.4f}}, quartiles %{{customdata[0]:.4f}} "
                "and %{customdata[1]:.4f}<extra></extra>",
                legendgroup=group,
                showlegend=False,
            ),
        ]
    traces.append(
        go.Scatter(
            x=own["round"],
            y=own[measure],
            mode="lines+markers",
            name=name,
            line={"color": colour, "width": 2},
            marker={
                "symbol": [f"{SYMBOLS[group]}-open" if k == 0 else SYMBOLS[group] for k in own["round"]],
                "size": 7,
                "color": colour,
            },
            hovertemplate=f"{TITLES[group]}, round %{{x}}<br>mean %{{y:.4f}}<extra></extra>",
            legendgroup=group,
            showlegend=showlegend,
        )
    )
    return traces
