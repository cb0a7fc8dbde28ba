"""What people write about a run: a title of their own, tags and notes, in ``annotations.json`` of its directory.

The specification and its hash know nothing of it, so that writing it changes no result, no cache and no comparison.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cu_core.base.display_text import one_line, visible
from cu_core.base.errors import BadInput
from cu_core.base.files import read_json
from cu_core.base.home import Home
from cu_core.runstore import layout
from cu_core.runstore.checksums import write_sealed

LONGEST_TITLE = 200
LONGEST_TAG = 40
MOST_TAGS = 12
LONGEST_NOTES = 4000


@dataclass(frozen=True)
class Annotations:
    """What people wrote about a run.

    Attributes:
        title: in place of the run's own; empty for that one.
        tags: short words by which runs are found again, in the order of writing.
        notes: free text of several lines.
    """

    title: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""


def read_annotations(run_dir: Path) -> Annotations:
    """What was written about a run; nothing where the file is missing or damaged. Texts are fit to be shown."""
    try:
        found = read_json(run_dir / layout.ANNOTATIONS)
    except (OSError, ValueError):
        return Annotations()
    if not isinstance(found, dict):
        return Annotations()
    tags = found.get("tags")
    return Annotations(
        _text(found.get("title"))[:LONGEST_TITLE],
        _clean_tags(str(tag) for tag in tags) if isinstance(tags, list) else (),
        visible(str(found.get("notes") or ""))[:LONGEST_NOTES].strip(),
    )


def annotate(home: Home, run_id: str, wanted: Annotations, *, by: str = "") -> None:
    """Stores what somebody writes about a run, whole or not at all; what was there before is replaced.

    Args:
        home: where the run lives.
        run_id: of the run.
        wanted: the texts; title and tags become one line each, and tags that are written twice become one.
        by: who writes it; empty for the owner of the home.

    Raises:
        BadInput: no such run, a text that is too long, too many tags, or another process holds the run.
        OSError: the home cannot be written.
    """
    title, notes = one_line(wanted.title), visible(wanted.notes).strip()
    tags = list(dict.fromkeys(filter(None, (one_line(tag) for tag in wanted.tags))))
    if len(title) > LONGEST_TITLE:
        raise BadInput("title", f"{len(title):,} letters", (f"at most {LONGEST_TITLE}",))
    if len(notes) > LONGEST_NOTES:
        raise BadInput("notes", f"{len(notes):,} letters", (f"at most {LONGEST_NOTES:,}",))
    if len(tags) > MOST_TAGS:
        raise BadInput("tags", f"{len(tags)} of them", (f"at most {MOST_TAGS}",))
    if long := next((tag for tag in tags if len(tag) > LONGEST_TAG), None):
        raise BadInput("tags", f"{long!r} is too long", (f"at most {LONGEST_TAG} letters",))
    reason = BadInput("run", f"{run_id} is held by another process; try again")
    layout.run_dir(home, run_id)
    with layout.held(layout.run_lock(home, run_id), reason):
        # Asked again: it may have been deleted while others held it.
        path = layout.run_dir(home, run_id) / layout.ANNOTATIONS
        write_sealed(path, {"title": title, "tags": tags, "notes": notes, "by": by, "t": time.time()})


def _text(value: Any) -> str:
    return one_line(value) if isinstance(value, str) else ""


def _clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (one_line(tag)[:LONGEST_TAG] for tag in tags))))[:MOST_TAGS]
