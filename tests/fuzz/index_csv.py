"""Index files: bytes become indices in range, or words about the first wrong line."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.fuzz.harness import fuzz, instrumented

with instrumented():
    from cu_core.base.errors import BadInput
    from cu_core.data.index_file import MOST_PROBLEMS, read_indices, scan_indices

TOTAL = 100
_FOLDER = tempfile.TemporaryDirectory(prefix="fuzz-csv-")


def target(content: bytes) -> None:
    path = Path(_FOLDER.name) / "mine.csv"
    path.write_bytes(content)
    try:
        scan = scan_indices(path.name, path.parent, TOTAL, "forget.select")
        assert len(scan.problems) == min(scan.wrong, MOST_PROBLEMS)
        found = read_indices(path.name, path.parent, TOTAL, "forget.select")
        assert len(found) and found.min() >= 0 and found.max() < TOTAL
    except BadInput as error:
        assert error.field == "forget.select" and error.reason
        str(error).encode()


SEEDS = [b"index\n1\n2\n", b"\xef\xbb\xbfname;sample\r\nx;3\r\n", b'"4"\n5\n', b"a,id\n1,2,3\n"]

if __name__ == "__main__":
    fuzz(target, SEEDS)
