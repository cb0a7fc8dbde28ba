"""The records of pages, read without running a script, and the order of the folders beside the scripts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cu_core.base.errors import BadInput
from pages._frame.page_records import FOLDER, SECTIONS, pages, read_page

# Each may import from those before it. What belongs to one page or family stands apart from the others.
FLOORS = ("_shared", "_frame", "_terms", "_launch", "_selection", "_drift")
RECORD = 'PAGE = Page(id="{id}", title="T", icon=":material/x:", help="H", purpose="P", section="{section}", order=9)\n'


def script(folder: Path, text: str) -> Path:
    path = folder / "new.py"
    path.write_text(text)
    return path


def test_every_script_is_a_page_and_stands_in_a_section_in_order() -> None:
    scripts = {path.stem for path in FOLDER.glob("*.py") if not path.name.startswith("_")}
    assert set(pages()) == scripts >= {"runs", "run", "drift"}
    places = [(SECTIONS.index(page.section), page.order) for page in pages().values()]
    assert places == sorted(set(places)), "two pages claim the same place"


def test_a_record_is_read_without_running_its_script(tmp_path: Path) -> None:
    page = read_page(script(tmp_path, "raise SystemExit\n" + RECORD.format(id="new", section="One run")))
    assert (page.id, page.file, page.title, page.order, page.needs) == ("new", "new.py", "T", 9, "nothing")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n", "begins with its record"),
        ("PAGE = 3\n", "cannot be read"),
        (RECORD.format(id="new", section="One run").replace('"T"', "title()"), "cannot be read"),
        (RECORD.format(id="new", section="One run").replace('title="T", ', ""), "title"),
        (RECORD.format(id="other", section="One run"), "other.*new"),
        (RECORD.format(id="new", section="Elsewhere"), "Elsewhere.*One run"),
    ],
    ids=["none", "no call", "no literal", "a field is missing", "another name", "unknown section"],
)
def test_a_record_that_cannot_be_read_says_why(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read_page(script(tmp_path, text))


def test_records_are_read_without_streamlit() -> None:
    code = "import sys; from pages._frame.page_records import pages; pages(); sys.exit('streamlit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=FOLDER.parent, timeout=120).returncode == 0


def test_no_file_name_occurs_twice() -> None:
    names = [path.name for path in FOLDER.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert len(names) == len(set(names))


def test_scripts_are_short() -> None:
    long = {path.name: count for path in FOLDER.glob("*.py") if (count := len(path.read_text().splitlines())) > 120}
    assert long == {}


def test_folders_import_from_those_below_them() -> None:
    upward = []
    for path in FOLDER.glob("_*/*.py"):
        own = path.parent.name
        below = FLOORS[: FLOORS.index(own)] if own in FLOORS else FLOORS
        named = set(re.findall(r"^\s*from pages\.(\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)) - {own}
        upward += [f"{path.name}: {name}" for name in named if name not in below]
    assert upward == []
