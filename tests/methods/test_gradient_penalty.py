"""The penalty and its gradient against per-sample Jacobians (torch.func) and finite differences in float64."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from cu_core.learning.backbones.vit import VitSmall
from cu_core.learning.classifier import Classifier
from cu_core.learning.encoder import Encoder
from cu_core.methods.input_penalty import gradient_penalty, input_gradient, interpolate, penalty_of

VARIANTS = ("two_sided", "zero_centered", "linear")
FORMULA = {
    "two_sided": lambda norm: (norm - 1) ** 2,
    "zero_centered": lambda norm: norm**2,
    "linear": lambda norm: norm - 1,
}


class Trunk(nn.Module):
    """Convolution, batch norm and a smooth bend, so that second derivatives exist everywhere."""

    width = 5

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1, bias=False),
            nn.BatchNorm2d(4),
            nn.Softplus(),
            nn.Conv2d(4, 5, 3),
            nn.BatchNorm2d(5),
            nn.Softplus(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def network(kind: str) -> nn.Module:
    torch.manual_seed(1)
    model: nn.Module = {
        "layers": lambda: nn.Sequential(Trunk(), nn.Linear(5, 3)),
        "classifier": lambda: Classifier(Trunk(), 3, "projected", 4),
        "plain classifier": lambda: Classifier(Trunk(), 3, "plain", 4),
        "encoder": lambda: Encoder(Trunk(), "projected", 4),
    }[kind]()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            layer.running_mean.uniform_(-0.5, 0.5)
            layer.running_var.uniform_(0.5, 2.0)
    if isinstance(model, Classifier | Encoder):
        # `Outputs` are float32 by design, too coarse for finite differences; the layers are what is tested.
        model = nn.Sequential(model.trunk, *layers_behind(model))
    return model.double()


class Unit(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x / x.norm(dim=1, keepdim=True)


def layers_behind(model: Classifier | Encoder) -> list[nn.Module]:
    projector = [] if model.projector is None else [model.projector]
    if isinstance(model, Encoder):
        return projector
    return [*projector, *([Unit(), nn.ReLU()] if projector else []), model.head]


def images(n: int = 4) -> Tensor:
    return torch.randn(n, 2, 5, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def by_jacobians(model: nn.Module, x: Tensor, variant: str, parameters: dict[str, Tensor]) -> Tensor:
    """Mean over samples of the penalty of each sample's own Jacobian, columns of all outputs added up."""
    state = {**dict(model.named_buffers()), **parameters}

    def answers(one: Tensor) -> Tensor:
        return functional_call(model, state, (one[None],))[0]

    jacobian = vmap(jacrev(answers))(x)
    return FORMULA[variant](jacobian.sum(1).flatten(1).norm(dim=1)).mean()


KINDS = ("layers", "classifier", "plain classifier", "encoder")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", KINDS)
def test_value_and_gradient_equal_those_of_per_sample_jacobians(kind: str, variant: str) -> None:
    model, x = network(kind).train(), images()
    penalty = gradient_penalty(model, x, variant)
    names, values = zip(*model.named_parameters(), strict=True)
    got = torch.autograd.grad(penalty, values, allow_unused=True)

    frozen = copy.deepcopy(model).eval()
    own = dict(frozen.named_parameters())
    want = by_jacobians(frozen, x, variant, own)
    assert penalty.item() == pytest.approx(want.item(), rel=1e-9)
    wanted = torch.autograd.grad(want, list(own.values()), allow_unused=True)
    compared = 0
    for name, value, mine, theirs in zip(names, values, got, wanted, strict=True):
        # A shift that all samples share has no part in any input gradient.
        mine, theirs = (torch.zeros_like(value) if g is None else g for g in (mine, theirs))
        assert mine.double().numpy() == pytest.approx(theirs.double().numpy(), rel=1e-7, abs=1e-10), name
        compared += bool(theirs.abs().max() > 1e-6)
    assert compared >= 4


