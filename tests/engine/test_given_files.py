"""Runs about models from elsewhere: files as rounds and references, what is not known, resume, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cu_core.base.home import Home
from cu_core.catalogue.spec import spec_from_json
from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.engine.setup import set_up
from cu_core.jobs import submission
from cu_core.learning.build import build_model
from cu_core.learning.network import Network
from cu_core.learning.weights import load_weights, read_state_dict, save_weights
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import RunView
from tests.real_runs import submit_changed, work, work_to_the_end

USUAL: dict[str, Any] = {
    "data": {"dataset": "digits", "train_limit": 300},
    "model": {"head": "plain"},
    "train": {"epochs": 2, "batch_size": 32},
    "forget": {"select": "class:5"},
    "probe": {"size": 100, "tsne": False},
    "audit": {"attacks": "none"},
    "device": "cpu",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("given") / "home").create()


def network(seed: int, classes: int = 10, backbone: str = "tiny-cnn", objective: str = "supervised") -> Network:
    return build_model(ModelSpec(backbone=backbone, head="plain"), 1, 8, classes, seed, objective)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of a few seeds; no test changes these."""
    folder = tmp_path_factory.mktemp("files")
    for number, name in enumerate(("before", "round_1", "round_2", "after", "again_1", "again_2")):
        save_weights(folder / f"{name}.pt", network(number))
    return folder


@pytest.fixture
def files(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "files"))


def submit(home: Home, files: Path, rounds: tuple[str, ...] = ("round_1", "round_2", "after"), **parts: Any) -> str:
    given = {"id": "given", "params": {"rounds": [str(files / f"{name}.pt") for name in rounds], "label": "theirs"}}
    model = {"weights": str(files / "before.pt")}
    return submit_changed(home, USUAL, {"method": given, "model": model, **parts})


