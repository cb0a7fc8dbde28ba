"""Figure of all membership attacks of a run: AUC with interval per attack, model and attacker."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from cu_core.catalogue.attack_record import NUMBERS, WAYS
from cu_core.figures.attack_answer import Attacks, attack_title, why_uncertain
from cu_core.figures.attack_scores import MODEL_COLOURS, MODEL_TITLES
from cu_core.figures.theme import NEUTRAL, dress, join, note_font, tint

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

CALM = (("after", "refitted"), ("reference", "refitted"))
"""What is read first: the model after unlearning beside the reference, by the attacker who knows more."""

MOST_NAMED = 3
"""Grey marks that are named; more are counted."""

SERIES_PX = 15
"""Px of a row for each series: so far apart marks on the same value do not cover each other."""


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


def calm_series(attacks: Attacks) -> list[tuple[str, str]]:
    """The series that are drawn unless all are asked for; without a reference the model before stands beside."""
    wanted = CALM if any(models.get("reference") for models in attacks.values()) else (("before", "refitted"), CALM[0])
    return list(wanted)


def overview(
    attacks: Attacks, number: str, *, series: Sequence[tuple[str, str]] | None = None, others: int | None = None
) -> go.Figure:
    """One number of every attack with its 95 % interval, and the value of an attack that knows nothing.

    Marks that say less than they seem to are grey, and tell why when pointed at.

    Args:
        attacks: attack, model, way to numbers, as the audit's manifest holds them.
        number: id in `cu_core.catalogue.attack_record.NUMBERS`.
        series: models and ways to draw; all that were made by default.
        others: non-members behind the numbers, where known.
    """
    names = list(attacks)
    wanted = SERIES if series is None else [s for s in SERIES if s in series]
    used = [s for s in wanted if any(number_of(attacks, a, *s, number) for a in names)]
    figure = go.Figure()
    step = 0.8 / max(len(used), 1)
    for k, (model, way) in enumerate(used):
        marks = []
        for row, attack in enumerate(names):
            found = number_of(attacks, attack, model, way, number)
            if found:
                y = row + (k - (len(used) - 1) / 2) * step
                marks.append((y, found, why_uncertain(attacks[attack][model][way], number, others)))
        certain, grey = [m for m in marks if not m[2]], [m for m in marks if m[2]]
        if certain or not grey:
            figure.add_trace(_marks(model, way, certain, MODEL_COLOURS[model]))
        if grey:
            trace = _marks(model, way, grey, tint(NEUTRAL, 0.55))
            trace.update(meta={"model": model, "way": way, "grey": True}, showlegend=not certain)
            figure.add_trace(trace)
    if number in CHANCE:
        figure.add_vline(
            CHANCE[number],
            line={"color": NEUTRAL, "width": 1.2, "dash": "dot"},
            annotation={"text": "chance", "font": note_font()},
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
    unit = " (% of samples)" if number == "accuracy" else " (%)" if percent else " (0.5 = chance)"
    figure.update_xaxes(title_text=NUMBERS[number].title + unit, tickformat=".0%" if percent else ".2f")
    return dress(figure, height=50 + max(36, SERIES_PX * len(used)) * max(1, len(names)), bottom=56)


def uncertain_words(
    attacks: Attacks, number: str, *, series: Sequence[tuple[str, str]] | None = None, others: int | None = None
) -> str:
    """Why marks of the overview are grey, one sentence for each reason; empty where none is."""
    reasons: dict[str, list[str]] = {}
    for attack, models in attacks.items():
        for model, way in SERIES if series is None else series:
            found = models.get(model, {}).get(way)
            if found and (reason := why_uncertain(found, number, others)):
                reasons.setdefault(reason, []).append(f"{attack_title(attack)} ({series_title(model, way).lower()})")
    parts = []
    for reason, who in reasons.items():
        listed = join(who) if len(who) <= MOST_NAMED else f"each of {len(who)} marks"
        parts.append(f"{listed} {reason}" if len(who) != 2 else f"{listed}: each {reason}")
    return f"Grey: {'; '.join(parts)}." if parts else ""


def _marks(model: str, way: str, marks: Sequence[tuple[float, Sequence[float], str]], colour: str) -> go.Scatter:
    values = [found[0] for _, found, _ in marks]
    lows = [found[0] if found[1] is None else found[1] for _, found, _ in marks]
    highs = [found[0] if found[2] is None else found[2] for _, found, _ in marks]
    title = series_title(model, way)
    return go.Scatter(
        x=values,
        y=[y for y, _, _ in marks],
        error_x={
            "type": "data",
            "array": [high - value for high, value in zip(highs, values, strict=True)],
            "arrayminus": [value - low for low, value in zip(lows, values, strict=True)],
            "thickness": 1.4,
            "width": 3,
            "color": colour,
        },
        mode="markers",
        marker={"symbol": SERIES[model, way], "size": 9, "color": colour, "line": {"width": 1.6, "color": colour}},
        name=title,
        customdata=[
            [low, high, f"<br>{why}" if why else ""] for low, high, (_, _, why) in zip(lows, highs, marks, strict=True)
        ],
        hovertemplate=f"{title}: %{{x:.3f}} (%{{customdata[0]:.3f}} to %{{customdata[1]:.3f}})%{{customdata[2]}}"
        "<extra></extra>",
        meta={"model": model, "way": way},
    )


def overview_alt(attacks: Attacks, number: str, *, series: Sequence[tuple[str, str]] | None = None) -> str:
    """The dots in words."""
    sentences = []
    for attack in attacks:
        parts = [
            f"{series_title(model, way).lower()} {found[0]:.2f}"
            for model, way in (SERIES if series is None else series)
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
