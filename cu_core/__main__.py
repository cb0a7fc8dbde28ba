"""The command ``unlearnscope``, which is also ``python -m cu_core``."""

import os
import sys

# Before torch loads its thread pool: waiting threads sleep instead of spinning. With anything else at work on the
# cores (a dashboard and a browser on a laptop) spinning made small training steps twenty times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from cu_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