def right(home: Home, file: Path) -> dict[str, int]:
    """How many samples of each group a model is right on, by a forward pass over all of them."""
    setup = set_up(spec_from_json(USUAL), home, lambda done, total, message: None)
    model = network(0)
    load_weights(model, read_state_dict(file))
    data = setup.data

    def correct(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        pixels = torch.tensor(images).float() / 255
        mean, std = (torch.tensor(values)[:, None, None] for values in (data.mean, data.std))
        with torch.no_grad():
            found = model.eval()(((pixels - mean) / std).float()).argmax(1).numpy()
        return np.asarray(found == labels)

    train, test = correct(data.train_images, data.train_labels), correct(data.test_images, data.test_labels)
    return {
        "forget": int(train[setup.forget.indices].sum()),
        "retain": int(train[setup.retain].sum()),
        "unseen": int(test.sum()),
    }


def counted(result: dict[str, Any], metrics: dict[str, float]) -> dict[str, float]:
    names = {"forget": "forget_acc", "retain": "retain_acc", "unseen": "test_acc"}
    return {group: metrics[name] * result["counts"][group] for group, name in names.items()}


def failure(view: RunView) -> str:
    assert view.state == "failed" and view.error is not None
    assert view.error["kind"] == "bad-input", view.error
    return str(view.error["message"])


def test_files_are_rounds_and_references_to_the_last_sample(home: Home, files: Path) -> None:
    own = [str(files / "again_1.pt"), str(files / "again_2.pt")]
    view, result = work_to_the_end(home, submit(home, files, reference_files=own, reference=1))
    assert view.rounds() == [0, 1, 2, 3] and result["stopped_by"] == "method_finished"
    for model, name in (("before", "before"), ("after", "after")):
        assert counted(result, result["metrics"][model]) == pytest.approx(right(home, files / f"{name}.pt"))
    first, second, trained = result["references"]
    assert [first["seed"], second["seed"], trained["seed"]] == view.references() == [0, 1, 2]
    assert (first["file"], second["file"]) == ("again_1.pt", "again_2.pt") and "file" not in trained
    assert [view.reference_name(seed) for seed in view.references()] == ["again_1.pt", "again_2.pt", "seed 2"]
    assert counted(result, second["metrics"]) == pytest.approx(right(home, files / "again_2.pt"))
    assert result["reference_band"]["retain_acc"][0] == pytest.approx(
        np.mean([entry["metrics"]["retain_acc"] for entry in result["references"]])
    )
    roles = [file["role"] for file in result["given"]]
    assert roles == ["before", "round 1", "round 2", "round 3", "reference 0", "reference 1"]


def test_what_is_not_known_is_null_and_not_zero(home: Home, files: Path) -> None:
    own = [str(files / "again_1.pt")]
    view, result = work_to_the_end(home, submit(home, files, reference_files=own))
    assert [result["seconds"][name] for name in ("train", "unlearn", "reference")] == [None, None, None]
    assert result["seconds"]["evaluate"] > 0 and result["served"] is None
    assert result["references"][0]["seconds"] is None and not result["reference_cached"]
    assert view.manifest(1)["seconds"]["unlearn"] is None and view.manifest(1)["served"] == {}
    assert view.reference_manifest(0)["seconds"]["train"] is None
    assert view.row().method == "theirs"


def cancelling(after: int) -> type[Attempt]:
    class Cancelling(Attempt):
        def event(self, at: str, reached: int, *details: Any, **named: Any) -> None:
            super().event(at, reached, *details, **named)
            if (at, reached) == ("unlearn", after):
                submission.cancel(self.home, self.run_id)

    return Cancelling


def test_an_interrupted_run_goes_on_with_the_next_file(home: Home, files: Path) -> None:
    _, whole = work_to_the_end(home, submit(home, files))
    run_id = submit(home, files)
    assert work(home, run_id, kind=cancelling(1)).state == "cancelled"
    view = work(home, run_id, submission.resume_here(home, run_id))
    result = view.result()
    assert view.state == "succeeded" and result is not None
    for same in ("metrics", "weights_sha256", "given", "rounds", "stopped_by", "layers"):
        assert result[same] == whole[same], same


@pytest.mark.thorough
def test_a_file_that_changed_in_between_is_refused(home: Home, files: Path) -> None:
    run_id = submit(home, files)
    assert work(home, run_id, kind=cancelling(1)).state == "cancelled"
    save_weights(files / "after.pt", network(77))
    view = work(home, run_id, submission.resume_here(home, run_id))
    assert "after.pt has changed since this run began" in failure(view)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: network(9, backbone="resnet8").state_dict(), "round_2.pt"),
        (lambda: network(9, classes=7).state_dict(), "round_2.pt"),
        (lambda: {**network(9).state_dict(), "head.bias": torch.full((10,), float("nan"))}, "round_2.pt"),
        (lambda: {"a": "b"}, "round_2.pt"),
    ],
    ids=["another network", "other classes", "no numbers", "no weights"],
)
def test_a_file_that_does_not_fit_is_named_before_any_round(home: Home, files: Path, made: Any, said: str) -> None:
    torch.save(made(), files / "round_2.pt")
    view = work(home, submit(home, files))
    message = failure(view)
    assert message.startswith("method.rounds: ") and said in message
    assert view.rounds() == []


def test_outputs_that_are_no_numbers_are_said_with_the_file(home: Home, files: Path) -> None:
    state = network(9).state_dict()
    torch.save(state | {"head.weight": torch.full_like(state["head.weight"], 3e38)}, files / "after.pt")
    assert "after.pt gives outputs that are not finite numbers" in failure(work(home, submit(home, files)))


@pytest.mark.thorough
def test_a_model_that_lost_everything_is_shown(home: Home, files: Path) -> None:
    state = network(9).state_dict()
    lost = {**state, "head.weight": torch.zeros_like(state["head.weight"]), "head.bias": torch.eye(10)[3]}
    torch.save(lost, files / "round_1.pt")
    view, result = work_to_the_end(home, submit(home, files, stop={"collapse_drop": 0.01}))
    assert view.rounds() == [0, 1, 2, 3] and result["stopped_by"] == "method_finished"


@pytest.mark.thorough
def test_the_same_file_before_and_after_is_no_mistake(home: Home, files: Path) -> None:
    _, result = work_to_the_end(home, submit(home, files, ("before",), forget={"select": "random:30"}))
    assert result["metrics"]["before"] == result["metrics"]["after"] and result["rounds"] == 1


@pytest.mark.thorough
def test_encoders_are_looked_at_as_well(home: Home, files: Path) -> None:
    for number, name in enumerate(("before", "after", "again_1")):
        save_weights(files / f"{name}.pt", network(number, objective="simclr"))
    train = {"objective": "simclr", "epochs": 1, "batch_size": 64}
    own = [str(files / "again_1.pt")]
    view, result = work_to_the_end(home, submit(home, files, ("after",), train=train, reference_files=own))
    assert view.rounds() == [0, 1] and result["metrics"]["reference"]["retain_acc"] is not None
