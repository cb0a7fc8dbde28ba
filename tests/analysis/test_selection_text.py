"""Selections as short texts of an address, and long ones as files that the text names."""

from __future__ import annotations

import os

import numpy as np
import pytest

from cu_core.analysis import selection_text as texts
from cu_core.base.errors import BadInput
from cu_core.base.home import Home


@pytest.mark.parametrize(
    ("rows", "text"),
    [([], ""), ([0], "0"), ([35, 36], "z-10"), ([3, 4, 5, 11, 51], "3-5.b.1f"), (list(range(1000)), "0-rr")],
)
def test_rows_become_ranges_and_come_back(home: Home, rows: list[int], text: str) -> None:
    assert texts.selection_text(home, np.array(rows, int)) == text
    if rows:
        assert texts.selection_rows(home, text, 1000).tolist() == rows
    assert not home.selections.exists()


def test_a_long_selection_is_kept_and_named_by_its_content(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(0, 20_000, 2)
    name = texts.selection_text(home, rows)
    assert len(name) < 40 and name == texts.selection_text(home, rows)
    np.testing.assert_array_equal(texts.selection_rows(home, name, 20_000), rows)
    (kept,) = home.selections.iterdir()
    os.utime(kept, (1, 1))
    monkeypatch.setattr(texts, "MOST_KEPT", 2)
    for first in (1, 3):
        texts.selection_text(home, np.arange(first, 20_000, 2))
    assert len(list(home.selections.iterdir())) == 2 and not kept.exists(), "the oldest goes"
    with pytest.raises(BadInput, match="not kept on this machine"):
        texts.selection_rows(home, name, 20_000)


def test_rows_that_the_run_does_not_have_are_left_out(home: Home) -> None:
    assert texts.selection_rows(home, "0-zzzzzz", 4).tolist() == [0, 1, 2, 3]
    assert texts.selection_rows(home, "2.zz.9-b", 4).tolist() == [2]
    assert texts.selection_rows(home, "3-1", 4).tolist() == []


@pytest.mark.parametrize("text", ["../x", "_../../etc/passwd", "_" + "0" * 24, "1-", "a b", "-", "1..2", "€"])
def test_what_names_no_selection_is_refused(home: Home, text: str) -> None:
    with pytest.raises(BadInput):
        texts.selection_rows(home, text, 10)
