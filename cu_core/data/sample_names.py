"""Names of the samples of a prepared dataset: the files that they were read from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cu_core.base.files import read_json, write_json


def write_names(folder: Path, split: str, names: Iterable[str]) -> None:
    """Stores the name of each sample of ``"train"`` or ``"test"`` beside the arrays, in their order."""
    write_json(_file(folder, split), list(names))


def read_names(folder: Path, split: str) -> list[str]:
    """What `write_names` stored; empty where the dataset's samples have no names."""
    try:
        names = read_json(_file(folder, split))
    except (OSError, ValueError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []


def _file(folder: Path, split: str) -> Path:
    return folder / f"{split}_names.json"
