"""The audit as part of a run: what it leaves, that it can be stopped and done again, and that damage is found."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from cu_core.base.home import Home
from cu_core.catalogue.attack_record import attacks_for
from cu_core.catalogue.spec import spec_from_json
from cu_core.catalogue.spec_parts import TrainSpec
from cu_core.data.batches import ImageSource
from cu_core.data.copies import copies_in_words
from cu_core.data.forget import copies_of
from cu_core.engine.audit import measure
from cu_core.engine.audit.audit_samples import Side
from cu_core.engine.audit.measure import AuditInputs, SignalCollector
from cu_core.engine.audit.plan import AuditPlan
from cu_core.engine.loop import execute
from cu_core.engine.perform import run_attempt
from cu_core.engine.setup import set_up
from cu_core.jobs import submission
from cu_core.jobs.demo import install, pack
from cu_core.learning.build import build_model
from cu_core.learning.objectives.training_objective import make_objective
from cu_core.metrics.attacks import encoder_mi
from cu_core.metrics.attacks.outcome import outcome
from cu_core.metrics.intervals import redraws
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.checksums import sealed
from cu_core.runstore.disk import estimate_disk, folder_size
from cu_core.runstore.export import export_run
from cu_core.runstore.reader import RunView, open_run

SPEC: dict[str, Any] = {
    "train": {"epochs": 2, "batch_size": 32, "lr": 0.1},
    "forget": {"select": "random:60"},
    "method": {"params": {"lr": 0.002, "batch_size": 32}},
    "probe": {"size": 100, "tsne": False},
    "stop": {"max_rounds": 1, "rule": "none", "collapse_drop": 1.0},
    "audit": {"views": 3, "draws": 30, "size": 40},
    "reference": 1,
    "device": "cpu",
}
STEPS = 5


@pytest.fixture(scope="module", autouse=True)
def short_fits() -> Iterator[None]:
    """Learned attacks take few steps: what they find is tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder_mi, "STEPS", STEPS)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("audit") / "home").create()


@pytest.fixture(scope="module")
def finished(home: Home, short_fits: None) -> RunView:
    return work(home, submission.submit(spec_from_json(SPEC), home, foreground=True))


def work(home: Home, run_id: str, number: int = 1, kind: type[Attempt] = Attempt) -> RunView:
    run_attempt(kind.claim(home, run_id, number), execute)
    return open_run(home, run_id)


def test_scores_explain_the_numbers(finished, home):
    assert finished.state == "succeeded", finished.error
    manifest, result = finished.audit(), finished.result()
    assert manifest is not None and result is not None and finished.damage() == []
    assert result["attacks"] == manifest["attacks"] and list(manifest["attacks"]) == [
        a.id for a in attacks_for("supervised")
    ]
    assert result["seconds"]["audit"] == manifest["seconds"] > 0
    # Of its random digits, some have a near copy among the others.
    found = copies_of(finished.spec, home)
    assert found and result["notes"] == result["cautions"] + copies_in_words(found)
    assert (manifest["members"], manifest["non_members"], manifest["reference_seed"]) == (40, 40, 0)
    member, fold = finished.audit_array("member"), finished.audit_array("fold")
    assert member.tolist() == [True] * 40 + [False] * 40 and (finished.audit_array("is_test") == ~member).all()
    weights = redraws(member, 30, seed=0)
    for attack, models in manifest["attacks"].items():
        assert list(models) == manifest["models"] == ["before", "after", "reference"]
        for model, by_way in models.items():
            for way, numbers in by_way.items():
                score = finished.audit_array(f"score_{attack}_{model}_{way}")
                assert score.dtype == np.float32
                again = outcome(score.astype(float), member, fold, numbers["thresholds"], weights)
                assert again == numbers


def test_progress_counts_the_audit_to_its_end(finished):
    events = [e for e in finished.events() if e["phase"] == "audit"]
    assert events[0]["done"] == 0 and events[-1]["done"] == events[-1]["total"] == len(events) - 1
    assert all(e["message"].startswith("membership attack") for e in events)
    last = [e for e in finished.events() if e["phase"] == "verdict"][-1]
    assert (last["done"], last["total"]) == (2, 3), "the verdict is asked of three models, one after the other"
    assert finished.events()[-1]["seconds_left"] == 0


