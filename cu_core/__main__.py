"""The command ``unlearnscope``, which is also ``python -m cu_core``."""

import gc
import os
import sys

# Before torch loads its thread pool: waiting threads sleep instead of spinning. With anything else at work on the
# cores (a dashboard and a browser on a laptop) spinning made small training steps twenty times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main() -> int:
    """Runs the command of this process; an interrupt is told in a word from the first moment on."""
    try:
        # It takes a second, in which nothing could be told otherwise.
        from cu_core.cli import main as run_command  # noqa: PLC0415

        code = run_command()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 1
    # With torch loaded, Python's last look through all objects takes seconds on a busy machine, and whoever interrupts
    # waits for it.
    gc.freeze()
    return code


if __name__ == "__main__":
    sys.exit(main())
