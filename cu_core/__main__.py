"""``python -m cu_core``: the same jobs without a browser."""

import sys

from cu_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
