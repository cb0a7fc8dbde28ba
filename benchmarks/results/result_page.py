"""The page of results, written between its marks from the kept numbers alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.results.encoder_words import encoder_words
from benchmarks.results.growth_words import growth_words
from benchmarks.results.method_tables import conditions, larger_words, method_words, placed
from benchmarks.results.published_ranges import published_words
from benchmarks.results.result_findings import findings
from benchmarks.results.result_lines import lines_of
from benchmarks.results.result_tradeoff import tradeoff
from benchmarks.verdict_tables import put

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "results.md"
PICTURE = ROOT / "docs" / "pictures" / "results-tradeoff.png"
Kept = Mapping[str, Any]


def write_page(kept: Kept, page: Path, *, picture: bool = False) -> None:
    """Writes what stands between the marks of the page, and the picture where it is asked for.

    Args:
        kept: as `benchmarks.results.kept_numbers.read_kept` gives it.
        page: a Markdown file with a mark for each of `SECTIONS`.
        picture: whether to draw.
    """
    page.write_text(page_with(kept, page.read_text(encoding="utf-8")), encoding="utf-8")
    if picture:
        from benchmarks.pictures import write_png  # noqa: PLC0415 - a browser, for the picture alone

        write_png(tradeoff(kept), PICTURE)


def page_with(kept: Kept, text: str) -> str:
    """The page's text with everything between its marks anew."""
    for name, words in SECTIONS.items():
        text = put(text, name, words(kept).strip())
    return text


def finding_words(kept: Kept) -> str:
    """The findings as a list; says so where there is none."""
    study, methods = kept["study"], kept["methods"]
    lines = [line for task in study["tasks"] for line in lines_of(methods, study["model"], task)]
    found = findings(lines)
    if not found:
        return "The runs so far support none of the statements that were to be tested."
    head = "" if len(found) > 2 else f"Of the statements that were to be tested the runs support {len(found)}.\n\n"
    return head + "\n".join(f"{k}. **{one.title}.** {one.words}" for k, one in enumerate(found, start=1))


def ranges(kept: Kept) -> str:
    """Published numbers beside ours."""
    study, methods = kept["study"], kept["methods"]
    by_kind = {kind: [task for task in study["tasks"] if task.startswith(kind)] for kind in ("class", "fraction")}
    lines = {kind: lines_of(methods, study["model"], tasks[0]) if tasks else [] for kind, tasks in by_kind.items()}
    models = {
        name: [r for r in methods[rows] if r["model"] == study["model"] and r["task"] in by_kind["fraction"][:1]]
        for name, rows in (("before", "base"), ("references", "references"))
    }
    return published_words(lines["class"], lines["fraction"], models)


SECTIONS: dict[str, Callable[[Kept], str]] = {
    "conditions": conditions,
    "findings": finding_words,
    "placed": placed,
    "methods": method_words,
    "larger": larger_words,
    "published": ranges,
    "encoders": encoder_words,
    "growth": growth_words,
}
"""Mark in the page to what is written there."""
