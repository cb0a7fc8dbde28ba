"""How encoders are looked at: whose votes count, whose views are contrasted, what stays the same in every round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import softmax
from sklearn.neighbors import KNeighborsClassifier

from cu_core.base.errors import Incompatible
from cu_core.base.home import Home
from cu_core.catalogue.compatibility import check
from cu_core.catalogue.spec import spec_from_json
from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.data.batches import ImageSource
from cu_core.engine import encoder_pass
from cu_core.engine.encoder_pass import EncoderPass, index_in
from cu_core.engine.encoder_signals import encode, pair_cosines, training_losses, view_embeddings
from cu_core.engine.recorder import Recorder
from cu_core.engine.setup import RunSetup, set_up
from cu_core.learning.build import build_model
from cu_core.learning.network import Network
from cu_core.learning.objectives.training_objective import make_objective


def made(tmp_path_factory: pytest.TempPathFactory, select: str, objective: str = "moco", **parts) -> RunSetup:
    content = {
        "train": {"objective": objective},
        "forget": {"select": select},
        "method": "gradient_penalty",
        "probe": {"size": 150},
        "audit": {"views": 4},
        "device": "cpu",
    } | parts
    home = Home(tmp_path_factory.getbasetemp() / "encoder-home").create()
    return set_up(spec_from_json(content), home, lambda done, total, message: None)


@pytest.fixture(scope="module")
def setup(tmp_path_factory) -> RunSetup:
    return made(tmp_path_factory, "random:100", stop={"rule": "sample"})


@pytest.fixture(scope="module")
def by_class(tmp_path_factory) -> RunSetup:
    return made(tmp_path_factory, "class:5")


def encoder(objective: str = "moco") -> Network:
    """An untrained encoder; its features know digits apart well enough."""
    return build_model(ModelSpec(), 1, 8, 10, seed=0, objective=objective).eval()


def features(model: Network, source: ImageSource, index: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model.eval().outputs(source.take(torch.from_numpy(index))[0]).features.double().numpy()


def test_predictions_are_those_of_scikit_learn_on_retain_samples(setup):
    model, signal_pass = encoder(), EncoderPass(setup)
    seen = signal_pass.reported(model)
    bank, labels = features(model, setup.train, setup.retain), setup.data.train_labels[setup.retain]
    knn = KNeighborsClassifier(
        200, metric="cosine", algorithm="brute", weights=lambda distance: np.exp((1 - distance) / 0.1)
    ).fit(bank, labels)
    share = knn.predict_proba(features(model, setup.test, setup.reported_unseen))
    assert softmax(seen.unseen.logits, axis=1) == pytest.approx(share, abs=1e-4)
    assert (seen.unseen.prediction == share.argmax(1)).mean() > 0.99
    # A retain sample must not vote on itself: with one neighbour it would always be right.
    row = 17
    rest = np.arange(len(bank)) != row
    alone = knn.fit(bank[rest], labels[rest]).predict_proba(bank[[row]])
    assert softmax(seen.retain.logits[[row]], axis=1) == pytest.approx(alone, abs=1e-4)
    assert seen.linear is not None and seen.linear > 0.5


@pytest.mark.parametrize("which", ["setup", "by_class"])
def test_forget_samples_neither_vote_nor_train_a_classifier(which, request, monkeypatch):
    setup: RunSetup = request.getfixturevalue(which)
    monkeypatch.setattr(encoder_pass, "PROBE_BANK", 300)
    model = encoder()
    used: list[torch.Tensor] = []

    def spy(name):
        real = getattr(encoder_pass, name)

        def watched(bank, labels, *rest):
            used.append(bank)
            return real(bank, labels, *rest)

        monkeypatch.setattr(encoder_pass, name, watched)

    spy("weighted_knn")
    spy("linear_accuracy")
    signal_pass = EncoderPass(setup)
    signal_pass.round(model)
    signal_pass.probe(model)
    signal_pass.reported(model)
    assert [len(bank) for bank in used[:4]] == [300] * 4 and len(used) == 8
    for index in (signal_pass.bank, signal_pass.full_bank):
        assert not np.isin(index, setup.forget.indices).any()
    forget = torch.from_numpy(features(model, setup.train, setup.forget.indices)).float()
    for bank in used:
        assert torch.cdist(forget, bank).min() > 0.01, "an image of the forget set is among those that vote"


def test_a_bank_of_some_is_drawn_class_by_class(setup, monkeypatch):
    monkeypatch.setattr(encoder_pass, "PROBE_BANK", 200)
    bank = EncoderPass(setup).bank
    counts = np.bincount(setup.data.train_labels[bank])
    assert len(np.unique(bank)) == 200 and counts.min() >= 18 and counts.max() <= 22


def test_one_look_at_a_round_equals_looks_at_its_parts(setup):
    model, signal_pass = encoder(), EncoderPass(setup)
    probe, forget, unseen = signal_pass.round(model)
    assert (probe.labels == setup.probe.label).all()
    alone = signal_pass.probe(model)
    assert probe.logits == pytest.approx(alone.logits, abs=1e-3)
    for part, source, index in (
        (forget, setup.train, setup.rule_samples.forget),
        (unseen, setup.test, setup.rule_samples.unseen),
    ):
        assert len(index) and part.embedding == pytest.approx(encode(model, source, index).embedding, abs=1e-5)
    raw = model.outputs(setup.test.take(torch.from_numpy(setup.probe.sample[-3:]))[0]).raw.detach().double().numpy()
    assert probe.output_top3[-3:] == pytest.approx(-np.sort(-softmax(raw, axis=1))[:, :3], abs=1e-6)


@pytest.mark.parametrize("objective", ["moco", "simclr", "byol"])
def test_views_loss_and_pairs_are_recorded_and_stay_the_same(tmp_path_factory, objective):
    setup = made(tmp_path_factory, "random:100", objective)
    model, signal_pass = encoder(objective), EncoderPass(setup)
    seen = signal_pass.probe(model)
    few = signal_pass.views(model, seen, everything=False)
    many = signal_pass.views(model, seen, everything=True)
    again = EncoderPass(setup).views(model, seen, everything=True)
    assert few.pair_cosines is None and many.pair_cosines.shape == (len(setup.probe.sample), 6)
    # The first two views do not depend on how many are drawn.
    assert few.two_view == pytest.approx(many.pair_cosines[:, 0], abs=1e-6)
    assert (few.own_loss == many.own_loss).all() and (many.own_loss == again.own_loss).all()
    assert many.loss is many.own_loss and np.isfinite(many.loss).all() and many.loss.std() > 0


def test_the_loss_is_that_of_the_paper_with_everyone_but_the_sample_as_negatives(setup):
    model, signal_pass = encoder(), EncoderPass(setup)
    pool = signal_pass.negatives
    assert len(pool) % 8 == 0 and (setup.probe.group[pool] != 0).all()
    assert len(set(setup.probe.is_test[pool])) == 2, "retain samples and unseen ones"
    # All negatives, each of which must not be contrasted with itself, and two forget samples.
    rows = [*(int(row) for row in pool), 0, 1]
    folds = [*(k % 8 for k in range(len(pool))), *(int(setup.probe.sample[row]) % 8 for row in (0, 1))]
    torch.manual_seed(0)
    views, others = torch.randn(len(setup.probe.sample), 3, 128), torch.randn(len(pool), 128)
    signal_pass._others = lambda model: others
    for row, fold in zip(rows, folds, strict=True):
        is_test = bool(setup.probe.is_test[row])
        got = signal_pass.losses(model, setup.probe.sample[[row]], is_test, views[[row]])
        kept = others[torch.arange(len(pool)) % 8 != fold]
        query, key = F.normalize(views[row, 0], dim=0), F.normalize(views[row, 1], dim=0)
        near, far = query @ key / 0.1, F.normalize(kept, dim=1) @ query / 0.1
        assert len(kept) == len(pool) * 7 // 8
        assert got[0] == pytest.approx(float(torch.logaddexp(near, far.logsumexp(0)) - near), rel=1e-5)


@pytest.mark.parametrize("count", [0, 1, 5, 16])
def test_few_negatives_are_enough(count):
    class Counting:
        def per_sample(self, model, first, second, others):
            return torch.full((len(first),), float(len(others)))

    fold = np.arange(6)
    views, others = torch.zeros(6, 2, 3), torch.zeros(count, 3)
    losses = training_losses(Counting(), torch.nn.Linear(1, 1), views, others, fold, torch.device("cpu"))
    assert (losses == {0: 0, 1: 0, 5: 4, 16: 14}[count]).all()


def test_pairs_come_in_order():
    views = torch.randn(5, 4, 7)
    got = pair_cosines(views)
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    want = torch.stack([F.cosine_similarity(views[:, a], views[:, b], dim=1) for a, b in pairs], 1)
    assert got.numpy() == pytest.approx(want.numpy(), abs=1e-6)


def test_looking_changes_nothing(setup):
    model = build_model(ModelSpec("resnet8"), 1, 8, 10, seed=0, objective="moco").train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert any("running_mean" in name for name in before)
    random = torch.random.get_rng_state()
    signal_pass = EncoderPass(setup)
    signal_pass.views(model, signal_pass.round(model)[0], everything=True)
    signal_pass.reported(model)
    assert model.training and all(layer.training for layer in model.modules())
    assert all((before[name] == value).all() for name, value in model.state_dict().items())
    assert (torch.random.get_rng_state() == random).all(), "the method's random numbers must not depend on recording"


def test_views_of_no_sample_are_none(setup):
    empty = np.empty(0, np.int64)
    model = encoder()
    objective = make_objective(setup.spec.train, model, 10)
    assert view_embeddings(objective, model, setup.train, empty, 3, 0).shape == (0, 3, 128)
    assert encode(encoder(), setup.train, empty).features.shape[0] == 0


def test_outputs_that_are_no_numbers_are_noticed(setup):
    model, signal_pass = encoder(), EncoderPass(setup)
    assert signal_pass.probe(model).finite
    for layer in (model.trunk, model.projector):
        broken = encoder()
        part = broken.trunk if layer is model.trunk else broken.projector
        with torch.no_grad():
            next(part.parameters()).fill_(torch.nan)
        assert not signal_pass.probe(broken).finite
        signal_pass.reported(broken)  # says nothing, but must not fail


def test_the_cost_of_looking_is_counted(setup):
    model, signal_pass = encoder(), EncoderPass(setup)
    seen = 0

    def count(module, images):
        nonlocal seen
        seen += len(images[0])

    model.trunk.register_forward_pre_hook(count)
    counts = []
    for everything in (False, True):
        seen = 0
        signal_pass.views(model, signal_pass.round(model)[0], everything=everything)
        counts.append(seen)
    everyday, more = signal_pass.passes()
    assert counts[1] - counts[0] == more == 2 * len(setup.probe.sample)
    # Probe samples that also vote are encoded once, so that the count is a bound.
    assert everyday - len(setup.probe.sample) <= counts[0] <= everyday
    recorder = Recorder(setup, None)
    # Training on an image costs six passes, and recording may take half of it.
    assert recorder._views_every(everyday // 3 + more) == 1
    assert recorder._views_every(-(-(everyday + more // 3) // 3)) == 3
    assert recorder._views_every(everyday // 3) > setup.spec.max_rounds


def test_places_in_the_bank():
    bank = np.array([2, 5, 9])
    assert index_in(np.array([9, 1, 2, 10, 5]), bank).tolist() == [2, -1, 0, -1, 1]
    assert index_in(np.array([3]), bank[:0]).tolist() == [-1]


def test_forgotten_classes_have_no_accuracy_and_no_rule(by_class):
    assert by_class.rule == "none"
    assert "never names a forgotten class" in by_class.notes[0]
    metrics = Recorder(by_class, None).evaluate(encoder()).metrics
    assert metrics["forget_acc"] is None and metrics["test_acc_forgotten"] is None
    unseen = by_class.data.test_labels[by_class.reported_unseen]
    assert metrics["test_acc"] == pytest.approx(metrics["test_acc_retained"] * (unseen != 5).mean())
    assert metrics["linear_acc"] > 0.5 and 0 < metrics["forget_top1"] < 1 and metrics["forget_two_view"] > 0.3
    with pytest.raises(Incompatible, match="never names a forgotten class"):
        check(replace(by_class.spec, stop=replace(by_class.spec.stop, rule="class")))


def test_classes_of_single_samples_have_an_accuracy(setup):
    metrics = Recorder(setup, None).evaluate(encoder()).metrics
    assert metrics["forget_acc"] > 0.3 and "test_acc_forgotten" not in metrics
    assert 0.2 < metrics["mia_auc"] < 0.8
    assert list(metrics).index("linear_acc") < list(metrics).index("mia_auc"), "in the order of the list of metrics"
