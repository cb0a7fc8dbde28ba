"""The out-of-sample score of labels: exact against refitting, and it finds labels that were replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from cu_core.base.errors import Cancelled
from cu_core.data import memorisation as module
from cu_core.data.images import ImageData
from cu_core.data.memorisation import (
    FILTERS,
    Memorisation,
    cached_path,
    leave_one_out,
    memorisation,
    patch_features,
    read_scores,
)
from cu_core.data.shrink import shrunk


def data_of(images: np.ndarray, labels: np.ndarray, sha256: str = "abc") -> ImageData:
    classes = tuple(map(str, range(int(labels.max()) + 1)))
    return ImageData(images, labels, images[:1], labels[:1], classes, (0.0,), (1.0,), labels, sha256)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    found = load_digits()
    return (found.images[:700] * 255 / 16).astype(np.uint8)[:, None], found.target[:700].astype(np.int64)


def test_leave_one_out_is_what_refitting_without_each_sample_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(40, 6)) * np.arange(1, 7), np.arange(40) % 3
    monkeypatch.setattr(module, "PENALTIES", (0.1,))
    standard = (features - features.mean(0)) / features.std(0)
    penalty = 0.1 * np.linalg.eigvalsh(standard.T @ standard).mean()
    expected = []
    for row in range(40):
        others = np.arange(40) != row
        fitted = Ridge(alpha=penalty).fit(standard[others], np.eye(3)[labels[others]])
        answers = fitted.predict(standard[[row]])[0]
        own = answers[labels[row]]
        answers[labels[row]] = -np.inf
        expected.append(answers.max() - own)
    np.testing.assert_allclose(leave_one_out(features, labels, 3), expected, atol=2e-4)


def test_the_penalty_with_the_smallest_error_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(60) % 2
    # More noise than samples: without a penalty everything is fitted and nothing is known.
    features = np.column_stack([labels + 0.3 * rng.normal(size=60), rng.normal(size=(60, 70))])
    right = {}
    for penalties in ((1e-6,), (1.0,), (1e-6, 1.0)):
        monkeypatch.setattr(module, "PENALTIES", penalties)
        right[penalties] = leave_one_out(features, labels, 2)
    assert (right[1.0,] < 0).mean() > (right[1e-6,] < 0).mean()
    np.testing.assert_array_equal(right[1e-6, 1.0], right[1.0,])


def test_replaced_labels_are_found_and_most_others_are_expected(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits
    wrong = np.random.default_rng(1).permutation(len(labels))[:40]
    noisy = labels.copy()
    noisy[wrong] = (labels[wrong] + 3) % 10
    found = memorisation(data_of(images, noisy))
    is_wrong = np.isin(np.arange(len(labels)), wrong)
    assert roc_auc_score(is_wrong, found.scores) > 0.99
    assert is_wrong[found.highest(40)].mean() > 0.9
    assert found.accuracy == pytest.approx(1 - 40 / 700, abs=0.03)
    assert memorisation(data_of(images, labels)).accuracy > 0.97


def test_scores_follow_the_samples_not_their_order(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits
    features = patch_features(images)
    order = np.random.default_rng(0).permutation(len(labels))
    np.testing.assert_allclose(
        leave_one_out(features, labels, 10)[order], leave_one_out(features[order], labels[order], 10), atol=1e-4
    )


@pytest.mark.parametrize("shape", [(5, 1, 8, 8), (300, 3, 32, 32), (4, 3, 50, 41), (3, 1, 12, 17)])
def test_images_of_any_size_have_features(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    first, second = patch_features(images), patch_features(images)
    assert first.shape == (shape[0], 8 * FILTERS) and np.isfinite(first).all()
    np.testing.assert_array_equal(first, second)


def test_features_are_what_loops_over_places_and_filters_give() -> None:
    images = np.random.default_rng(2).integers(0, 256, (7, 2, 10, 10), dtype=np.uint8)
    mean, whiten, filters = module._filters(lambda rows: images[rows].astype(np.float32) / 255, 7, 3)
    expected = np.zeros((7, 2, 2, 2 * FILTERS))
    for image in range(7):
        for down in range(8):
            for across in range(8):
                flat = images[image, :, down : down + 3, across : across + 3].ravel() / 255
                flat = (flat - flat.mean()) / np.sqrt(flat.var() + 10 / 255**2)
                response = filters.astype(np.float64) @ whiten.astype(np.float64).T @ (flat - mean)
                cell = expected[image, down // 4, across // 4]
                cell[:FILTERS] += np.maximum(response - 0.25, 0)
                cell[FILTERS:] += np.maximum(-response - 0.25, 0)
    np.testing.assert_allclose(patch_features(images), expected.reshape(7, -1), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(filters, axis=1), 1, rtol=1e-4)


def test_images_of_one_colour_have_no_features_and_no_numbers_go_wrong() -> None:
    images = np.full((6, 1, 8, 8), 90, np.uint8)
    scores = memorisation(data_of(images, np.arange(6) % 2)).scores
    assert np.isfinite(scores).all()


def test_the_highest_are_sorted_and_ties_go_to_the_first() -> None:
    found = Memorisation(np.array([0.5, 0.9, 0.5000001, -1, 0.9], np.float32))
    assert found.highest(3).tolist() == [0, 1, 4] and found.highest(3).dtype == np.int64
    assert found.highest(4).tolist() == [0, 1, 2, 4]
    assert found.accuracy == 0.2


def test_scores_are_kept_by_content(
    tmp_path: Path, digits: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = digits[0][:120], digits[1][:120]
    data, steps = data_of(images, labels), []
    assert read_scores(tmp_path, data) is None
    first = memorisation(data, tmp_path / "new", lambda done, total, message: steps.append((done, total)))
    assert steps[-1] == (120, 120)
    monkeypatch.setattr(module, "patch_features", lambda *_: pytest.fail("worked out twice"))
    np.testing.assert_array_equal(memorisation(data, tmp_path / "new").scores, first.scores)
    other = data_of(images, labels, "def")
    assert cached_path(tmp_path, other) != cached_path(tmp_path, data)
    cached_path(tmp_path / "new", data).write_bytes(b"damaged")
    assert read_scores(tmp_path / "new", data) is None


def test_a_cancel_leaves_nothing_behind(tmp_path: Path, digits: tuple[np.ndarray, np.ndarray]) -> None:
    def stop(*_: object) -> None:
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        memorisation(data_of(digits[0][:30], digits[1][:30]), tmp_path / "scores", stop)
    assert not (tmp_path / "scores").exists()


def test_shrinking_averages_blocks() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 12), dtype=np.uint8)
    expected = images.reshape(2, 3, 4, 2, 4, 3).mean((3, 5)) / 255
    np.testing.assert_allclose(shrunk(images, 4), expected, rtol=1e-5)
    assert shrunk(images, 20).shape == (2, 3, 8, 12)
    uneven = shrunk(np.arange(5, dtype=np.uint8).reshape(1, 1, 1, 5), 2)
    np.testing.assert_allclose(uneven.ravel() * 255, [0.5, 3.0], rtol=1e-5)
