"""Tables as CSV in which texts of users cannot become formulas of a spreadsheet."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from cu_core.base.display_text import one_line

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula, some also in its wide form; or what it drops before one."""
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*(e[+-]?[0-9]+)?( [A-Za-z%]{1,20})?")
_APOSTROPHE = "'"
_JOINER = "\u2060"


def csv_text(table: pd.DataFrame) -> str:
    """A table as CSV, without its index. Texts that a spreadsheet would run begin with an apostrophe."""
    return _with_texts(table, _csv_cell).to_csv(index=False)


def _csv_cell(text: str) -> str:
    # A bare carriage return goes unquoted and begins another line, with a formula if the text has one behind it.
    return _led(text.replace("\r\n", "\n").replace("\r", "\n"), _APOSTROPHE)


def shown_table(table: pd.DataFrame) -> pd.DataFrame:
    """A copy for a browser, which can hand its tables out as CSV and to the clipboard by itself.

    Texts become one visible line; a character without width stands before those that a spreadsheet would run.
    """
    return _with_texts(table, lambda text: _led(one_line(text), _JOINER))


def _led(text: str, mark: str) -> str:
    # A space before it does not keep every program from running it; a number, also with its unit, is no formula.
    return mark + text if text.lstrip(" ").startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


def _with_texts(table: pd.DataFrame, change: Any) -> pd.DataFrame:
    def cell(value: Any) -> Any:
        if isinstance(value, str):
            return change(value)
        # Lists in a cell are written as their words.
        return type(value)(map(cell, value)) if type(value) in (list, tuple) else value

    changed = table.copy()
    for place, kind in enumerate(table.dtypes):
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind)):
            changed.isetitem(place, table.iloc[:, place].map(cell))
    changed.columns = [cell(name) for name in table.columns]
    return changed