def test_interrupted_in_its_audit_a_run_ends_like_an_uninterrupted_one(home, finished):
    class Cancelling(Attempt):
        def event(self, at: str, reached: int, *details: Any, **named: Any) -> None:
            super().event(at, reached, *details, **named)
            if (at, reached) == ("audit", 11):
                submission.cancel(self.home, self.run_id)

    run_id = submission.submit(spec_from_json(SPEC), home, foreground=True)
    stopped = work(home, run_id, kind=Cancelling)
    assert stopped.state == "cancelled" and stopped.audit() is None
    view = work(home, run_id, submission.resume_here(home, run_id))
    assert view.state == "succeeded" and view.audit()["attacks"] == finished.audit()["attacks"]
    for name in finished.audit()["arrays"]:
        assert (view.audit_array(name) == finished.audit_array(name)).all(), name


def test_damage_is_found(home, finished, tmp_path):
    folder = finished.run_dir / "audit"
    manifest = json.loads((folder / "manifest.json").read_text())
    score = folder / manifest["arrays"]["score_loss_after_refitted"]["file"]
    kept = score.read_bytes()
    try:
        score.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        view = open_run(home, finished.run_id)
        assert view.audit() is None and any("score_loss_after_refitted" in str(p) for p in view.damage())
    finally:
        score.write_bytes(kept)
    text = (folder / "manifest.json").read_text()
    changed = manifest | {"attacks": manifest["attacks"] | {"guess": {}}, "members": 39}
    try:
        (folder / "manifest.json").write_text(json.dumps(sealed(changed)))
        found = "\n".join(map(str, open_run(home, finished.run_id).damage()))
        assert "unknown attacks guess" in found and "79 samples" in found and "other attacks" in found
    finally:
        (folder / "manifest.json").write_text(text)
    assert open_run(home, finished.run_id).damage() == []


def test_the_audit_travels_with_demos_and_exports(finished, home, tmp_path):
    (tmp_path / "demos").mkdir()
    pack(finished.run_dir, tmp_path / "demos" / "one.zip")
    other = Home(tmp_path / "home").create()
    assert install(other, tmp_path / "demos") == [finished.run_id]
    shipped = open_run(other, finished.run_id)
    assert shipped.audit() == finished.audit()
    assert (shipped.audit_array("score_svc_after_shadow") == finished.audit_array("score_svc_after_shadow")).all()
    export_run(home, finished.run_id, tmp_path / "all.zip")
    names = zipfile.ZipFile(tmp_path / "all.zip").namelist()
    assert f"{finished.run_id}/audit/manifest.json" in names
    # What is estimated beforehand is enough, and not far from it.
    taken = folder_size(finished.run_dir / "audit")
    assert taken <= estimate_disk(finished.spec).audit < 3 * taken


def test_a_run_without_an_audit(home):
    view = work(home, submission.submit(spec_from_json(SPEC | {"audit": {"attacks": "none"}}), home, foreground=True))
    assert view.audit() is None and view.result()["attacks"] is None and view.damage() == []
    assert [e for e in view.events() if e["phase"] == "audit"] == []
    assert estimate_disk(view.spec).audit == 0


def random_images(n: int) -> ImageSource:
    pixels = np.random.default_rng(0).integers(0, 256, (n, 3, 8, 8)).astype(np.uint8)
    return ImageSource(pixels, np.arange(n) % 4, (0.5,) * 3, (0.25,) * 3, torch.device("cpu"))


def side(index: np.ndarray) -> Side:
    return Side(index, index % 4, np.zeros(len(index), np.int8))


