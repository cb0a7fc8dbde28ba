"""The recorded t-SNE: which samples and moments it holds, read back from the run's own files."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np

from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_recording import ProbeSpec
from cu_core.engine.tsne_record import record_tsne
from cu_core.jobs.submission import submit
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import open_run


def attempt_with(home: Home, outputs: dict[str, np.ndarray]) -> Attempt:
    spec = dataclasses.replace(RunSpec(), probe=ProbeSpec(seed=4))
    attempt = Attempt.claim(home, submit(spec, home, foreground=True), 1)
    for folder, logits in outputs.items():
        attempt.promote(folder, {"logits": logits.astype(np.float16)}, {"round": 0})
    return attempt


def test_rounds_reference_and_samples_are_stored_with_their_fidelity(home: Home) -> None:
    rng = np.random.default_rng(0)
    start = 5 * np.eye(3, 4)[np.arange(60) % 3] + rng.normal(size=(60, 4))
    moved = start + np.where(np.arange(60)[:, None] < 20, 4.0, 0.0)
    attempt = attempt_with(home, {"rounds/0": start, "rounds/1": moved, "rounds/3": moved, "rounds/5": moved,
                                  "reference/2": rng.normal(size=(60, 4))})  # fmt: skip
    probe = SimpleNamespace(group=np.repeat([0, 1, 2], 20))
    # Half-way between 0 and 5 is 2.
    attempt.promote("rounds/2", {"logits": moved.astype(np.float16)}, {"round": 2})
    assert record_tsne(attempt, probe, last=5, reference=2)
    view = open_run(home, attempt.run_id)
    manifest = view.tsne()
    assert manifest is not None and manifest["rounds"] == [0, 2, 5] and manifest["reference_seed"] == 2
    places = view.tsne_array("coordinates")
    assert places.shape == (4, 60, 2) and view.tsne_array("rows").tolist() == list(range(60))
    np.testing.assert_array_equal(places[1], places[2])
    np.testing.assert_array_equal(places[0, 20:], places[1, 20:])
    assert manifest["still_step"] == 0
    assert [f["samples"] for f in manifest["fidelity"]] == [60] * 4
    assert all(0.5 < f["trustworthiness"] <= 1 for f in manifest["fidelity"])


def test_a_collapsed_run_gets_no_picture_and_goes_on(home: Home) -> None:
    attempt = attempt_with(home, {"rounds/0": np.zeros((60, 4))})
    assert not record_tsne(attempt, SimpleNamespace(group=np.repeat([0, 1, 2], 20)), last=0, reference=None)
    assert open_run(home, attempt.run_id).tsne() is None
