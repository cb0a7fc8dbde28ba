"""A count before its noun goes through `counted`, so that one sample is not "1 samples"."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from cu_core.base.display_text import counted, decimal, measured
from pages._selection.selection_state import many

ROOT = Path(__file__).resolve().parents[2]
NOUNS = "samples|runs|rounds|rows|columns|files|trials|reasons|images|models|seeds|references|attacks|classes"
PLURAL = re.compile(rf"^\*{{0,2}} (?:[a-z]+ )?(?:{NOUNS})\b")
# Said only of two or more: what comes before it in the code sees to that.
SEVERAL = {
    "pages/attack.py: {audit['members']} forget samples",
    "pages/_distributions/similarity_sections.py: {counts['retain']} retain samples",
    "pages/_run/deep_audit_section.py: {len(listed)} forgotten samples",
    "pages/_launch/launch_bar.py: {len(specs)} runs",
    "pages/_launch/launch_bar.py: {len(launched)} runs",
    "pages/_distributions/confidence_sections.py: {len(references)} retrained models",
}


def uncounted(script: str) -> list[str]:
    """F-strings in which a bare number stands before a plural.

    A number is what is a length or a count, or is written with a separator of thousands. "3 of 7 runs" is left alone.
    """
    found = []
    for node in ast.walk(ast.parse(script)):
        if not isinstance(node, ast.JoinedStr):
            continue
        for before, value, after in zip([None, *node.values], node.values, node.values[1:], strict=False):
            if not isinstance(value, ast.FormattedValue) or not isinstance(after, ast.Constant):
                continue
            text, noun = ast.unparse(value.value), PLURAL.match(str(after.value))
            spec = ast.unparse(value.format_spec) if value.format_spec else ""
            number = "," in spec or "len(" in text or "count" in text
            share = isinstance(before, ast.Constant) and str(before.value).endswith("of ")
            if noun and number and not share and "counted(" not in text:
                found.append(f"{{{text}}}{noun[0].replace('*', '')}")
    return found


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 samples"), (1, "1 sample"), (2, "2 samples"), (1200, "1,200 samples")],
)
def test_a_count_agrees_with_its_noun(count: int, words: str) -> None:
    assert counted(count, "sample") == words
    assert many(count, "selected") == words.replace("sample", "selected sample")


def test_nouns_that_take_more_than_an_s() -> None:
    assert [counted(n, "copy", "copies") for n in (0, 1, 2)] == ["0 copies", "1 copy", "2 copies"]


def test_a_bare_count_is_seen() -> None:
    assert uncounted('f"The {len(rows):,} forget samples"') == ["{len(rows)} forget samples"]
    assert uncounted('f"**{n:,}** samples"') == ["{n} samples"]
    assert uncounted("f\"{counted(n, 'sample')} of them\"") == []
    assert uncounted('f"{len(names)} sampled"') == uncounted('f"3 of {len(rows)} runs"') == []


def test_no_page_puts_a_bare_count_before_a_plural() -> None:
    found = {
        f"{path.relative_to(ROOT).as_posix()}: {text}"
        for path in (ROOT / "pages").rglob("*.py")
        for text in uncounted(path.read_text(encoding="utf-8"))
    }
    assert found - SEVERAL == set(), "say them by cu_core.base.display_text.counted"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (-0.0, "0.000"),
        (1.0, "1.000"),
        (0.0123, "0.012"),
        (0.0011234, "0.00112"),
        (-0.00099, "-0.00099"),
    ],
)
def test_small_numbers_keep_their_digits(value: float, text: str) -> None:
    assert decimal(value) == text and decimal(abs(value), sign=True) == f"+{text.removeprefix('-')}"


def test_shares_read_in_percent_and_the_rest_in_decimals():
    assert measured(0.0712, percent=True) == "7.1 %"
    assert measured(0.0012, percent=False) == decimal(0.0012) == "0.0012"
