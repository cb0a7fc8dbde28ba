"""Each harness runs: on its seeds, and for a moment with atheris where that is installed."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.harness import MISSING, available
from tests.fuzz.profile import EXAMPLES, fuzzed

NAMES = ("spec_json", "index_csv", "image_zip", "run_files", "texts")


@pytest.mark.parametrize("name", NAMES)
@fuzzed
@given(data=st.data())
def test_bytes_near_the_seeds_are_read_or_refused_in_words(name: str, data: st.DataObject) -> None:
    harness = importlib.import_module(f"tests.fuzz.{name}")
    content = bytearray(data.draw(st.sampled_from(harness.SEEDS)))
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(content)))
        kept = data.draw(st.integers(0, 3))
        content[place : place + kept] = data.draw(st.binary(max_size=4))
    harness.target(bytes(content))


@pytest.mark.parametrize("name", NAMES)
def test_a_harness_runs_with_atheris(name: str, tmp_path: Path, python_env: dict[str, str]) -> None:
    if not available():
        pytest.skip(MISSING)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", f"tests.fuzz.{name}", f"-runs={5 * EXAMPLES}", "-seed=1"],
        cwd=tmp_path,
        env=python_env | {"CU_HOME": str(tmp_path / "home"), "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done" in done.stderr
    assert list(tmp_path.iterdir()) == [], "a crash was kept, or a home was made"
