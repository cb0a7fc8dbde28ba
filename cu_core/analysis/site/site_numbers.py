"""The numbers of a run on its page: metrics beside retraining, membership attacks, medians of distributions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from cu_core.analysis.compare.compared import Compared
from cu_core.analysis.erasure.measured_results import RecordedNumber, measured
from cu_core.analysis.site.html_frame import said, table
from cu_core.analysis.site.moment_charts import MomentCharts
from cu_core.base.display_text import decimal
from cu_core.catalogue.attack_record import WAYS
from cu_core.figures.verdict_rows import number_text
from cu_core.runstore.reader import RunView

NONE = "–"
ATTACK = "attack."
AUC = "Membership AUC, "
FIRST_WAY = "refitted"
"""The way that stands open: of an attacker who knows that unlearning happened."""


def number_section(run: Compared, measured_on: str) -> Iterator[str]:
    """The table of metrics before, after and of retrained models.

    Args:
        run: the run.
        measured_on: on which samples, in words.
    """
    numbers = [n for n in measured(run, None) if not n.id.startswith(ATTACK)]
    yield '<section aria-labelledby="numbers"><h2 id="numbers">Before, after and retrained</h2>'
    yield compared_table("Number", [(n.title, n) for n in sorted(numbers, key=_outside_first)])
    yield f'<p class="note">{said(measured_on)} {said(_band_words(numbers, partial=run.partial))}</p></section>'


def attack_section(run: Compared, view: RunView) -> Iterator[str]:
    """The AUC of every membership attack, with its interval; nothing where none was made."""
    found = [n for n in measured(run, (view.audit() or {}).get("members")) if n.id.startswith(ATTACK)]
    if not found:
        return
    yield '<section aria-labelledby="attacks"><h2 id="attacks">Membership attacks</h2>'
    yield (
        "<p>An attacker guesses which samples the model was trained on. AUC: how often a forgotten sample ranks above "
        "one that was never seen; 0.5 is guessing. What to aim at is the AUC of a retrained model: far below it, a "
        "sample stands out as well.</p>"
    )
    ways = list(dict.fromkeys(_way(n) for n in found))
    for k, way in enumerate(sorted(ways, key=lambda way: (way != FIRST_WAY, ways.index(way)))):
        about = WAYS.get(way)
        title = about.title if about else way
        words = f"<p>{said(about.summary)}</p>" if about else ""
        content = words + attack_table([n for n in found if _way(n) == way], title)
        yield f"<details{'' if k else ' open'}><summary>{said(title)}</summary>{content}</details>"
    members = next((n.n for n in found if n.n is not None), None)
    if members is not None:
        yield f'<p class="note">{members:,} forget samples were attacked beside unseen ones.</p>'
    yield "</section>"


def attack_table(numbers: Sequence[RecordedNumber], way: str) -> str:
    """The AUCs of one way to attack.

    Args:
        numbers: of attacks of this way.
        way: its title, which the names of attacks need not repeat.
    """
    named = [(n.title.removeprefix(AUC).removesuffix(f", {way}"), n) for n in numbers]
    return compared_table("Attack", named, interval=True)


def compared_table(what: str, numbers: Sequence[tuple[str, RecordedNumber]], *, interval: bool = False) -> str:
    """A table of numbers beside retraining; without columns of the band where no number has one.

    Args:
        what: heading of their names.
        numbers: each with its name.
        interval: whether the number after unlearning has its own interval beside it.
    """
    banded = any(n.band is not None for _, n in numbers)
    head = [what, "Before", "After (95 % interval)" if interval else "After", "Retrained", "95 % band", "In the band?"]
    width = len(head) if banded else len(head) - 2
    return table(head[:width], [[title, *_cells(n, interval=interval)][:width] for title, n in numbers])


def _way(number: RecordedNumber) -> str:
    return number.id.rpartition(".")[2]


def median_table(charts: MomentCharts) -> str:
    """Medians of a distribution, group by group."""
    head = ["Median of", "Samples", "Before", "After", "Retrained"]
    rows = [
        [title, f"{count:,}", *(NONE if math.isnan(v) else number_text(v) for v in values)]
        for title, count, *values in charts.medians
    ]
    return f"<details><summary>Medians in numbers</summary>{table(head, rows)}</details>"


def value_text(number: RecordedNumber, value: float | None) -> str:
    """A value in its unit; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NONE
    if number.unit == "%":
        return f"{100 * value:.1f} %"
    return f"{decimal(value)} {number.unit}".rstrip().replace("-", "−")


def _cells(number: RecordedNumber, *, interval: bool = False) -> list[str]:
    after = value_text(number, number.value)
    if interval and number.interval is not None:
        after += f" ({_range(number, number.interval)})"
    band = NONE if number.band is None else _range(number, number.band)
    before, reference = value_text(number, number.before), value_text(number, number.reference)
    return [before, after, reference, band, _place(number)]


def _range(number: RecordedNumber, ends: tuple[float, float]) -> str:
    low, high = (value_text(number, end) for end in ends)
    return f"{low.removesuffix(number.unit).rstrip()} to {high}" if number.unit else f"{low} to {high}"


def _place(number: RecordedNumber) -> str:
    if number.value is None or number.band is None:
        return number.why or NONE
    low, high = number.band
    return "below" if number.value < low else "above" if number.value > high else "inside"


def _outside_first(number: RecordedNumber) -> bool:
    return _place(number) not in ("below", "above")


def _band_words(numbers: Sequence[RecordedNumber], *, partial: bool) -> str:
    if partial:
        return "There is no band in this table: the run has not finished."
    models = max((n.references for n in numbers), default=0)
    if not models:
        return "There is no band, since that takes two retrained models: which differences are chance cannot be told."
    return (
        f"Band: where one more retrained model would lie in 19 of 20 cases, from {models} of them. Of a true "
        "retraining one number in 20 lies outside by chance alone."
    )
