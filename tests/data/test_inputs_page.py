"""The page of all inputs says what the tests saw."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tests.data.folder_kinds import FOLDER_KINDS
from tests.data.pixel_kinds import PIXEL_KINDS
from tests.data.refused_kinds import REFUSED_KINDS
from tests.data.table_kinds import TABLE_KINDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "inputs.md"
_ASIDE = re.compile(r"\([^()]*\)")


def rows(text: str) -> list[str]:
    """Rows of tables without what stands in brackets, such as words of a library that differ by its version."""
    return [_ASIDE.sub("", line) for line in text.splitlines() if line.startswith("| ")]


def test_every_kind_stands_on_the_page_with_what_became_of_it():
    text = PAGE.read_text(encoding="utf-8")
    for kind in (*FOLDER_KINDS, *TABLE_KINDS, *REFUSED_KINDS):
        assert f"| {kind.name} | {'read' if kind.read else 'refused'} | " in text, kind.name
    for pixels in PIXEL_KINDS:
        assert f"| {pixels.name} | " in text, pixels.name


@pytest.mark.thorough
def test_the_page_is_up_to_date():
    # It loads torch, which the kinds of weights are made with.
    made = importlib.import_module("tools.make_inputs").text()
    assert rows(PAGE.read_text(encoding="utf-8")) == rows(made)
