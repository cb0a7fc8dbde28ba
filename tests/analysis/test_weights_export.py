"""Weights as safetensors: the very tensors, with what it takes to use them; what is missing says why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from cu_core.analysis.exports.weights_export import Which, export_weights, weights_of, which_model
from cu_core.base.errors import BadInput
from cu_core.base.files import read_json, sha256_of, write_json
from cu_core.base.home import Home
from cu_core.data.forget import resolve
from cu_core.learning.build import build_for
from cu_core.learning.model_cache import train_key
from cu_core.learning.weights import load_weights, save_weights, weights_bytes, weights_sha256
from cu_core.runstore.reader import RunView, open_run
from tests.analysis.exported import images, run_with_weights
from tests.madeup import MadeUp


def cache(home: Home, view: RunView, key: str, seed: int) -> str:
    """Puts a network into the cache of trained models; the hash of its weights."""
    model = build_for(view.spec, images(home, view), seed)
    home.models.mkdir(exist_ok=True)
    save_weights(home.models / f"{key}.pt", model)
    digest = weights_sha256(model.state_dict())
    write_json(home.models / f"{key}.json", {"sha256": sha256_of(home.models / f"{key}.pt"), "seconds": 1.0})
    return digest


def test_the_file_gives_the_same_answers_and_says_what_it_is(home: Home, tmp_path: Path) -> None:
    view, model = run_with_weights(home)
    export_weights(home, view, which_model("after"), tmp_path / "w.safetensors")
    fresh = build_for(view.spec, images(home, view), 99).eval()
    load_weights(fresh, load_file(tmp_path / "w.safetensors"))
    pixels = torch.rand(3, 1, 8, 8)
    torch.testing.assert_close(fresh(pixels), model(pixels), rtol=0, atol=0)
    with safe_open(tmp_path / "w.safetensors", "pt") as file:
        told = file.metadata()
    assert told["run"] == view.run_id and told["model"] == "after"
    assert told["weights_sha256"] == (view.result() or {})["weights_sha256"]
    assert json.loads(told["classes"])[3] == "three"
    assert (json.loads(told["mean"]), json.loads(told["std"])) == ([0.5], [0.25])
    with pytest.raises(BadInput, match="ends in .safetensors"):
        export_weights(home, view, which_model("after"), tmp_path / "w.pt")


def test_base_and_references_come_from_the_cache(home: Home) -> None:
    view, _ = run_with_weights(home)
    result = view.run_dir / "result.json"
    references = [entry | {"key": "b" * 64} for entry in read_json(result)["references"]]
    write_json(result, read_json(result) | {"base_key": "a" * 64, "references": references})
    view = open_run(home, view.run_id)
    for which in (Which("before"), Which("reference", 0)):
        with pytest.raises(BadInput, match="made in another home or the folder was emptied"):
            weights_of(home, view, which)
    for key, which, seed in (("a", Which("before"), 1), ("b", Which("reference", 0), 2)):
        digest = cache(home, view, key * 64, seed)
        assert weights_of(home, view, which).told["weights_sha256"] == digest
    (home.models / f"{'b' * 64}.pt").write_bytes(b"damaged")
    with pytest.raises(BadInput, match="not here"):
        weights_of(home, view, Which("reference", 0))


def test_runs_that_noted_no_key_are_found_by_what_made_them(home: Home) -> None:
    view, _ = run_with_weights(home)
    data = images(home, view)
    forget = resolve(view.spec.forget.select, data, view.spec.forget_seed)
    retain = np.setdiff1d(np.arange(len(data.train_labels)), forget.indices)
    key = train_key(view.spec, data.sha256, retain, 0, "cpu", "fp32")
    digest = cache(home, view, key, 3)
    assert weights_of(home, view, Which("reference", 0)).told["weights_sha256"] == digest


def test_rounds_are_there_as_far_as_they_were_kept(home: Home) -> None:
    view, model = run_with_weights(home)
    last = weights_of(home, view, Which("round", 2)).told["weights_sha256"]
    assert last == weights_sha256(model.state_dict()), "the last round is the final model"
    with pytest.raises(BadInput, match="those of all rounds together would take more than 64 MB|older") as refused:
        weights_of(home, view, Which("round", 1))
    assert "probe.keep_weights_mb" in str(refused.value)
    folder = view.run_dir / "rounds" / "1"
    (folder / "weights.safetensors").write_bytes(weights_bytes(model))
    manifest = read_json(folder / "manifest.json")
    manifest["weights"] = {"file": "weights.safetensors", "sha256": sha256_of(folder / "weights.safetensors")}
    write_json(folder / "manifest.json", {name: value for name, value in manifest.items() if name != "seal"})
    assert weights_of(home, view, Which("round", 1)).told["weights_sha256"] == last
    (folder / "weights.safetensors").write_bytes(b"other")
    with pytest.raises(BadInput, match="has changed"):
        weights_of(home, view, Which("round", 1))
    with pytest.raises(BadInput, match="round 9 was not recorded"):
        weights_of(home, view, Which("round", 9))


def test_what_is_not_there_is_said(home: Home) -> None:
    view, _ = run_with_weights(home, MadeUp(rounds=1, audited=0))
    for text in ("", "round:", "round:-1", "reference", "Before", "after:1"):
        with pytest.raises(BadInput, match="names no model"):
            which_model(text)
    with pytest.raises(BadInput, match="no reference with the seed 5"):
        weights_of(home, view, Which("reference", 5))
    (view.run_dir / "weights.pt").unlink()
    with pytest.raises(BadInput, match="no final weights"):
        weights_of(home, view, Which("after"))
    shutil.rmtree(home.datasets)
    (view.run_dir / "weights.pt").write_bytes(b"no weights")
    with pytest.raises(BadInput, match="cannot be read"):
        weights_of(home, view, Which("after"))
