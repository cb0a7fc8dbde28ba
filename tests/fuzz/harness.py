"""Coverage-guided fuzzing with atheris: ``python -m tests.fuzz.NAME -max_total_time=60``; options are libFuzzer's.

A harness gives bytes to one reader and lets every error but those that the reader promises escape, which ends the
run and keeps the bytes in ``crash-…``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

MISSING = "atheris is not installed here (it has wheels for Linux on x86-64); the hypothesis tests cover these readers"


def available() -> bool:
    return importlib.util.find_spec("atheris") is not None


@contextlib.contextmanager
def instrumented() -> Iterator[None]:
    """Modules of the project that are imported inside count what they cover."""
    if "atheris" not in sys.modules and not (_is_main() and available()):
        yield
        return
    import atheris  # noqa: PLC0415 - only where a harness is run

    with atheris.instrument_imports(include=["cu_core"]):
        yield


def fuzz(target: Callable[[bytes], None], seeds: list[bytes]) -> None:
    """Runs a harness until its limits are reached; never returns."""
    if not available():
        print(MISSING)
        sys.exit(0)
    import atheris  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for number, seed in enumerate(seeds):
            (Path(folder) / f"seed{number}").write_bytes(seed)
        atheris.Setup([*sys.argv, folder], target)
        atheris.Fuzz()


def _is_main() -> bool:
    main = sys.modules.get("__main__")
    return "tests.fuzz" in str(getattr(getattr(main, "__spec__", None), "name", ""))
