"""NoT, Convolution Transpose and Masked Small Gradients: what they do to weights, and the fine-tuning behind it."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cu_core.base.errors import Incompatible
from cu_core.base.home import Home
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.spec import spec_from_json
from cu_core.engine.setup import set_up
from cu_core.methods import conv_transpose, masked_small_gradients, repair, weight_negation
from cu_core.methods.context import Context
from cu_core.methods.conv_transpose import ConvTransposeParams
from cu_core.methods.convolutions import trained_convolutions
from cu_core.methods.masked_small_gradients import MaskedSmallGradientsParams, difference, draw_anew, smallest
from cu_core.methods.weight_negation import NotParams
from tests.methods.convolutional import FROZEN, POINT, SQUARE, WIDE, convolutional
from tests.methods.plain import PlainSgd, assert_same, twin
from tests.methods.small import context_of

ONES = {"batch_size": 7, "lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}
NOTHING = {"lr": 1e-7, "weight_decay": 0.0, "batch_size": 4000, "batch_norm": "eval"}


def weights_of(model: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


def told_and_weights(
    module: Any, params: Any, context: Context
) -> tuple[list[dict[str, float]], dict[str, np.ndarray]]:
    told = list(module.unlearn(context, params))
    return told, weights_of(context.model)


def test_only_convolutions_with_weights_to_train_are_meant() -> None:
    model = convolutional().model
    assert list(trained_convolutions(model)) == [SQUARE, WIDE, POINT]
    model.get_submodule(WIDE).weight.requires_grad_(False)
    assert list(trained_convolutions(model)) == [SQUARE, POINT]


@pytest.mark.parametrize(("layers", "negated"), [(1, [SQUARE]), (2, [SQUARE, WIDE]), (9, [SQUARE, WIDE, POINT])])
def test_negation_turns_the_sign_of_the_first_layers_and_of_no_bias(layers: int, negated: list[str]) -> None:
    context = convolutional()
    before = weights_of(context.model)
    _, after = told_and_weights(weight_negation, NotParams(**NOTHING, layers=layers), context)
    for name, value in before.items():
        sign = -1 if name in [f"{layer}.weight" for layer in negated] else 1
        assert after[name] == pytest.approx(sign * value, abs=1e-5), name


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_transposing_mirrors_square_kernels_alone(memory: torch.memory_format) -> None:
    context = convolutional()
    context.model.to(memory_format=memory)
    before = weights_of(context.model)
    _, after = told_and_weights(conv_transpose, ConvTransposeParams(**NOTHING), context)
    for name, value in before.items():
        wanted = np.swapaxes(value, 2, 3) if name == f"{SQUARE}.weight" else value
        assert after[name] == pytest.approx(wanted, abs=1e-5), name
    kernel, other = before[f"{SQUARE}.weight"], after[f"{SQUARE}.weight"]
    assert other[1, 0, 2, 0] == pytest.approx(kernel[1, 0, 0, 2], abs=1e-5) and not np.allclose(other, kernel)


def test_a_convolution_of_the_turned_image_is_the_turned_one_of_the_image() -> None:
    context = convolutional()
    layer, x = context.model.get_submodule(SQUARE), torch.randn(2, 2, 5, 5)
    turned = layer(x).detach().transpose(2, 3)
    list(conv_transpose.unlearn(context, ConvTransposeParams(**NOTHING)))
    assert torch.allclose(layer(x.transpose(2, 3)).detach(), turned, atol=1e-5)


@pytest.mark.parametrize(
    ("module", "params", "schedule"),
    [
        (weight_negation, NotParams(**ONES), [1, 1, 1, 1]),
        # CosineAnnealingLR of PyTorch with four epochs, stepped after each.
        (conv_transpose, ConvTransposeParams(**ONES), [1, 0.8535534, 0.5, 0.1464466]),
    ],
    ids=["not", "conv_transpose"],
)
def test_afterwards_it_is_fine_tuned_on_retain_samples(module: Any, params: Any, schedule: list[float]) -> None:
    context, mirror = (convolutional(rounds=4) for _ in range(2))
    model = twin(mirror)
    with torch.no_grad():
        weight = model.get_submodule(SQUARE).weight
        weight.copy_(-weight if module is weight_negation else weight.mT.clone())
    sgd = PlainSgd(torch.nn.ParameterList(p for p in model.parameters() if p.requires_grad), 0.05, 0.9, 0.01)
    for told, factor in zip(module.unlearn(context, params), schedule, strict=True):
        sgd.lr = 0.05 * factor
        losses = []
        for x, y, _ in mirror.retain.epoch(7):
            losses.append(F.cross_entropy(model(x), y))
            sgd.step(losses[-1])
        assert told["loss"] == pytest.approx(float(torch.stack(losses).mean()), rel=1e-3)
        assert told["lr"] == pytest.approx(0.05 * factor)
    assert_same(context.model, model, tolerance=2e-4)
    assert context.forget.images_drawn == 0


def test_schedules_are_those_of_their_sources() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    for rounds in (1, 3, 10):
        optimizer = torch.optim.SGD([weight], lr=1.0)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=rounds)
        for number in range(1, rounds + 1):
            assert repair.cosine(number, rounds) == pytest.approx(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    assert [repair.up_and_down(n, 5) for n in range(1, 6)] == pytest.approx([1 / 3, 2 / 3, 1, 2 / 3, 1 / 3])
    assert [repair.up_and_down(n, 4) for n in range(1, 5)] == pytest.approx([1 / 2, 1, 2 / 3, 1 / 3])
    assert repair.up_and_down(1, 1) == 1


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_weights_with_the_smallest_gradient_are_drawn_anew(share: float) -> None:
    context, mirror = (convolutional(forget=9, retain=30) for _ in range(2))
    before = weights_of(context.model)
    told, after = told_and_weights(masked_small_gradients, MaskedSmallGradientsParams(**NOTHING, share=share), context)
    # As many retain samples, in the order that the run's generator draws first.
    drawn = mirror.retain.indices[torch.randperm(30, generator=mirror.generator)[:9]]
    model = mirror.model.eval()
    model.zero_grad()
    for indices, sign in ((drawn, 1), (mirror.forget.indices, -1)):
        x, y = mirror.forget.source.take(indices)
        (sign * F.cross_entropy(model(x), y)).backward()
    for layer in (SQUARE, WIDE, POINT):
        gradient = model.get_submodule(layer).weight.grad.numpy()
        order = np.argsort(np.abs(gradient), axis=None)
        wanted = np.zeros(gradient.size, bool)
        wanted[order[: round(share * gradient.size)]] = True
        old, new = before[f"{layer}.weight"], after[f"{layer}.weight"]
        changed = ~np.isclose(old, new, atol=1e-5)
        assert (changed == wanted.reshape(gradient.shape)).all(), layer
    untouched = [name for name in before if name.split(".weight")[0] not in (SQUARE, WIDE, POINT)]
    assert any(name.startswith(FROZEN) for name in untouched)
    assert all(after[name] == pytest.approx(before[name], abs=1e-5) for name in untouched)
    assert len(told) == 1 and context.forget.images_drawn == 9


def test_new_weights_are_drawn_as_he_et_al_do() -> None:
    weight = torch.zeros(64, 32, 3, 3)
    chosen = torch.rand(weight.shape, generator=torch.Generator().manual_seed(1)) < 0.5
    draw_anew(weight, chosen, torch.Generator().manual_seed(0))
    named = torch.empty(64, 32, 3, 3)
    torch.nn.init.kaiming_normal_(named, mode="fan_out", nonlinearity="relu")
    assert (weight[~chosen] == 0).all()
    assert float(weight[chosen].std()) == pytest.approx(float(named.std()), rel=0.03)
    assert float(weight[chosen].mean()) == pytest.approx(0, abs=0.002)


def test_the_smallest_are_found_whatever_their_order_in_memory() -> None:
    values = torch.randn(4, 3, 3, 3)
    wanted = np.sort(np.abs(values.numpy()), axis=None)[: round(0.25 * 108)]
    for tensor in (values, values.contiguous(memory_format=torch.channels_last)):
        mask = smallest(tensor, 0.25)
        assert np.sort(values.abs()[mask].numpy()) == pytest.approx(wanted)


@pytest.mark.parametrize("slow", [0.1, 0.0])
def test_the_other_weights_of_convolutions_are_slowed_down(slow: float) -> None:
    params = MaskedSmallGradientsParams(lr=0.05, momentum=0.0, weight_decay=0.0, batch_size=4000, slow=slow, share=0.3)
    context, mirror = (convolutional(forget=9, retain=30) for _ in range(2))
    list(masked_small_gradients.unlearn(context, params))
    # The same without a step, and then one by hand.
    still = MaskedSmallGradientsParams(**NOTHING | {"batch_norm": "train"}, share=0.3)
    list(masked_small_gradients.unlearn(mirror, still))
    start = mirror.model.train()
    mask = mirror.kept["mask"].state_dict()
    x, y = mirror.retain.source.take(mirror.retain.indices)
    start.zero_grad()
    F.cross_entropy(start(x), y).backward()
    for name, value in start.named_parameters():
        layer = name.removesuffix(".weight")
        factor = np.where(mask[layer].numpy(), 1.0, slow) if layer in mask else 1.0
        wanted = value.detach().numpy() - 0.05 * factor * value.grad.numpy()
        assert context.model.get_parameter(name).detach().numpy() == pytest.approx(wanted, abs=1e-5), name


@pytest.mark.parametrize("module", [weight_negation, conv_transpose, masked_small_gradients])
def test_after_a_resume_nothing_is_changed_twice(module: Any) -> None:
    params = module.METHOD.params(**ONES)
    whole = convolutional(rounds=3)
    list(module.unlearn(whole, params))
    first = convolutional(rounds=3)
    next(module.unlearn(first, params))
    second = convolutional(rounds=3, first_round=2)
    second.model.load_state_dict(first.model.state_dict())
    second.saved = copy.deepcopy({name: thing.state_dict() for name, thing in first.kept.items()})
    second.generator.set_state(first.generator.get_state())
    list(module.unlearn(second, params))
    assert_same(second.model, whole.model, tolerance=0)


@pytest.mark.parametrize("module", [weight_negation, conv_transpose, masked_small_gradients])
def test_a_network_without_convolutions_is_refused_before_its_training(module: Any, tmp_path: Any) -> None:
    assert "has none" in module.METHOD.why_not_network(context_of().model)
    assert module.METHOD.why_not_network(convolutional().model) is None
    source = tmp_path / "dense.py"
    source.write_text(
        "from torch import nn\n\n\ndef build(num_classes, channels, size):\n"
        "    pixels = channels * size * size\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, 16), nn.ReLU(), nn.Linear(16, num_classes))\n"
    )
    spec = {
        "data": {"dataset": "digits", "train_limit": 100},
        "model": {"backbone": f"python:{source}:build"},
        "forget": {"select": "class:5"},
        "method": {"id": module.METHOD.id},
        "device": "cpu",
    }
    home = Home(tmp_path / "home").create()
    with pytest.raises(Incompatible, match=f"method: {METHODS[module.METHOD.id].title} .* has none"):
        set_up(spec_from_json(spec), home, lambda done, total, message: None)
    spec["method"] = {"id": "delete"}
    set_up(spec_from_json(spec), home, lambda done, total, message: None)


def test_kernels_that_no_transposing_changes_are_refused() -> None:
    model = convolutional().model
    model.trunk.square = torch.nn.Conv2d(2, 4, 1)
    assert "none larger than 1×1" in conv_transpose.why_not(model)


def test_the_difference_of_gradients_does_not_depend_on_how_samples_are_dealt_into_batches() -> None:
    whole, parts = (difference(convolutional(forget=10), size) for size in (4000, 4))
    assert whole.keys() == parts.keys()
    for name, gradient in whole.items():
        assert torch.allclose(parts[name], gradient, rtol=1e-4, atol=1e-7), name
