"""The tests of a verdict's questions as tables: all of one question, and of the whole verdict for files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from cu_core.analysis.verdict_reading import heading_of_test, question_title
from cu_core.base.csv_cells import shown_table
from cu_core.figures.verdict_rows import number_text

SIDES = {"both": "either way", "high": "above", "low": "below"}
DECIDES = "▸"
WIDTHS = {"This model": 82, "Before": 72, "Planted": 72, "Retrained, 95 %": 118}
"""Of columns in px: the last one is to be read beside the others on a laptop."""
_NUMBERS = ("value", "base", "null_low", "null_high", "p", "detectable", "margin")


def tests_section(claim: Mapping[str, Any]) -> None:
    """The tests of a question, folded away; nothing where it has none."""
    tests = claim["tests"]
    if not tests:
        return
    title = {1: "The test", 2: "Both tests"}.get(len(tests), f"All {len(tests)} tests")
    with st.expander(title, icon=":material/table_rows:"):
        st.dataframe(
            shown_table(pd.DataFrame([_line(test) for test in tests])),
            hide_index=True,
            column_config={
                **{name: st.column_config.TextColumn(width=px) for name, px in WIDTHS.items()},
                "Number": st.column_config.TextColumn(width=330),
                "Counts": st.column_config.TextColumn(width=86, help="In which direction a difference counts."),
                "p": st.column_config.TextColumn(
                    width=72,
                    help="Of this test alone; the answer rests on the smallest, corrected for all tests and questions.",
                ),
                "Seen from": st.column_config.TextColumn(
                    width=82, help="Smallest difference to the retrained models' mean that would have been called one."
                ),
                "Must stay within": st.column_config.TextColumn(
                    width=118,
                    help="Half of what the control is off: a difference of less is called none, if it can be told.",
                ),
            },
            placeholder="–",
            alt=f"Tests of the question {question_title(claim)}",
        )
        st.caption(_words(claim))


def frame_of_tests(verdict: Mapping[str, Any]) -> pd.DataFrame:
    """Every test of a verdict, one a row, as numbers in their own units.

    Args:
        verdict: as `cu_core.analysis.verdict_reading.verdict_of` gives it.
    """
    rows: list[dict[str, Any]] = []
    for claim in verdict["claims"]:
        head = {"question": claim["id"], "state": claim["state"], "p_corrected": claim["p"]}
        for test in claim["tests"] or [{}]:
            named = {name: test.get(name) for name in ("id", "title", "unit", "sides", *_NUMBERS)}
            references = " ".join(f"{v:.6g}" for v in test.get("references") or () if v is not None)
            flags = {name: bool(test.get(name)) for name in ("decisive", "planted")}
            rows.append(head | named | flags | {"references": references, "sentence": claim["sentence"]})
    # Named, so that a verdict without any claim is a table without rows.
    columns = ["question", "state", "p_corrected", "id", "title", "unit", "sides", *_NUMBERS, "decisive", "planted"]
    table = pd.DataFrame(rows, columns=[*columns, "references", "sentence"])
    return table.astype(dict.fromkeys(("p_corrected", *_NUMBERS), "Float64"))


def _line(test: Mapping[str, Any]) -> dict[str, str]:
    band = "–"
    if test["null_low"] is not None and test["null_high"] is not None:
        band = f"{number_text(test['null_low'])} to {number_text(test['null_high'])}"
    return {
        "Number": ("Decides: " if test["decisive"] else "") + heading_of_test(test),
        "This model": _number(test["value"]),
        "Planted" if test["planted"] else "Before": _number(test["base"]),
        "Retrained, 95 %": band,
        "p": p_text(test["p"]),
        "Seen from": _number(test["detectable"]),
        "Must stay within": _number(test["margin"]),
        "Counts": SIDES.get(test["sides"], str(test["sides"])),
    }


def p_text(p: float | None) -> str:
    """A p-value; very small ones as a bound, a dash where there is none."""
    if p is None:
        return "–"
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}"


def _number(value: float | None) -> str:
    return "–" if value is None else number_text(value)


def _words(claim: Mapping[str, Any]) -> str:
    """What the tests of a question come to."""
    said = []
    if claim["p"] is not None:
        said.append(f"p of the question, corrected for its tests and for the other questions: {p_text(claim['p'])}.")
    if claim["controlled"] is not None:
        planted = any(test["planted"] for test in claim["tests"])
        whose = "A planted difference" if planted else "The model before unlearning"
        told = "would be told" if claim["controlled"] else "would hardly be told"
        said.append(f"Control: {whose[:1].lower()}{whose[1:]} {told} from retrained models by half of its difference.")
    return " ".join(said)
