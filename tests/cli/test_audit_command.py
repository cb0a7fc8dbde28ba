"""The verb ``audit``: models of code that does not import us, to the last sample, and refusals in words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cu_core.base.home import Home
from cu_core.cli import main
from cu_core.runstore.reader import list_runs, open_run

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "examples" / "plain_unlearning.py"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("before", "epoch_1", "epoch_2", "after"):
        (tmp_path / f"{name}.pt").write_bytes(b"no weights")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(**changes: str | None) -> list[str]:
    usual: dict[str, str | None] = {
        "dataset": "digits",
        "model": "tiny-cnn",
        "forget": "class:5",
        "before": "before.pt",
        "after": "after.pt",
    }
    return [word for name, value in (usual | changes).items() if value for word in (f"--{name}", value)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"before": "gone.pt", "round": "lost.pt"}, "2 of 3 files cannot be found"),
        ({"round": "none_*.pt"}, "no file is called like this"),
        ({"reference": "empty"}, "the folder holds no file"),
        ({"forget": "class:"}, "forget.select"),
        ({"dataset": "nonsense"}, "no dataset named"),
        ({"model": "nonsense"}, "no backbone named"),
        ({"retrain": "1"}, "recipe"),
        ({"retrain": "-1", "recipe": "standard"}, "out of range"),
        ({"set": "stop.rule=class"}, "all shown"),
        ({"set": "nonsense=1"}, "no setting named"),
    ],
)
def test_bad_input_is_refused_before_a_run_is_made(
    home: Home, files: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str], said: str
) -> None:
    assert main(["audit", *words(**changes)]) == 2
    printed = capsys.readouterr()
    assert said in printed.err and "Traceback" not in printed.err and printed.out == ""
    assert list_runs(home) == []


@pytest.mark.parametrize("missing", ["before", "after", "forget"])
def test_what_nobody_can_guess_has_to_be_said(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["audit", *words(**{missing: None})])
    assert ended.value.code == 2 and f"--{missing}" in capsys.readouterr().err


def test_the_queue_takes_it_and_patterns_are_told(home: Home, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *words(round="epoch_*.pt", **{"method-name": "theirs"}), "--queue", "--json"]) == 0
    printed = capsys.readouterr()
    assert "rounds: 3 files: epoch_1.pt, epoch_2.pt, after.pt" in printed.err
    spec = open_run(home, json.loads(printed.out)["run_id"]).spec
    assert spec.title == "theirs · class:5 · digits · tiny-cnn"
    assert spec.model.weights == str(files / "before.pt")


@pytest.mark.thorough
@pytest.mark.parametrize(("task", "forget"), [("class", "class:5"), ("sample", "indices:forget.csv")])
def test_models_of_plain_code_are_right_on_the_same_samples(
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    task: str,
    forget: str,
) -> None:
    assert "cu_core" not in SCRIPT.read_text(encoding="utf-8")
    folder = tmp_path / "work"
    folder.mkdir()
    subprocess.run([sys.executable, str(SCRIPT), str(folder), task], check=True, timeout=600, cwd=tmp_path)
    told = json.loads((folder / "right.json").read_text(encoding="utf-8"))
    monkeypatch.chdir(folder)
    settings = ["data.image_size=8", "model.normalisation=unit", "probe.tsne=false", "audit.attacks=none"]
    command = words(
        dataset="folder:digits",
        forget=forget,
        round="epoch_[12].pt",
        after="epoch_3.pt",
        reference="retrained_*.pt",
    )
    assert main(["audit", *command, "--json", *(word for s in settings for word in ("--set", s))]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])

    def counted(metrics: dict[str, float]) -> dict[str, Any]:
        names = {"forget": "forget_acc", "retain": "retain_acc", "unseen": "test_acc"}
        return {group: pytest.approx(metrics[name] * told["of"][group], abs=1e-6) for group, name in names.items()}

    assert {group: result["counts"][group] for group in told["of"]} == told["of"]
    assert told["right"]["before"] == counted(result["metrics"]["before"])
    assert told["right"]["epoch_3"] == counted(result["metrics"]["after"])
    for entry in result["references"]:
        assert told["right"][entry["file"].removesuffix(".pt")] == counted(entry["metrics"])
    # The probe holds all 1,797 digits, so that each round in between can be compared as well.
    view = open_run(home, result["run_id"])
    for number in (1, 2):
        assert told["right"][f"epoch_{number}"] == counted(view.manifest(number)["metrics"])
