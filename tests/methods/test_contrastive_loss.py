"""The loss against an independent NumPy statement of Eq. 5 and 6, and against hand-made cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from cu_core.methods.contrastive import contrastive_unlearning_loss
from cu_core.methods.embedding_queue import queue_loss


def numpy_loss(zf, yf, zr, yr, tau, task, normalize=True, released=False):
    """Eq. 5 / Eq. 6 row by row in float64."""
    zf, zr = zf.astype(np.float64), zr.astype(np.float64)
    if normalize:
        zf = zf / np.linalg.norm(zf, axis=1, keepdims=True)
        zr = zr / np.linalg.norm(zr, axis=1, keepdims=True)
    rows = []
    for z, y in zip(zf, yf, strict=True):
        s = zr @ z / tau
        other, same = s[yr != y], s[yr == y]
        if len(other) == 0:
            continue
        if task == "sample" and len(same):
            push = logsumexp(same) * (len(yr) / len(other) if released else 1.0)
        else:
            push = math.log(len(other))
        rows.append(push - other.mean())
    return float(np.mean(rows)) if rows else 0.0


@st.composite
def batches(draw):
    b, m, d = draw(st.integers(1, 9)), draw(st.integers(1, 12)), draw(st.integers(1, 7))
    classes = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return (
        rng.normal(size=(b, d)).astype(np.float32) + 0.01,
        rng.integers(0, classes, b),
        rng.normal(size=(m, d)).astype(np.float32) + 0.01,
        rng.integers(0, classes, m),
        draw(st.floats(0.05, 5.0)),
    )


@settings(max_examples=150, deadline=None)
@given(
    batch=batches(),
    task=st.sampled_from(["sample", "class"]),
    normalize=st.booleans(),
    weighting=st.sampled_from(["paper", "released"]),
)
def test_matches_numpy_over_random_shapes(batch, task, normalize, weighting):
    zf, yf, zr, yr, tau = batch
    tensors = [torch.from_numpy(a) for a in (zf, yf, zr, yr)]
    got = contrastive_unlearning_loss(*tensors, tau, task, normalize=normalize, weighting=weighting).item()
    want = numpy_loss(zf, yf, zr, yr, tau, task, normalize, weighting == "released")
    assert got == pytest.approx(want, rel=1e-4, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(batch=batches(), task=st.sampled_from(["sample", "class"]))
def test_gradient_is_finite_and_matches_finite_differences(batch, task):
    zf, yf, zr, yr, tau = batch
    z = torch.from_numpy(zf).requires_grad_()
    contrastive_unlearning_loss(z, *(torch.from_numpy(a) for a in (yf, zr, yr)), tau, task).backward()
    assert torch.isfinite(z.grad).all()
    direction = np.random.default_rng(0).normal(size=zf.shape)
    step = 1e-5
    up, down = (numpy_loss(zf + s * step * direction, yf, zr, yr, tau, task) for s in (1, -1))
    assert (z.grad.numpy() * direction).sum() == pytest.approx((up - down) / (2 * step), rel=2e-2, abs=2e-3)


def test_hand_computed_two_by_three_example():
    zf = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    zr = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    yf, yr = torch.tensor([0, 1]), torch.tensor([0, 1, 1])
    # Row 0: same {1}, other {0, -1}: 1/0.5 - (0 - 2)/2 = 3. Row 1: same {1, 0} at tau 0.5: logsumexp(2, 0), other {0}.
    want = (3.0 + math.log(math.exp(2) + 1) - 0.0) / 2
    assert contrastive_unlearning_loss(zf, yf, zr, yr, 0.5, "sample").item() == pytest.approx(want, abs=1e-6)


def test_row_without_same_class_partner_takes_the_class_form():
    zf, zr = torch.randn(1, 4), torch.randn(5, 4)
    y, others = torch.tensor([0]), torch.tensor([1, 2, 1, 2, 1])
    sample = contrastive_unlearning_loss(zf, y, zr, others, 0.7, "sample")
    by_class = contrastive_unlearning_loss(zf, y, zr, others, 0.7, "class")
    assert sample.item() == pytest.approx(by_class.item(), abs=1e-6)


def test_single_class_batch_gives_zero_with_a_gradient():
    z = torch.randn(3, 4, requires_grad=True)
    loss = contrastive_unlearning_loss(z, torch.zeros(3), torch.randn(4, 4), torch.zeros(4), 0.7, "sample")
    loss.backward()
    assert loss.item() == 0
    assert z.grad is not None and z.grad.abs().sum() == 0


def test_retain_batch_order_does_not_matter():
    zf, yf, zr, yr = torch.randn(6, 5), torch.randint(0, 3, (6,)), torch.randn(8, 5), torch.randint(0, 3, (8,))
    order = torch.randperm(8)
    a = contrastive_unlearning_loss(zf, yf, zr, yr, 0.3, "sample")
    b = contrastive_unlearning_loss(zf, yf, zr[order], yr[order], 0.3, "sample")
    assert a.item() == pytest.approx(b.item(), abs=1e-5)


def test_falls_when_the_anchor_leaves_its_class_for_another():
    zr, yr = torch.eye(2), torch.tensor([0, 1])
    near_own = torch.tensor([[1.0, 0.1]])
    near_other = torch.tensor([[0.1, 1.0]])
    y = torch.tensor([0])
    for task in ("sample", "class"):
        own, other = (contrastive_unlearning_loss(z, y, zr, yr, 0.7, task) for z in (near_own, near_other))
        assert other < own


def test_embeddings_are_normalised_inside():
    zf, yf, zr, yr = torch.randn(4, 3), torch.tensor([0, 1, 0, 1]), torch.randn(6, 3), torch.tensor([0, 1, 0, 1, 0, 1])
    plain = contrastive_unlearning_loss(zf, yf, zr, yr, 0.7, "sample")
    scaled = contrastive_unlearning_loss(zf * 7, yf, zr * 0.2, yr, 0.7, "sample")
    assert plain.item() == pytest.approx(scaled.item(), abs=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "both"}, "allowed: 'sample', 'class'"),
        ({"temperature": 0.0}, "above 0"),
        ({"weighting": "odd"}, "allowed: 'paper', 'released'"),
        ({"z_retain": torch.randn(3, 9)}, "embeddings must be"),
        ({"y_retain": torch.zeros(2)}, "one for each"),
    ],
)
def test_bad_arguments_name_what_is_allowed(change, message):
    arguments = {
        "z_forget": torch.randn(2, 4),
        "y_forget": torch.zeros(2),
        "z_retain": torch.randn(3, 4),
        "y_retain": torch.zeros(3),
        "temperature": 0.7,
        "task": "sample",
    }
    with pytest.raises(ValueError, match=message):
        contrastive_unlearning_loss(**(arguments | change))


@settings(max_examples=60, deadline=None)
@given(batch=batches())
def test_queue_loss_matches_numpy(batch):
    zf, yf, zr, yr, tau = batch
    got = queue_loss(*(torch.from_numpy(a) for a in (zf, yf, zr, yr)), tau).item()
    a = zf.astype(np.float64) / np.linalg.norm(zf.astype(np.float64), axis=1, keepdims=True)
    b = zr.astype(np.float64) / np.linalg.norm(zr.astype(np.float64), axis=1, keepdims=True)
    s = a @ b.T / tau
    pairs = [logsumexp(s[i]) - s[i, j] for i in range(len(yf)) for j in range(len(yr)) if yf[i] != yr[j]]
    assert got == pytest.approx(np.mean(pairs) if pairs else 0.0, rel=1e-4, abs=1e-4)


def test_only_the_similarities_count_in_class_mode():
    # Eq. 6 puts the constant n into the denominator, the released code 1: the same gradient either way.
    zf, zr = torch.randn(5, 4), torch.randn(7, 4)
    yf, yr = torch.full((5,), 9), torch.randint(0, 3, (7,))
    for weighting in ("paper", "released"):
        mine, bare = zf.clone().requires_grad_(), zf.clone().requires_grad_()
        loss = contrastive_unlearning_loss(mine, yf, zr, yr, 0.7, "class", weighting=weighting)
        loss.backward()
        similarity = torch.nn.functional.normalize(bare) @ torch.nn.functional.normalize(zr).T / 0.7
        without = -similarity.mean(1).mean()
        without.backward()
        assert loss.item() - without.item() == pytest.approx(math.log(7), abs=1e-5)
        assert mine.grad.numpy() == pytest.approx(bare.grad.numpy(), abs=1e-7)


def test_released_weighting_has_the_gradient_of_the_released_sum():
    # There the same-class term stands inside the sum over all M retain samples, divided by n all the same.
    torch.manual_seed(3)
    zf, zr = torch.randn(6, 5), torch.randn(12, 5)
    yf, yr = torch.arange(6) % 3, torch.arange(12) % 3
    mine, theirs = zf.clone().requires_grad_(), zf.clone().requires_grad_()
    contrastive_unlearning_loss(mine, yf, zr, yr, 0.7, "sample", weighting="released").backward()
    similarity = torch.nn.functional.normalize(theirs) @ torch.nn.functional.normalize(zr).T / 0.7
    same = (yf[:, None] == yr[None, :]).float()
    inside = similarity * (1 - same) - (similarity.exp() * same).sum(1, keepdim=True).log()
    (-(inside.sum(1) / (1 - same).sum(1))).mean().backward()
    assert mine.grad.numpy() == pytest.approx(theirs.grad.numpy(), abs=1e-7)
    plain = zf.clone().requires_grad_()
    contrastive_unlearning_loss(plain, yf, zr, yr, 0.7, "sample").backward()
    assert (plain.grad - mine.grad).abs().max() > 1e-3


def test_a_step_pushes_out_of_the_own_class_and_pulls_towards_the_others():
    torch.manual_seed(4)
    network = torch.nn.Linear(8, 4)
    x, y = torch.randn(30, 8), torch.arange(30) % 3
    x += 2 * torch.eye(8)[y]

    def cosines() -> tuple[float, float]:
        z = torch.nn.functional.normalize(network(x), dim=1)
        cosine, same = z[:9] @ z[9:].T, y[:9, None] == y[None, 9:]
        return cosine[same].mean().item(), cosine[~same].mean().item()

    before = cosines()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    contrastive_unlearning_loss(network(x[:9]), y[:9], network(x[9:]), y[9:], 0.7, "sample").backward()
    optimizer.step()
    after = cosines()
    assert after[0] < before[0] and after[1] > before[1]


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_embeddings_are_scored_in_full(half):
    zf, zr = torch.randn(4, 8).to(half), torch.randn(9, 8).to(half)
    yf, yr = torch.arange(4) % 3, torch.arange(9) % 3
    got = contrastive_unlearning_loss(zf, yf, zr, yr, 0.01, "sample")
    assert got.dtype == torch.float32
    assert got.item() == pytest.approx(
        contrastive_unlearning_loss(zf.float(), yf, zr.float(), yr, 0.01, "sample").item(), rel=1e-6
    )
    assert queue_loss(zf, yf, zr, yr, 0.01).dtype == torch.float32
