"""Figure of all membership attacks of a run: AUC with interval per attack, model and attacker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from cu_core.catalogue.attack_record import ATTACKS, NUMBERS, WAYS
from cu_core.figures.attack_scores import MODEL_COLOURS, MODEL_TITLES
from cu_core.figures.theme import NEUTRAL, dress, join

CHANCE: dict[str, float] = {"accuracy": 0.5, "auc": 0.5, "precision": 0.5, "tpr_at_1_fpr": 0.01}
"""Values of an attack that knows nothing, with equally many members and others."""

# From top to bottom within a row: (model, way), marker.
SERIES: dict[tuple[str, str], str] = {
    ("before", "refitted"): "circle-open",
    ("after", "transferred"): "triangle-right",
    ("after", "refitted"): "circle",
    ("after", "shadow"): "diamond",
    ("reference", "transferred"): "triangle-right-open",
    ("reference", "refitted"): "square",
}

Attacks = Mapping[str, Mapping[str, Mapping[str, Any]]]


def attack_title(attack: str) -> str:
    """Name of an attack; its id where this program does not know it."""
    return ATTACKS[attack].title if attack in ATTACKS else attack


def series_title(model: str, way: str) -> str:
    """``After, re-fitted`` and the like."""
    if (model, way) == ("before", "refitted"):
        return "Before"
    return f"{MODEL_TITLES[model]}, {WAYS[way].title.lower()}"


def number_of(attacks: Attacks, attack: str, model: str, way: str, number: str) -> Sequence[float] | None:
    """[value, lower, upper]; None where the attack was not made in this way or gave no number."""
    found = attacks.get(attack, {}).get(model, {}).get(way)
    values = (found or {}).get(number)
    return values if values and values[0] is not None else None


def all_numbers(attacks: Attacks) -> pd.DataFrame:
    """Every number of every attack for files: value and 95 % interval by model and way."""
    rows = [
        {"attack": attack, "model": model, "way": way, "number": number}
        | dict(zip(("value", "low", "high"), found[number], strict=True))
        for attack, models in attacks.items()
        for model, ways in models.items()
        for way, found in ways.items()
        for number in NUMBERS
        if found.get(number)
    ]
    columns = ["attack", "model", "way", "number", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[4:], "Float64"))


def overview(attacks: Attacks, number: str) -> go.Figure:
    """One number of every attack with its 95 % interval, and the value of an attack that knows nothing.

    Args:
        attacks: attack, model, way to numbers, as the audit's manifest holds them.
        number: id in `cu_core.catalogue.attack_record.NUMBERS`.
    """
    names = list(attacks)
    used = [s for s in SERIES if any(number_of(attacks, a, *s, number) for a in names)]
    figure = go.Figure()
    step = 0.8 / max(len(used), 1)
    for k, (model, way) in enumerate(used):
        rows, values, lows, highs = [], [], [], []
        for row, attack in enumerate(names):
            found = number_of(attacks, attack, model, way, number)
            if found:
                rows.append(row + (k - (len(used) - 1) / 2) * step)
                value, low, high = found
                values.append(value)
                lows.append(value - (value if low is None else low))
                highs.append((value if high is None else high) - value)
        colour = MODEL_COLOURS[model]
        figure.add_scatter(
            x=values,
            y=rows,
            error_x={
                "type": "data",
                "array": highs,
                "arrayminus": lows,
                "thickness": 1.4,
                "width": 3,
                "color": colour,
            },
            mode="markers",
            marker={"symbol": SERIES[model, way], "size": 9, "color": colour, "line": {"width": 1.6, "color": colour}},
            name=series_title(model, way),
            customdata=[[v - lo, v + hi] for v, lo, hi in zip(values, lows, highs, strict=True)],
            hovertemplate=f"{series_title(model, way)}: %{{x:.3f}} (%{{customdata[0]:.3f}} to %{{customdata[1]:.3f}})"
            "<extra></extra>",
            meta={"model": model, "way": way},
        )
    if number in CHANCE:
        figure.add_vline(
            CHANCE[number],
            line={"color": NEUTRAL, "width": 1.2, "dash": "dot"},
            annotation={"text": "chance", "font": {"size": 11, "color": NEUTRAL}},
            annotation_position="top",
        )
    for row in range(1, len(names)):
        figure.add_hline(row - 0.5, line={"color": "rgba(128, 128, 128, 0.18)", "width": 1})
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[attack_title(a) for a in names],
        range=[len(names) - 0.5, -0.5],
        showgrid=False,
    )
    percent = number != "auc"
    figure.update_xaxes(title_text=NUMBERS[number].title, tickformat=".0%" if percent else ".2f")
    return dress(figure, height=50 + max(40, 11 * len(used)) * max(1, len(names)), bottom=56)


def overview_alt(attacks: Attacks, number: str) -> str:
    """The dots in words."""
    sentences = []
    for attack in attacks:
        parts = [
            f"{series_title(model, way).lower()} {found[0]:.2f}"
            for model, way in SERIES
            if (found := number_of(attacks, attack, model, way, number))
        ]
        if parts:
            sentences.append(f"{attack_title(attack)}: {join(parts)}.")
    return f"{NUMBERS[number].title} of every membership attack. {' '.join(sentences)}"


def gap_words(attacks: Attacks, attack: str) -> str:
    """One sentence on how far apart the transferred and the re-fitted attack are after unlearning.

    The intervals decide the words: where each holds the other's value, no difference is claimed.
    """
    transferred = number_of(attacks, attack, "after", "transferred", "accuracy")
    refitted = number_of(attacks, attack, "after", "refitted", "accuracy")
    if not transferred or not refitted:
        return "The attack was not made in both ways on this model, so there is no gap to show."
    t, r = transferred[0], refitted[0]
    both = f"{t:.1%} transferred, {r:.1%} re-fitted"
    if _holds(transferred, r) or _holds(refitted, t):
        return f"After unlearning: {both}. The intervals are too wide to claim that fitting anew helps the attacker."
    if r > t:
        return (
            f"After unlearning: {both}. An attacker who knows that unlearning happened, and fits the attack anew, is "
            f"right {100 * (r - t):.1f} points more often than the transferred attack suggests."
        )
    return (
        f"After unlearning: {both}. The old attack does better here than one fitted anew, which fitting on few samples "
        "can cause."
    )


def _holds(interval: Sequence[float | None], value: float) -> bool:
    _, low, high = interval
    return low is not None and high is not None and low <= value <= high
