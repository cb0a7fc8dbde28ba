"""`RunView`, the read-only interface to runs for pages and analysis. Loads no torch."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cu_core.base.errors import BadInput
from cu_core.base.files import read_json, tail
from cu_core.base.home import Home
from cu_core.catalogue.attack_record import ATTACKS
from cu_core.catalogue.spec import RunSpec, bare_name, spec_from_json
from cu_core.runstore import layout
from cu_core.runstore.index import list_runs
from cu_core.runstore.probe_table import probe_rows, read_probe
from cu_core.runstore.rows import RunRow, optional_json, parse_event, read_row
from cu_core.runstore.shapes import RESULT, audit_misfit, misfit, tsne_misfit
from cu_core.runstore.snapshot import damage, load_array, read_manifest
from cu_core.runstore.state import ACTIVE, RunState, read_state
from cu_core.runstore.verify import Problem, shown_damage, verify_dir

__all__ = ["RunRow", "RunView", "list_runs", "open_run"]


def open_run(home: Home, run_id: str) -> RunView:
    """A run by its id.

    Raises:
        BadInput: a malformed id, or no such run.
    """
    return RunView(layout.run_dir(home, run_id))


class RunView:
    """One run as it is now; open it again to see it later.

    Attributes:
        run_id: of the run.
        run_dir: its folder.
    """

    def __init__(self, run_dir: Path) -> None:
        self.run_id = run_dir.name
        self.run_dir = run_dir

    @cached_property
    def spec(self) -> RunSpec:
        """What was asked for.

        Raises:
            BadInput: the stored specification is damaged, or names what this program does not know.
        """
        try:
            return spec_from_json(read_json(self.run_dir / layout.SPEC))
        except (OSError, ValueError) as error:
            raise BadInput(layout.SPEC, f"cannot be read: {error}") from error

    @cached_property
    def info(self) -> dict[str, Any]:
        """The content of run.json: run_id, token, submitted, spec_hash, title, group, demo."""
        return optional_json(self.run_dir / layout.INFO)

    @cached_property
    def run_state(self) -> RunState:
        """Where the run stands, with its attempt."""
        return read_state(self.run_dir)

    @property
    def state(self) -> str:
        """One of `cu_core.runstore.state.STATES`."""
        return self.run_state.state

    @property
    def error(self) -> dict[str, Any] | None:
        """Kind, message and hint of a failure; None otherwise."""
        return self.run_state.error

    def row(self) -> RunRow:
        """The line that a list shows."""
        return read_row(self.run_dir)

    def rounds(self) -> list[int]:
        """Numbers of the rounds that can be shown, ascending, with round 0; damaged ones are left out."""
        return self._sound("rounds")

    def manifest(self, number: int) -> dict[str, Any]:
        """The manifest of a round.

        Raises:
            BadInput: not recorded or damaged.
        """
        return read_manifest(self.run_dir / "rounds" / str(int(number)))

    def array(self, number: int, name: str) -> np.ndarray:
        """An array of a round, read-only; the names are those of the manifest's ``arrays``.

        Raises:
            BadInput: not recorded or damaged.
        """
        return load_array(self.run_dir / "rounds" / str(int(number)), name)

    def probe(self) -> pd.DataFrame:
        """The recorded samples, one per row of every array.

        Raises:
            BadInput: not recorded yet or damaged.
        """
        try:
            return read_probe(self.run_dir / layout.PROBE)
        except FileNotFoundError:
            raise BadInput("probe", "was not recorded yet") from None

    def references(self) -> list[int]:
        """Seeds of the recorded references, ascending; damaged ones are left out."""
        return self._sound("reference")

    def reference_manifest(self, seed: int) -> dict[str, Any]:
        """The manifest of a reference; see `manifest`."""
        return read_manifest(self.run_dir / "reference" / str(int(seed)))

    def reference_name(self, seed: int) -> str:
        """What a reference is called: by its seed, or by the user's file that it comes from."""
        file = self.reference_manifest(seed).get("file")
        return bare_name(file) if isinstance(file, str) and file else f"seed {seed}"

    def reference_array(self, seed: int, name: str) -> np.ndarray:
        """An array of a reference; see `array`."""
        return load_array(self.run_dir / "reference" / str(int(seed)), name)

    def audit(self) -> dict[str, Any] | None:
        """The manifest of the membership attacks (see docs/run-format.md); None if none were made or it is damaged."""
        manifest = self._sound_manifest(layout.AUDIT)
        return manifest if manifest and audit_misfit(manifest, ATTACKS) is None else None

    def audit_array(self, name: str) -> np.ndarray:
        """An array of the audit, read-only; the names are those of its manifest's ``arrays``.

        Raises:
            BadInput: not recorded or damaged.
        """
        return load_array(self.run_dir / layout.AUDIT, name)

    def tsne(self) -> dict[str, Any] | None:
        """The manifest of the t-SNE over a few rounds; None if none was made or it is damaged."""
        manifest = self._sound_manifest(layout.TSNE)
        if manifest is None or tsne_misfit(manifest) is not None:
            return None
        rows, samples = self.tsne_array("rows"), probe_rows(self.run_dir, layout.PROBE)
        inside = samples is None or len(rows) == 0 or (rows.min() >= 0 and rows.max() < samples)
        return manifest if inside else None

    def tsne_array(self, name: str) -> np.ndarray:
        """``rows`` of the probe, or ``coordinates`` (moments, rows, 2): the rounds in order, then the reference.

        Raises:
            BadInput: not recorded or damaged.
        """
        return load_array(self.run_dir / layout.TSNE, name)

    def dataset_key(self) -> str | None:
        """Name of the prepared dataset that the run has read; None before it has."""
        key = optional_json(self.run_dir / layout.DATASET).get("key")
        return key if layout.is_run_id(key) else None

    def result(self) -> dict[str, Any] | None:
        """The result of a run that succeeded; None if there is none, or a damaged one. Not to be changed."""
        return self._result

    @cached_property
    def _result(self) -> dict[str, Any] | None:
        # Checking it whole takes as long as drawing a table of it, and every part of a page asks.
        if self.state != "succeeded":
            return None
        found = optional_json(self.run_dir / layout.RESULT)
        return found if found and misfit(found, RESULT) is None else None

    def events(self, since: int = 0) -> list[dict[str, Any]]:
        """Events of the latest attempt, in order, without the first `since`."""
        path = layout.attempt_dir(self.run_dir, self.run_state.attempt) / layout.EVENTS
        try:
            lines = path.read_bytes().split(b"\n")
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [event for event in map(parse_event, lines) if event is not None][since:]

    def log(self, tail_bytes: int = 20_000) -> str:
        """The end of the latest attempt's log; empty if there is none."""
        return tail(layout.attempt_dir(self.run_dir, self.run_state.attempt) / layout.LOG, tail_bytes)

    def damage(self) -> list[Problem]:
        """Everything about the run's files that is not as it was written."""
        return verify_dir(self.run_dir)

    def shown_damage(self) -> list[Problem]:
        """What is wrong with the files that pages draw from; nothing while an attempt is at work on them."""
        return [] if self.state in ACTIVE else shown_damage(self.run_dir)

    def _sound_manifest(self, name: str) -> dict[str, Any] | None:
        folder = self.run_dir / name
        return read_manifest(folder) if (folder / layout.MANIFEST).exists() and not damage(folder) else None

    def _sound(self, kind: str) -> list[int]:
        folder, rows = self.run_dir / kind, probe_rows(self.run_dir, layout.PROBE)
        return [number for number in layout.numbered(folder) if not damage(folder / str(number), rows=rows)]
