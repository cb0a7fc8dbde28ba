"""Lists of files in a specification: rounds and references that were made elsewhere; patterns and folders in them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from cu_core.base.errors import BadInput
from cu_core.base.named_path import named_path
from cu_core.catalogue.spec import RunSpec, bare_name

ROUNDS = "method.rounds"
REFERENCES = "reference_files"

MOST_FILES = 1000
"""Of one list; each is a round or a reference with files of its own in the run."""

USUAL_ENDINGS = (".pt", ".pth", ".safetensors", ".bin", ".ckpt", ".th", ".tar")
"""Of weight files; where a folder has such files, its other ones are logs, settings and pictures."""

MOST_NAMED = 6
"""Files that are named in one line; of more, the first and the last ones are."""

_WILD = re.compile(r"[*?\[]")
_DIGITS = re.compile(r"(\d+)")


def file_lists(spec: RunSpec) -> dict[str, tuple[str, ...]]:
    """The texts of a specification's lists of files, by the field that they stand in; empty lists are left out."""
    lists = {ROUNDS: getattr(spec.method.params, "rounds", ()), REFERENCES: spec.reference_files}
    return {field: texts for field, texts in lists.items() if texts and isinstance(texts, tuple)}


def with_lists(spec: RunSpec, lists: Mapping[str, tuple[str, ...]]) -> RunSpec:
    """The same specification with other lists of files, by field."""
    if ROUNDS in lists:
        params = dataclasses.replace(spec.method.params, rounds=lists[ROUNDS])
        spec = dataclasses.replace(spec, method=dataclasses.replace(spec.method, params=params))
    return dataclasses.replace(spec, reference_files=lists.get(REFERENCES, spec.reference_files))


def expanded(spec: RunSpec) -> RunSpec:
    """The same specification with the files that patterns and folders in its lists stand for.

    Raises:
        BadInput: a pattern or folder that holds no file, or far too many files.
    """
    return with_lists(spec, {field: files_of(texts, field) for field, texts in file_lists(spec).items()})


def files_of(texts: Iterable[str], field: str) -> tuple[str, ...]:
    """The files that some texts name, in their order; those of a pattern or folder by the numbers in their names.

    Args:
        texts: paths of files, of folders, or patterns such as ``run/epoch_*.pt``.
        field: named in errors.

    Raises:
        BadInput: a pattern or folder without a file, or more than `MOST_FILES`.
    """
    found = tuple(path for text in texts for path in _matching(text, field))
    if len(found) > MOST_FILES:
        raise BadInput(field, f"names {len(found):,} files", [f"at most {MOST_FILES:,}"])
    return found


def listed(paths: Sequence[str]) -> str:
    """A list of files in one line: ``3 files: a.pt, b.pt, c.pt``."""
    names = [bare_name(path) for path in paths]
    if len(names) > MOST_NAMED:
        names = [*names[:3], "…", *names[-2:]]
    return f"{len(paths)} file{'' if len(paths) == 1 else 's'}: {', '.join(names)}"


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sorts ``epoch_2`` before ``epoch_10``."""
    parts = _DIGITS.split(name)
    return tuple((int(part), "") if place % 2 else (0, part) for place, part in enumerate(parts))


def _matching(text: str, field: str) -> list[str]:
    path = named_path(text, field)
    try:
        if path.is_file():
            return [text]  # also a name with brackets of its own
        if path.is_dir():
            return _sorted(_inside(path), text, field, "the folder holds no file")
        if not _WILD.search(text):
            return [text]  # whoever checks the files says that it is missing
        return _sorted(_glob(path), text, field, "no file is called like this")
    except OSError as error:
        raise BadInput(field, f"{text!r} cannot be read: {error.strerror}") from None


def _sorted(files: Iterable[Path], text: str, field: str, otherwise: str) -> list[str]:
    found = sorted((file for file in files if file.is_file()), key=lambda file: natural(str(file)))
    if not found:
        raise BadInput(field, f"{text!r}: {otherwise}")
    return [str(file) for file in found]


def _inside(folder: Path) -> Iterator[Path]:
    """The weight files of a folder: those with a usual ending, or else all that nobody has hidden."""
    shown = [file for file in folder.iterdir() if not file.name.startswith(".")]
    usual = [file for file in shown if file.name.lower().endswith(USUAL_ENDINGS)]
    return iter(usual or shown)


def _glob(pattern: Path) -> Iterator[Path]:
    fixed = next(parent for parent in pattern.parents if not _WILD.search(str(parent)))
    try:
        yield from fixed.glob(str(pattern.relative_to(fixed)))
    except (ValueError, NotImplementedError):
        return
