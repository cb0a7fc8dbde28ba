"""Estimates: every part counted once, by a speed that was measured; nothing without one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from cu_core.base.errors import BadInput
from cu_core.catalogue.spec import MethodSpec, RunSpec, spec_from_json
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec, ModelSpec, TrainSpec
from cu_core.catalogue.spec_recording import StopSpec
from cu_core.data.prepared import prepare
from cu_core.engine.earlier_costs import (
    SLOWER_SHARE,
    believed,
    known_rest,
    known_trained,
    remember_rest,
    remember_trained,
)
from cu_core.engine.estimate import (
    EARLIER_RUN,
    START_SECONDS,
    TIMED_STEPS,
    Speed,
    estimate,
    known_speed,
    remember_speed,
    speed_path,
)
from cu_core.engine.speed import measure_speed
from cu_core.learning.build import build_model
from cu_core.learning.weights import save_weights

BASE = RunSpec(
    train=TrainSpec(epochs=10),
    forget=ForgetSpec("random:100"),
    stop=StopSpec(max_rounds=3),
    reference=2,
)


def test_nothing_measured_nothing_claimed(home):
    found = estimate(BASE, home)
    assert found.seconds is None and found.source == "" and found.disk > 0


def test_every_part_is_counted(home):
    remember_speed(BASE, home, Speed(0.5, 1000, EARLIER_RUN))
    train, unseen = 1297, 500  # the digits
    trained = 10 * (train + 2 * (train - 100))
    drawn = 2 * 100 * 4 * 3
    probed = (3 + 1 + 2) * 2000
    evaluated = (2 + 2) * (train + unseen) / 3
    # 100 forget and 100 unseen samples, each as it is and in ten views, and as many that the reference knows.
    audited = (3 * 200 + 200) * 11 / 3
    found = estimate(BASE, home)
    assert found.seconds == pytest.approx(0.5 * (trained + drawn + probed + evaluated + audited))
    assert found.source == EARLIER_RUN


@pytest.mark.parametrize(
    ("select", "noise", "forget"),
    [("class:5", 0, 130), ("class:1,2", 0, 259), ("fraction:0.25", 0, 324), ("mislabelled", 0.2, 259)],
)
def test_size_of_the_forget_set(home, select, noise, forget):
    spec = spec_from_json({"forget": {"select": select}, "data": {"label_noise": noise}, "stop": {"max_rounds": 1}})
    remember_speed(spec, home, Speed(1.0, 1000, EARLIER_RUN))
    more = dataclasses.replace(spec, stop=StopSpec(max_rounds=2))
    probe = 2000
    assert estimate(more, home).seconds - estimate(spec, home).seconds == pytest.approx(2 * forget * 4 + probe)


@pytest.mark.parametrize("objective", ["moco", "simclr", "byol"])
def test_an_epoch_of_an_encoder_costs_more_than_the_rest(home, objective):
    """A speed is one of training images; everything but training sees each image once, not as several views."""
    spec = dataclasses.replace(BASE, train=dataclasses.replace(BASE.train, objective=objective))
    remember_speed(BASE, home, Speed(0.5, 1000, EARLIER_RUN))
    assert known_speed(spec, home) is None, "the speed of another objective"
    remember_speed(spec, home, Speed(0.5, 1000, EARLIER_RUN))
    trained = 0.5 * 10 * (1297 + 2 * 1197)
    rest = (estimate(BASE, home).seconds - trained) / {"moco": 4 / 3, "simclr": 2, "byol": 8 / 3}[objective]
    assert estimate(spec, home).seconds == pytest.approx(trained + rest)


@pytest.mark.parametrize("objective", ["moco", "simclr", "byol"])
def test_steps_of_an_encoder_can_be_timed(home, objective):
    spec = dataclasses.replace(BASE, train=TrainSpec(objective=objective, batch_size=4, queue=16))
    speed = measure_speed(spec, home)
    assert speed.seconds_per_image > 0
    encoder = build_model(spec.model, 1, 8, 10, 0, objective)
    assert speed.parameters == sum(p.numel() for p in encoder.parameters())


def test_an_index_file_is_counted_and_a_missing_one_named(home, tmp_path):
    path = tmp_path / "some.csv"
    path.write_text("1\n2\n3")
    spec = dataclasses.replace(BASE, forget=ForgetSpec(f"indices:{path}"))
    remember_speed(spec, home, Speed(1.0, 1000, EARLIER_RUN))
    more = dataclasses.replace(spec, stop=StopSpec(max_rounds=4))
    assert estimate(more, home).seconds - estimate(spec, home).seconds == pytest.approx(2 * 3 * 4 + 2000)
    path.unlink()
    with pytest.raises(BadInput, match=r"forget\.select"):
        estimate(spec, home)


@pytest.mark.parametrize(("select", "size"), [("memorised:50", 50), ("duplicates:7:30", 31), ("duplicates:7", 11)])
def test_memorised_samples_and_duplicates_are_counted(home, select, size):
    def rounds(select: str) -> float:
        spec = dataclasses.replace(BASE, forget=ForgetSpec(select))
        more = dataclasses.replace(spec, stop=StopSpec(max_rounds=4))
        return estimate(more, home).seconds - estimate(spec, home).seconds

    remember_speed(BASE, home, Speed(1.0, 1000, EARLIER_RUN))
    assert rounds(select) == pytest.approx(rounds(f"random:{size}"))


def test_speeds_of_other_networks_and_batches_do_not_count(home):
    remember_speed(BASE, home, Speed(0.5, 1000, EARLIER_RUN))
    assert known_speed(dataclasses.replace(BASE, seed=5, forget=ForgetSpec("class:1")), home) is not None
    for other in (
        dataclasses.replace(BASE, model=ModelSpec("resnet8")),
        dataclasses.replace(BASE, train=TrainSpec(batch_size=32)),
        dataclasses.replace(BASE, data=DataSpec(image_size=32)),
        dataclasses.replace(BASE, device="cpu"),
    ):
        assert known_speed(other, home) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"seconds_per_image": "fast"}'])
def test_a_damaged_speed_is_no_speed(home, content):
    remember_speed(BASE, home, Speed(0.5, 1000, EARLIER_RUN))
    speed_path(BASE, home).write_text(content)
    assert known_speed(BASE, home) is None


def test_own_weights_of_another_number_of_classes_can_be_timed(home, tmp_path):
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("a", "b", "c"):
            folder = tmp_path / "images" / split / name
            folder.mkdir(parents=True)
            for n in range(4):
                Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(folder / f"{n}.png")
    data = DataSpec(f"folder:{tmp_path / 'images'}")
    prepare(data, home)
    weights = tmp_path / "own.pt"
    save_weights(weights, build_model(ModelSpec("tiny-cnn"), 3, 32, 3, seed=0))
    model = ModelSpec("tiny-cnn", weights=str(weights))
    spec = dataclasses.replace(
        BASE, data=data, model=model, train=TrainSpec(batch_size=4), forget=ForgetSpec("class:a")
    )
    assert measure_speed(spec, home).source == TIMED_STEPS
    assert estimate(spec, home).seconds > 0


def test_what_earlier_runs_took_is_expected_again_and_their_models_are_not_trained_again(home):
    remember_speed(BASE, home, Speed(0.01, 1000, EARLIER_RUN))
    guessed = estimate(BASE, home)
    assert guessed.expected is not None and guessed.expected_training == pytest.approx(guessed.training)
    remember_rest(BASE, home, 30.0)
    assert estimate(BASE, home).expected == pytest.approx(START_SECONDS + 30.0 + guessed.training)
    for seed in (0, 1):
        remember_trained(BASE, home, f"key{seed}", seed, reference=True)
        (home.models / f"key{seed}.json").write_text("{}")
        (home.models / f"key{seed}.pt").write_bytes(b"")
    assert known_trained(BASE, home, 1, reference=True) and not known_trained(BASE, home, 0, reference=False)
    base = 0.01 * 10 * 1297
    assert estimate(BASE, home).expected == pytest.approx(START_SECONDS + 30.0 + base)
    assert estimate(BASE, home).seconds == pytest.approx(guessed.seconds), "the bound counts everything"
    other = dataclasses.replace(BASE, forget=ForgetSpec("random:101"))
    assert not known_trained(other, home, 0, reference=True), "references of another forget set"
    (home.models / "key0.pt").unlink()
    assert not known_trained(BASE, home, 0, reference=True), "the model itself is gone"


def test_another_method_is_judged_by_runs_that_are_alike_but_for_it(home):
    other = dataclasses.replace(BASE, method=MethodSpec("finetune"))
    remember_rest(BASE, home, 30.0)
    assert known_rest(other, home) == 30.0
    remember_rest(other, home, 50.0)
    assert known_rest(other, home) == 50.0 and known_rest(BASE, home) == 30.0
    assert known_rest(dataclasses.replace(BASE, reference=3), home) is None


def test_a_slower_time_is_believed_in_part_and_a_faster_one_wholly():
    assert believed(None, 10.0) == 10.0 and believed(10.0, 4.0) == 4.0
    assert believed(10.0, 20.0) == pytest.approx(10.0 + 10.0 * SLOWER_SHARE)


def test_a_rule_that_ends_a_run_makes_it_expected_earlier(home):
    remember_speed(BASE, home, Speed(0.01, 1000, EARLIER_RUN))
    ends = estimate(BASE, home)
    never = estimate(dataclasses.replace(BASE, stop=dataclasses.replace(BASE.stop, rule="none")), home)
    assert ends.seconds == never.seconds and ends.expected < never.expected
