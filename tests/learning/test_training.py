"""The training loop: schedules, exact resume, determinism, what stops it."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.neighbors import KNeighborsClassifier

from cu_core.base.errors import Cancelled, DatasetError, Diverged
from cu_core.catalogue.spec_parts import ModelSpec, TrainSpec
from cu_core.data.batches import ImageSource, Split
from cu_core.learning.build import build_model
from cu_core.learning.device import Precision, choose_precision
from cu_core.learning.knn_monitor import KnnMonitor
from cu_core.learning.network import Network
from cu_core.learning.objectives.moco import MoCo
from cu_core.learning.training import EpochReport, TrainResult, epoch_seed, learning_rate, train
from cu_core.learning.weights import weights_sha256

CPU = torch.device("cpu")
ENCODERS = ("moco", "simclr", "byol")
FULL = choose_precision("fp32", CPU)


def toy(n: int = 50, classes: int = 3) -> Split:
    """Images whose brightest row tells the class."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % classes
    images = rng.integers(0, 120, (n, 1, 8, 8), dtype=np.uint8)
    images[np.arange(n), 0, 2 * labels] += 100
    source = ImageSource(images, labels, (0.25,), (0.2,), CPU)
    return Split(source, np.arange(n), torch.Generator().manual_seed(0))


def fresh(backbone: str = "tiny-cnn", classes: int = 3, objective: str = "supervised") -> Network:
    return FULL.place(build_model(ModelSpec(backbone=backbone, embedding_dim=8), 1, 8, classes, 0, objective), CPU)


def run(
    spec: TrainSpec,
    model: Network | None = None,
    split: Split | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
    on_epoch=lambda report: None,
    check=lambda: None,
    precision: Precision = FULL,
) -> tuple[Network, TrainResult]:
    model = model or fresh(objective=spec.objective)
    result = train(
        model,
        toy() if split is None else split,
        spec,
        seed=seed,
        device=CPU,
        precision=precision,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
        check=check,
    )
    return model, result


def sha(model: Network) -> str:
    return weights_sha256(model.state_dict())


SPEC = TrainSpec(epochs=4, batch_size=16, lr=0.05, augment="crop-flip")
AVERAGED = TrainSpec(
    epochs=4,
    batch_size=16,
    lr=0.05,
    nesterov=True,
    lookahead=0.9,
    schedule="triangle",
    augment="shift-flip",
)


@pytest.fixture(autouse=True)
def every_epoch_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """These trainings take less time than the pause between two checkpoints."""
    monkeypatch.setattr("cu_core.learning.training.CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("cu_core.learning.training.CHECKPOINT_RATIO", 0.0)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("schedule", ["cosine", "one-cycle", "triangle", "constant"])
def test_it_learns(optimizer: str, schedule: str) -> None:
    reports: list[EpochReport] = []
    spec = TrainSpec(
        epochs=12, batch_size=10, lr=0.05 if optimizer == "sgd" else 0.005, optimizer=optimizer, schedule=schedule
    )
    model, result = run(spec, on_epoch=reports.append)
    assert [r.epoch for r in reports] == list(range(1, 13))
    assert {r.epochs for r in reports} == {12}
    assert reports[-1].loss < reports[0].loss
    assert reports[-1].accuracy > 0.9
    assert result == TrainResult(reports[-1].seconds, 12, 0, result.cpu_seconds) and result.cpu_seconds
    assert not model.training


def test_the_reported_loss_and_accuracy_are_those_of_the_samples() -> None:
    reports: list[EpochReport] = []
    split = toy(30)
    model = fresh()
    images, labels = split.source.take(split.indices)
    with torch.no_grad():
        logits = model.train()(FULL.images(images))
    run(TrainSpec(epochs=1, batch_size=64), split=split, on_epoch=reports.append)
    assert reports[0].loss == pytest.approx(F.cross_entropy(logits, labels).item(), abs=1e-5)
    assert reports[0].accuracy == pytest.approx((logits.argmax(1) == labels).double().mean().item())


def test_one_step_of_sgd_is_the_textbook_step() -> None:
    split, spec = toy(20), TrainSpec(epochs=1, batch_size=32, lr=0.1, weight_decay=0.01, schedule="constant")
    reference = fresh().train()
    images, labels = split.source.take(split.indices)
    F.cross_entropy(reference(FULL.images(images)), labels).backward()
    wanted = {n: p.detach() - 0.1 * (p.grad + 0.01 * p.detach()) for n, p in reference.named_parameters()}
    model, _ = run(spec, split=split)
    for name, value in model.named_parameters():
        torch.testing.assert_close(value.detach(), wanted[name], atol=1e-6, rtol=1e-5)


def torch_schedule(spec: TrainSpec, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=spec.lr, momentum=0.9)
    if spec.schedule == "one-cycle":
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, spec.lr, total_steps=steps, cycle_momentum=False)
    else:
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step() if len(rates) < steps else None
    return rates