def by_differences(model: nn.Module, x: Tensor, variant: str, step: float = 1e-5) -> float:
    """The penalty from differences of the sum of all outputs of the whole batch, without autograd."""
    flat = x.flatten()
    gradient = torch.empty_like(flat)
    with torch.no_grad():
        for place in range(len(flat)):
            sums = []
            for sign in (1, -1):
                moved = flat.clone()
                moved[place] += sign * step
                sums.append(model(moved.view_as(x)).sum())
            gradient[place] = (sums[0] - sums[1]) / (2 * step)
    return float(FORMULA[variant](gradient.view(len(x), -1).norm(dim=1)).mean())


@pytest.mark.parametrize("batch_norm", ["eval", "train"])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", ["layers", "classifier", "encoder"])
def test_value_and_gradient_equal_finite_differences_of_the_batch(kind: str, variant: str, batch_norm: str) -> None:
    model, x = network(kind), images(3)
    probe = copy.deepcopy(model).train(batch_norm == "train")
    penalty = gradient_penalty(model, x, variant, batch_norm=batch_norm)
    assert penalty.item() == pytest.approx(by_differences(probe, x, variant), rel=1e-6)
    # Along one random direction in the space of the parameters.
    penalty.backward()
    generator = torch.Generator().manual_seed(3)
    directions = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in model.parameters()]
    along = sum(
        float((p.grad * d).sum()) for p, d in zip(model.parameters(), directions, strict=True) if p.grad is not None
    )
    values = []
    for sign in (1, -1):
        moved = copy.deepcopy(probe)
        with torch.no_grad():
            for p, d in zip(moved.parameters(), directions, strict=True):
                p.add_(sign * 1e-4 * d)
        values.append(by_differences(moved, x, variant))
    assert along == pytest.approx((values[0] - values[1]) / 2e-4, rel=1e-3, abs=1e-9)
    assert abs(along) > 1e-5


@pytest.mark.parametrize("kind", ["classifier", "encoder"])
def test_networks_of_this_program_equal_their_layers(kind: str) -> None:
    torch.manual_seed(1)
    model = Classifier(Trunk(), 3, "projected", 4) if kind == "classifier" else Encoder(Trunk(), "projected", 4)
    bare = nn.Sequential(model.trunk, *layers_behind(model)).double().eval()
    want = gradient_penalty(copy.deepcopy(bare), images())
    got = gradient_penalty(model.float(), images().float())
    assert got.dtype == torch.float32
    assert got.item() == pytest.approx(want.item(), rel=1e-4)


def test_train_mode_mixes_the_samples_of_a_batch_and_eval_mode_does_not() -> None:
    model, x = network("layers"), images()
    alone = input_gradient(model, x[:2])
    assert alone.detach().numpy() == pytest.approx(input_gradient(model, x)[:2].detach().numpy(), rel=1e-9)
    mixed = [input_gradient(model, part, batch_norm="train")[:2] for part in (x[:2], x)]
    assert (mixed[0] - mixed[1]).norm() > 0.1 * mixed[1].norm()


def test_in_train_mode_nothing_is_left_behind_a_last_batch_norm() -> None:
    # The outputs of batch norm have a fixed sum over the batch, as probabilities have over the classes.
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 3)).double()
    x = torch.randn(8, 6, dtype=torch.float64)
    assert input_gradient(model, x, batch_norm="train").abs().max() < 1e-9
    assert input_gradient(model, x).abs().max() > 1e-2


