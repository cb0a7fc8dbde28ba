"""What runs take on disk: sums that add up, and runs that are longer by rounds alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.storage import by_samples, extrapolate, main, measure
from cu_core.base.home import Home
from tests.madeup import MadeUp, write_run


def test_a_longer_run_is_foretold_from_a_shorter_one(home: Home) -> None:
    short = measure(write_run(home, "short", MadeUp(rounds=4)))
    long = measure(write_run(home, "long", MadeUp(rounds=12)))
    assert short is not None and long is not None
    assert (short.rounds, long.rounds) == (5, 13) and short.samples == long.samples
    size, files = extrapolate(short, 4, 10)
    assert size == pytest.approx(10 * short.total) and files == pytest.approx(10 * short.files)
    size, files = extrapolate(short, 12, 1)
    # Invented runs repeat their numbers, and numbers differ in length.
    assert size == pytest.approx(long.total, rel=0.05) and files == pytest.approx(long.files, rel=0.02)


def test_counts_every_file_once(home: Home) -> None:
    folder = write_run(home, "one", MadeUp(rounds=3))
    before = measure(folder)
    (folder / "rounds" / "2" / "extra.bin").write_bytes(b"x" * 1000)
    after = measure(folder)
    assert before is not None and after is not None
    assert (after.total - before.total, after.files - before.files) == (1000, 1)
    assert after.per_round - before.per_round == pytest.approx(1000 / 3)


def test_shows_groups_by_samples(home: Home, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_run(home, "small", MadeUp(counts=(20, 60, 40)))
    write_run(home, "large", MadeUp(counts=(40, 120, 80)))
    assert main(["--home", str(home.root), "--out", str(tmp_path / "out.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| 120 | 1 |") and lines[3].startswith("| 240 | 1 |")
    sizes = [measure(home.runs / name) for name in ("small", "large")]
    assert list(by_samples(size for size in sizes if size)) == [120, 240]
