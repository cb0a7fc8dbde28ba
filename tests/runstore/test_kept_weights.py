"""Weights that rounds keep: as long as they fit, checked, left out where damaged, and counted beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_recording import ProbeSpec
from cu_core.jobs import submission
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.checksums import sealed
from cu_core.runstore.disk import estimate_disk, weights_fit
from cu_core.runstore.handover import new_attempt
from cu_core.runstore.mend import mend
from cu_core.runstore.reader import open_run
from cu_core.runstore.snapshot import read_manifest
from cu_core.runstore.verify import verify


def test_rounds_keep_them_as_long_as_all_fit() -> None:
    mb = 10**6
    assert [weights_fit(10 * mb, 64, number) for number in range(8)] == [True] * 6 + [False] * 2
    assert weights_fit(32 * mb, 64, 0) and weights_fit(32 * mb, 64, 1) and not weights_fit(32 * mb, 64, 2)
    assert not weights_fit(33 * mb, 64, 0), "the base model alone is kept in the cache"
    assert not weights_fit(1, 0, 0)


def test_the_estimate_counts_them() -> None:
    def weights(most: int, parameters: int) -> int:
        spec = RunSpec(probe=ProbeSpec(keep_weights_mb=most))
        found = estimate_disk(spec, parameters=parameters).weights
        assert found is not None
        return found

    rounds = RunSpec().max_rounds + 1
    assert weights(64, 10_000) - weights(0, 10_000) == rounds * 40_000
    assert weights(1, 10_000) - weights(0, 10_000) == min(rounds, 25) * 40_000
    assert weights(64, 10**7) == weights(0, 10**7)


@pytest.fixture
def attempt(home: Home) -> Attempt:
    run_id = submission.submit(RunSpec(), home)
    return Attempt.claim(home, run_id, new_attempt(home, run_id, {"launcher": "local"}))


def promote(attempt: Attempt, weights: bytes | None, loss: float = 1.0) -> Path:
    manifest = {"round": 0, "metrics": {"forget_acc": 1.0}}
    attempt.promote("rounds/0", {"loss": np.full(3, loss, np.float32)}, manifest, weights=weights)
    return attempt.run_dir / "rounds" / "0"


def problems(attempt: Attempt) -> list[str]:
    return [str(p) for p in verify(attempt.home, attempt.run_id) if "probe" not in p.where]


def test_they_lie_beside_the_arrays_and_are_checked(attempt: Attempt) -> None:
    folder = promote(attempt, b"first")
    entry = read_manifest(folder)["weights"]
    assert (folder / entry["file"]).read_bytes() == b"first" and problems(attempt) == []
    (folder / entry["file"]).write_bytes(b"other")
    assert problems(attempt) == ["rounds/0/weights.safetensors: has changed since it was written (sha256)"]
    assert open_run(attempt.home, attempt.run_id).rounds() == [0], "pages do not rest on them"
    (folder / entry["file"]).unlink()
    assert problems(attempt) == ["rounds/0/weights.safetensors: is missing"]
    promote(attempt, b"second", 2.0)
    assert problems(attempt) == []
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".npy", ".safetensors"]
    promote(attempt, None, 3.0)
    assert problems(attempt) == [] and not list(folder.glob("*.safetensors"))


@pytest.mark.parametrize("name", ["../../weights.pt", "/etc/passwd", 7])
def test_a_manifest_cannot_name_another_file(attempt: Attempt, name: object) -> None:
    folder = promote(attempt, b"x")
    content = json.loads((folder / layout.MANIFEST).read_text())
    content["weights"]["file"] = name
    (folder / layout.MANIFEST).write_text(json.dumps(sealed(content)))
    assert problems(attempt), name


def test_mending_leaves_the_round_without_them(attempt: Attempt) -> None:
    folder = promote(attempt, b"x")
    attempt.finish("cancelled")
    (folder / "weights.safetensors").write_bytes(b"y")
    done = mend(attempt.home, attempt.run_id)
    assert any("goes without its weights" in one.what for one in done)
    assert problems(attempt) == [] and "weights" not in read_manifest(folder)
    assert open_run(attempt.home, attempt.run_id).rounds() == [0]
