"""Quotas per user, checked on the server where runs are made and files are stored."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from threading import Lock

from cu_core.base.errors import OverQuota
from cu_core.base.home import Home
from cu_core.catalogue.method_record import method
from cu_core.catalogue.spec import RunSpec, planned_epochs
from cu_core.runstore import layout
from cu_core.runstore.disk import folder_size
from cu_core.runstore.index import list_runs
from cu_core.runstore.rows import optional_json
from cu_core.runstore.state import FINAL
from cu_core.sharing import clock
from cu_core.sharing.config import Quota, sharing_of
from cu_core.sharing.uploads import OWNER_SUFFIX

DAY_SECONDS = 86_400.0

# Size of folders that rest, by path and time of change: a folder of thousands of files is walked once.
_sizes: dict[Path, tuple[int, int]] = {}


def quota_of(home: Home, owner: str) -> Quota:
    """What a person may take in a home; no limits for its owner, or where it is not shared.

    Raises:
        BadInput: ``sharing.toml`` cannot be used.
    """
    sharing = sharing_of(home) if owner else None
    return sharing.quota_of(owner) if sharing else Quota()


def check_spec(quota: Quota, spec: RunSpec) -> None:
    """Checks the length of one run.

    Raises:
        OverQuota: too many epochs or rounds.
    """
    if quota.epochs is not None and (planned := planned_epochs(spec)) > quota.epochs:
        references = f"{spec.reference} reference{'s' if spec.reference > 1 else ''}" if spec.reference else ""
        anew = "a method that trains anew" if method(spec.method.id).starts_anew else ""
        shadows = f"{spec.audit.shadows} shadow models" if spec.audit.shadows else ""
        parts = ", ".join(part for part in ("base model", references, anew, shadows) if part)
        raise OverQuota(
            f"{planned:,} epochs of training ({parts}) are more than the {quota.epochs:,} that you may use in one run"
        )
    if quota.rounds is not None and spec.max_rounds > quota.rounds:
        raise OverQuota(f"{spec.max_rounds} rounds are more than the {quota.rounds} that you may use")


def check_active(home: Home, quota: Quota, owner: str, more: int = 1) -> None:
    """Checks that `more` runs may join those that wait or are at work.

    Raises:
        OverQuota: they would be too many.
    """
    if quota.active_runs is None:
        return
    active = sum(row.owner == owner and row.state not in FINAL for row in list_runs(home))
    if active + more > quota.active_runs:
        wish = f"; {more} more would be too many" if more > 1 else ""
        raise OverQuota(
            f"{active} of your runs are queued or at work, and you may have {quota.active_runs}{wish}; "
            "wait until one has ended, or cancel one"
        )


def check_disk(home: Home, quota: Quota, owner: str) -> None:
    """Checks that a person's runs have not filled their share of the disk.

    Raises:
        OverQuota: they have.
    """
    if quota.disk_gb is None:
        return
    used = used_bytes(home, owner)
    if used >= quota.disk_gb * 1e9:
        raise OverQuota(
            f"your runs take {used / 1e9:.2f} GB, with those in the bin, and you may use {quota.disk_gb:g} GB; "
            "delete runs and empty the bin"
        )


def check_submission(home: Home, owner: str, spec: RunSpec) -> None:
    """All checks of a new run.

    Raises:
        OverQuota: a limit is reached; the message says which.
        BadInput: ``sharing.toml`` cannot be used.
    """
    quota = quota_of(home, owner)
    check_spec(quota, spec)
    check_active(home, quota, owner)
    check_disk(home, quota, owner)


def used_bytes(home: Home, owner: str) -> int:
    """Bytes of a person's runs, with those in the bin."""
    mine = [home.runs / row.run_id for row in list_runs(home) if row.owner == owner]
    binned = [home.bin / run_id for run_id in layout.run_ids(home.bin)]
    mine += [folder for folder in binned if optional_json(folder / layout.INFO).get("owner") == owner]
    return sum(map(_size, mine))


def _size(folder: Path) -> int:
    try:
        changed = os.stat(folder).st_mtime_ns
    except OSError:
        return 0
    # The folder of an ended run changes only as a whole; one at work is walked each time.
    if (folder / layout.RESULT).exists():
        known = _sizes.get(folder)
        if known is None or known[0] != changed:
            known = _sizes[folder] = (changed, folder_size(folder))
        return known[1]
    return folder_size(folder)


def kept_bytes(home: Home, owner: str) -> int:
    """Bytes of the uploads that a person was the first to hand in."""
    notes = map(optional_json, home.uploads.glob(f"*{OWNER_SUFFIX}"))
    return sum(int(note.get("bytes") or 0) for note in notes if note.get("owner") == owner)


def check_upload(home: Home, owner: str, size: int) -> None:
    """Checks that a person may keep one more file of so many bytes.

    Raises:
        OverQuota: the file, or all of theirs together, are too large.
    """
    quota = quota_of(home, owner)
    if quota.upload_mb is not None and size > quota.upload_mb * 1e6:
        raise OverQuota(f"the file has {size / 1e6:,.1f} MB; one file may have {quota.upload_mb:g} MB")
    if quota.uploads_mb is not None and kept_bytes(home, owner) + size > quota.uploads_mb * 1e6:
        raise OverQuota(f"all your uploads together may have {quota.uploads_mb:g} MB")


class Traffic:
    """How many bytes each person has sent within the last day, kept by one server in memory."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sent: dict[str, deque[tuple[float, int]]] = {}
        self._total: dict[str, int] = {}

    def left(self, name: str, quota: Quota, now: float | None = None) -> float:
        """Bytes that a person may still send in one request; infinite without a limit, negative beyond the day's."""
        now = clock.elapsed() if now is None else now
        with self._lock:
            sent = self._sent.get(name, deque())
            while sent and sent[0][0] < now - DAY_SECONDS:
                self._total[name] -= sent.popleft()[1]
            total = self._total.get(name, 0)
        whole = float("inf") if quota.uploads_mb is None else quota.uploads_mb * 1e6 - total
        return min(whole, float("inf") if quota.upload_mb is None else quota.upload_mb * 1e6)

    def add(self, name: str, size: int, now: float | None = None) -> None:
        """Counts bytes that came."""
        if not size:
            return
        with self._lock:
            self._sent.setdefault(name, deque()).append((clock.elapsed() if now is None else now, size))
            self._total[name] = self._total.get(name, 0) + size
