"""Times, sizes and metrics as people read them."""

from __future__ import annotations

import math
import time

from cu_core.base.display_text import decimal, measured
from cu_core.catalogue.metric_record import METRICS


def duration(seconds: float | None) -> str:
    """Seconds in words of at most two units; a dash where unknown, as after a clock was set back."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def roughly(seconds: float) -> str:
    """Seconds that are known within a factor of two, in words that claim no more: one digit, or a half of it."""
    size, unit = next(((size, unit) for size, unit in ((3600, "h"), (60, "min")) if seconds >= 1.5 * size), (1, "s"))
    count = max(seconds / size, 1)
    step = 10 ** math.floor(math.log10(count))
    step = step / 2 if count < 3 * step else step
    return f"{round(count / step) * step:g} {unit}"


# Clocks of machines that share a disk differ by this much without anybody having set one.
_SAME_MOMENT_SECONDS = 60.0
# A clock that nobody has set tells 1970, and so does a damaged file.
_UNSET_SECONDS = 365 * 86_400.0


def ago(moment: float | None, now: float | None = None) -> str:
    """How long ago a unix time was; a dash where unknown: none, in 1970, or ahead because a clock was set back."""
    now = time.time() if now is None else now
    if moment is None or not _UNSET_SECONDS < moment < now + _SAME_MOMENT_SECONDS:
        return "–"
    passed = now - moment
    return "just now" if passed < 5 else f"{duration(passed)} ago"


def file_size(size: float) -> str:
    """Bytes in decimal units."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def metric_text(metric_id: str, value: float | None) -> str:
    """A metric's value as people read it: percent or decimals; a dash where missing."""
    if value is None or not math.isfinite(value):
        return "–"
    return measured(value, percent=METRICS[metric_id].percent)


def difference_text(metric_id: str, value: float | None, other: float | None) -> str:
    """Difference of two values of a metric, in percentage points or plain; a dash where missing."""
    if value is None or other is None or not (math.isfinite(value) and math.isfinite(other)):
        return "–"
    # Rounded first, so that nothing is less than nothing.
    points, plain = round(100 * (value - other), 1) + 0.0, round(value - other, 6) + 0.0
    return f"{points:+.1f} points" if METRICS[metric_id].percent else decimal(plain, sign=True)