@pytest.mark.parametrize("schedule", ["cosine", "one-cycle"])
@pytest.mark.parametrize("steps", [10, 33, 100])
def test_schedules_agree_with_torch(schedule: str, steps: int) -> None:
    spec = TrainSpec(lr=0.3, schedule=schedule)
    ours = [learning_rate(spec, step, steps) for step in range(steps)]
    np.testing.assert_allclose(ours, torch_schedule(spec, steps), rtol=1e-9, atol=1e-12)


def test_schedules_in_closed_form() -> None:
    cosine, constant = TrainSpec(lr=2.0, schedule="cosine"), TrainSpec(lr=2.0, schedule="constant")
    for step in range(8):
        assert learning_rate(cosine, step, 8) == pytest.approx(1 + math.cos(math.pi * step / 8))
        assert learning_rate(constant, step, 8) == 2.0


def test_the_triangle_goes_through_its_corners() -> None:
    spec = TrainSpec(lr=2.0, schedule="triangle")
    # 0.2 to 1 over 23 of 100 steps, then down to 0.07, which would be that of a step after the last.
    wanted = {0: 0.4, 23: 2.0, 100: 0.14, 10: 2 * (0.2 + 0.8 * 10 / 23), 62: 2 * (1 - 0.93 * 39 / 77)}
    for step, rate in wanted.items():
        assert learning_rate(spec, step, 100) == pytest.approx(rate)


def test_nesterov_steps_are_the_textbook_ones() -> None:
    split = toy(20)
    spec = TrainSpec(
        epochs=3, batch_size=32, lr=0.1, momentum=0.8, weight_decay=0.01, schedule="constant", nesterov=True
    )
    reference = fresh().train()
    memory = {name: torch.zeros_like(p) for name, p in reference.named_parameters()}
    images, labels = split.source.take(split.indices)
    for _ in range(3):
        F.cross_entropy(reference(FULL.images(images)), labels).backward()
        with torch.no_grad():
            for name, p in reference.named_parameters():
                gradient = p.grad + 0.01 * p
                memory[name] = 0.8 * memory[name] + gradient
                p -= 0.1 * (gradient + 0.8 * memory[name])
                p.grad = None
    model, _ = run(spec, split=split)
    for name, value in model.named_parameters():
        torch.testing.assert_close(
            value.detach(), dict(reference.named_parameters())[name].detach(), atol=1e-5, rtol=1e-4
        )
    plain, _ = run(dataclasses.replace(spec, momentum=0.0), split=split)
    assert sha(plain) == sha(run(dataclasses.replace(spec, momentum=0.0, nesterov=False), split=split)[0])


def test_smoothed_labels_are_those_of_the_definition() -> None:
    split, reports = toy(30), []
    images, labels = split.source.take(split.indices)
    with torch.no_grad():
        logs = fresh().train()(FULL.images(images)).log_softmax(1)
    targets = F.one_hot(labels, 3) * 0.7 + 0.1
    run(TrainSpec(epochs=1, batch_size=64, label_smoothing=0.3), split=split, on_epoch=reports.append)
    assert reports[0].loss == pytest.approx(-(targets * logs).sum(1).mean().item(), abs=1e-5)


