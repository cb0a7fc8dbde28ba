"""What torchrun tells a process about itself. Light: no torch here."""

from __future__ import annotations

import os


def among_several() -> bool:
    """Whether torchrun started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def rank() -> int:
    """Number of this process in its run; 0 leads."""
    return int(os.environ.get("RANK", "0"))
