"""One number of a lesson: before, after and of retrained models on one axis, with the guess as a ghost; and answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

import plotly.graph_objects as go

from cu_core.figures.theme import COLOURS, GRID, NEUTRAL, SYMBOLS, dress, join, tint

ROW = 44
LINE = 44
"""Letters of a line of an axis's title: as many as a telephone has room for."""
SPREAD = 0.4
"""How far marks of one row lie from its middle at most: models that agree would be one mark."""

GUESS = "Your answer"
"""Name of the ghost mark."""


@dataclass(frozen=True)
class LevelRow:
    """One row.

    Attributes:
        label: at the axis.
        values: of one model, or of each of several.
        group: key of `cu_core.figures.theme.COLOURS`.
        hollow: whether it is of the model before.
        low: lower end of the band of retrained models, where it has one.
        high: its upper end.
    """

    label: str
    values: tuple[float, ...]
    group: str
    hollow: bool = False
    low: float | None = None
    high: float | None = None


def levels(
    rows: Sequence[LevelRow],
    title: str,
    *,
    percent: bool,
    guess: float | None = None,
    text_size: int = 13,
    from_zero: bool = False,
    guess_words: str = "",
) -> go.Figure:
    """Rows of marks on one axis.

    Args:
        rows: from top to bottom.
        title: of the axis.
        percent: whether the values are shares.
        guess: the answer that was given, drawn as a dashed line; None without.
        text_size: px of all texts.
        from_zero: whether the axis of values that are no shares holds 0, as of times.
        guess_words: the answer as it was given, where it was asked for in another unit.
    """
    figure = go.Figure()
    labels = [row.label for row in rows]
    for place, row in enumerate(rows):
        if row.low is not None and row.high is not None:
            figure.add_vrect(x0=row.low, x1=row.high, fillcolor=tint(COLOURS["reference"], 0.22), line_width=0)
        symbol, colour = SYMBOLS[row.group], COLOURS[row.group]
        figure.add_trace(
            go.Scatter(
                x=list(row.values),
                y=[place + off for off in _apart(row.values)],
                mode="markers+text" if len(row.values) == 1 else "markers",
                # Apart from the mark.
                text=[f"\N{NO-BREAK SPACE}{_said(value, percent)}\N{NO-BREAK SPACE}" for value in row.values],
                textposition=["middle left" if percent and value > 0.85 else "middle right" for value in row.values],
                cliponaxis=False,
                marker={
                    "symbol": f"{symbol}-open" if row.hollow else symbol,
                    "size": 13 if len(row.values) == 1 else 7,
                    "color": colour if len(row.values) == 1 else tint(colour, 0.55),
                },
                hovertemplate=f"{row.label}:%{{text}}<extra></extra>",
                showlegend=False,
            )
        )
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=labels, range=[len(rows) - 0.5, -0.5], gridcolor=GRID, zeroline=False
    )
    lines = wrap(title, LINE)
    figure.update_xaxes(title_text="<br>".join(lines))
    if percent:
        figure.update_xaxes(range=[-0.03, 1.03], tickformat=".0%")
    else:
        known = [value for row in rows for value in (*row.values, row.low, row.high) if value is not None]
        known += [guess] if guess is not None else []
        known += [0.0] if from_zero else []
        least, most = (min(known), max(known)) if known else (0.0, 1.0)
        room = 0.12 * (most - least or 1.0)
        figure.update_xaxes(range=[least - room, most + room])
    if guess is not None:
        add_guess(figure, guess, percent=percent, text_size=text_size, words=guess_words)
    more = round(1.3 * text_size) * (len(lines) - 1)
    dress(figure, height=70 + ROW * max(2, len(rows)) + more, top=34, bottom=56 + more)
    return _sized(figure, text_size)


def _apart(values: Sequence[float]) -> list[float]:
    """Offsets across a row by which marks do not cover each other; none for a single one."""
    last = len(values) - 1
    return [SPREAD * (2 * place / last - 1) if last else 0.0 for place in range(len(values))]


def add_guess(
    figure: go.Figure, guess: float, *, percent: bool, text_size: int = 13, upright: bool = True, words: str = ""
) -> None:
    """Draws an answer into a figure as a dashed line with its value.

    Args:
        figure: changed in place.
        guess: the answer.
        percent: whether it is a share.
        text_size: px of its words.
        upright: whether the axis of the value runs from left to right.
        words: the answer as it was given; its number on the axis without.
    """
    line = {"color": NEUTRAL, "width": 3, "dash": "dash"}
    text = f"{GUESS}: {words or _said(guess, percent)}"
    note = {"text": text, "font": {"size": text_size}, "showarrow": False}
    if upright:
        figure.add_vline(x=guess, line=line)
        side = "left" if not percent or guess < 0.5 else "right"
        figure.add_annotation(x=guess, y=1, yref="paper", yanchor="bottom", xanchor=side, **note)
    else:
        figure.add_hline(y=guess, line=line, row=1, col=1)
        figure.add_annotation(x=0.02, xref="x domain", xanchor="left", y=guess, yanchor="bottom", **note)


def levels_alt(rows: Sequence[LevelRow], title: str, *, percent: bool, guess: float | None = None) -> str:
    """The figure in a sentence."""
    parts = []
    for row in rows:
        if len(row.values) == 1:
            parts.append(f"{row.label} {_said(row.values[0], percent)}")
        elif row.values:
            parts.append(f"{row.label} {_said(min(row.values), percent)} to {_said(max(row.values), percent)}")
    answer = f" {GUESS}: {_said(guess, percent)}." if guess is not None else ""
    return f"{title}. {join(parts)}.{answer}"


def answer_bars(labels: Sequence[str], counts: Sequence[int], right: int | None, text_size: int = 13) -> go.Figure:
    """How many people gave which answer.

    Args:
        labels: of the answers.
        counts: of each.
        right: place of the right answer, which is drawn in full; None where there is none.
        text_size: px of all texts.
    """
    colours = [COLOURS["retain"] if place == right else tint(COLOURS["retain"], 0.5) for place in range(len(labels))]
    figure = go.Figure(
        go.Bar(
            y=list(labels),
            x=list(counts),
            orientation="h",
            marker={"color": colours},
            text=[str(count) if count else "" for count in counts],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x}<extra></extra>",
        )
    )
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=list(labels)[::-1])
    figure.update_xaxes(title_text="Answers", tickformat="d", range=[0, max([1, *counts]) * 1.15])
    if max(counts, default=0) <= 10:
        figure.update_xaxes(dtick=1)
    dress(figure, height=90 + 30 * len(labels), top=12, bottom=56)
    return _sized(figure, text_size)


def _sized(figure: go.Figure, text_size: int) -> go.Figure:
    """All texts of a figure in one size; that of axes has to be said, or the page's theme sets it."""
    sizes = {"tickfont_size": text_size, "title_font_size": text_size}
    return figure.update_xaxes(**sizes).update_yaxes(**sizes).update_layout(font={"size": text_size})


def _said(value: float, percent: bool) -> str:
    if percent:
        return f"{100 * value:.1f} %".replace(".0 %", " %")
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
    return (text if float(text.replace(",", "")) else text.removeprefix("-")).replace("-", "−")