def test_a_training_alternates_its_mirrors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cu_core.learning.training.shift", lambda images, generator: images)
    split, shown = toy(20), []
    plain = split.source.take(split.indices)[0]

    class Seen(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            shown.append(images.detach().clone())
            return images

    model = fresh()
    model.trunk.layers.insert(0, Seen())
    run(TrainSpec(epochs=2, batch_size=32, augment="shift-flip"), model, split)
    first, second = ({bytes(x.numpy().tobytes()) for x in epoch} for epoch in shown)
    mirrored = [bytes(x.flip(2).contiguous().numpy().tobytes()) for x in plain]
    ways = [bytes(x.contiguous().numpy().tobytes()) for x in plain]
    assert all((a in first) != (b in first) for a, b in zip(ways, mirrored, strict=True))
    assert all((a in first) == (b in second) for a, b in zip(ways, mirrored, strict=True))


@pytest.mark.parametrize("steps", range(1, 9))
@pytest.mark.parametrize("schedule", ["cosine", "one-cycle", "triangle", "constant"])
def test_very_short_schedules_are_positive_and_bounded(schedule: str, steps: int) -> None:
    rates = [learning_rate(TrainSpec(lr=1.0, schedule=schedule), step, steps) for step in range(steps)]
    assert all(0 < rate <= 1 for rate in rates)


class Pulled(Exception):
    """Stands for a killed process."""


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        TrainSpec(epochs=4, batch_size=16, optimizer="adamw", lr=0.01, schedule="one-cycle"),
        AVERAGED,
        *(TrainSpec(objective=name, epochs=4, batch_size=16, lr=0.05, queue=20) for name in ENCODERS),
    ],
    ids=lambda spec: f"{spec.objective}-{spec.optimizer}",
)
@pytest.mark.parametrize("stop_at", [1, 2, 5, 9])
def test_interrupted_in_mid_epoch_it_ends_with_the_same_weights(tmp_path: Path, spec: TrainSpec, stop_at: int) -> None:
    whole, _ = run(spec)
    path, calls = tmp_path / "c.pt", iter(range(1, 1000))

    def pull() -> None:
        if next(calls) > stop_at:
            raise Pulled

    with pytest.raises(Pulled):
        run(spec, checkpoint=path, check=pull)
    torch.manual_seed(12345)  # a new process has other random states
    reports: list[EpochReport] = []
    resumed, result = run(spec, checkpoint=path, on_epoch=reports.append)
    assert sha(resumed) == sha(whole)
    assert result.resumed_from == stop_at // 4 == 4 - len(reports)


