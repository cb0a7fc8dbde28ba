"""Writes docs/inputs.md: what is read, and what is refused with which words, from the very kinds that the tests make.

.venv/bin/python -m tools.make_inputs            writes the file
.venv/bin/python -m tools.make_inputs --check    fails if it is out of date
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.folder import load
from cu_core.data.source import Unreadable, silent
from cu_core.learning.weight_file import read_weights
from tests.data.folder_kinds import FOLDER_KINDS
from tests.data.input_kinds import InputKind
from tests.data.input_outcomes import outcome
from tests.data.pixel_kinds import PIXEL_KINDS, PixelKind
from tests.data.refused_kinds import REFUSED_KINDS
from tests.data.table_kinds import TABLE_KINDS
from tests.learning.weight_kinds import KINDS, WeightKind

PAGE = Path(__file__).resolve().parent.parent / "docs" / "inputs.md"
HEAD = """# What can be brought

<!-- Written by tools/make_inputs.py: each kind is made by a test, read, and stands here with what was said of it. Run
"make docs" after a change. -->

`--dataset folder:PATH` takes a directory, an archive (zip, tar, tar.gz, tar.bz2, tar.xz), a table of file and label
(CSV, TSV, Parquet), arrays (`.npz`, `.npy`) or Parquet with pictures; `--set model.weights=PATH` a file of weights.
What a file is decides its content, not its ending. Everything below is said by `unlearnscope prepare` and on the
Launch page before a run starts.

- **Unseen images** come from `test/`, else `val/`, `valid/`, `validation/`, `dev/` or `eval/`, in any case. Without
  any of them a share is set apart (`data.test_share`).
- **Classes** are numbered in the order of their names as text, or by size where all are numbers. A file of titles in
  the root (`classes.txt`, `labels.json`, `class_names.csv`, … or `data.titles`) gives them names and leaves their
  numbers.
- **One or two folders that wrap everything** are looked through. Links are followed inside the folder that was named.
- **A set of arrays** is called by its names: `images` and `labels`, `x_train` and `y_train`, `train_images` and
  `train_labels`, …; images are n × h × w, n × h × w × channels or n × channels × h × w.
- **Bounds**: 5,000,000 files, 256 MB a picture, 200 GB unpacked, 64 megapixels.

The {total} kinds below are made by tests, most of a few images.
"""
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


@dataclass(frozen=True)
class Section:
    """A table of the page.

    Attributes:
        title: heading.
        rows: kind, whether it was read, and what was said.
    """

    title: str
    rows: Callable[[Path], Iterable[tuple[str, bool, str]]]


def _images(kinds: Iterable[InputKind]) -> Callable[[Path], Iterable[tuple[str, bool, str]]]:
    def rows(folder: Path) -> Iterable[tuple[str, bool, str]]:
        for number, kind in enumerate(kinds):
            found = outcome(kind, folder / str(number))
            yield kind.name, bool(found.classes), found.words

    return rows


def _pixels(folder: Path) -> Iterable[tuple[str, bool, str]]:
    for number, kind in enumerate(PIXEL_KINDS):
        yield _pixel_row(kind, folder / str(number))


def _pixel_row(kind: PixelKind, folder: Path) -> tuple[str, bool, str]:
    for name, content in zip("ab", kind.make(), strict=True):
        for part in ("train", "test"):
            path = folder / part / name / "0.jpg"
            path.parent.mkdir(parents=True)
            path.write_bytes(content)
    source = load(DataSpec(f"folder:{folder}"), Home(folder / "home"), silent)
    images = [image for part in ("train", "test") for image in source.read(part, np.arange(2))]
    faults = [str(image) for image in images if isinstance(image, Unreadable)]
    if faults:
        return kind.name, False, faults[0]
    assert source.findings is not None
    found = source.findings()
    return kind.name, True, " ".join([f"{', '.join(words for words, _ in found.modes)}.", *found.scaled, *found.notes])


def _weights(folder: Path) -> Iterable[tuple[str, bool, str]]:
    for number, kind in enumerate(KINDS):
        yield _weight_row(kind, folder / str(number))


def _weight_row(kind: WeightKind, folder: Path) -> tuple[str, bool, str]:
    folder.mkdir()
    path = folder / kind.file
    kind.make(path)
    try:
        found = read_weights(path)
    except BadInput as error:
        return f"{kind.name} (`{kind.file}`)", False, str(error).replace(f"{folder}/", "")
    return f"{kind.name} (`{kind.file}`)", True, found.told


SECTIONS = (
    Section("Folders and archives", _images(FOLDER_KINDS)),
    Section("Tables, arrays and Parquet", _images(TABLE_KINDS)),
    Section("Image sets that are refused", _images(REFUSED_KINDS)),
    Section("Pixels", _pixels),
    Section("Weights", _weights),
)


def text() -> str:
    """The whole page."""
    parts, total = [HEAD], 0
    for section in SECTIONS:
        with tempfile.TemporaryDirectory() as folder:
            rows = list(section.rows(Path(folder).resolve()))
        total += len(rows)
        lines = [f"## {section.title}", "", "| kind | | what was said |", "|---|---|---|"]
        lines += [f"| {_cell(kind)} | {'read' if read else 'refused'} | {_cell(said)} |" for kind, read, said in rows]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts).replace("{total}", str(total))


def _cell(words: str) -> str:
    """Words as a cell of a table, without what differs from one making to the next."""
    plain = _ADDRESS.sub("0x…", " ".join(words.split()))
    return re.sub(r"([|<>*])", r"\\\1", plain)


def main(arguments: list[str] | None = None) -> int:
    """Writes or checks the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail if the file is out of date")
    options = parser.parse_args(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of decoders, about damaged files
        made = text()
    if options.check:
        old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        if old != made:
            print("docs/inputs.md is out of date; run: .venv/bin/python -m tools.make_inputs", file=sys.stderr)
        return int(old != made)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
