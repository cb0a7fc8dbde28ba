"""Runs one attempt from start to outcome, for the worker and for runs in the foreground."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cu_core.base.errors import BadInput, Cancelled, OutOfMemory, ProcessLost, Replaced, UnlearnscopeError
from cu_core.runstore import layout
from cu_core.runstore.attempt import DISK_HINT, HEARTBEAT_SECONDS, Attempt
from cu_core.runstore.disk import is_disk_error

Execute = Callable[[Attempt], Mapping[str, Any]]

PATIENCE_SECONDS = 1.0
"""How long an interrupted run may go on to its next `Attempt.check`, before it is broken off where it is."""
REPLACED = "replaced"
LOST = "lost"


def run_attempt(attempt: Attempt, execute: Execute, *, heartbeat: float = HEARTBEAT_SECONDS) -> str:
    """Does the work of a claimed attempt and writes its outcome.

    While it runs, the attempt beats, and SIGTERM or SIGINT cancel it at the next `Attempt.check`. A second SIGINT
    interrupts at once, and one alone after `PATIENCE_SECONDS`.

    Args:
        attempt: as `Attempt.claim` returns it.
        execute: does the work and returns the result; `cu_core.engine.loop.execute`.
        heartbeat: seconds between two beats.

    Returns:
        ``succeeded``, ``failed``, ``cancelled``, or, where nothing was written, ``replaced``, or ``lost`` where
        another process of the run is gone.
    """
    with _stopping_on_signals(attempt) as patience, attempt.beating(heartbeat):
        try:
            state, error = _perform(attempt, execute, patience)
            attempt.finish(state, error)
        except Replaced:
            return REPLACED
        except ProcessLost as error:
            print(f"{attempt.run_id}: {error}", file=sys.stderr)
            return LOST
    return state


def _perform(attempt: Attempt, execute: Execute, patience: _Patience) -> tuple[str, dict[str, Any] | None]:
    try:
        result = execute(attempt)
        patience.end()
        attempt.write_json(layout.RESULT, result)
    except (Replaced, ProcessLost):
        raise
    except (Cancelled, KeyboardInterrupt):
        patience.end()
        if attempt.is_taken_away():
            raise ProcessLost("the cluster took the node back; the run goes on in its next attempt") from None
        return "cancelled", None
    except Exception as error:
        _log_traceback(attempt)
        return "failed", failure(error)
    return "succeeded", None


def failure(error: BaseException) -> dict[str, Any]:
    """An exception in words: kind, message and a hint at what to do."""
    text = str(error) or type(error).__name__
    if is_disk_error(error):
        return {"kind": "out-of-disk", "message": text, "hint": DISK_HINT}
    if isinstance(error, OutOfMemory):
        return {"kind": "out-of-memory", "message": text, "hint": ""}
    # The name alone, since nothing here may import torch.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        hint = "Lower the batch size, the probe size or the image size, or choose a smaller backbone."
        return {"kind": "out-of-memory", "message": f"out of memory: {text}", "hint": hint}
    if isinstance(error, BadInput):
        hint = "Clone the run, correct this value and launch it again."
        if error.field == layout.SPEC:
            hint = "The file is damaged: mend the run with verify RUN --mend, then resume it."
        return {"kind": "bad-input", "message": text, "hint": hint, "field": error.field}
    hint = "The log holds the details. Resume continues from the last complete round."
    said = text if isinstance(error, UnlearnscopeError) else f"{type(error).__name__}: {text}"
    return {"kind": "failed", "message": said, "hint": hint}


def _log_traceback(attempt: Attempt) -> None:
    # Straight into the log: in the foreground, stderr is the user's terminal.
    with contextlib.suppress(OSError), (attempt.folder / layout.LOG).open("a") as log:
        traceback.print_exc(file=log)


class _Patience:
    """Breaks off what an interrupt should end and does not: drawing or importing, for which nobody waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._over = False

    def begin(self) -> None:
        """Interrupts the main thread again in `PATIENCE_SECONDS`; called in a signal handler."""
        self._timer = threading.Timer(PATIENCE_SECONDS, self._break_off)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """What is left takes moments, and is not to be broken off."""
        with self._lock:
            self._over = True
        if self._timer is not None:
            self._timer.cancel()

    def _break_off(self) -> None:
        with self._lock:
            if not self._over:
                os.kill(os.getpid(), signal.SIGINT)


@contextlib.contextmanager
def _stopping_on_signals(attempt: Attempt) -> Iterator[_Patience]:
    patience = _Patience()
    if threading.current_thread() is not threading.main_thread():
        # Python hands signals to the main thread alone.
        yield patience
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def handle(number: int, _: Any) -> None:
        attempt.stop()
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            patience.begin()

    for number in before:
        signal.signal(number, handle)
    try:
        yield patience
    finally:
        patience.end()
        for number, handler in before.items():
            signal.signal(number, handler)
