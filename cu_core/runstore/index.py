"""A SQLite index of the runs, so that a list of a thousand does not open thousands of files.

The run directories are the truth; the index can be thrown away at any time. Whoever holds the
dispatcher's lock is its only writer. A row carries the modification times of the folders that it was
made from; where they have moved on, readers go to the files.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sqlite3
import time
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from filelock import Timeout

from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home
from cu_core.runstore import layout
from cu_core.runstore.rows import RunRow, read_row
from cu_core.runstore.state import FINAL

VERSION = 5
# Two changes within the clock's step leave the same modification time; a row made so soon after a
# change is not trusted.
SETTLED_SECONDS = 0.1

_TABLE = """
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY, stamp TEXT NOT NULL, row TEXT NOT NULL, checksum INTEGER NOT NULL
)
"""


@dataclass(frozen=True)
class Entry:
    """A row of the index with the stamp of the folders that it was made from."""

    stamp: str
    row: RunRow

    def is_fresh(self, run_dir: Path | str) -> bool:
        """Whether the row still says what the files say."""
        # The state of these depends on more than the files: on processes and on the clock.
        settled = self.row.state in FINAL or self.row.state == "queued"
        return settled and self.stamp != "" and self.stamp == stamp_of(run_dir, self.row.attempt)


def stamp_of(run_dir: Path | str, attempt: int) -> str:
    """Modification times of the folders in which every change of state leaves a trace."""
    try:
        moments = [os.stat(run_dir).st_mtime_ns]
        if attempt:
            moments.append(os.stat(f"{run_dir}/{layout.attempt_name(attempt)}").st_mtime_ns)
    except OSError:
        return ""
    return "-".join(map(str, moments))


def read_index(home: Home) -> dict[str, Entry]:
    """All rows of the index; empty where it is absent, locked, damaged or of another version."""
    try:
        with contextlib.closing(_open_to_read(home.index)) as database:
            if database.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                return {}
            found = database.execute("SELECT run_id, stamp, row, checksum FROM runs").fetchall()
            entries = {line[0]: _entry(*line) for line in found}
            return {run_id: entry for run_id, entry in entries.items() if entry is not None}
    except (sqlite3.Error, ValueError, TypeError):
        return {}


# More runs than this are parsed anew at each look.
@lru_cache(maxsize=20_000)
def _entry(run_id: str, stamp: str, row: str, checksum: int) -> Entry | None:
    """One line of the index; None if it was damaged. SQLite notices damage to its own structure, not to its content."""
    return Entry(stamp, RunRow(**json.loads(row))) if checksum == _checksum(run_id, stamp, row) else None


def list_runs(home: Home) -> list[RunRow]:
    """All runs that are not in the bin, latest first.

    Rows come from the index where it is up to date, and from the run directories otherwise.
    """
    index = read_index(home)
    rows = []
    # Texts, since making a path costs more than asking the filesystem for its time.
    runs = os.fspath(home.runs)
    for run_id in layout.run_ids(home.runs):
        run_dir = f"{runs}/{run_id}"
        entry = index.get(run_id)
        if entry is not None and entry.is_fresh(run_dir):
            rows.append(entry.row)
            continue
        row = read_row(Path(run_dir))
        # Deleted while it was read.
        if os.path.exists(run_dir):
            rows.append(row)
    return sorted(rows, key=lambda row: (-row.submitted, row.run_id))


def unindexed(home: Home) -> int:
    """How many runs a list has to read from their files."""
    index = read_index(home)
    runs = os.fspath(home.runs)
    entries = ((index.get(run_id), f"{runs}/{run_id}") for run_id in layout.run_ids(home.runs))
    return sum(entry is None or not entry.is_fresh(run_dir) for entry, run_dir in entries)


def make_entry(run_dir: Path) -> Entry:
    """Reads a run and stamps its row, unless the run is changing just now."""
    before = max(layout.attempts(run_dir), default=0)
    stamp = stamp_of(run_dir, before)
    row = read_row(run_dir)
    # Only a stamp taken before reading, old enough, and still true afterwards vouches for the row.
    same = row.attempt == before and stamp == stamp_of(run_dir, before)
    settled = same and all(
        time.time_ns() - int(moment) > SETTLED_SECONDS * 1e9 for moment in stamp.split("-") if moment
    )
    return Entry(stamp if settled else "", row)


class Index:
    """The index, opened to write by whoever holds the dispatcher's lock.

    Raises:
        sqlite3.Error: it can be neither opened nor made anew.
    """

    def __init__(self, home: Home) -> None:
        self.path = home.index
        try:
            self._database = _open_to_write(self.path)
        except sqlite3.DatabaseError:
            remove_index(home)
            self._database = _open_to_write(self.path)
        self._inode = os.stat(self.path).st_ino

    def put(self, run_id: str, entry: Entry) -> None:
        """Stores the row of a run.

        Raises:
            sqlite3.Error: the index cannot be written or is damaged.
        """
        row = json.dumps(dataclasses.asdict(entry.row))
        with self._database:
            self._database.execute(
                "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)",
                (run_id, entry.stamp, row, _checksum(run_id, entry.stamp, row)),
            )

    def remove(self, run_id: str) -> None:
        """Forgets a run; raises like `put`."""
        with self._database:
            self._database.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))

    def in_place(self) -> bool:
        """Whether the file that is written to is still the one that readers open."""
        try:
            return os.stat(self.path).st_ino == self._inode
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Closes the database."""
        self._database.close()


def remove_index(home: Home) -> None:
    """Deletes the index with its side files."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{home.index}{suffix}").unlink(missing_ok=True)


def rebuild_request(home: Home) -> Path:
    """The file whose presence asks the living dispatcher to make the index anew."""
    return home.root / "reindex.request"


def reindex(home: Home, *, seconds: float = 60.0) -> int:
    """Makes the index anew from the run directories; a living dispatcher is asked to do it.

    Args:
        home: whose index.
        seconds: how long to wait for the dispatcher.

    Returns:
        How many runs it holds.

    Raises:
        UnlearnscopeError: the dispatcher did not answer.
    """
    home.create()
    request = rebuild_request(home)
    deadline = time.monotonic() + seconds
    asked = False
    while True:
        try:
            with layout.dispatcher_lock(home):
                request.unlink(missing_ok=True)
                return _fill(home)
        except Timeout:
            if asked and not request.exists():
                return len(read_index(home))
        if not asked:
            request.touch()
            asked = True
        if time.monotonic() > deadline:
            request.unlink(missing_ok=True)
            raise UnlearnscopeError("the dispatcher is busy and did not rebuild the index; try again")
        time.sleep(0.05)


def _fill(home: Home) -> int:
    remove_index(home)
    index = Index(home)
    try:
        run_ids = layout.run_ids(home.runs)
        for run_id in run_ids:
            index.put(run_id, make_entry(home.runs / run_id))
    finally:
        index.close()
    return len(run_ids)


def _checksum(*texts: str) -> int:
    return zlib.crc32("\n".join(texts).encode())


def _open_to_read(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise sqlite3.OperationalError("no index")
    # A list of runs does not wait for the index: the files are there.
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.2)


def _open_to_write(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=10.0)
    try:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION) or database.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("another version or damaged")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        with database:
            database.execute(_TABLE)
            database.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        database.close()
        raise
    return database