@pytest.mark.parametrize("batch_norm", ["eval", "train"])
def test_modes_come_back_and_statistics_move_in_train_mode_alone(batch_norm: str) -> None:
    model, x = network("layers"), images()
    model.train()
    frozen, free = (m for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    frozen.eval()
    before = copy.deepcopy(model.state_dict())
    gradient_penalty(model, x, batch_norm=batch_norm)
    assert model.training and free.training and not frozen.training
    moved = [name for name, value in model.state_dict().items() if (value != before[name]).any()]
    assert bool(moved) == (batch_norm == "train")
    assert all("running" in name or "num_batches" in name for name in moved)
    with pytest.raises(RuntimeError):
        gradient_penalty(model, x[:, :1], batch_norm=batch_norm)
    assert free.training and not frozen.training, "modes must come back after an error too"


def test_the_loaders_tensor_stays_as_it_was() -> None:
    model, x = network("layers"), images()
    before = x.clone()
    gradient_penalty(model, x).backward()
    assert not x.requires_grad and x.grad is None and (x == before).all()
    flagged = images().requires_grad_()
    gradient_penalty(model, flagged).backward()
    assert flagged.grad is None


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_vanishing_gradient_gives_finite_numbers(variant: str) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(8, 3)).double()
    nn.init.zeros_(model[1].weight)
    penalty = gradient_penalty(model, torch.randn(4, 2, 2, 2, dtype=torch.float64), variant)
    penalty.backward()
    want = {"two_sided": 1.0, "zero_centered": 0.0, "linear": -1.0}[variant]
    assert penalty.item() == pytest.approx(want, abs=1e-5)
    assert model[1].weight.grad.isfinite().all()


def test_hand_computed_values() -> None:
    gradient = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    assert [penalty_of(gradient, v).item() for v in VARIANTS] == pytest.approx([8.0, 13.0, 2.0])
    model = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 5.0], [2.0, -1.0]]))
    assert gradient_penalty(model, torch.zeros(3, 2)).item() == pytest.approx(16.0)
    assert gradient_penalty(model, torch.zeros(3, 2), per_output=True).item() == pytest.approx((2.5 - 1) ** 2)


def test_softmax_is_refused_with_the_reason_and_logs_are_not() -> None:
    model, x = network("layers"), images()
    with pytest.raises(ValueError, match="always sum to 1, so the gradient of their sum is 0"):
        gradient_penalty(nn.Sequential(model, nn.Softmax(dim=1)), x)
    with pytest.raises(ValueError, match="softmax probabilities"):
        gradient_penalty(nn.Sequential(model.float(), nn.Linear(3, 100), nn.Softmax(dim=1)), x.float())
    for last in (nn.LogSoftmax(dim=1), nn.Sigmoid(), nn.ReLU(), nn.Identity()):
        assert gradient_penalty(nn.Sequential(model.double(), last), x).isfinite()


@pytest.mark.parametrize(
    ("change", "message"),
    [({"variant": "both"}, "'two_sided', 'zero_centered', 'linear'"), ({"batch_norm": "off"}, "'eval', 'train'")],
)
def test_bad_arguments_name_what_is_allowed(change: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gradient_penalty(network("layers"), images(), **change)


def test_works_without_gradients_and_under_autocast_in_full_precision() -> None:
    model, x = network("layers").float(), images().float()
    want = gradient_penalty(model, x).item()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        got = gradient_penalty(model, x)
    assert got.item() == want and got.dtype == torch.float32
    assert gradient_penalty(model, x.half()).dtype == torch.float32


def test_transformers_have_a_second_derivative() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(VitSmall(1, 8), nn.Linear(384, 3))
    x = torch.randn(2, 1, 8, 8)
    with pytest.raises(RuntimeError, match="not implemented"):
        probe = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(model(probe).sum(), probe, create_graph=True)
        gradient.norm().backward()
    model.zero_grad()
    gradient_penalty(model, x).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
    assert model[0].encoder.conv_proj.weight.grad.abs().sum() > 0


def test_interpolates_lie_between_their_pair_each_at_its_own_place() -> None:
    members, others = torch.zeros(200, 1, 2, 2), torch.ones(203, 1, 2, 2)
    points = interpolate(members, others, torch.Generator().manual_seed(0))
    share = points.flatten(1)
    assert points.shape == members.shape and (share == share[:, :1]).all(), "one share for a whole image"
    share = share[:, 0]
    assert len(share.unique()) == 200 and share.min() >= 0 and share.max() < 1
    assert share.mean().item() == pytest.approx(0.5, abs=0.07)
    assert share.var().item() == pytest.approx(1 / 12, rel=0.2)
    a, b = torch.randn(5, 3, 2, 2), torch.randn(4, 3, 2, 2)
    points = interpolate(a, b, torch.Generator().manual_seed(1))
    drawn = torch.rand(4, 1, 1, 1, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(points, drawn * b + (1 - drawn) * a[:4])
