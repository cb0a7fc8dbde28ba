"""The precision of a run on a processor: what is timed, when, what follows from it, and how long it is remembered."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest
import torch
from torch import nn

from cu_core.base import processor
from cu_core.base.errors import Incompatible
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.learning import precision_trial
from cu_core.learning.device import Precision, choose_precision
from cu_core.learning.precision_trial import MARGIN, InForce, decided, multiply_adds, precision_in_force, timed_gain
from cu_core.learning.timed_step import TimedStep

CPU = torch.device("cpu")
SPEC = spec_from_json({"model": {"backbone": "resnet8"}, "train": {"batch_size": 2}, "method": {"id": "finetune"}})


@pytest.fixture
def gain(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float, bool], list[str]]]:
    """Lets steps in bf16 be so many times as fast, without taking them; returns the list of those that were asked."""

    def be(times: float, hardware: bool = True) -> list[str]:
        taken: list[str] = []

        def seconds(self: TimedStep, precision: Precision) -> float:
            taken.append(precision.name)
            return 1.0 if precision.name == "fp32" else 1.0 / times

        monkeypatch.setattr(TimedStep, "work", seconds)
        monkeypatch.setattr(precision_trial, "bf16_in_hardware", lambda: hardware)
        return taken

    return be


def found(home: Home, spec: RunSpec = SPEC, size: int = 32) -> InForce:
    return precision_in_force(spec, home, CPU, 3, size, 10)


@pytest.mark.parametrize(("times", "taken"), [(2.3, "bf16"), (MARGIN + 0.01, "bf16"), (1.1, "fp32"), (0.4, "fp32")])
def test_the_faster_one_is_taken_and_named(home: Home, gain, times: float, taken: str) -> None:
    gain(times)
    chosen = found(home)
    assert chosen.precision == Precision(taken, "cpu", channels_last=True)
    assert chosen.gain == pytest.approx(times)
    assert f"{times:.2f} times" in chosen.words
    assert taken in chosen.words


def test_it_is_timed_once_and_remembered(home: Home, gain) -> None:
    asked = gain(2.0)
    first = found(home)
    assert asked
    assert set(asked) == {"fp32", "bf16"}
    again = gain(0.5)
    assert found(home) == first
    assert again == []


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(SPEC, train=dataclasses.replace(SPEC.train, batch_size=4)),
        dataclasses.replace(SPEC, model=dataclasses.replace(SPEC.model, head="plain")),
        dataclasses.replace(SPEC, model=dataclasses.replace(SPEC.model, backbone="wide-cnn")),
    ],
)
def test_another_network_or_batch_is_timed_anew(home: Home, gain, other: RunSpec) -> None:
    gain(2.0)
    found(home)
    asked = gain(0.5)
    assert found(home, other).precision.name == "fp32"
    assert asked


def test_another_processor_or_torch_is_timed_anew(home: Home, gain, monkeypatch) -> None:
    gain(2.0)
    found(home)
    for name, value in (
        ("processor_name", lambda: "another"),
        ("torch.__version__", "0.0"),
    ):
        with monkeypatch.context() as here:
            here.setattr(f"cu_core.learning.precision_trial.{name}", value)
            asked = gain(2.0)
            found(home)
            assert asked, name


@pytest.mark.parametrize("content", ["", "{", "[]", '{"gain": null}', '{"gain": -1}', '{"gain": NaN}'])
def test_a_damaged_note_is_made_again(home: Home, gain, content: str) -> None:
    gain(2.0)
    found(home)
    (note,) = (home.root / "precisions").glob("*.json")
    note.write_text(content)
    asked = gain(3.0)
    assert found(home).gain == pytest.approx(3.0)
    assert asked
    assert json.loads(note.read_text())["gain"] == pytest.approx(3.0)


def test_a_home_that_cannot_be_written_is_no_obstacle(tmp_path: Path, gain) -> None:
    gain(2.0)
    (tmp_path / "home").write_text("a file, where a folder would have to be")
    assert found(Home(tmp_path / "home")).precision.name == "bf16"


def test_several_at_once_time_once(home: Home, gain) -> None:
    asked = gain(2.0)
    with ThreadPool(4) as pool:
        chosen = pool.map(lambda _: found(home), range(4))
    assert len({one.precision for one in chosen}) == 1
    # One that warms up; after three turns of 1.5 s each enough time has passed.
    assert asked.count("fp32") == 1 + 3


def test_small_networks_are_not_timed(home: Home, gain) -> None:
    asked = gain(9.0)
    tiny = spec_from_json({"model": {"backbone": "tiny-cnn"}})
    assert precision_in_force(tiny, home, CPU, 1, 8, 10) == InForce(choose_precision("fp32", CPU))
    wide = spec_from_json({"model": {"backbone": "wide-cnn"}})
    assert precision_in_force(wide, home, CPU, 1, 8, 10).precision.name == "fp32"
    assert asked == []
    assert not (home.root / "precisions").exists()


def test_without_hardware_nothing_is_timed(home: Home, gain) -> None:
    asked = gain(9.0, hardware=False)
    assert found(home) == InForce(choose_precision("fp32", CPU))
    assert asked == []


def test_a_named_precision_is_taken_as_it_is(home: Home, gain) -> None:
    asked = gain(9.0)
    assert found(home, dataclasses.replace(SPEC, precision="fp32")).precision.name == "fp32"
    assert found(home, dataclasses.replace(SPEC, precision="bf16")) == InForce(choose_precision("bf16", CPU))
    gain(9.0, hardware=False)
    slow = found(home, dataclasses.replace(SPEC, precision="bf16"))
    assert slow.precision.name == "bf16"
    assert "does not have in hardware" in slow.words
    with pytest.raises(Incompatible) as caught:
        found(home, dataclasses.replace(SPEC, precision="fp16"))
    assert caught.value.allowed == ("auto", "fp32", "bf16")
    assert asked == []


def test_reading_files_trains_nothing(home: Home, gain) -> None:
    asked = gain(9.0)
    weights = {"weights": "w.pt"}
    given = {"id": "given", "params": {"rounds": ["r.pt"]}}
    spec = spec_from_json({"model": SPEC.to_json()["model"] | weights, "train": {"batch_size": 2}, "method": given})
    assert found(home, spec).precision.name == "fp32"
    assert asked == []


def test_the_fastest_of_turns_counts() -> None:
    took = {"fp32": iter([9.0, 2.0, 8.0, 8.0]), "bf16": iter([9.0, 3.0, 1.0, 7.0])}
    order: list[str] = []

    def seconds(precision: Precision) -> float:
        order.append(precision.name)
        return next(took[precision.name])

    # 2 by 1: the steps that warm up do not count, and after two turns enough time has passed.
    assert timed_gain(seconds, CPU) == 2.0
    assert order == ["fp32", "bf16"] * 3


def test_a_cancelled_run_stops_the_trial() -> None:
    def stop(words: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        timed_gain(lambda precision: 1.0, CPU, stop)


def test_multiply_adds_against_the_formula() -> None:
    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 5, 3, padding=1)
            self.norm = nn.BatchNorm2d(5)
            self.last = nn.Linear(5 * 8 * 8, 7)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.norm(self.conv(x)).flatten(1))

    model = Small().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert multiply_adds(model, 3, 8) == 3 * 5 * 9 * 64 + 5 * 64 * 7
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("objective", ["supervised", "moco", "byol"])
def test_steps_are_real_and_leave_the_random_state_alone(objective: str) -> None:
    spec = spec_from_json({"model": {"backbone": "tiny-cnn"}, "train": {"batch_size": 8, "objective": objective}})
    state = torch.get_rng_state()
    step = TimedStep(spec, 3, 16, 10, CPU)
    for name in ("fp32", "bf16"):
        before = {key: value.clone() for key, value in step.network.named_parameters()}
        assert step.seconds(choose_precision(name, CPU)) > 0
        threads = torch.get_num_threads()
        assert step.work(choose_precision(name, CPU)) > 0
        assert torch.get_num_threads() == threads
        moved = [key for key, value in step.network.named_parameters() if not torch.equal(value, before[key])]
        assert moved
        assert all(value.dtype is torch.float32 for value in step.network.parameters())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("text", "name", "has"),
    [
        ("model name\t: Xeon\nflags\t\t: fpu avx512_bf16 amx_bf16\n", "Xeon", True),
        ("model name\t: EPYC\nflags\t\t: fpu avx512_bf16\n\nmodel name\t: B\nflags\t: fpu\n", "EPYC", True),
        ("model name\t: Old\nflags\t\t: fpu avx2 avx512f\n", "Old", False),
        ("processor\t: 0\nFeatures\t: fp asimd i8mm bf16\n", "", True),
        ("processor\t: 0\nFeatures\t: fp asimd\n", "", False),
        ("", "", False),
    ],
)
def test_the_processor_says_what_it_has(tmp_path: Path, monkeypatch, text: str, name: str, has: bool) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    monkeypatch.setattr(processor, "CPUINFO", path)
    assert processor.bf16_in_hardware() is has
    assert processor.processor_name()
    assert not name or processor.processor_name() == name


def test_the_margin_is_named() -> None:
    assert str(MARGIN) in decided(2.0, CPU).words
