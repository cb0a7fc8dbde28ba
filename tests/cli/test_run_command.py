"""The contract of ``run``, ``resume``, ``show`` and friends, on the embedded digits with a tiny network."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from cu_core.base.home import Home
from cu_core.catalogue.presets import PRESETS
from cu_core.catalogue.recipes import DIGITS, recipe
from cu_core.cli import main
from cu_core.cli.listing import REGISTRIES
from cu_core.runstore.reader import open_run

SETTINGS = ("train.epochs=2", "stop.max_rounds=2", "batch_size=64", "probe.size=300", "audit.attacks=none")
FAST = [word for setting in SETTINGS for word in ("--set", setting)]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(autouse=True)
def use_home(home, monkeypatch):
    monkeypatch.setenv("CU_HOME", str(home.root))


def run(capsys, *words):
    code = main(["run", "--dataset", "digits", "--model", "tiny-cnn", *FAST, *words, "--json"])
    out = capsys.readouterr().out.strip().splitlines()
    return code, json.loads(out[-1]) if out else None


@pytest.fixture(scope="module")
def finished(home):
    """One run with a reference, made through the command line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CU_HOME", str(home.root))
        assert main(["run", *FAST, "--forget", "class:5", "--set", "lr=0.002", "--reference", "--name", "One"]) == 0
    (folder,) = [f for f in home.runs.iterdir() if "one" in f.name]
    return folder.name


def test_json_result_has_the_contract_fields(finished, home):
    result = open_run(home, finished).result()
    assert set(result["metrics"]) == {"before", "after", "reference"}
    for metrics in result["metrics"].values():
        for name in ("forget_acc", "retain_acc", "test_acc", "test_acc_forgotten", "test_acc_retained"):
            assert 0 <= metrics[name] <= 1
        assert metrics["mia_auc"] is not None
    assert set(result["seconds"]) >= {"train", "unlearn", "evaluate", "reference"}
    assert len(result["weights_sha256"]) == 64
    assert result["state"] == "succeeded" and result["stopped_by"] in ("class_rule", "max_rounds")
    assert result["metrics"]["reference"]["test_acc_forgotten"] == 0


def test_rounds_hold_every_signal(finished, home):
    view = open_run(home, finished)
    probe = view.probe()
    assert set(probe["group"]) == {"forget", "retain", "unseen"}
    assert view.rounds() == list(range(view.result()["rounds"] + 1))
    for k in view.rounds():
        for name in ("embedding", "logits", "top3", "top3_class", "loss", "margin", "coordinates", "moved", "boundary"):
            assert len(view.array(k, name)) == len(probe)
    first = view.array(0, "cosine_to_start")
    assert (first == 1).all() and (view.array(0, "moved") == 0).all()
    assert (view.array(view.rounds()[-1], "moved") > 0).any()
    assert view.references() == [0]
    assert view.reference_manifest(0)["fidelity"]["procrustes_residual"] > 0


