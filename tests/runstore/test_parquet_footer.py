"""Codecs off a footer, against pyarrow, and footers that are damaged in every way a byte can be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from cu_core.base.errors import BadInput
from cu_core.runstore.parquet_footer import footer_codecs
from cu_core.runstore.probe_table import read_probe
from tests.madeup import MadeUp, write_run

MOST = 2**14


@pytest.mark.parametrize("codec", ["snappy", "gzip", "zstd", "brotli", "none"])
def test_the_codecs_are_those_that_pyarrow_names(tmp_path: Path, codec: str) -> None:
    table = pyarrow.table({"a": list(range(50)), "b": ["x"] * 50, "c": [True, False] * 25, "d": [0.5] * 50})
    path = tmp_path / "one.parquet"
    pyarrow.parquet.write_table(
        table, path, compression={"a": codec, "b": "snappy", "c": codec, "d": codec}, row_group_size=20
    )
    about = pyarrow.parquet.read_metadata(path)
    theirs = {about.row_group(g).column(c).compression for g in range(about.num_row_groups) for c in range(4)}
    assert footer_codecs(path, MOST) == theirs


def test_what_is_no_whole_footer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), path)
    whole = path.read_bytes()
    with pytest.raises(ValueError, match="more than"):
        footer_codecs(path, 4)
    for part in (b"", b"PAR1", whole[:-1], whole[:-4] + b"PARE", whole[-8:]):
        path.write_bytes(part)
        with pytest.raises(ValueError):
            footer_codecs(path, MOST)


HARM = """
import random, sys
from pathlib import Path
from cu_core.base.errors import BadInput
from cu_core.runstore.probe_table import probe_rows, read_probe
path = Path(sys.argv[1])
whole, rng = path.read_bytes(), random.Random(7)
length = int.from_bytes(whole[-8:-4], "little") + 8
for number in range(int(sys.argv[2])):
    harmed = bytearray(whole)
    for _ in range(rng.randint(1, 4)):
        harmed[len(whole) - rng.randint(5, length)] = rng.randrange(256)
    path.write_bytes(harmed)
    probe_rows(path.parent, path.name)
    try:
        read_probe(path)
    except BadInput:
        pass
print("lived")
"""


def test_no_damaged_footer_ends_the_process(home, python_env: dict[str, str]) -> None:
    path = write_run(home, "one", MadeUp(rounds=1, images=False)) / "probe.parquet"
    assert len(read_probe(path))
    done = subprocess.run(
        [sys.executable, "-c", HARM, str(path), "1500"], env=python_env, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.strip() == "lived", f"ended with {done.returncode}: {done.stderr[-2000:]}"
    with pytest.raises(BadInput):
        path.write_bytes(b"PAR1")
        read_probe(path)
