"""Checksums of a run's files: a JSON object carries its own, all other files have theirs in one list.

The list, ``checksums.json``, is written before a file is replaced and then names both contents, so that a process
killed between the two leaves nothing that looks like damage.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cu_core.base.file_cache import cached_by_file
from cu_core.base.files import parse_json, read_json, sha256_of, write_json
from cu_core.catalogue.spec import content_hash
from cu_core.runstore import layout

SEAL = "seal"
CHANGED = "has changed since it was written"
Write = Callable[[Path, Mapping[str, Any]], None]
_SHA256 = re.compile(r"[0-9a-f]{64}")


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object with the checksum of all else in it as its last key.

    Args:
        content: what JSON can hold; a seal in it is replaced.
    """
    rest = {name: value for name, value in content.items() if name != SEAL}
    return rest | {SEAL: _digest(json.loads(json.dumps(rest)))}


def seal_damage(content: Mapping[str, Any]) -> str | None:
    """Why an object that was read is not what was written; None if it is, or if it was written without a seal."""
    if SEAL in content:
        rest = {name: value for name, value in content.items() if name != SEAL}
        return None if content[SEAL] == _digest(rest) else f"{CHANGED} ({SEAL})"
    # The name of the seal itself may be what was hit.
    for name, value in content.items():
        if isinstance(value, str) and _SHA256.fullmatch(value):
            rest = {other: kept for other, kept in content.items() if other != name}
            if _digest(rest) == value:
                return f"{CHANGED} ({SEAL})"
    return None


def file_damage(path: Path) -> str | None:
    """Why a sealed JSON file cannot be trusted; None if it can, or if it does not exist."""
    try:
        content = read_json(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        return f"cannot be read: {error}"
    return seal_damage(content) if isinstance(content, dict) else "cannot be read: it holds no object"


def spec_damage(run_dir: Path, written: Any) -> str | None:
    """Why the content of spec.json is not what was submitted; None if it is, or if run.json cannot tell."""
    path = run_dir / layout.INFO
    try:
        info = read_json(path)
        # Over what was written, not over what it means today: later versions add settings with defaults.
        same = info["spec_hash"] == content_hash(written) and info.get("spec", written) == written
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return None if same or file_damage(path) is not None else "is not what was submitted (spec_hash)"


def line_damage(line: bytes) -> str | None:
    """Why a line of a journal, such as events.jsonl, cannot be trusted; None if it can."""
    try:
        content = parse_json(line)
    except ValueError:
        return "cannot be read"
    return seal_damage(content) if isinstance(content, dict) else "cannot be read"


def write_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON object with its checksum, atomically."""
    write_json(path, sealed(content))


def note(run_dir: Path, name: str, sha256: str, present: str | None, write: Write = write_sealed) -> None:
    """Says which content a file of the run directory is about to get; `forget` takes it back.

    Args:
        run_dir: of the run; the caller holds the run's lock.
        name: of the file.
        sha256: of the content that will be put in place next.
        present: of the content that is there now; None if there is none, or a damaged one.
        write: puts the list in place, sealed.
    """
    known = known_sums(run_dir) or {}
    # What was there before there were checksums is kept, too; a damaged content is not.
    vouched = present is not None and present in known.get(name, [present])
    kept = [present] if vouched and present != sha256 else []
    write(run_dir / layout.CHECKSUMS, {"files": known | {name: [sha256, *kept]}})


def forget(run_dir: Path, names: set[str]) -> None:
    """Takes files off the list; the caller holds the run's lock."""
    known = known_sums(run_dir)
    if known is not None and names & set(known):
        rest = {name: sums for name, sums in known.items() if name not in names}
        write_sealed(run_dir / layout.CHECKSUMS, {"files": rest})


def known_sums(run_dir: Path) -> dict[str, list[str]] | None:
    """File name to the SHA-256 of what it may hold; empty where none were written, None where they are damaged."""
    try:
        content = read_json(run_dir / layout.CHECKSUMS)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or SEAL not in content or seal_damage(content) is not None:
        return None
    return {str(name): [str(one) for one in sums] for name, sums in content["files"].items()}


def damage_of(run_dir: Path, name: str, *, again: bool = False) -> str | None:
    """Why a file on the list cannot be trusted; None if it can, or if nothing is known of it.

    Args:
        run_dir: of the run.
        name: of the file.
        again: read every byte again, also of a file that this process has read before.
    """
    path = run_dir / name
    for _ in range(3):
        sums = (known_sums(run_dir) or {}).get(name)
        if sums is None:
            return None
        try:
            sha256 = _sha256(path, again=again)
        except FileNotFoundError:
            return "is missing"
        except OSError as error:
            return f"cannot be read: {error}"
        if sha256 in sums:
            return None
        # Replaced since the list was read; then the new list knows the content.
    return f"{CHANGED} (sha256)"


_sha256 = cached_by_file(maxsize=10_000)(sha256_of)


def _digest(content: Any) -> str:
    """Hash of what was read from JSON; empty, which no seal is, for what is nested deeper than can be written."""
    try:
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    except RecursionError:
        return ""
    return hashlib.sha256(text.encode()).hexdigest()
