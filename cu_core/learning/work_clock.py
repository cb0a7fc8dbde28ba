"""What computing costs: seconds of the processor over all its threads, or of the device.

The time that passes also counts what else a machine does: a run beside three others takes four times as long and does
no more. Processor time leaves that out. On CUDA, where the processor mostly waits, it is the time between two marks in
the device's queue of work.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class WorkClock:
    """Reads what a device and its processor have done.

    Attributes:
        device: where is computed.
    """

    device: torch.device

    def mark(self) -> Any:
        """A moment that `since` counts from."""
        if self.device.type != "cuda":
            return time.process_time()
        with torch.cuda.device(self.device):
            event = torch.cuda.Event(enable_timing=True)
            event.record()
        return event

    def since(self, moment: Any) -> float | None:
        """Seconds of work since a moment: of all threads of this process, on CUDA of the device.

        Returns:
            None on devices that do not tell.
        """
        if self.device.type == "cpu":
            return time.process_time() - float(moment)
        if self.device.type != "cuda":
            return None
        now = self.mark()
        now.synchronize()
        return float(moment.elapsed_time(now)) / 1000


def total(*parts: float | None) -> float | None:
    """The sum of what is known; None where a part is not."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None
