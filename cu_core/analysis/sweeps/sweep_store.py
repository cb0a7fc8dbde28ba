"""Sweeps on disk by the name of their group, so that they can be shown again and continued."""

from __future__ import annotations

from pathlib import Path

from cu_core.analysis.sweeps.sweep import Sweep, sweep_from_json
from cu_core.base.errors import BadInput, os_errors_in_words
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.spec import digest

SCHEMA = 1


def path_of(home: Home, group: str) -> Path:
    """The file of a sweep; group names are free text, so they are hashed."""
    return home.root / "sweeps" / f"{digest(group)[:24]}.json"


@os_errors_in_words()
def remember(sweep: Sweep, home: Home) -> None:
    """Stores a sweep under its group; one of the same group is replaced."""
    path = path_of(home, sweep.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"schema": SCHEMA} | sweep.to_json() | {"group": sweep.name})


def recall(home: Home, group: str) -> Sweep | None:
    """The sweep of a group; None where none was stored or its file is damaged."""
    try:
        return sweep_from_json(read_json(path_of(home, group)))
    except (OSError, ValueError, BadInput):
        return None


def stored_groups(home: Home) -> list[str]:
    """Names of the stored sweeps, the latest first; damaged files are left out."""
    found = []
    for path in (home.root / "sweeps").glob("*.json"):
        try:
            found.append((-path.stat().st_mtime, sweep_from_json(read_json(path)).name))
        except (OSError, ValueError, BadInput):
            continue
    return [name for _, name in sorted(found)]
