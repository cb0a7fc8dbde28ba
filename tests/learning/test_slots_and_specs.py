"""Which runs get how many slots, and which can be divided at all; no processes here."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cu_core.base.errors import BadInput, Incompatible
from cu_core.base.home import Home
from cu_core.catalogue import compatibility
from cu_core.catalogue.method_record import METHODS, method
from cu_core.catalogue.spec import RunSpec, content_hash, spec_from_json
from cu_core.jobs import submission
from cu_core.jobs.command import processes_of, worker_command
from cu_core.jobs.dispatcher import Dispatcher
from cu_core.jobs.slots import Slot, choose_slot, slots_of
from cu_core.jobs.supervisor import Timing
from cu_core.runstore import layout

GPUS = [Slot(f"cuda-{n}", str(n), 4) for n in range(4)]
SHARED = [Slot(f"cuda-{n}", str(n % 2), 4) for n in range(4)]
CPUS = [Slot(f"cpu-{n}", None, 4) for n in range(2)]


def test_several_processes_take_as_many_gpus_and_share_their_threads() -> None:
    found = choose_slot(GPUS, GPUS, "auto", 3)
    assert found == Slot("cuda-0+cuda-1+cuda-2", "0,1,2", 4)
    assert slots_of(found.name) == {"cuda-0", "cuda-1", "cuda-2"}
    assert choose_slot(GPUS[2:], GPUS, "auto", 3) is None
    # Two places on one GPU are no place for two processes.
    assert choose_slot([SHARED[0], SHARED[2]], SHARED, "cuda", 2) is None
    assert choose_slot(SHARED[1:], SHARED, "cuda", 2) == Slot("cuda-1+cuda-2", "1,0", 4)


def test_processes_share_the_cores_of_a_machine_without_gpus() -> None:
    assert choose_slot(CPUS[:1], CPUS[:1], "auto", 2) == Slot("cpu-0", None, 2)
    assert choose_slot(CPUS, CPUS, "cpu", 4) == Slot("cpu-0+cpu-1", None, 2)
    assert choose_slot(CPUS[:1], CPUS, "auto", 4) is None
    assert choose_slot(CPUS[:1], CPUS[:1], "auto", 64) == Slot("cpu-0", None, 1)
    # More GPUs than there are: it gets all, and its worker says what is missing.
    assert choose_slot(GPUS, GPUS, "auto", 5) == Slot("cuda-0+cuda-1+cuda-2+cuda-3", "0,1,2,3", 3)


@pytest.mark.parametrize("stored", [None, 3, ["cpu-0"], {}])
def test_a_damaged_name_of_a_slot_holds_none(stored: object) -> None:
    assert slots_of(stored) == set()


class Idle:
    """Starts nothing, and remembers what it should have started."""

    name = "idle"
    where = ""

    def __init__(self) -> None:
        self.launched: list[tuple[str, Slot]] = []

    def launch(self, home: Home, run_id: str, number: int, slot: Slot) -> None:
        self.launched.append((run_id, slot))

    def waits(self) -> str:
        return ""

    def ending(self, run_id: str, number: int) -> None:
        return

    def exit_code(self, run_id: str, number: int) -> int | None:
        return None

    def tend(self) -> None:
        return

    def stop(self, run_id: str, number: int, process: Mapping[str, Any], *, force: bool) -> None:
        return


def finish(home: Home, run_id: str) -> None:
    folder = layout.attempt_dir(home.runs / run_id, 1)
    (folder / layout.OUTCOME).write_text(json.dumps({"state": "succeeded", "error": None, "t": 1.0}))


def test_small_runs_do_not_starve_a_large_one(home: Home) -> None:
    launcher = Idle()
    dispatcher = Dispatcher(home, launcher, GPUS[:2], Timing())
    first = submission.submit(RunSpec(name="first"), home)
    dispatcher._tick()
    large = submission.submit(RunSpec(name="large", processes=2), home)
    later = [submission.submit(RunSpec(name=f"later {n}"), home) for n in range(2)]
    dispatcher._tick()
    # One slot is free, and is kept for the run that waits longest.
    assert [run_id for run_id, _ in launcher.launched] == [first]
    finish(home, first)
    dispatcher._tick()
    assert launcher.launched[1:] == [(large, Slot("cuda-0+cuda-1", "0,1", 4))]
    dispatcher._tick()
    assert len(launcher.launched) == 2, "both slots are taken"
    finish(home, large)
    dispatcher._tick()
    assert sorted(run_id for run_id, _ in launcher.launched[2:]) == sorted(later)


def test_the_command_of_a_worker(tmp_path: Path) -> None:
    plain = worker_command(tmp_path, "a-run", 3, 1)
    assert plain == (sys.executable, "-m", "cu_core", "worker", "a-run", "--attempt", "3")
    several = worker_command(tmp_path, "a-run", 3, 2)
    assert several[:3] == (sys.executable, "-m", "torch.distributed.run") and several[-len(plain) :] == plain
    assert {"--standalone", "--nproc-per-node=2"} <= set(several)
    elsewhere = worker_command(tmp_path, "a-run", 3, 1, where=("--nnodes=2", "--node-rank=1"))
    assert {"--nnodes=2", "--node-rank=1", "--nproc-per-node=1"} <= set(elsewhere)
    assert "--standalone" not in elsewhere


@pytest.mark.parametrize("stored", ["{}", "[]", '{"processes": true}', '{"processes": 65}', '{"processes": "2"}', "{"])
def test_damaged_numbers_of_processes_count_as_one(tmp_path: Path, stored: str) -> None:
    (tmp_path / layout.SPEC).write_text(stored)
    assert processes_of(tmp_path) == 1


def test_hashes_of_runs_on_one_process_are_as_they_were() -> None:
    content = json.loads(json.dumps(RunSpec().to_json()))
    earlier = {name: value for name, value in content.items() if name != "processes"}
    assert content_hash(earlier) == content_hash(content) == RunSpec().content_hash()
    assert spec_from_json(earlier) == RunSpec()
    assert RunSpec(processes=2).content_hash() != RunSpec().content_hash()
    with pytest.raises(BadInput, match="processes"):
        spec_from_json({"processes": 65})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"device": "cuda:1"}, "cuda:1"),
        ({"device": "mps"}, "mps"),
        ({"train": {"batch_size": 3}}, "train.batch_size"),
        ({"train": {"shards": 2}, "method": {"id": "sisa"}}, "one process"),
    ],
)
def test_what_cannot_be_divided_is_refused_in_words(change: dict[str, Any], words: str) -> None:
    spec = spec_from_json(change)
    compatibility.check(dataclasses.replace(spec, processes=1))
    with pytest.raises(Incompatible, match=words) as found:
        compatibility.check(dataclasses.replace(spec, processes=4))
    assert found.value.field == "processes"


def test_which_methods_are_divided() -> None:
    whole = {m.id for m in METHODS.values() if not m.divided(m.params())}
    assert whole == {
        *("cf_k", "eu_k", "fisher", "given", "jit", "lcodec", "mu_mis", "negmerge", "output_filter"),
        *("rewind_to_delete", "sisa", "ssd"),
    }
    penalty = method("gradient_penalty")
    assert not penalty.divided(penalty.params(alpha=0.0))
    assert not penalty.divided(penalty.params(batch_norm="train"))
