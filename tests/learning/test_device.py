"""Choice of device and precision, seeds, and running out of memory in words."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from cu_core.base.errors import BadInput, Incompatible, OutOfMemory
from cu_core.learning.device import (
    Precision,
    available_devices,
    choose_device,
    choose_precision,
    describe_device,
    keep_freed_memory,
    memory_errors,
    seed_everything,
)

CPU = torch.device("cpu")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Pretends that the machine has certain accelerators."""

    def have(cuda: int = 0, mps: bool = False, bf16: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return have


@pytest.mark.parametrize(
    ("cuda", "mps", "best"), [(0, False, "cpu"), (0, True, "mps"), (1, False, "cuda"), (2, True, "cuda")]
)
def test_auto_takes_the_best_device(machine, cuda: int, mps: bool, best: str) -> None:
    machine(cuda, mps)
    assert choose_device("auto") == torch.device(best)
    assert choose_device("cpu") == CPU


def test_a_device_can_be_named(machine) -> None:
    machine(cuda=2)
    assert available_devices() == ["cuda", "cuda:0", "cuda:1", "cpu"]
    assert choose_device("cuda:1") == torch.device("cuda:1")


@pytest.mark.parametrize("text", ["cuda", "cuda:0", "mps"])
def test_a_device_that_is_not_there(machine, text: str) -> None:
    machine()
    with pytest.raises(BadInput, match=f"no {text}") as caught:
        choose_device(text)
    assert caught.value.allowed == ("auto", "cpu")


@pytest.mark.parametrize("text", ["", "gpu", "CPU", "cuda:", "cuda:x", "cuda:-1", "xla", "meta", "cpu:0"])
def test_a_word_that_is_no_device(text: str) -> None:
    with pytest.raises(BadInput, match="is not a device"):
        choose_device(text)


def test_description_names_the_processor() -> None:
    described = describe_device(CPU)
    assert described["device"] == "cpu"
    assert described["name"]
    assert described["memory_bytes"] > 2**28
    assert described["threads"] == torch.get_num_threads()


@pytest.mark.parametrize(("bf16", "name"), [(True, "bf16"), (False, "fp16")])
def test_auto_is_mixed_precision_on_cuda(machine, bf16: bool, name: str) -> None:
    machine(cuda=1, bf16=bf16)
    assert choose_precision("auto", torch.device("cuda")) == Precision(name, "cuda", channels_last=True)


def test_auto_is_full_precision_elsewhere() -> None:
    assert choose_precision("auto", CPU).name == "fp32"
    assert choose_precision("auto", torch.device("mps")).name == "fp32"


@pytest.mark.parametrize(("text", "device"), [("fp16", "cpu"), ("fp16", "mps"), ("bf16", "mps")])
def test_half_precision_needs_a_device_that_has_it(text: str, device: str) -> None:
    with pytest.raises(Incompatible, match=f"{text} needs a CUDA device") as caught:
        choose_precision(text, torch.device(device))
    assert caught.value.allowed == (("auto", "fp32", "bf16") if device == "cpu" else ("auto", "fp32"))


def test_a_processor_takes_bf16() -> None:
    assert choose_precision("bf16", CPU) == Precision("bf16", "cpu", channels_last=True)


def test_bf16_needs_hardware(machine) -> None:
    machine(cuda=1, bf16=False)
    with pytest.raises(Incompatible, match="no bf16"):
        choose_precision("bf16", torch.device("cuda"))


def test_a_word_that_is_no_precision() -> None:
    with pytest.raises(BadInput, match="int8"):
        choose_precision("int8", CPU)


def test_autocast_computes_in_the_named_type() -> None:
    layer, x = nn.Linear(2, 2), torch.randn(3, 2)
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)):
        with Precision(name, "cpu", channels_last=False).autocast():
            assert layer(x).dtype is dtype


def test_only_fp16_scales_the_loss() -> None:
    assert [Precision(n, "cpu", False).scaler().is_enabled() for n in ("fp32", "bf16", "fp16")] == [False, False, True]


def test_memory_order_follows_the_policy() -> None:
    model, images = nn.Conv2d(3, 4, 3), torch.randn(2, 3, 8, 8)
    last = Precision("fp32", "cpu", channels_last=True)
    assert last.place(model, CPU) is model
    assert model.weight.is_contiguous(memory_format=torch.channels_last)
    assert last.images(images).is_contiguous(memory_format=torch.channels_last)
    first = Precision("fp32", "cpu", channels_last=False)
    assert first.images(images) is images


def test_one_seed_repeats_all_generators() -> None:
    def draw() -> tuple[float, float, float]:
        seed_everything(7)
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    assert draw() == draw()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to ..."),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
    ],
)
def test_running_out_of_memory_names_what_to_lower(error: Exception) -> None:
    with pytest.raises(OutOfMemory, match="Lower the batch size") as caught, memory_errors("the batch size"):
        raise error
    assert caught.value.__cause__ is error


def test_a_real_allocation_that_is_too_large() -> None:
    with pytest.raises(OutOfMemory), memory_errors("it"):
        torch.empty(2**55)


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="shape"), memory_errors("it"):
        raise RuntimeError("wrong shape")
    with pytest.raises(KeyError), memory_errors("it"):
        raise KeyError("x")


FAULTS = """
import resource
import torch
from cu_core.learning.device import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.zeros(2**24).add_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

# Room for more than one block: whatever small thing lies behind the last one, the next finds a place.
print(int(keep_freed_memory()), min(faults() for _ in range(5)) if torch.zeros(2**25).add_(1).any() else 0)
"""


def test_freed_memory_is_used_again_without_asking_the_system() -> None:
    pytest.importorskip("resource", reason="page faults are not counted here")
    # In a process of its own: what earlier tests left in memory decides where a block finds its place.
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    kept, fewest = map(int, done.stdout.split())
    if not kept:
        pytest.skip("this C library has no such setting")
    # 64 MB are 16,384 pages of 4 kB, and handed back they are asked for anew every time.
    assert fewest < 4000


def test_other_systems_keep_their_own_ways_with_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert keep_freed_memory() is False
