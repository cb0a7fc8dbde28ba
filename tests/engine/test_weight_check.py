"""Own weights are judged before a run: as they are read, in other usual ways, and in any order of classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.cli import main
from cu_core.data.images import ImageData
from cu_core.data.prepared import prepare
from cu_core.engine.base_knowledge import hardly_known, known_base
from cu_core.engine.setup import set_up
from cu_core.engine.weight_check import check_weights, clearly_better
from cu_core.engine.weight_words import judgement_words
from cu_core.learning.build import build_for
from cu_core.learning.model_cache import train_key
from cu_core.learning.weights import save_weights
from cu_core.runstore.reader import open_run
from tests.real_runs import submit_changed, work_to_the_end

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"


def spec_of(weights: Path | str, **model: Any) -> RunSpec:
    return spec_from_json(
        {
            "model": {"backbone": "tiny-cnn", "head": "plain", "weights": str(weights)} | model,
            "forget": {"select": "class:5"},
            "method": "finetune",
            "device": "cpu",
        }
    )


def judged(home: Home, weights: Path, **model: Any) -> dict[str, Any]:
    found = check_weights(spec_of(weights, **model), home, lambda *_: None)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("check") / "home").create()


@pytest.fixture(scope="module")
def data(home: Home) -> ImageData:
    return prepare(RunSpec().data, home)


def inputs(images: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(images)).float() / 255


@pytest.fixture(scope="module")
def theirs(home: Home, data: ImageData) -> nn.Module:
    """A network that plain PyTorch has trained on inputs in [0, 1], with layers as ours has them."""
    torch.manual_seed(0)
    model = build_for(spec_of(""), data, seed=0).train()
    x, y = inputs(data.train_images), torch.from_numpy(np.array(data.train_labels))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(6):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
    return model.eval()


@pytest.fixture(scope="module")
def file(theirs: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "theirs.pt"
    save_weights(path, theirs)
    return path


@pytest.fixture(scope="module")
def permuted(theirs: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = dict(theirs.state_dict())
    for name in ("head.weight", "head.bias"):
        state[name] = state[name][[3, 0, 4, 1, 5, 9, 2, 6, 7, 8]]
    path = tmp_path_factory.mktemp("weights") / "permuted.pt"
    torch.save(state, path)
    return path


def accuracy(model: nn.Module, data: ImageData) -> float:
    with torch.no_grad():
        return float((model(inputs(data.test_images)).argmax(1).numpy() == data.test_labels).mean())


def test_weights_that_are_read_right_are_right_as_often_as_at_home(
    home: Home, theirs: nn.Module, file: Path, data: ImageData
) -> None:
    found = judged(home, file, normalisation="unit")
    assert found["accuracy"]["unseen"] == pytest.approx(accuracy(theirs, data)) and found["accuracy"]["unseen"] > 0.9
    assert not found["loud"] and found["best"] is None and found["forget_words"] is None
    assert "right on" in found["words"] and "guessing" not in found["words"]


def test_inputs_of_another_range_are_found(home: Home, theirs: nn.Module, file: Path, data: ImageData) -> None:
    found = judged(home, file, normalisation="bytes")
    best = found["best"]
    assert found["loud"] and (best["normalisation"], best["class_order"]) == ("unit", "dataset")
    assert best["unseen"] == pytest.approx(accuracy(theirs, data))
    assert "with [0, 1] inputs on 9" in found["words"]


def test_any_order_of_classes_is_found(home: Home, theirs: nn.Module, permuted: Path, data: ImageData) -> None:
    found = judged(home, permuted, normalisation="unit")
    assert found["at_chance"] and found["loud"] and found["best"]["class_order"] == "3,0,4,1,5,9,2,6,7,8"
    assert found["best"]["normalisation"] == "unit"
    assert "with classes in the order 3, 0, 4, 1, 5, 9, 2, 6, 7, 8 on 9" in found["words"]
    taken = judged(home, permuted, normalisation="unit", class_order=found["best"]["class_order"])
    assert not taken["loud"] and taken["accuracy"]["unseen"] == pytest.approx(accuracy(theirs, data))
    both = judged(home, permuted, normalisation="bytes")
    assert (both["best"]["normalisation"], both["best"]["class_order"]) == ("unit", "3,0,4,1,5,9,2,6,7,8")
    assert "with [0, 1] inputs and classes in the order" in both["words"]


def test_weights_that_know_nothing_fit_in_no_way(home: Home, data: ImageData, tmp_path: Path) -> None:
    save_weights(tmp_path / "untrained.pt", build_for(spec_of(""), data, seed=4))
    found = judged(home, tmp_path / "untrained.pt")
    assert found["at_chance"] == ["unseen", "retain"] and found["best"] is None
    assert "guessing" in found["words"]
    assert "No usual reading of these weights fits" in found["words"]
    assert "hardly knows what is to be forgotten" in found["forget_words"]


def test_of_several_networks_it_is_said_which_was_taken(
    home: Home, theirs: nn.Module, data: ImageData, tmp_path: Path
) -> None:
    torch.save({"netA": theirs.state_dict(), "netB": theirs.state_dict()}, tmp_path / "two.pt")
    for _ in range(2):  # the second time the judgement was kept
        read = judged(home, tmp_path / "two.pt", normalisation="unit")["read"]
        assert read.startswith("read from 'netA'") and "'netB' is there, too (model.part=netB)" in read


def test_the_given_case_is_said_loudly(home: Home) -> None:
    path = CASES / "weights_permuted" / "perm.pt"
    if not path.is_file():
        pytest.skip("the small inputs are not beside the repository")
    found = judged(home, path)
    assert found["accuracy"]["unseen"] == pytest.approx(0.002) and found["below"]
    assert found["best"]["unseen"] == pytest.approx(0.98)


def test_every_image_of_a_run_is_normalised_as_was_chosen(home: Home, file: Path, data: ImageData) -> None:
    setup = set_up(spec_of(file, normalisation="half"), home, lambda *_: None)
    for source, images in ((setup.train, data.train_images), (setup.test, data.test_images)):
        pixels, _ = source.take(torch.arange(4))
        assert torch.allclose(pixels, inputs(images[:4]) * 2 - 1, atol=1e-5)


def test_the_normalisation_of_a_file_is_taken_unless_another_is_chosen(
    home: Home, theirs: nn.Module, data: ImageData, tmp_path: Path
) -> None:
    state = {f"1.{name}": value for name, value in theirs.state_dict().items()}
    state |= {"0.mean": torch.tensor([0.25]), "0.std": torch.tensor([2.0])}
    torch.save(state, tmp_path / "layered.pt")
    for choice, moments in (
        ("auto", ((0.25,), (2.0,))),
        ("dataset", (tuple(data.mean), tuple(data.std))),
        ("unit", ((0.0,), (1.0,))),
    ):
        setup = set_up(spec_of(tmp_path / "layered.pt", normalisation=choice), home, lambda *_: None)
        assert setup.train.moments == moments == setup.test.moments


def test_caches_tell_readings_apart_and_keep_old_keys(file: Path) -> None:
    rows = np.arange(5)
    plain = spec_from_json({})
    own = spec_of(file)
    old = train_key(plain, "d", rows, 0, "cpu")
    assert (
        train_key(spec_of("", normalisation="unit", class_order="text", head="projected"), "d", rows, 0, "cpu") == old
    )
    assert train_key(plain, "d", rows, 0, "cpu", moments=((0.0,), (1.0,))) != old
    assert train_key(spec_of(file, class_order="text"), "d", rows, 0, "cpu") != train_key(own, "d", rows, 0, "cpu")


def test_a_run_says_it_in_its_result(home: Home, permuted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usual = {
        "data": {},
        "model": {"backbone": "tiny-cnn", "head": "plain", "weights": str(permuted), "normalisation": "unit"},
        "forget": {"select": "class:5"},
        "method": {"id": "finetune"},
        "stop": {"max_rounds": 1},
        "probe": {"size": 60, "tsne": False},
        "audit": {"attacks": "none"},
        "device": "cpu",
    }
    view, result = work_to_the_end(home, submit_changed(home, usual, {}))
    assert result["own_weights"]["best"]["class_order"] == "3,0,4,1,5,9,2,6,7,8"
    assert result["cautions"] == [result["own_weights"]["words"], result["cautions"][1]]
    assert "hardly knows what is to be forgotten" in result["cautions"][1]
    assert set(result["cautions"]) <= set(result["notes"])
    assert result["normalisation"] == {"from": "unit", "mean": [0.0], "std": [1.0]}
    assert known_base(view.spec, home) == result["cautions"][1], "the next launch hears of it"
    loud = [json.loads(line) for line in (view.run_dir / "attempt-1" / "events.jsonl").read_text().splitlines()]
    assert [event["message"] for event in loud if event.get("loud")] == result["cautions"]
    assert open_run(home, view.run_id).result() is not None, "it is of the shape that pages expect"


@pytest.mark.parametrize(
    ("before", "after", "n", "offered"),
    [
        (0.19, 0.30, 500, False),  # another guess, more or less
        (0.01, 0.45, 500, True),  # the order of a hundred classes
        (0.90, 0.96, 500, True),  # half of the errors
        (0.90, 0.94, 500, False),
        (0.97, 0.99, 500, False),  # less than three in a hundred
        (0.10, 0.50, 10, False),  # four of ten are by chance
    ],
)
def test_a_reading_is_offered_where_it_is_clearly_better(before: float, after: float, n: int, offered: bool) -> None:
    wrong, gained = round((1 - before) * n), round((after - before) * n)
    assert clearly_better(wrong, gained, 0, n) == offered


def test_few_right_answers_are_no_contradiction() -> None:
    found: dict[str, Any] = {"by": "accuracy", "guessing": 0.11, "below": False, "best": None, "chosen": {}, "tried": 7}
    found |= {"accuracy": {"unseen": 0.19, "retain": 0.5}, "samples": {"unseen": 27, "retain": 40}}
    words = judgement_words(found | {"at_chance": ["unseen"]})
    assert "but on 19 % of 27 unseen samples: within what chance gives for so few samples (guessing: 11 %)" in words
    assert "no better" not in words
    found["accuracy"] = {"unseen": 0.10, "retain": 0.11}
    assert "no better than guessing (11 %)" in judgement_words(found | {"at_chance": ["unseen", "retain"]})
    assert "chance gives for so few samples (guessing: 11 %)" in str(hardly_known(5 / 27, 27, 0.11))


@pytest.mark.thorough
def test_a_run_that_was_read_right_has_no_caution(home: Home, file: Path) -> None:
    usual = {
        "model": {"backbone": "tiny-cnn", "head": "plain", "weights": str(file), "normalisation": "unit"},
        "forget": {"select": "class:5"},
        "method": {"id": "finetune"},
        "stop": {"max_rounds": 1},
        "probe": {"size": 60, "tsne": False},
        "audit": {"attacks": "none"},
        "device": "cpu",
    }
    view, result = work_to_the_end(home, submit_changed(home, usual, {}))
    assert result["cautions"] == [] and not result["own_weights"]["loud"]
    assert known_base(view.spec, home) is None


def test_the_command_says_what_would_fit(
    home: Home, permuted: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CU_HOME", str(home.root))
    words = ["--dataset", "digits", "--forget", "class:5", "--method", "finetune", "--device", "cpu"]
    settings = [f"--set=model.{name}" for name in ("head=plain", f"weights={permuted}", "normalisation=unit")]
    assert main(["check-weights", *words, *settings, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["best"]["normalisation"] == "unit" and found["read"] == "head plain"
    assert main(["check-weights", *words, *settings]) == 0
    assert capsys.readouterr().out.startswith("Read: head plain.\nOwn weights are right on")
    assert main(["estimate", *words, *settings]) == 0
    told = capsys.readouterr().err
    assert "note: Own weights are right on" in told and "--set model.class_order=3,0,4,1,5,9,2,6,7,8" in told
    assert main(["check-weights", *words]) == 2
    assert "model.weights" in capsys.readouterr().err


def test_encoders_are_judged_by_their_neighbours(home: Home, data: ImageData, tmp_path: Path) -> None:
    content = spec_of("").to_json() | {"train": {"objective": "simclr"}}
    spec = spec_from_json(json.loads(json.dumps(content)))
    save_weights(tmp_path / "encoder.pt", build_for(spec, data, seed=0))
    content["model"] = spec_of(tmp_path / "encoder.pt").to_json()["model"]
    found = check_weights(spec_from_json(json.loads(json.dumps(content))), home, lambda *_: None)
    assert found and found["by"] == "neighbours" and found["forget_words"] is None
    assert found["words"].startswith("The nearest neighbours of own weights name")
