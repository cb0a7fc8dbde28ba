"""Batches: resident and streamed alike, epochs, random draws, repeatability."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cu_core.base.errors import BadInput
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data import batches
from cu_core.data.batches import ImageSource, Split, Withheld
from cu_core.data.prepared import prepare
from cu_core.data.views import augmentation

CPU = torch.device("cpu")
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
IMAGES = np.random.default_rng(0).integers(0, 256, (37, 3, 16, 16), dtype=np.uint8)
LABELS = np.arange(37) % 5


def source(resident: bool = True) -> ImageSource:
    return ImageSource(IMAGES, LABELS, MEAN, STD, CPU, resident)


def split(size: int = 37, seed: int = 0, **options) -> Split:
    return Split(source(), np.arange(size), torch.Generator().manual_seed(seed), **options)


def test_taken_images_are_normalised_like_by_hand():
    x, y = source().take(torch.tensor([5, 0, 5]))
    picked = IMAGES[[5, 0, 5]].astype(np.float64) / 255
    expected = (picked - np.array(MEAN)[:, None, None]) / np.array(STD)[:, None, None]
    np.testing.assert_allclose(x.numpy(), expected, rtol=1e-5, atol=1e-6)
    assert x.dtype == torch.float32 and y.tolist() == [0, 0, 0]


@pytest.mark.parametrize("augment", ["none", "crop", "crop-flip"])
def test_streamed_batches_are_bit_for_bit_the_resident_ones(home, augment):
    data = prepare(DataSpec(), home)
    runs = []
    for resident in (True, False):
        images = ImageSource.train(data, CPU, resident)
        part = Split(images, np.arange(5, 300), torch.Generator().manual_seed(4), augmentation(augment))
        runs.append([*part.epoch(64), part.sample(50), *part.epoch(64, shuffle=False)])
        assert images.resident is resident
    for one, other in zip(*runs, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_streaming_does_not_hold_the_images(home):
    data = prepare(DataSpec(), home)
    streamed = ImageSource.train(data, CPU, resident=False)
    assert not any(isinstance(v, torch.Tensor) and v.numel() >= data.train_images.size for v in vars(streamed).values())


@pytest.mark.parametrize(("free", "resident"), [(10 * IMAGES.nbytes, True), (1.9 * IMAGES.nbytes, False)])
def test_what_does_not_fit_is_streamed(monkeypatch, free, resident):
    monkeypatch.setattr(batches, "free_memory", lambda device: free)
    assert ImageSource(IMAGES, LABELS, MEAN, STD, CPU).resident is resident


def test_free_memory_is_asked_of_the_machine():
    assert 2**20 < batches.free_memory(CPU) < 2**50


def test_source_keeps_its_own_copy_and_accepts_read_only_arrays():
    images = IMAGES.copy()
    images.flags.writeable = False
    kept = ImageSource(images, LABELS, MEAN, STD, CPU, resident=True)
    images.flags.writeable = True
    before = kept.take(torch.arange(3))[0]
    images[:] = 0
    assert torch.equal(kept.take(torch.arange(3))[0], before)


@given(st.integers(1, 37), st.integers(1, 40), st.booleans())
def test_an_epoch_passes_over_every_sample_once(size, batch_size, shuffle):
    part = split(size)
    seen = list(part.epoch(batch_size, shuffle))
    assert sorted(torch.cat([idx for _, _, idx in seen]).tolist()) == list(range(size))
    assert len(seen) == part.steps(batch_size)
    for x, y, idx in seen:
        assert len(x) == len(y) == len(idx) <= batch_size + 1
        np.testing.assert_array_equal(y, LABELS[idx])
    if size > 1 and batch_size > 1:
        assert min(len(idx) for _, _, idx in seen) > 1


def test_batches_are_full_but_the_last():
    assert [len(idx) for _, _, idx in split(35).epoch(16)] == [16, 16, 3]
    assert [len(idx) for _, _, idx in split(33).epoch(16)] == [16, 17]
    assert [len(idx) for _, _, idx in split(1).epoch(16)] == [1]
    assert [len(idx) for _, _, idx in split(3).epoch(1)] == [1, 1, 1]


def test_order_is_new_each_epoch_and_fixed_without_shuffling():
    part = split()
    first, second = (torch.cat([idx for _, _, idx in part.epoch(8)]) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.cat([idx for _, _, idx in part.epoch(8, shuffle=False)]).tolist() == list(range(37))


def test_indices_are_those_of_the_source():
    part = Split(source(), np.array([30, 3, 7]), torch.Generator().manual_seed(0))
    x, y, idx = next(part.epoch(3, shuffle=False))
    assert idx.tolist() == [30, 3, 7] and len(part) == 3
    assert torch.equal(x, source().take(torch.tensor([30, 3, 7]))[0])


def test_a_draw_has_no_sample_twice_unless_there_are_too_few():
    part = split(20)
    for n in (1, 7, 20):
        assert len(set(part.sample(n)[2].tolist())) == n
    counts = np.bincount(part.sample(47)[2].numpy(), minlength=20)
    assert counts.sum() == 47 and counts.min() >= 2 and counts.max() <= 3


def test_draws_are_fresh_and_uniform():
    part = split(20)
    drawn = torch.stack([part.sample(5)[2] for _ in range(2000)])
    assert len({tuple(row.tolist()) for row in drawn[:50]}) == 50
    # 2,000 draws of 5 in 20: 500 each with standard deviation 19.
    assert np.abs(np.bincount(drawn.flatten().numpy()) - 500).max() < 5 * 19.4


def test_a_restored_generator_repeats_the_batches():
    generator = torch.Generator().manual_seed(9)
    part = Split(source(), np.arange(37), generator, augmentation("crop-flip"))
    list(part.epoch(8))
    state = generator.get_state()
    first = [*part.epoch(8), part.sample(10)]
    generator.set_state(state)
    again = [*part.epoch(8), part.sample(10)]
    assert all(torch.equal(a, b) for x, y in zip(first, again, strict=True) for a, b in zip(x, y, strict=True))


def test_the_global_random_state_is_neither_used_nor_moved():
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    part = split(augment=augmentation("crop-flip"))
    list(part.epoch(8))
    part.sample(40)
    assert torch.equal(before, torch.random.get_rng_state())


def test_augmentation_can_be_exchanged():
    part = split()
    plain = next(part.epoch(37, shuffle=False))[0]
    part.augment = augmentation("crop-flip")
    assert not torch.equal(next(part.epoch(37, shuffle=False))[0], plain)


@pytest.mark.gpu
@pytest.mark.parametrize("resident", [True, False])
def test_batches_on_a_gpu_equal_those_on_the_cpu(resident):
    parts = [
        Split(
            ImageSource(IMAGES, LABELS, MEAN, STD, torch.device(device), resident),
            np.arange(37),
            torch.Generator().manual_seed(2),
            augmentation("crop-flip"),
        )
        for device in ("cpu", "cuda")
    ]
    for one, other in zip(*(list(part.epoch(8)) for part in parts), strict=True):
        assert other[0].device.type == "cuda" and other[1].device.type == "cuda"
        assert torch.equal(one[2], other[2]) and torch.equal(one[1], other[1].cpu())
        torch.testing.assert_close(one[0], other[0].cpu())


def test_a_share_is_fixed_and_withheld_samples_stay_away() -> None:
    data = ImageSource(np.zeros((40, 1, 4, 4), np.uint8), np.arange(40) % 3, (0.5,), (0.2,), torch.device("cpu"))
    split = Split(data, np.arange(10, 40), torch.Generator().manual_seed(0))
    part = split.share(0.3, seed=4)
    assert len(part) == 9 and set(part.indices.tolist()) < set(range(10, 40))
    assert torch.equal(part.indices, split.share(0.3, seed=4).indices)
    assert not torch.equal(part.indices, split.share(0.3, seed=5).indices)
    assert len(split.share(1e-9, seed=0)) == 1

    withheld = Withheld(split, "it reads none")
    asked = (lambda: next(withheld.epoch(8)), lambda: withheld.sample(2), lambda: withheld.share(0.5, 0).sample(1))
    asked += (lambda: withheld.readable(withheld.indices),)
    for ask in asked:
        with pytest.raises(BadInput, match="it reads none"):
            ask()
    assert withheld.images_drawn == 0
    assert len(withheld.readable(withheld.indices[:0])) == 0
    assert torch.equal(split.readable(split.indices[:3]), split.indices[:3])
