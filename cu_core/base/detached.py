"""A command of this program in a process that outlives whoever started it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import psutil

from cu_core.base.installation import dashboard_folder
from cu_core.base.process import identity


def start_detached(words: Sequence[str], root: Path, output: IO[bytes], complaint: IO[bytes]) -> dict[str, Any]:
    """Starts a command.

    Args:
        words: of the command line, without the program's name.
        root: of the home that it works on.
        output: takes what it prints.
        complaint: takes what it complains of.

    Returns:
        The process, see `cu_core.base.process.identity`; nothing where it has ended already.
    """
    # A session of its own: it goes on when the server or the terminal ends.
    process = subprocess.Popen(
        [sys.executable, "-m", "cu_core", *words],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=complaint,
        start_new_session=True,
        cwd=dashboard_folder(),
        env=os.environ | {"CU_HOME": str(root)},
    )
    try:
        return identity(process.pid)
    except psutil.NoSuchProcess:
        return {}