def test_signals_agree_with_each_other(finished, home):
    view = open_run(home, finished)
    logits, labels = view.array(1, "logits").astype(np.float64), view.probe()["label"].to_numpy()
    probabilities = np.exp(logits - logits.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    assert view.array(1, "top3")[:, 0] == pytest.approx(probabilities.max(1), abs=5e-3)
    assert view.array(1, "loss") == pytest.approx(-np.log(probabilities[np.arange(len(labels)), labels]), abs=5e-2)
    rows = (view.probe()["group"] == "retain").to_numpy()
    predicted = view.array(1, "top3_class")[:, 0]
    assert view.manifest(1)["metrics"]["retain_acc"] == pytest.approx(np.mean(predicted[rows] == labels[rows]))


def test_same_spec_same_weights_and_another_seed_others(capsys):
    _, first = run(capsys, "--forget", "random:60", "--set", "train.seed=0")
    _, again = run(capsys, "--forget", "random:60", "--set", "train.seed=0")
    _, other = run(capsys, "--forget", "random:60", "--set", "train.seed=0", "--seed", "1")
    assert first["weights_sha256"] == again["weights_sha256"] != other["weights_sha256"]
    assert again["base_cached"] and other["base_key"] == first["base_key"]


def test_a_hot_learning_rate_trips_the_guard_and_says_so(capsys):
    code, result = run(capsys, "--forget", "random:60", "--set", "lr=10", "--set", "normalize=false")
    assert code == 0
    assert result["stopped_by"] in ("not_a_number", "collapse")


def test_the_same_token_never_makes_a_second_run(capsys, home):
    _, first = run(capsys, "--forget", "random:60", "--token", "once")
    before = sorted(home.runs.iterdir())
    code, again = run(capsys, "--forget", "random:60", "--token", "once")
    assert code == 0 and again == first
    assert sorted(home.runs.iterdir()) == before
    assert main(["submit", "--token", "waits", "--json"]) == 0
    waiting = json.loads(capsys.readouterr().out)["run_id"]
    assert main(["run", "--token", "waits"]) == 1
    assert f"{waiting}, which is queued" in capsys.readouterr().err
    assert main(["delete", waiting]) == 0


def test_mislabelled_forget_set_reports_true_labels(capsys):
    code, result = run(capsys, "--forget", "mislabelled", "--set", "data.label_noise=0.1", "--set", "lr=0.01")
    assert code == 0
    assert result["forget_count"] == pytest.approx(130, abs=1)
    assert 0 <= result["metrics"]["after"]["true_label_acc"] <= 1


@pytest.mark.parametrize("extra", [["queue=200"], ["normalize=false"], ["weighting=released"]])
def test_variants_run(capsys, extra):
    code, result = run(capsys, "--forget", "random:60", *[w for e in extra for w in ("--set", e)])
    assert code == 0 and result["rounds"] >= 1


def test_export_show_status_verify(finished, home, tmp_path, capsys):
    assert main(["export", finished, str(tmp_path / "run.zip")]) == 0
    names = zipfile.ZipFile(tmp_path / "run.zip").namelist()
    assert f"{finished}/result.json" in names and f"{finished}/rounds/1/manifest.json" in names
    capsys.readouterr()
    assert main(["show", finished, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["run_id"] == finished
    assert main(["status", "--json"]) == 0
    assert {"run_id", "state"} <= set(json.loads(capsys.readouterr().out)[0])
    assert main(["verify", finished]) == 0
    assert main(["resume", finished]) == 2
    assert "succeeded" in capsys.readouterr().err


def test_damage_is_named(capsys, home):
    _, result = run(capsys, "--forget", "random:60")
    victim = next((home.runs / result["run_id"] / "rounds" / "1").glob("loss*.npy"))
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(bytes(content))
    assert main(["verify", result["run_id"]]) == 1
    assert "loss" in capsys.readouterr().out


@pytest.mark.parametrize("what", REGISTRIES)
def test_lists_are_json(what, capsys):
    assert main(["list", what, "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert all({"id", "title", "summary"} <= set(e) for e in entries) and entries


def test_estimate_measures_once_and_then_remembers(capsys):
    words = ["estimate", "--dataset", "digits", "--set", "train.batch_size=32", "--json"]
    assert main(words) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["seconds"] > 0 and first["disk"] > 0 and first["source"] == "a few timed steps"
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["seconds"] == first["seconds"]


def test_a_reader_that_leaves_early_sees_no_traceback():
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "cu_core", "list", "methods", "--json"]
    with os.fdopen(writer, "wb") as out:
        done = subprocess.run(words, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == ""


def spec_of(capsys, home, *words):
    assert main(["submit", *words, "--json"]) == 0
    run_id = json.loads(capsys.readouterr().out)["run_id"]
    return open_run(home, run_id).spec


def test_what_nobody_named_follows_the_recipes(capsys, home):
    assert spec_of(capsys, home, "--preset", "digit-5", "--model", "resnet8").train == recipe("digits", "resnet8")
    noisy = spec_of(capsys, home, "--dataset", "digits", "--set", "data.label_noise=0.2", "--set", "train.lr=0.03")
    assert noisy.train == dataclasses.replace(recipe("digits", "tiny-cnn", 0.2), lr=0.03)
    # A specification that is complete stays as it is, unless its dataset or network is exchanged.
    assert spec_of(capsys, home, "--preset", "mislabelled-digits").train == PRESETS["mislabelled-digits"].spec.train
    assert (
        spec_of(capsys, home, "--preset", "paper-class", "--dataset", "digits", "--model", "tiny-cnn").train == DIGITS
    )


def test_a_recipe_can_be_named(capsys, home):
    named = spec_of(capsys, home, "--dataset", "cifar10", "--recipe", "modern", "--set", "train.lr=0.03")
    assert named.train == dataclasses.replace(recipe("cifar10", "resnet18", name="modern"), lr=0.03)
    on_preset = spec_of(capsys, home, "--preset", "paper-class", "--recipe", "modern")
    assert on_preset.train == recipe("cifar10", "resnet18", name="modern")
    assert main(["run", "--preset", "digit-5", "--recipe", "modern"]) == 2
    assert "standard" in capsys.readouterr().err


def test_an_objective_brings_its_recipe(capsys, home):
    want = recipe("digits", "tiny-cnn", objective="moco")
    penalty = ("--method", "gradient_penalty", "--forget", "random:50")
    for words in (
        ("--dataset", "digits", "--objective", "moco"),
        ("--dataset", "digits", "--set", "train.objective=moco"),
        ("--preset", "digit-5", "--objective", "moco"),
        ("--preset", "digit-5", "--set", "train.objective=moco"),
    ):
        assert spec_of(capsys, home, *words, *penalty).train == want
    named = spec_of(capsys, home, "--set", "train.queue=99", "--objective", "moco", "--set", "train.lr=0.1", *penalty)
    assert named.train == dataclasses.replace(want, queue=99, lr=0.1)
    # Another network keeps the objective; the same objective keeps what the preset says.
    moved = spec_of(capsys, home, "--preset", "moco-digits", "--dataset", "cifar10", "--model", "resnet18")
    assert moved.train == recipe("cifar10", "resnet18", objective="moco")
    assert spec_of(capsys, home, "--preset", "digit-5", "--objective", "supervised").train == DIGITS
    # Images and network of the preset, named again, are no others.
    own = PRESETS["moco-digits"].spec
    again = spec_of(
        capsys, home, "--preset", "moco-digits", "--model", own.model.backbone, "--dataset", own.data.dataset
    )
    assert again.train == own.train != recipe("digits", own.model.backbone, objective="moco")


def test_every_point_of_a_grid_has_its_own_token(capsys):
    words = ["submit", "--token", "grid", "--grid", "temperature=0.1,0.7", "--grid", "seed=0-1", "--json"]
    assert main(words) == 0
    first = json.loads(capsys.readouterr().out)["run_ids"]
    assert len(set(first)) == 4
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["run_ids"] == first


def test_results_are_printed_in_percent(finished, home, capsys):
    assert main(["show", finished]) == 0
    said = capsys.readouterr().out
    after = open_run(home, finished).result()["metrics"]["after"]
    (line,) = [line for line in said.splitlines() if line.startswith("Retain accuracy")]
    assert f"{100 * after['retain_acc']:.1f} %" in line
    (line,) = [line for line in said.splitlines() if line.startswith("Membership")]
    assert f"{after['mia_auc']:.3f}" in line
