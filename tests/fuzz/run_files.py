"""Files of a run from elsewhere: bytes become a line in the list and a state, whatever they hold."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.fuzz.harness import fuzz, instrumented

with instrumented():
    from cu_core.base.errors import UnlearnscopeError
    from cu_core.runstore import layout
    from cu_core.runstore.reader import RunView
    from cu_core.runstore.rows import read_row
    from cu_core.runstore.state import STATES
    from cu_core.runstore.verify import verify_dir

_FOLDER = tempfile.TemporaryDirectory(prefix="fuzz-run-")
FILES = (
    layout.SPEC,
    layout.INFO,
    layout.REQUEUE,
    layout.RESULT,
    layout.DATASET,
    f"attempt-1/{layout.LAUNCH}",
    f"attempt-1/{layout.PID}",
    f"attempt-1/{layout.EVENTS}",
    f"attempt-1/{layout.OUTCOME}",
    f"rounds/0/{layout.MANIFEST}",
    f"reference/0/{layout.MANIFEST}",
    f"{layout.AUDIT}/{layout.MANIFEST}",
    layout.PROBE,
)
"""The first byte of an input says which of these gets the rest."""


def target(content: bytes) -> None:
    if not content:
        return
    run_dir = Path(_FOLDER.name) / "fuzzed"
    path = run_dir / FILES[content[0] % len(FILES)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content[1:])
    try:
        look(run_dir)
    finally:
        path.unlink()
        if not any(path.parent.iterdir()) and path.parent != run_dir:
            path.parent.rmdir()


def look(run_dir: Path) -> None:
    """Everything that lists and pages ask of a run before they draw."""
    row = read_row(run_dir)
    assert row.state in STATES and isinstance(row.submitted, float) and len(row.title) < 1000
    row.title.encode()
    json.dumps(row.metrics, allow_nan=False)
    view = RunView(run_dir)
    for ask in (
        lambda: view.spec,
        view.result,
        view.rounds,
        view.references,
        lambda: [view.manifest(number) for number in view.rounds()],
        view.audit,
        view.probe,
        view.events,
        view.log,
        view.dataset_key,
    ):
        try:
            ask()
        except UnlearnscopeError as error:
            str(error).encode()
    verify_dir(run_dir, again=True)


def seed(name: str, content: object) -> bytes:
    """An input that puts JSON into one of `FILES`."""
    return bytes([FILES.index(name)]) + json.dumps(content).encode()


SEEDS = [
    seed(layout.INFO, {"run_id": "fuzzed", "title": "A", "submitted": 1.5, "group": "g", "demo": False}),
    seed(layout.RESULT, {"run_id": "fuzzed", "rounds": 1, "metrics": {"before": {}, "after": {"forget_acc": 0.5}}}),
    seed(layout.REQUEUE, {"attempt": 2, "first": 1, "reason": "lost"}),
    seed(f"attempt-1/{layout.OUTCOME}", {"state": "failed", "t": 5.0, "error": {"kind": "x", "message": "y"}}),
    seed(f"attempt-1/{layout.PID}", {"pid": 1, "started": 1.0, "boot": "x", "host": "y", "t": 3}),
    seed(f"attempt-1/{layout.EVENTS}", {"t": 0, "phase": "unlearn", "done": 3, "total": 12, "seconds_left": 7.5}),
    seed(f"rounds/0/{layout.MANIFEST}", {"round": 0, "metrics": {"forget_acc": 1.0}, "arrays": {"loss": {
        "file": "loss.npy", "dtype": "float32", "shape": [3], "sha256": "0" * 64}}}),
    seed(f"{layout.AUDIT}/{layout.MANIFEST}", {"members": 3, "non_members": 3, "attacks": {}, "arrays": {}}),
]  # fmt: skip

if __name__ == "__main__":
    fuzz(target, SEEDS)