@pytest.mark.parametrize("forgotten", ["bank", "place", "slow"])
def test_the_memory_of_an_objective_decides_what_comes_next(
    tmp_path: Path, forgotten: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without each part of it, a resumed training would end elsewhere: the test above is not passed by luck."""
    spec = TrainSpec(objective="moco", epochs=2, batch_size=16, lr=0.05, queue=20)
    whole, _ = run(spec)

    def stop(report: EpochReport) -> None:
        raise Pulled

    with pytest.raises(Pulled):
        run(spec, checkpoint=tmp_path / "c.pt", on_epoch=stop)
    load = MoCo.load_state_dict

    def forget(self: MoCo, state: dict[str, Any]) -> None:
        load(self, state | {forgotten: self.state_dict()[forgotten]})

    monkeypatch.setattr(MoCo, "load_state_dict", forget)
    resumed, result = run(spec, checkpoint=tmp_path / "c.pt")
    assert result.resumed_from == 1 and sha(resumed) != sha(whole)


def test_checkpoints_are_no_closer_than_their_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cu_core.learning.training.CHECKPOINT_SECONDS", 10.0)
    monkeypatch.setattr("cu_core.learning.training.CHECKPOINT_RATIO", 20.0)
    clock, path, written = [0.0], tmp_path / "c.pt", []
    monkeypatch.setattr("cu_core.learning.training.time.monotonic", lambda: clock[0])

    def slow_write(path: Path, state: dict[str, Any]) -> None:
        written.append(state["epoch"])
        clock[0] += 1.0

    monkeypatch.setattr("cu_core.learning.training.write_sealed", slow_write)

    def epoch_of_four_seconds(report: EpochReport) -> None:
        clock[0] += 4.0

    run(TrainSpec(epochs=12, batch_size=50, lr=0.05), checkpoint=path, on_epoch=epoch_of_four_seconds)
    # After 12 seconds, then 20 times the second that this took, and at the end.
    assert written == [4, 9, 12]


def test_dropout_resumes_exactly_too(tmp_path: Path) -> None:
    def dropping() -> Network:
        model = fresh()
        model.trunk.layers.append(torch.nn.Dropout(0.5))
        return model

    whole, _ = run(SPEC, dropping())

    def stop(report: EpochReport) -> None:
        if report.epoch == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(SPEC, dropping(), checkpoint=tmp_path / "c.pt", on_epoch=stop)
    resumed, result = run(SPEC, dropping(), checkpoint=tmp_path / "c.pt")
    assert (sha(resumed), result.resumed_from) == (sha(whole), 2)


def test_a_finished_checkpoint_needs_no_more_epochs(tmp_path: Path) -> None:
    whole, first = run(SPEC, checkpoint=tmp_path / "c.pt")
    again, result = run(SPEC, checkpoint=tmp_path / "c.pt", on_epoch=lambda report: pytest.fail("trained again"))
    assert sha(again) == sha(whole)
    assert result == TrainResult(first.seconds, 4, 4, first.cpu_seconds)


@pytest.mark.parametrize("where", [0, 31, 32, 40, 5000, -1])
def test_a_damaged_checkpoint_is_ignored(tmp_path: Path, where: int) -> None:
    path = tmp_path / "c.pt"
    whole, _ = run(SPEC, checkpoint=path)
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    again, result = run(SPEC, checkpoint=path)
    assert (sha(again), result.resumed_from) == (sha(whole), 0)


@pytest.mark.parametrize("keep", [0, 10, 32, 1000])
def test_a_truncated_checkpoint_is_ignored(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "c.pt"
    run(SPEC, checkpoint=path)
    path.write_bytes(path.read_bytes()[:keep])
    assert run(SPEC, checkpoint=path)[1].resumed_from == 0


def test_a_sealed_file_of_another_kind_is_ignored(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"something": "else"}, buffer)
    body = buffer.getvalue()
    (tmp_path / "c.pt").write_bytes(hashlib.sha256(body).digest() + body)
    assert run(SPEC, checkpoint=tmp_path / "c.pt")[1].resumed_from == 0


def test_a_checkpoint_of_another_training_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    for other in (
        {"spec": TrainSpec(epochs=4, batch_size=16, lr=0.04, augment="crop-flip")},
        {"seed": 1},
        {"split": toy(48)},
        {"model": fresh("resnet8")},
        {"model": fresh(classes=4)},
    ):
        run(**({"spec": SPEC} | other), checkpoint=path)
        assert run(SPEC, checkpoint=path)[1].resumed_from == 0


def test_seeds_and_epochs_do_not_share_streams() -> None:
    seeds = [epoch_seed(seed, epoch) for seed in range(30) for epoch in range(30)]
    assert len(set(seeds)) == len(seeds)
    assert sha(run(SPEC, seed=0)[0]) != sha(run(SPEC, seed=1)[0])


def test_the_callers_draws_do_not_matter() -> None:
    split = toy()
    split.sample(5)
    assert sha(run(SPEC, split=split)[0]) == sha(run(SPEC)[0])


def test_augmentation_comes_from_the_spec() -> None:
    plain = TrainSpec(epochs=1, batch_size=16, lr=0.05)
    hashes = {
        sha(run(TrainSpec(epochs=1, batch_size=16, lr=0.05, augment=name))[0]) for name in ("none", "crop", "crop-flip")
    }
    assert len(hashes) == 3
    assert sha(run(plain)[0]) in hashes


@pytest.mark.parametrize("n", [2, 15, 16, 17, 33])
def test_no_batch_has_a_single_sample(n: int) -> None:
    """Batch normalisation after global pooling cannot train on one sample: torch raises."""
    sizes: list[int] = []
    model = fresh("resnet18")
    model.trunk.bn1.register_forward_hook(lambda module, args, output: sizes.append(len(output)))
    run(TrainSpec(epochs=1, batch_size=16, lr=0.01), model, toy(n))
    assert sum(sizes) == n
    assert min(sizes) >= 2


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_samples(n: int) -> None:
    with pytest.raises(DatasetError, match="two are needed"):
        run(SPEC, split=Split(toy().source, np.arange(n), torch.Generator()))


def test_a_loss_that_is_not_a_number_names_the_learning_rate(tmp_path: Path) -> None:
    reports: list[EpochReport] = []
    model = fresh()
    with torch.no_grad():
        model.head.bias[0] = float("nan")
    with pytest.raises(Diverged, match=r"train\.lr, now 0\.05"):
        run(SPEC, model, checkpoint=tmp_path / "c.pt", on_epoch=reports.append)
    assert reports == []
    assert not (tmp_path / "c.pt").exists(), "useless weights must not be resumed from"


def test_zero_epochs_leave_the_weights_alone(tmp_path: Path) -> None:
    before = sha(fresh())
    model, result = run(TrainSpec(epochs=0), checkpoint=tmp_path / "c.pt")
    assert (sha(model), result.epochs, result.seconds) == (before, 0, 0.0)
    assert not model.training


def test_mixed_precision_trains_and_keeps_float32_weights() -> None:
    """The CPU knows bf16 too, which shows that the policy reaches the forward pass."""
    reports: list[EpochReport] = []
    model, _ = run(
        TrainSpec(epochs=12, batch_size=10, lr=0.05), precision=Precision("bf16", "cpu", True), on_epoch=reports.append
    )
    assert reports[-1].accuracy > 0.9
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert sha(model) != sha(run(TrainSpec(epochs=12, batch_size=10, lr=0.05))[0])


def test_an_encoder_learns_without_labels() -> None:
    reports: list[EpochReport] = []
    spec = TrainSpec(objective="simclr", epochs=12, batch_size=20, lr=0.1, augment="crop-flip")
    model, _ = run(spec, split=toy(120), on_epoch=reports.append)
    assert reports[-1].loss < reports[0].loss
    assert reports[-1].knn is not None and reports[-1].knn > 0.8
    assert {r.accuracy for r in reports} == {None}
    assert not model.training
    mixed = toy(120)
    mixed.source.labels = mixed.source.labels.flip(0)
    assert sha(run(spec, split=mixed)[0]) == sha(model)
    assert sha(run(dataclasses.replace(spec, augment="none"), split=toy(120))[0]) == sha(model)


def test_the_share_of_the_training_is_told_to_the_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []
    monkeypatch.setattr(MoCo, "after_step", lambda self, model, share: shares.append(share))
    run(TrainSpec(objective="moco", epochs=2, batch_size=10, lr=0.05, queue=20))
    np.testing.assert_allclose(shares, np.arange(1, 11) / 10)


def test_the_monitor_asks_a_tenth_and_lets_the_others_vote() -> None:
    """Against scikit-learn's nearest neighbours with the same weights, on features in evaluation mode."""
    split, model = toy(200), fresh(objective="moco")
    monitor = KnnMonitor(split, 3, 4 / 3)
    order = np.random.default_rng(3).permutation(200)
    images, labels = split.source.take(split.indices[order])
    with torch.no_grad():
        features = model.eval().outputs(images).features.double().numpy()
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    voting = KNeighborsClassifier(180, weights=lambda distance: np.exp((1 - distance**2 / 2) / 0.1))
    wanted = voting.fit(features[20:], labels[20:]).score(features[:20], labels[:20])
    assert monitor.accuracy(model.train(), FULL) == pytest.approx(wanted)
    # 200 passes without gradients, a third each, may take a twentieth of 200 steps of 4/3 of a supervised one.
    assert monitor.every == 5
    assert [epoch for epoch in range(1, 13) if monitor.due(epoch, 12)] == [5, 10, 12]


def test_the_monitor_leaves_the_training_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = TrainSpec(objective="byol", epochs=6, batch_size=16, lr=0.05)
    seen = sha(run(spec)[0])
    monkeypatch.setattr(KnnMonitor, "due", lambda self, epoch, epochs: False)
    assert sha(run(spec)[0]) == seen


@pytest.mark.parametrize("objective", ENCODERS)
def test_two_images_are_enough_for_an_encoder(objective: str) -> None:
    reports: list[EpochReport] = []
    run(TrainSpec(objective=objective, epochs=1, batch_size=16, lr=0.01), split=toy(2), on_epoch=reports.append)
    assert math.isfinite(reports[0].loss) and reports[0].knn in (0.0, 1.0)


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from test_training import SPEC, run, sha
print(sha(run(SPEC)[0]))
"""


def test_two_processes_reach_the_same_weights(python_env: dict[str, str]) -> None:
    command = [sys.executable, "-c", SCRIPT, str(Path(__file__).parent)]
    env = dict(python_env, PYTHONHASHSEED=str(os.getpid()))
    other = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=200)
    assert other.stdout.split() == [sha(run(SPEC)[0])]
