"""All changes that pages make: checks the user's rights, then acts.

Buttons that a user may not press are drawn disabled, but that is a courtesy: a browser can send what it likes.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from cu_core.base.errors import BadInput, NotAllowed, os_errors_in_words
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec
from cu_core.jobs import background, lesson_delivery, submission
from cu_core.runstore import layout
from cu_core.runstore.annotations import Annotations, annotate
from cu_core.runstore.disk import check_floor
from cu_core.runstore.import_run import Imported, import_run
from cu_core.runstore.rows import optional_json
from cu_core.runstore.state import FINAL, read_state
from cu_core.sharing import lesson_answers, uploads
from cu_core.sharing.paths import check_paths, foreign_paths, may_bring_code
from cu_core.sharing.quota import check_active, check_disk, check_submission, check_upload, quota_of
from cu_core.sharing.rights import VIEW, User, may


@dataclass(frozen=True)
class Desk:
    """A user at a home.

    Every method raises `NotAllowed` where the user has no right to it, and an `UnlearnscopeError` in words where the
    machine refuses (a full disk, say), besides what is said there.

    Attributes:
        home: where things change.
        user: who asks; None for somebody who is not known.
    """

    home: Home
    user: User | None

    def require(self, action: str, owner: str = "") -> User:
        """The user, if they may do this; see `cu_core.sharing.rights.may`."""
        verdict = may(self.user, action, owner)
        if not verdict or self.user is None:
            raise NotAllowed(verdict.reason)
        return self.user

    def check(self, spec: RunSpec) -> None:
        """Whether the user may name the files that a specification names; to be asked before any of them is read.

        Raises:
            BadInput: one lies elsewhere.
        """
        check_paths(self.require("launch"), self.home, spec)

    def foreign(self, values: Mapping[str, Any]) -> dict[str, BadInput]:
        """Fields of the launch form with files that the user may not name; see `foreign_paths`."""
        return foreign_paths(self.require("launch"), self.home, values)

    def may_bring_code(self) -> bool:
        """Whether the user may name networks of their own."""
        return may_bring_code(self.user, self.home)

    @os_errors_in_words()
    def launch(self, spec: RunSpec, token: str | None = None) -> str:
        """Queues a run in the user's name; raises like `cu_core.jobs.submission.submit`.

        Raises:
            OverQuota: the user's runs are too many, too long or too large.
        """
        self.check(spec)
        name = self.require("launch").name
        # Asked under the lock of the submission: of two at once only one finds the last free place.
        return submission.submit(
            spec, self.home, token=token, owner=name, admit=lambda: check_submission(self.home, name, spec)
        )

    @os_errors_in_words()
    def cancel(self, run_id: str) -> str:
        """Asks a run to stop; see `cu_core.jobs.submission.cancel`."""
        self.require("cancel", self._owner(run_id))
        return submission.cancel(self.home, run_id)

    @os_errors_in_words()
    def resume(self, run_id: str) -> None:
        """Queues a run again, within its owner's quota; see `cu_core.jobs.submission.resume`.

        Raises:
            OverQuota: the owner has too many runs at work, or their runs fill their share of the disk.
        """
        owner = self._owner(run_id)
        user = self.require("resume", owner)
        # Two requests at once must not both find the last free place; new runs take the same lock.
        with layout.submit_lock(self.home):
            if user.name and user.name == owner:
                quota = quota_of(self.home, owner)
                check_active(self.home, quota, owner)
                check_disk(self.home, quota, owner)
            submission.resume(self.home, run_id)

    @os_errors_in_words()
    def annotate(self, run_id: str, wanted: Annotations) -> None:
        """Stores title, tags and notes of a run in the user's name; see `cu_core.runstore.annotations.annotate`."""
        user = self.require("annotate", self._owner(run_id))
        annotate(self.home, run_id, wanted, by=user.name)

    @os_errors_in_words()
    def delete(self, run_id: str) -> None:
        """Moves a run into the bin; see `cu_core.jobs.submission.delete`."""
        self.require("delete", self._owner(run_id))
        submission.delete(self.home, run_id)

    @os_errors_in_words()
    def restore(self, run_id: str) -> None:
        """Takes a run out of the bin, one that waits within its owner's quota; see `cu_core.jobs.submission.restore`.

        Raises:
            OverQuota: the owner has too many runs at work.
        """
        owner = self._owner(run_id)
        user = self.require("restore", owner)
        with layout.submit_lock(self.home):
            waits = read_state(self.home.bin / run_id).state not in FINAL
            if waits and user.name and user.name == owner:
                check_active(self.home, quota_of(self.home, owner), owner)
            submission.restore(self.home, run_id)

    def erasable(self) -> list[str]:
        """Ids of the runs in the bin that the user may remove for good."""
        return [row.run_id for row in submission.binned(self.home) if may(self.user, "erase", row.owner)]

    @os_errors_in_words()
    def erase(self, run_ids: Iterable[str]) -> int:
        """Removes runs from the bin for good; see `cu_core.jobs.submission.empty_bin`."""
        wanted = list(run_ids)
        for run_id in wanted:
            self.require("erase", self._owner(run_id))
        return submission.empty_bin(self.home, wanted)

    @os_errors_in_words()
    def keep(self, file: IO[bytes], name: str, kind: uploads.Kind) -> Path:
        """Stores an uploaded file; raises like `cu_core.sharing.uploads.keep`.

        Raises:
            OverQuota: more than the user may keep.
        """
        owner = self.require("upload").name
        return uploads.keep(file, name, kind, self.home, owner, lambda size: check_upload(self.home, owner, size))

    def keep_indices(self, indices: np.ndarray, name: str) -> Path:
        """Stores a list of samples; raises like `keep`."""
        return self.keep(*uploads.file_of_indices(indices, name), uploads.INDICES)

    @os_errors_in_words()
    def prepare(self, spec: DataSpec, select: str = "") -> None:
        """Prepares a dataset; see `cu_core.jobs.background.start_prepare`."""
        user = self.require("prepare")
        check_paths(user, self.home, RunSpec(data=spec, forget=ForgetSpec(select)) if select else RunSpec(data=spec))
        background.start_prepare(spec, self.home, select)

    @os_errors_in_words()
    def measure(self, spec: RunSpec) -> None:
        """Times a few steps of a run; see `cu_core.jobs.background.start_measure`."""
        self.check(spec)
        background.start_measure(spec, self.home)

    @os_errors_in_words()
    def import_run(self, file: IO[bytes], name: str) -> Imported:
        """Takes an uploaded run in, in the user's name; raises like `cu_core.runstore.import_run.import_run`.

        Raises:
            BadInput: the run names files of this machine that the user may not name.
            OverQuota: the file is too large, or the user's runs fill their share of the disk.
        """
        owner = self.require("upload").name
        file.seek(0, os.SEEK_END)
        size = file.tell()
        file.seek(0)
        if owner:
            check_upload(self.home, owner, size)
            check_disk(self.home, quota_of(self.home, owner), owner)
        check_floor(self.home.root, size)
        with tempfile.TemporaryDirectory(dir=self.home.root, prefix=".import-") as aside:
            # For messages alone; what is left of it cannot lead anywhere.
            path = Path(aside) / (re.sub(r"[^A-Za-z0-9._-]+", "-", Path(name).name).lstrip(".")[:80] or "run.zip")
            with path.open("wb") as target:
                shutil.copyfileobj(file, target, 1 << 20)
            # A run that is resumed or cloned reads the files that it names.
            return import_run(self.home, path, owner=owner, admit=self.check)

    @os_errors_in_words()
    def check_weights(self, spec: RunSpec) -> bool:
        """Judges the own weights of a run; see `cu_core.jobs.background.start_check`."""
        self.check(spec)
        return background.start_check(spec, self.home)

    @os_errors_in_words()
    def answer(self, lesson: str, step: str, answer: int, voter: str) -> bool:
        """Counts an answer in a lesson, without a name; see `cu_core.sharing.lesson_answers.count_answer`."""
        self.require(VIEW)
        return lesson_answers.count_answer(self.home, lesson, step, answer, voter)

    @os_errors_in_words()
    def count_anew(self, lesson: str) -> None:
        """Begins to count a lesson's answers anew; see `cu_core.sharing.lesson_answers.begin_anew`."""
        self.require("launch")
        lesson_answers.begin_anew(self.home, lesson)

    @os_errors_in_words()
    def bring_back(self, shipped: Path) -> None:
        """Puts the runs that ship among the runs again; see `cu_core.jobs.lesson_delivery.bring_back`."""
        self.require("launch")
        lesson_delivery.bring_back(self.home, shipped)

    def _owner(self, run_id: str) -> str:
        """Who launched a run; empty for the home's owner, and for a run that does not exist."""
        if not layout.is_run_id(run_id):
            return ""
        folders = (self.home.runs / run_id, self.home.bin / run_id)
        return next((str(optional_json(f / layout.INFO).get("owner") or "") for f in folders if f.is_dir()), "")
