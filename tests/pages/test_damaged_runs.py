"""Runs with damaged or missing files: pages name what is wrong and how to mend it, and claim nothing unknown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cu_core.base.home import Home
from cu_core.runstore import layout
from cu_core.runstore.rows import read_row
from pages._shared.number_words import ago
from tests.madeup import MadeUp, write_run
from tests.pages.page_helpers import open_page, texts

OF_A_RUN = ("run.py", "drift.py", "confidence.py", "similarity.py", "signals.py", "attack.py")
PARTS = ("rounds/0", "rounds/2", "rounds/3", "reference/0", "audit", "result.json", "run.json", "probe.parquet")
NEVER = (
    "made before attacks",
    "20786 d",
    "1970",
    "No reference was retrained",
    "was not recorded in this run",
    "before its first round",
    "none were made",
)


def harm(run_dir: Path, part: str, way: str) -> None:
    """Takes a part of a run away, or fills its file (its manifest) with garbage."""
    path = run_dir / part
    if way == "missing":
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    else:
        (path / layout.MANIFEST if path.is_dir() else path).write_bytes(b"{garbage" + bytes(40))


@pytest.mark.parametrize("way", [pytest.param("missing", marks=pytest.mark.thorough), "garbage"])
@pytest.mark.parametrize(
    "part",
    [pytest.param(p, marks=[pytest.mark.thorough] * (p not in ("rounds/2", "result.json", "audit"))) for p in PARTS],
)
def test_pages_name_what_is_damaged_and_claim_nothing_else(home: Home, part: str, way: str) -> None:
    run_dir = write_run(home, "harmed", MadeUp(rounds=3))
    harm(run_dir, part, way)
    # Of the latest round nothing tells that it was there but the number in the result.
    named = {("rounds/3", "missing"): "result.json", ("rounds/2", "missing"): "missing: 2",
             ("rounds/0", "missing"): "missing: 0"}.get((part, way), part)  # fmt: skip
    for page in OF_A_RUN if way == "garbage" else ("run.py", "attack.py"):
        said = texts(open_page(page, run="harmed"))
        assert named in said.replace("\\", ""), (page, said)
        assert "verify harmed --mend" in said, page
        assert not [claim for claim in NEVER if claim in said], page


@pytest.mark.parametrize("part", ["spec.json", "run.json", "result.json"])
def test_lists_name_damaged_runs(home: Home, part: str) -> None:
    run_dir = write_run(home, "harmed", MadeUp(rounds=2))
    write_run(home, "sound", MadeUp(rounds=2))
    harm(run_dir, part, "garbage")
    assert read_row(run_dir).damaged and not read_row(home.runs / "sound").damaged
    for page in ("runs.py", "papers.py"):
        said = texts(open_page(page))
        assert f"harmed: {part}" in said and "- sound" not in said and "verify RUN --mend" in said, page
    compared = texts(open_page("compare.py", runs="harmed,sound"))
    assert part == "run.json" or f"{part}" in compared
    assert not [claim for claim in NEVER if claim in compared]


def test_numbers_of_a_round_do_not_stand_in_for_those_of_a_result(home: Home) -> None:
    run_dir = write_run(home, "harmed", MadeUp(rounds=2))
    assert read_row(run_dir).metrics["forget_acc"] is not None
    harm(run_dir, "result.json", "garbage")
    assert read_row(run_dir).metrics == {}


def test_a_time_that_nobody_knows_is_not_told() -> None:
    assert ago(0.0) == ago(None) == ago(1e300) == ago(-5.0) == ago(1e12) == "–"
    assert ago(1_700_000_000.0, 1_700_000_060.0) == "1 min 0 s ago"


def result_keys() -> list[str]:
    return ["rounds", "stopped_by", "metrics", "reference_band", "seconds", "weights_sha256", "forget_count", "counts",
            "attacks", "references", "notes", "versions", "hardware"]  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("key", result_keys())
def test_a_result_without_one_of_its_entries_breaks_no_page(home: Home, key: str) -> None:
    path = write_run(home, "odd", MadeUp(rounds=2, references=(0, 1))) / layout.RESULT
    whole = json.loads(path.read_text())
    for changed in (whole | {key: None}, {name: value for name, value in whole.items() if name != key}):
        path.write_text(json.dumps(changed))
        open_page("run.py", run="odd")
    open_page("compare.py", runs="odd")
