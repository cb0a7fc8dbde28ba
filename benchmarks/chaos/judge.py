"""What must hold after any fault: no run lost or run twice, nothing torn shown, the same end as without it."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cu_core.base.home import Home
from cu_core.runstore.checksums import SEAL
from cu_core.runstore.reader import RunView, list_runs, open_run
from tests.jobs import stubs
from tests.jobs.programs import worked

# Of a manifest: who wrote it and how long that took differs between two runs of the same work.
_OWN = ("attempt", "seconds", "arrays", SEAL)


@dataclass(frozen=True)
class Content:
    """What a finished run shows, without anything that depends on when and where it ran."""

    weights_sha256: str
    metrics: Any
    attacks: Any
    folders: dict[str, Any]


def content(view: RunView) -> Content:
    """What a run shows; raises where anything of it cannot be read."""
    result = view.result()
    assert result is not None, f"{view.run_id} has no result"
    folders = {f"rounds/{n}": view.manifest(n) for n in view.rounds()}
    folders |= {f"reference/{n}": view.reference_manifest(n) for n in view.references()}
    if (audit := view.audit()) is not None:
        folders["audit"] = audit
    return Content(
        result["weights_sha256"], result["metrics"], result["attacks"], {k: _shown(m) for k, m in folders.items()}
    )


def _shown(manifest: dict[str, Any]) -> dict[str, Any]:
    hashes = {name: entry["sha256"] for name, entry in manifest["arrays"].items()}
    return {name: value for name, value in manifest.items() if name not in _OWN} | {"sha256": hashes}


def differs(found: Content, expected: Content) -> list[str]:
    """Where two runs of the same work do not show the same."""
    wrong = [
        name for name in ("weights_sha256", "metrics", "attacks") if getattr(found, name) != getattr(expected, name)
    ]
    names = found.folders.keys() | expected.folders.keys()
    return wrong + sorted(name for name in names if found.folders.get(name) != expected.folders.get(name))


def shown_wrongly(view: RunView, expected: Content) -> list[str]:
    """Rounds and references that are shown though they are not what was written."""
    wrong = []
    for kind, numbers, manifest, array in (
        ("rounds", view.rounds(), view.manifest, view.array),
        ("reference", view.references(), view.reference_manifest, view.reference_array),
    ):
        for number in numbers:
            about = manifest(number)
            if _shown(about) != expected.folders[f"{kind}/{number}"]:
                wrong.append(f"{kind}/{number}")
            for name in about["arrays"]:
                np.asarray(array(number, name))
    return wrong


def stub_losses(home: Home, run_ids: list[str], rounds: int) -> list[str]:
    """What broke of runs of the stand-in engine that should all have succeeded."""
    wrong = []
    listed = {row.run_id for row in list_runs(home)}
    if listed != set(run_ids):
        wrong.append(f"listed {sorted(listed)}, submitted {sorted(run_ids)}")
    for run_id in sorted(listed & set(run_ids)):
        view = open_run(home, run_id)
        if view.state != "succeeded":
            wrong.append(f"{run_id} is {view.state}: {view.error}")
            continue
        if view.rounds() != list(range(rounds + 1)):
            wrong.append(f"{run_id} shows the rounds {view.rounds()}")
        wrong += [f"{run_id} round {n} is wrong" for n in view.rounds() if not _is_round(view, n)]
        wrong += [f"{run_id} {problem}" for problem in view.damage()]
        wrong += _twice(home, run_id)
    return wrong


def _is_round(view: RunView, number: int) -> bool:
    width = view.array(number, "embedding").shape[1]
    expected = stubs.arrays(number, width)
    return all(np.array_equal(view.array(number, name), array) for name, array in expected.items())


def _twice(home: Home, run_id: str) -> list[str]:
    """Work that was done although it had been done."""
    steps = [(attempt, number, pid) for run, attempt, number, pid in worked(home) if run == run_id]
    wrong = []
    if len({(attempt, number) for attempt, number, _ in steps}) != len(steps):
        wrong.append(f"{run_id}: a round was worked on twice in one attempt")
    if len({(attempt, pid) for attempt, _, pid in steps}) != len({attempt for attempt, _, _ in steps}):
        wrong.append(f"{run_id}: two processes worked on one attempt")
    last = -1
    for attempt in sorted({attempt for attempt, _, _ in steps}):
        numbers = [number for other, number, _ in steps if other == attempt]
        if numbers[0] < last:
            wrong.append(f"{run_id}: attempt {attempt} began at round {numbers[0]}, {last} was at work before")
        last = max(numbers[-1], last)
    return wrong


class Watcher:
    """A reader that opens everything that is listed, over and over, while faults happen."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.looks = 0
        self.wrong: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _loop(self) -> None:
        while not self._over.wait(0.2):
            try:
                for row in list_runs(self.home):
                    view = open_run(self.home, row.run_id)
                    self.wrong += [f"{row.run_id} round {n} torn" for n in view.rounds() if not _is_round(view, n)]
                self.looks += 1
            except Exception as error:  # whatever a reader raises breaks the promise
                self.wrong.append(f"a reader failed: {type(error).__name__}: {error}")


def same_content(path: Path, before: bytes) -> bool:
    """Whether a file still says what it said: JSON may be written differently."""
    if not path.exists():
        return False
    now = path.read_bytes()
    if now == before or path.suffix not in (".json", ".jsonl"):
        return now == before
    try:
        if path.suffix == ".json":
            return bool(json.loads(now) == json.loads(before))
        return [json.loads(line) for line in now.splitlines()] == [json.loads(line) for line in before.splitlines()]
    except ValueError:
        return False
