"""A run beside its base model and its references: what is told of it, and that shared models are looked at once."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from cu_core.base.home import Home
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.spec import spec_from_json
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.batches import ImageSource
from cu_core.data.prepared import prepare
from cu_core.engine.probe_recovery import _training_rows, probe_recovery
from cu_core.engine.setup import set_up
from cu_core.learning.build import build_model
from cu_core.methods.context import Context
from cu_core.metrics.band import band
from cu_core.metrics.over_unlearning import beyond
from cu_core.runstore.reader import RunView
from tests.real_runs import submit_changed, work_to_the_end


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("comparison") / "home").create()


def finished(home: Home, method: str = "contrastive", **parts: Any) -> tuple[RunView, dict[str, Any]]:
    content: dict[str, Any] = {
        "train": {"epochs": 4, "batch_size": 32, "lr": 0.1},
        "forget": {"select": "class:5"},
        "method": {"id": method},
        "probe": {"size": 300, "tsne": False},
        "stop": {"max_rounds": 2, "rule": "none"},
        "audit": {"attacks": "none"},
        "reference": 2,
        "device": "cpu",
    }
    return work_to_the_end(home, submit_changed(home, content, parts))


def head_alone(context: Context, params: object) -> Iterator[dict[str, float]]:
    """Never names the forgotten class again, and changes nothing else."""
    with torch.no_grad():
        for _ in context.rounds():
            context.forget.sample(7)
            context.model.head.bias[list(context.forgotten)] = -100.0
            yield {"done": 1.0}


@pytest.fixture
def filtered(home: Home, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(importlib.import_module("cu_core.methods.contrastive"), "unlearn", head_alone)
    return finished(home)[1]


def test_probe_recovery_and_layers_expose_a_change_of_the_head_alone(filtered: dict[str, Any]) -> None:
    before, after = filtered["metrics"]["before"], filtered["metrics"]["after"]
    assert before["forget_acc"] > 0.9 and after["forget_acc"] == 0.0
    assert after["probe_recovery"] == before["probe_recovery"] > 0.8
    layers = filtered["layers"]
    assert layers["names"] == ["trunk.layers.1", "trunk.layers.5", "projector.0", "projector.2", "embedding", "head"]
    for group in ("forget", "retain", "unseen"):
        assert layers["pairs"]["after_base"][group][:-1] == pytest.approx([1.0] * 5)
    assert set(layers["pairs"]) == {"after_base", "after_reference", "base_reference", "reference_reference"}
    # Another seed is another network.
    assert layers["pairs"]["after_reference"]["forget"][-2] < 0.9


def test_references_are_told_one_by_one(filtered: dict[str, Any]) -> None:
    references = filtered["references"]
    assert [r["seed"] for r in references] == [0, 1]
    assert all(r["seconds"] > 0 for r in references)
    mean = np.mean([r["metrics"]["test_acc_retained"] for r in references])
    assert filtered["metrics"]["reference"]["test_acc_retained"] == pytest.approx(mean)
    assert filtered["served"] == {"forget": 14, "retain": 0, "unseen": 0}


def test_tug_of_war_is_that_of_the_accuracies(filtered: dict[str, Any]) -> None:
    after, reference = filtered["metrics"]["after"], filtered["metrics"]["reference"]
    expected = 1.0
    for name in ("forget_acc", "retain_acc", "test_acc_retained"):
        expected *= 1 - abs(after[name] - reference[name])
    tow = filtered["tow"]
    assert tow["value"] == pytest.approx(expected)
    assert 0 < tow["low"] <= tow["value"] <= tow["high"] <= 1
    assert tow["groups"] == ["forget", "retain", "unseen"]


def test_without_references_there_is_nothing_to_compare_with(home: Home) -> None:
    _, result = finished(home, reference=0)
    assert (result["tow"], result["over_unlearning"], result["references"]) == (None, None, [])
    assert set(result["layers"]["pairs"]) == {"after_base"}


def test_sample_forgetting_has_no_probe_recovery(home: Home) -> None:
    _, result = finished(home, forget={"select": "random:40"}, reference=1)
    assert "probe_recovery" not in result["metrics"]["after"]
    assert result["over_unlearning"] is None, "one reference gives no band"
    assert result["served"]["forget"] == 2 * 40


def test_shared_models_are_looked_at_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    spec: dict[str, Any] = {"train": {"seed": 31}, "reference": 2}
    _, first = finished(home, **spec)
    recorder = importlib.import_module("cu_core.engine.recorder").Recorder
    looked, evaluate = [], recorder.evaluate
    monkeypatch.setattr(recorder, "evaluate", lambda self, model: looked.append(1) or evaluate(self, model))
    _, second = finished(home, **spec)
    assert len(looked) == 1, "the unlearned model alone"
    assert second["metrics"] == first["metrics"] and second["tow"] == first["tow"]

    for path in home.evaluations.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    _, third = finished(home, **spec)
    assert len(looked) == 1 + 4, "damaged evaluations are made again"
    assert third["metrics"] == first["metrics"]

    # Other samples, other evaluation.
    finished(home, forget={"select": "class:4"}, **spec)
    assert len(looked) == 5 + 4


def test_retraining_is_inside_its_own_band(home: Home) -> None:
    _, result = finished(home, "retrain", stop={"max_rounds": 0, "rule": "auto"}, reference=3)
    assert (result["rounds"], result["stopped_by"]) == (4, "max_rounds"), "neither rule nor guard ends it"
    after, counts = result["metrics"]["after"], result["counts"]
    for metric, samples in (
        ("forget_acc", counts["forget"]),
        ("retain_acc", counts["retain"]),
        ("test_acc_retained", counts["unseen"]),
        ("probe_recovery", counts["unseen_forgotten"]),
        ("forget_loss", None),
        ("mia_auc", None),
    ):
        level = band([r["metrics"][metric] for r in result["references"]], samples)
        assert level is not None and abs(level.distance(after[metric])) <= 1, metric
    assert result["over_unlearning"]["final"] is False and result["over_unlearning"]["first_round"] is None
    assert result["served"] == {"forget": 0, "retain": 4 * counts["retain"], "unseen": 0}
    assert result["tow"]["value"] > 0.93


def test_evaluations_are_of_the_weights_that_were_stored(home: Home) -> None:
    """The stored weights, asked by hand, say what the result says."""
    view, result = finished(home, train={"seed": 8}, reference=0)
    data = prepare(DataSpec(), home, lambda done, total, message: None)
    engine = importlib.import_module("cu_core.learning.build")
    weights = importlib.import_module("cu_core.learning.weights")
    model = engine.build_model(view.spec.model, 1, 8, 10, 0)
    weights.load_weights(model, weights.read_state_dict(view.run_dir / "weights.pt"))
    mean, std = np.array(data.mean)[:, None, None] * 255, np.array(data.std)[:, None, None] * 255
    images = torch.from_numpy(((data.train_images - mean) / std).astype(np.float32))
    with torch.no_grad():
        right = model.eval()(images).argmax(1).numpy() == data.train_labels
    kept = data.train_labels != 5
    assert result["metrics"]["after"]["retain_acc"] == pytest.approx(right[kept].mean())


def test_probe_recovery_is_that_of_scikit_learns_logistic_regression(home: Home) -> None:
    """The accuracy on the class's unseen samples of a probe that was shown as many samples of every class."""
    spec = spec_from_json({"forget": {"select": "class:5"}, "stop": {"rule": "none"}, "device": "cpu"})
    setup = set_up(spec, home, lambda done, total, message: None)
    model = build_model(spec.model, 1, 8, 10, seed=4)

    def features(source: ImageSource, rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model.eval().outputs(source.take(torch.from_numpy(rows))[0]).features.double().numpy()

    shown = _training_rows(setup)
    labels = setup.data.train_labels[shown]
    assert set(np.bincount(labels)) == {100}
    judged = np.flatnonzero(setup.data.test_labels == 5)
    scale = StandardScaler().fit(features(setup.train, shown))
    probe = LogisticRegression(C=1.0, max_iter=5000, tol=1e-8).fit(
        scale.transform(features(setup.train, shown)), labels
    )
    right = probe.predict(scale.transform(features(setup.test, judged))) == 5
    assert probe_recovery(model, setup) == pytest.approx(right.mean())
    assert 0.3 < right.mean() < 1


@pytest.mark.thorough
@pytest.mark.parametrize("select", ["random:100", "class:5"])
def test_of_true_retrainings_one_number_in_20_is_outside(home: Home, select: str) -> None:
    """Twenty networks with the default recipe: any one beside five others, as a run with five references has it."""
    usual: dict[str, Any] = {
        "forget": {"select": select},
        "method": {"id": "finetune"},
        "probe": {"size": 300, "tsne": False},
        "stop": {"max_rounds": 1, "rule": "none"},
        "audit": {"attacks": "none"},
        "reference": 20,
        "device": "cpu",
    }
    _, result = work_to_the_end(home, submit_changed(home, usual, {}))
    models, counts = [r["metrics"] for r in result["references"]], result["counts"]
    counts["unseen_retained"] = counts["unseen"] - counts["unseen_forgotten"]
    rng = np.random.default_rng(0)
    outside: list[bool] = []
    warned = []
    for _ in range(1000):
        one, *others = (models[k] for k in rng.permutation(20)[:6])
        for name, value in one.items():
            samples = counts[METRICS[name].counted_on] if METRICS[name].percent else None
            level = band([other[name] for other in others], samples)
            if level is not None and value is not None:
                outside.append(abs(level.distance(value)) > 1)
        warned.append(bool(beyond(one, others, counts["forget"])))
    assert len(outside) > 10_000
    assert np.mean(outside) == pytest.approx(0.05, abs=0.02)
    assert np.mean(warned) < 0.1, "over-unlearning"
