"""Arithmetic of disk space, and how many runs work at once."""

from __future__ import annotations

import dataclasses
import os
import shutil
import stat

import numpy as np
import pytest

from cu_core.base.errors import BadInput, OutOfDisk
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import ModelSpec, TrainSpec
from cu_core.catalogue.spec_recording import ProbeSpec, StopSpec
from cu_core.jobs import memory, slots, submission
from cu_core.jobs.slots import Slot, choose_slot, find_slots
from cu_core.runstore import disk
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.disk import estimate_disk, folder_size
from cu_core.runstore.handover import new_attempt
from tests.jobs.stubs import spec


def asked(samples=300, rounds=4, width=32, **more):
    return RunSpec(
        probe=ProbeSpec(samples), stop=StopSpec(max_rounds=rounds), model=ModelSpec(embedding_dim=width), **more
    )


def full_round(samples, width, classes, views=0):
    """All arrays of the run format, with their types; with views those of an encoder."""
    shapes = {
        "embedding": ((samples, width), np.float16),
        "logits": ((samples, classes), np.float16),
        "top3": ((samples, 3), np.float32),
        "top3_class": ((samples, 3), np.int16),
        "coordinates": ((samples, 2), np.float32),
    }
    for name in ("loss", "margin", "two_view_cosine", "cosine_to_start", "moved", "own_centroid_cosine", "boundary"):
        shapes[name] = ((samples,), np.float32)
    shapes["moved_relative"] = ((samples,), np.float16)
    shapes["head"] = ((classes, width + 1), np.float32)
    if views:
        shapes["output_top3"] = ((samples, 3), np.float32)
        shapes["pair_cosines"] = ((samples, views * (views - 1) // 2), np.float16)
    return {name: np.zeros(shape, kind) for name, (shape, kind) in shapes.items()}


@pytest.mark.parametrize(("objective", "views"), [("supervised", 0), ("moco", 10)])
def test_estimate_is_close_to_what_is_written(home, objective, views):
    run_id = submission.submit(spec(), home)
    attempt = Attempt.claim(home, run_id, new_attempt(home, run_id, {"launcher": "local"}))
    for number in range(5):
        attempt.promote(f"rounds/{number}", full_round(300, 32, 10, views), {"round": number})
    written = folder_size(attempt.run_dir / "rounds")
    estimate = estimate_disk(asked(300, 4, 32, train=TrainSpec(objective)), classes=10).snapshots
    assert written <= estimate <= 1.3 * written


def test_estimate_grows_with_what_it_counts():
    base = estimate_disk(asked())
    assert base.rounds == 5 and base.weights is None and base.total == base.snapshots + base.audit
    assert estimate_disk(asked(rounds=9)).snapshots == 2 * base.snapshots
    assert estimate_disk(asked(reference=5)).snapshots == 2 * base.snapshots
    assert estimate_disk(asked(), classes=100).snapshots == base.snapshots + 5 * (300 * 2 * 90 + 4 * 90 * 33)
    assert estimate_disk(asked(), embedding_dim=64).snapshots == base.snapshots + 5 * (300 * 2 * 32 + 4 * 10 * 32)
    assert estimate_disk(asked(), parameters=1000).weights >= 4 * 1000 * 3
    # The probe cannot be larger than the dataset.
    assert estimate_disk(asked(samples=1_000_000)).samples == 1797


def test_floor(tmp_path, monkeypatch):
    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setenv(disk.FLOOR_VARIABLE, "0")
    disk.check_floor(tmp_path / "not" / "there" / "yet")
    with pytest.raises(OutOfDisk):
        disk.check_floor(tmp_path, needed=free + 10**12)
    monkeypatch.setenv(disk.FLOOR_VARIABLE, "1e12")
    with pytest.raises(OutOfDisk, match=disk.FLOOR_VARIABLE):
        disk.check_floor(tmp_path)
    monkeypatch.delenv(disk.FLOOR_VARIABLE)
    assert disk.floor_bytes() == 500 * 10**6
    for text in ("lots", "inf", "nan"):
        monkeypatch.setenv(disk.FLOOR_VARIABLE, text)
        with pytest.raises(BadInput, match=disk.FLOOR_VARIABLE):
            disk.floor_bytes()


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with eight cores and, if asked for, GPUs that nvidia-smi lists."""
    monkeypatch.delenv(slots.SLOTS_VARIABLE, raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(slots, "cores", lambda: 8)

    def with_gpus(lines):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")

    with_gpus("exit 9")
    return with_gpus


def test_one_cpu_slot_without_a_gpu(machine):
    assert find_slots() == [Slot("cpu-0", None, 8)]


def test_one_slot_per_gpu(machine):
    machine("echo 0; echo 1")
    assert find_slots() == [Slot("cuda-0", "0", 4), Slot("cuda-1", "1", 4)]


def test_gpus_hidden_from_us_are_not_used(machine, monkeypatch):
    machine("echo 0; echo 1; echo 2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    assert find_slots() == [Slot("cuda-0", "2", 8)]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert find_slots() == [Slot("cpu-0", None, 8)]


@pytest.mark.parametrize("answer", ["echo 'NVIDIA-SMI has failed'", "echo; exit 1", "echo 0; exit 3"])
def test_a_driver_that_does_not_work_counts_as_none(machine, answer):
    machine(answer)
    assert [slot.gpu for slot in find_slots()] == [None]


def test_slots_can_be_set(machine, monkeypatch):
    monkeypatch.setenv(slots.SLOTS_VARIABLE, "4")
    assert [(slot.name, slot.threads) for slot in find_slots()] == [(f"cpu-{n}", 2) for n in range(4)]
    machine("echo 0; echo 1")
    assert [slot.gpu for slot in find_slots()] == ["0", "1", "0", "1"]
    monkeypatch.setenv(slots.SLOTS_VARIABLE, "cpu:2")
    assert find_slots() == [Slot("cpu-0", None, 4), Slot("cpu-1", None, 4)]


@pytest.mark.parametrize("text", ["0", "-1", "many", "cpu:", "1.5", "1000"])
def test_bad_numbers_of_slots(machine, monkeypatch, text):
    monkeypatch.setenv(slots.SLOTS_VARIABLE, text)
    with pytest.raises(BadInput, match=slots.SLOTS_VARIABLE):
        find_slots()


def test_a_run_that_names_its_gpu_waits_for_it_and_sees_all():
    first, second = Slot("cuda-0", "0", 1), Slot("cuda-1", "1", 1)
    both = [first, second]
    assert choose_slot(both, both, "auto") == first
    assert choose_slot(both, both, "cuda:1") == dataclasses.replace(second, gpu=None)
    assert choose_slot([first], both, "cuda:1") is None
    assert choose_slot([], both, "auto") is None
    # No such GPU here: the run is started, and says so itself.
    assert choose_slot(both, both, "cuda:7") == first


def test_memory_watch_remembers_the_worst_moment(monkeypatch):
    moments = iter([0.5, 0.01, 0.6])
    monkeypatch.setattr(memory, "available_share", lambda: next(moments))
    monkeypatch.setattr(memory, "kills_by_system", lambda: 3)
    watch = memory.MemoryWatch()
    assert not watch.was_short()
    watch.look()
    watch.look()
    assert watch.was_short()


def test_memory_watch_counts_kills_by_the_system(monkeypatch):
    kills = iter([3, 3, 4])
    monkeypatch.setattr(memory, "available_share", lambda: 0.9)
    monkeypatch.setattr(memory, "kills_by_system", lambda: next(kills))
    watch = memory.MemoryWatch()
    assert not watch.was_short() and watch.was_short()
