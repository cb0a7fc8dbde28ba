"""Repair of a damaged run: derived files are rebuilt, the rest is set aside to be computed again.

Nothing is thrown away: what is not as it was written goes to the folder ``damaged`` of the run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from filelock import Timeout

from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.files import sha256_of, write_atomically, write_json
from cu_core.base.home import Home
from cu_core.catalogue.spec import content_hash, spec_from_json
from cu_core.runstore import layout
from cu_core.runstore.checksums import SEAL, damage_of, file_damage, forget, known_sums, seal_damage, write_sealed
from cu_core.runstore.handover import requeue
from cu_core.runstore.rows import optional_json
from cu_core.runstore.state import ACTIVE, read_state
from cu_core.runstore.verify import Problem, Remark, damaged_lines, verify_dir

# What the next attempt makes again; a finished run is done again for the sake of these.
_SHOWN = (layout.PROBE, layout.DATASET, layout.RESULT, layout.WEIGHTS, layout.AUDIT, layout.TSNE)
# What only a resume reads.
_KEPT = (layout.CHECKPOINT, layout.BEFORE, layout.THREADS)


class Mended(Remark):
    """One thing that was done: where, and what was done about it."""


def mend(home: Home, run_id: str) -> list[Mended]:
    """Mends what `cu_core.runstore.verify.verify` finds wrong with a run, as far as that is possible.

    A run that had succeeded is queued again where something that it shows must be made again; it then goes on from
    its checkpoint or, where a round before that is damaged, from its base model.

    Returns:
        What was done; `verify` tells what is left.

    Raises:
        BadInput: a malformed id, no such run, or it is at work.
        UnlearnscopeError: its directory cannot be written.
    """
    layout.run_dir(home, run_id)
    try:
        with layout.run_lock(home, run_id):
            run_dir = layout.run_dir(home, run_id)
            state = read_state(run_dir).state
            if state in ACTIVE:
                raise BadInput("run", f"{run_id} is {state}; cancel it before mending it")
            return _Mending(run_dir).work(verify_dir(run_dir, again=True))
    except Timeout:
        raise BadInput("run", f"{run_id} is held by another process; try again") from None
    except OSError as error:
        raise UnlearnscopeError(f"{run_id} cannot be mended: {error.strerror or error}") from error


class _Mending:
    """The work on one run, whose lock is held."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.done: list[Mended] = []
        self.redo: list[str] = []

    def work(self, problems: list[Problem]) -> list[Mended]:
        where = {problem.where for problem in problems}
        if where & {layout.SPEC, layout.INFO}:
            self._description(where)
        if layout.CHECKSUMS in where:
            self._checksums(where)
        for name in sorted(where):
            first = name.partition("/")[0]
            if Path(name).name == layout.ROUND_WEIGHTS:
                self._round_weights(Path(name).parent)
            elif first in ("rounds", "reference"):
                self.redo.append(name)
                if first != name:
                    self._put_aside(name, "put aside, to be made again")
            elif name in _SHOWN or name in _KEPT:
                self._put_aside(name, "put aside, to be made again")
                forget(self.run_dir, {name})
                if name in _SHOWN:
                    self.redo.append(name)
            elif name == layout.ANNOTATIONS:
                self._put_aside(name, "put aside: the run goes by its own title again, without tags and notes")
            elif first.startswith("attempt-"):
                self._attempt(self.run_dir / name)
        self._queue(layout.REQUEUE in where)
        return self.done

    def _description(self, where: set[str]) -> None:
        """Specification and run.json from each other: the latter holds a copy of the former."""
        info = optional_json(self.run_dir / layout.INFO)
        copy = info.get("spec")
        intact = isinstance(copy, dict) and _hash(copy) == info.get("spec_hash")
        written = optional_json(self.run_dir / layout.SPEC)
        if isinstance(copy, dict) and intact and written != copy:
            self._put_aside(layout.SPEC, "taken back from the copy in run.json")
            write_json(self.run_dir / layout.SPEC, copy)
            written = copy
        if layout.INFO in where and _is_spec(written):
            self._put_aside(layout.INFO, "made anew from spec.json; what only it knew is as it could be read")
            write_sealed(self.run_dir / layout.INFO, self._info(info, written))

    def _info(self, read: dict[str, Any], written: dict[str, Any]) -> dict[str, Any]:
        """run.json as far as it can be derived.

        Args:
            read: what of the damaged file can still be read.
            written: the specification.
        """
        spec = spec_from_json(written)
        kept = {name: value for name, value in read.items() if name != SEAL}
        submitted = os.stat(self.run_dir / layout.SPEC).st_mtime
        if isinstance(kept.get("submitted"), int | float):
            submitted = min(submitted, float(kept["submitted"]))
        derived = {
            "schema": layout.SCHEMA,
            "run_id": self.run_dir.name,
            "submitted": submitted,
            "spec_hash": content_hash(written),
            "spec": written,
            "title": spec.title,
            "group": spec.group,
            # Whoever comes with a token whose digits are those of the run is taken for its submitter.
            "token": None,
            "token_lost": True,
        }
        return {"demo": False} | kept | derived

    def _checksums(self, where: set[str]) -> None:
        """The list anew, over all files whose own checks find nothing."""
        self._put_aside(layout.CHECKSUMS, "made anew; what it guarded is taken as it is, unless other checks fail")
        names = [n for n in (*_SHOWN, *_KEPT) if (self.run_dir / n).is_file() and n not in where]
        sums = {name: [sha256_of(self.run_dir / name)] for name in names}
        write_sealed(self.run_dir / layout.CHECKSUMS, {"files": sums})

    def _round_weights(self, folder: Path) -> None:
        """A round without the weights that it kept: nothing that a page shows rests on them."""
        path = self.run_dir / folder / layout.MANIFEST
        manifest = optional_json(path)
        entry = manifest.pop("weights", None)
        file = str(entry.get("file")) if isinstance(entry, dict) else layout.ROUND_WEIGHTS
        self._put_aside(str(folder / Path(file).name), "put aside; the round goes without its weights")
        write_sealed(path, manifest)

    def _attempt(self, path: Path) -> None:
        """What is left of an attempt's journal; a state is as good as its outcome can be derived."""
        name = str(path.relative_to(self.run_dir))
        if path.name == layout.EVENTS:
            self._journal(path)
            return
        self._put_aside(name, "put aside")
        if path.parent.name != layout.attempt_dir(self.run_dir, layout.attempts(self.run_dir)[-1]).name:
            return  # an earlier attempt is history
        if path.name == layout.OUTCOME and self._has_result(path.parent):
            moment = os.stat(self.run_dir / layout.RESULT).st_mtime
            write_sealed(path, {"state": "succeeded", "error": None, "t": moment})
            self.done[-1] = Mended(name, "made anew from the result")
        elif path.name == layout.OUTCOME:
            self.redo.append(name)

    def _journal(self, path: Path) -> None:
        """The events that are left; the outcome then counts these."""
        torn = set(damaged_lines(path))
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        kept = b"".join(line + b"\n" for number, line in enumerate(lines) if number not in torn)
        name = str(path.relative_to(self.run_dir))
        self._put_aside(name, f"{len(torn)} lines taken out" if torn else "its end is lost; the rest is kept")
        write_atomically(path, lambda file: file.write(kept))
        outcome = optional_json(path.with_name(layout.OUTCOME))
        if outcome and seal_damage(outcome) is None:
            write_sealed(path.with_name(layout.OUTCOME), outcome | {"events": len(kept)})

    def _has_result(self, attempt: Path) -> bool:
        """Whether an attempt has written the result, which is the last thing before its outcome."""
        result, launch = self.run_dir / layout.RESULT, attempt / layout.LAUNCH
        listed = layout.RESULT in (known_sums(self.run_dir) or {})
        if not listed or damage_of(self.run_dir, layout.RESULT) is not None or file_damage(launch) is not None:
            return False
        return launch.exists() and os.stat(result).st_mtime >= os.stat(launch).st_mtime

    def _queue(self, request_damaged: bool) -> None:
        """Lets the run be done again where that is needed and nobody else will."""
        if request_damaged:
            self._put_aside(layout.REQUEUE, "put aside")
        found = read_state(self.run_dir)
        # Failed and cancelled runs wait for their user, unless it was the user's request that was damaged.
        shown_again = self.redo and found.state in ("succeeded", "lost")
        if shown_again or (request_damaged and found.attempt and found.state in ("failed", "lost")):
            reason = f"damaged: {', '.join(self.redo) or layout.REQUEUE}"
            requeue(self.run_dir, found.next_attempt, found.next_attempt, reason)
            self.done.append(Mended("run", "queued again, to make again what was damaged"))

    def _put_aside(self, name: str, what: str) -> None:
        source = self.run_dir / name
        if source.exists():
            store = self.run_dir / layout.SET_ASIDE
            store.mkdir(exist_ok=True)
            number = 1 + max((int(n) for n in os.listdir(store) if n.isdecimal()), default=0)
            target = store / str(number) / name
            target.parent.mkdir(parents=True)
            os.rename(source, target)
            # Lists read the run again when the time of its folder has moved.
            os.utime(self.run_dir)
        self.done.append(Mended(name, what))


def _hash(content: dict[str, Any]) -> str | None:
    try:
        return content_hash(content)
    except (TypeError, ValueError):
        return None


def _is_spec(content: dict[str, Any]) -> bool:
    try:
        spec_from_json(content)
    except BadInput:
        return False
    return bool(content)  # nothing at all would mean a run of all defaults