def test_all_models_see_the_same_views_and_each_side_others(monkeypatch):
    shown: list[torch.Tensor] = []
    real = measure.view
    monkeypatch.setattr(measure, "view", lambda x, generator: shown.append(real(x, generator)) or shown[-1])
    spec, source = spec_from_json({}), random_images(12)
    inputs = AuditInputs(views=3, seed=5, negatives=None)
    for seed in (0, 1):
        model = build_model(spec.model, 3, 8, 4, seed=seed)
        signals = SignalCollector(model, None, inputs)(source, side(np.arange(12)), stream=1)
        assert signals.pair_cosines.shape == (12, 3) and signals.odds.shape == (12, 4)
    SignalCollector(model, None, inputs)(source, side(np.arange(12)), stream=2)
    assert len(shown) == 9
    assert all((a == b).all() for a, b in zip(shown[:3], shown[3:6], strict=True))
    assert not any((a == b).all() for a, b in zip(shown[:3], shown[6:], strict=True))
    assert not (shown[0] == shown[1]).all()


def test_a_classifier_is_asked_as_it_stands(monkeypatch):
    spec, source = spec_from_json({}), random_images(20)
    model = build_model(spec.model, 3, 8, 4, seed=0).train()
    monkeypatch.setattr(measure, "BATCH", 7)
    steps: list[int] = []
    inputs = AuditInputs(views=2, seed=0, negatives=None)
    signals = SignalCollector(model, None, inputs, lambda: steps.append(1))(source, side(np.arange(20)), stream=1)
    assert model.training and len(steps) == measure.batches(20) == 3
    with torch.no_grad():
        x, y = source.take(torch.arange(20))
        logits = model.eval()(x)
    expected = torch.nn.functional.cross_entropy(logits.double(), y, reduction="none")
    np.testing.assert_allclose(signals.loss, expected.numpy(), rtol=1e-5)
    assert (np.abs(signals.pair_cosines) <= 1 + 1e-6).all()


@pytest.mark.parametrize("objective", ["moco", "simclr", "byol"])
def test_an_encoder_is_asked_for_its_own_loss(objective, monkeypatch):
    spec, source = spec_from_json({}), random_images(30)
    model = build_model(spec.model, 3, 8, 4, seed=0, objective=objective)
    own = make_objective(TrainSpec(objective=objective, queue=16), model, 30)
    shown: list[list[torch.Tensor]] = []
    real = own.views
    monkeypatch.setattr(own, "views", lambda *asked: shown.append(real(*asked)) or shown[-1])
    negatives = source.take(torch.arange(20, 30))[0]
    signals = SignalCollector(model, own, AuditInputs(3, 0, negatives))(source, side(np.arange(20)), stream=1)
    (others,), views = shown
    with torch.no_grad():
        raw, contrast = [model.eval().outputs(v).raw for v in views], model.outputs(others).raw
        expected = own.per_sample(model, raw[0], raw[1], contrast)
        logits = model(source.take(torch.arange(20))[0])
    assert signals.labels is None
    np.testing.assert_allclose(signals.loss, expected.numpy(), rtol=1e-5)
    pairs = [torch.cosine_similarity(raw[a], raw[b]).numpy() for a, b in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(signals.pair_cosines, np.stack(pairs, 1), atol=1e-5)
    np.testing.assert_allclose(signals.confidence, torch.logit(logits.double().softmax(1).amax(1)).numpy(), rtol=1e-4)


def test_the_audit_of_encoders(home):
    spec = spec_from_json(SPEC | {"train": {"objective": "simclr", "epochs": 1}, "forget": {"select": "class:5"}})
    setup = set_up(spec, home, lambda done, total, message: None)
    plan = AuditPlan(setup)
    models = {
        name: build_model(spec.model, 1, 8, 10, seed, objective="simclr") for seed, name in enumerate(plan.models)
    }
    steps: list[str] = []
    found = plan.make(models, steps.append)
    assert len(steps) == plan.units
    assert list(found.manifest["attacks"]) == [a.id for a in attacks_for("self-supervised")]
    assert found.manifest["shadow"]["members"] == 40
    assert all(len(array) == 2 * found.manifest["members"] for array in found.arrays.values())
