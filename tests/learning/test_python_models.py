"""Networks of the user's own: trunk or classifier, weights by their own names, and every way that it can go wrong."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from cu_core.base.errors import BadInput, CheckpointError
from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.learning.build import build_model

NETS = '''
import torch
from torch import nn
import torch.nn.functional as F
from layers import first

class Net(nn.Module):
    """A classifier as the tutorials have it: named layers, log-probabilities at the end."""
    def __init__(self, num_classes=3, bias=True):
        super().__init__()
        self.conv = first(1, 4)
        self.hidden = nn.Linear(4 * 64, 16)
        self.answer = nn.Linear(16, num_classes, bias=bias)
    def forward(self, x):
        return F.log_softmax(self.answer(F.relu(self.hidden(F.relu(self.conv(x)).flatten(1)))), dim=1)

class Probabilities(Net):
    def forward(self, x):
        return super().forward(x).exp()

class Doubled(Net):
    def forward(self, x):
        return 2 * super().forward(x)

def sequential(channels, size, num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, 8), nn.ReLU(), nn.Linear(8, num_classes))

def without_bias(num_classes):
    return Net(num_classes, bias=False)

def trunk(channels, size):
    model = nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, 8), nn.ReLU())
    model.width = 8
    return model

def fixed(in_channels=3, img_size=32, n_classes=10, **others):
    return sequential(in_channels, img_size, n_classes)

def needs(depth): ...
def fails(num_classes): raise ValueError("no such size")
def ends(num_classes): raise SystemExit(3)
class EndsLater(Net):
    def forward(self, x): raise SystemExit("enough")
def nothing(): return None
def empty(): return nn.Flatten()
def wrong_shape(num_classes): return nn.Sequential(nn.Conv2d(1, num_classes, 3))
def wrong_count(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 7))
def colour(num_classes): return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, num_classes))
net = nn.Linear(2, 2)
'''


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "layers.py").write_text("from torch import nn\ndef first(i, o): return nn.Conv2d(i, o, 3, padding=1)\n")
    (folder / "nets.py").write_text(NETS)
    return folder / "nets.py"


@pytest.fixture(scope="module")
def theirs(nets: Path) -> Any:
    """The same file as its owner imports it."""
    found = importlib.util.spec_from_file_location("their_nets", nets)
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def build(nets: Path, name: str, seed: int = 0, **options: Any) -> Any:
    options = {"head": "plain"} | options
    objective = options.pop("objective", "supervised")
    return build_model(ModelSpec(f"python:{nets}:{name}", **options), 1, 8, 3, seed, objective)


IMAGES = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["Net", "Probabilities", "sequential", "without_bias", "trunk", "fixed"])
@pytest.mark.parametrize("head", ["plain", "projected"])
def test_a_network_is_taken_apart_trained_and_copied(nets: Path, name: str, head: str) -> None:
    model = build(nets, name, head=head)
    assert model(IMAGES).shape == (5, 3)
    model(IMAGES).sum().backward()
    assert all(p.grad is not None for p in model.parameters()), "nothing lies idle"
    assert torch.equal(copy.deepcopy(model).eval()(IMAGES), model.eval()(IMAGES))
    other, same = build(nets, name, seed=1, head=head), build(nets, name, head=head)
    assert torch.equal(same.eval()(IMAGES), model(IMAGES)) and not torch.equal(other.eval()(IMAGES), model(IMAGES))


@pytest.mark.parametrize("name", ["Net", "Probabilities", "without_bias", "sequential"])
@pytest.mark.parametrize("prefix", ["", "module.", "wrapped.net."])
def test_own_weights_give_the_answers_of_their_owner(
    nets: Path, theirs: Any, tmp_path: Path, name: str, prefix: str
) -> None:
    torch.manual_seed(7)
    owner = theirs.sequential(1, 8, 3) if name == "sequential" else getattr(theirs, name)(3)
    owner.eval()
    path = tmp_path / "own.pt"
    torch.save({"state_dict": {prefix + key: value for key, value in owner.state_dict().items()}}, path)
    model = build(nets, name, weights=str(path)).eval()
    with torch.no_grad():
        answers, wanted = model(IMAGES), owner(IMAGES)
    if name in ("Net", "without_bias"):
        answers = answers.log_softmax(1)
    if name == "Probabilities":
        answers = answers.softmax(1)
    assert torch.allclose(answers, wanted, atol=1e-6)


def test_weights_that_this_program_wrote_fit_again(nets: Path, tmp_path: Path) -> None:
    model = build(nets, "Net", seed=3)
    torch.save(model.state_dict(), tmp_path / "ours.pt")
    again = build(nets, "Net", weights=str(tmp_path / "ours.pt"))
    assert torch.equal(again.eval()(IMAGES), model.eval()(IMAGES))


def test_weights_of_another_network_are_refused(nets: Path, theirs: Any, tmp_path: Path) -> None:
    torch.save(theirs.sequential(1, 8, 3).state_dict(), tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match=r"do not fit"):
        build(nets, "Net", weights=str(tmp_path / "other.pt"))


def test_rows_of_the_last_layer_follow_the_order_of_classes(nets: Path, theirs: Any, tmp_path: Path) -> None:
    owner = theirs.Net(3).eval()
    torch.save(owner.state_dict(), tmp_path / "own.pt")
    model = build(nets, "Net", weights=str(tmp_path / "own.pt"), class_order="2,0,1").eval()
    with torch.no_grad():
        # Their first answer means class 2, the second class 0, the third class 1.
        assert torch.allclose(model(IMAGES).log_softmax(1)[:, [2, 0, 1]], owner(IMAGES), atol=1e-6)


def test_a_classifier_serves_as_an_encoder(nets: Path, theirs: Any, tmp_path: Path) -> None:
    owner = theirs.Net(3)
    torch.save(owner.state_dict(), tmp_path / "own.pt")
    model = build(nets, "Net", weights=str(tmp_path / "own.pt"), objective="simclr", head="projected").eval()
    hidden = torch.relu(owner.hidden(torch.relu(owner.conv(IMAGES)).flatten(1)))
    assert torch.allclose(model.outputs(IMAGES).features, hidden, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing", "did you mean|has no function"),
        ("needs", "asks for depth"),
        ("fails", "ValueError: no such size"),
        ("ends", "ends fails: SystemExit: 3"),
        ("EndsLater", "fails on .* images: SystemExit: enough"),
        ("nothing", "returns a NoneType"),
        ("empty", "no weights to train"),
        ("wrong_shape", r"shape \(2, 3, 6, 6\)"),
        ("wrong_count", "7 numbers for an image, and there are 3 classes"),
        ("colour", "fails on 1×8×8 images"),
        ("Doubled", "do not come from a linear layer"),
        ("net", "not a function that makes a network"),
    ],
)
def test_what_is_wrong_with_it_is_said(nets: Path, name: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as error:
        build(nets, name)
    assert error.value.field == "model.backbone"


def test_a_module_that_cannot_be_imported_is_refused(tmp_path: Path) -> None:
    for number, content in enumerate(("import nowhere_at_all", "raise SystemExit(3)", "1 / 0")):
        path = tmp_path / f"bad{number}.py"
        path.write_text(f"{content}\ndef build(): ...\n")
        with pytest.raises(BadInput, match="cannot be imported"):
            build(path, "build")


def test_a_file_may_be_called_like_a_module_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text(
        "from torch import nn\ndef build(num_classes): return nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes))\n"
    )
    assert build(tmp_path / "json.py", "build")(IMAGES).shape == (5, 3)
    assert isinstance(build(tmp_path / "json.py", "build").head, nn.Linear)
