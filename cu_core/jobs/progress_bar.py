"""Progress of a run in the foreground, on stderr."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

BAR = 24


class ProgressBar:
    """One line on stderr that is drawn over itself; plain lines where stderr is no terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.phase = ""

    def event(self, event: dict[str, Any]) -> None:
        """Shows one progress event."""
        if event.get("loud"):
            start = "\r" if self.live else ""  # over the line that is drawn in a terminal
            self.stream.write(f"{start}note: {event['message']}\n")
            self.stream.flush()
            return
        total, done = event["total"], event["done"]
        left = event.get("seconds_left")
        text = event.get("message") or event["phase"]
        if left is not None:
            text += f", at most {_duration(left)} left"
        if self.live:
            filled = round(BAR * done / total) if total else 0
            line = f"[{'#' * filled}{'.' * (BAR - filled)}] {text}"
            self.stream.write("\r" + line[: shutil.get_terminal_size().columns - 1].ljust(79))
        elif event["phase"] != self.phase or done == total:
            self.stream.write(f"{event['phase']} {done}/{total} {text}\n")
        self.phase = event["phase"]
        self.stream.flush()

    def close(self) -> None:
        """Ends the line."""
        if self.live:
            self.stream.write("\n")


@contextmanager
def drawn_progress(*, quiet: bool = False) -> Iterator[Callable[[dict[str, Any]], None]]:
    """What draws progress events while the block runs; nothing is drawn where there are none, or it is to be quiet."""
    bar = ProgressBar()
    try:
        yield (lambda event: None) if quiet else bar.event
    finally:
        if bar.phase:
            bar.close()


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
