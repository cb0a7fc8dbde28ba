"""The script for a GPU at toy size on the CPU: all parts give numbers, and a budget that is over is kept to."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from benchmarks import on_gpu, precision_step, references_beside
from benchmarks.measuring import Side
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.method_record import METHODS

TOY = ("--device", "cpu", "--toy", "--data", "digits", "--images", "120")


def test_every_part_gives_numbers(tmp_path: Path) -> None:
    out = tmp_path / "on_gpu.json"
    assert on_gpu.main([*TOY, "--seconds", "900", "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    table, step = found["parts"]["table"], found["parts"]["step"]
    assert step["ratio"]["median"] > 0
    assert len(step["accuracy"]["ours"]) == 1
    assert list(table["runs"]) == ["contrastive", *on_gpu.BASELINES[:2]]
    for name, run in table["runs"].items():
        assert run["state"] == "succeeded", (name, run["error"])
        assert len(run["references"]) == 3
        assert run["metrics"]["after"]["retain_acc"] is not None
        assert run["reference_band"]
    assert found["spent_seconds"] < 900
    left = {entry["part"] for entry in found["left_out"]}
    assert left == (set() if on_gpu.AIRBENCH in BACKBONES else {"airbench"})
    assert found["images"]["train"] == 120


@pytest.mark.parametrize("seconds", ["0", "12"])
def test_a_budget_is_kept_and_what_is_missing_is_named(tmp_path: Path, seconds: str) -> None:
    out = tmp_path / "on_gpu.json"
    began = time.monotonic()
    assert on_gpu.main([*TOY, "--seconds", seconds, "--out", str(out)]) == 0
    assert time.monotonic() - began < 120
    found = json.loads(out.read_text())
    left = {entry["part"]: entry for entry in found["left_out"]}
    assert {"airbench", "step", "table"} - set(left) <= {"airbench"}
    assert left["step"]["why"]
    assert left["table"]["names"][0] == "contrastive"


def test_all_baselines_exist() -> None:
    assert set(on_gpu.BASELINES) <= set(METHODS)


def test_a_part_that_fails_does_not_stop_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: on_gpu.OnGpu) -> None:
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(on_gpu.OnGpu, "step", fail)
    monkeypatch.setattr(on_gpu, "TOY", on_gpu.Size("tiny-cnn", 128, 2, 1, 1, 0))
    out = tmp_path / "on_gpu.json"
    assert on_gpu.main([*TOY, "--seconds", "600", "--out", str(out)]) == 1
    parts = json.loads(out.read_text())["parts"]
    assert "no such kernel" in parts["step"]["failed"]
    assert parts["table"]["runs"]["contrastive"]["state"] == "succeeded"


def test_precision_steps_and_accuracy(tmp_path: Path) -> None:
    out = tmp_path / "steps.json"
    asked = ["--networks", "tiny-cnn", "--batch", "8", "--size", "16", "--turns", "2", "--out", str(out)]
    assert precision_step.main(asked) == 0
    steps = json.loads(out.read_text())["steps"]["tiny-cnn"]
    assert [len(steps["seconds"][name]) for name in ("fp32", "bf16")] == [2, 2]
    pairs = zip(steps["seconds"]["fp32"], steps["seconds"]["bf16"], strict=True)
    assert steps["ratio"]["median"] == pytest.approx(sum(a / b for a, b in pairs) / 2)
    asked = ["--accuracy", "tiny-cnn", "--data", "digits", "--images", "100", "--epochs", "1", "--seeds", "2"]
    assert precision_step.main([*asked, "--out", str(out)]) == 0
    assert [len(found) for found in json.loads(out.read_text())["accuracy"].values()] == [2, 2]


def test_trainings_beside_each_other_begin_together() -> None:
    with Side(references_beside.trainer, "tiny-cnn:8:8:3", "fp32", 1) as one:
        assert one.next() == 0.0
        with Side(references_beside.trainer, "tiny-cnn:8:8:3", "fp32", 1) as other:
            other.next()
            assert references_beside.beside([one, other]) > 0


def test_with_one_thread_there_is_nothing_to_divide(capsys: pytest.CaptureFixture[str]) -> None:
    assert references_beside.main(["--turns", "1"]) == 1
    assert "one thread" in capsys.readouterr().err
