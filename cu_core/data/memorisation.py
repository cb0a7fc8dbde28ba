"""Memorisation scores of training samples: leave-one-out score of their label, by ridge regression on patch features.

Feldman ("Does Learning Require Memorization?", STOC 2020, arXiv 1906.05271) calls a label memorised as far as a model
that was trained on the sample gives it that label more often than one that was not; Feldman and Zhang (2020) estimate
this with thousands of networks. Here the networks fit nearly all of their training labels, so the first half of that
difference is close to 1 for every sample, and the second decides: is the label to be expected without having seen it?

That is answered by leave-one-out, exactly and for all samples at once, of a classifier that is cheap enough: ridge
regression of the labels on responses to random whitened patches of the images (Coates and Ng, "The Importance of
Encoding Versus Training", ICML 2011: such patches come close to learned ones). It is a stand-in for a network that has
not seen the sample, so its score orders samples but is no probability; how often it is right is told beside it.

NumPy alone, so that a page, a worker and a test resolve the same forget set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cu_core.base.files import write_atomically
from cu_core.data.images import ImageData
from cu_core.data.shrink import shrunk
from cu_core.data.source import Progress, silent

VERSION = 1
"""Part of the cache's name; to be raised when scores change."""

SIDE = 32
"""Larger images are shrunk to at most so many px before patches are taken."""

FILTERS = 128
PATCHES = 20_000
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Ridge penalties that are tried, in units of the mean eigenvalue; leave-one-out decides."""

_CHUNK = 256
_THRESHOLD = 0.25
# Of the variance of a patch and of its directions, so that flat patches do not become noise.
_FLAT = 10 / 255**2
_WHITEN = 0.1
_DECIMALS = 5


@dataclass(frozen=True)
class Memorisation:
    """How far each training label is from what other samples suggest.

    Attributes:
        scores: (n,) float32: best other class's answer minus the label's, of the classifier that was fitted without
            the sample; about -1 (to be expected) to 1 (contradicts everything else); > 0 = it expects another class.
    """

    scores: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of training samples that the classifier gets right without having seen them."""
        return float((self.scores < 0).mean())

    def highest(self, count: int) -> np.ndarray:
        """(count,) int64 sorted: the samples with the highest scores; of equal ones those that come first."""
        # Rounded, so that the last digits of another machine's arithmetic do not change the choice.
        order = np.argsort(-np.round(self.scores.astype(np.float64), _DECIMALS), kind="stable")
        return np.sort(order[:count]).astype(np.int64)


def cached_path(folder: Path, data: ImageData) -> Path:
    """Where the scores of a dataset are kept."""
    return folder / f"memorisation-{VERSION}-{data.sha256[:24]}.npy"


def read_scores(folder: Path, data: ImageData) -> Memorisation | None:
    """The kept scores; None where they were not made yet or are damaged."""
    try:
        scores = np.load(cached_path(folder, data), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return Memorisation(scores) if scores.shape == data.train_labels.shape else None


def memorisation(data: ImageData, folder: Path | None = None, progress: Progress = silent) -> Memorisation:
    """Scores of all training samples; kept ones where there are any.

    50,000 images of 32 px take about half a minute of processor time and 1 GB of memory.

    Args:
        data: the dataset.
        folder: where scores are kept by the content of the dataset; nothing is kept by default.
        progress: called with (done, total, message); may raise to cancel.
    """
    if folder is not None and (kept := read_scores(folder, data)) is not None:
        return kept
    features = patch_features(np.asarray(data.train_images), progress)
    found = Memorisation(leave_one_out(features, data.train_labels, len(data.classes)))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(cached_path(folder, data), lambda handle: np.save(handle, found.scores, allow_pickle=False))
    return found


def patch_features(images: np.ndarray, progress: Progress = silent) -> np.ndarray:
    """Responses to random patches of the images themselves, summed in quarters of the picture.

    Patches are brought to mean 0 and unit contrast, whitened, and compared with `FILTERS` of them; responses of either
    sign beyond a threshold count.

    Args:
        images: (n, channels, h, w) uint8.
        progress: called with (done, total, message).

    Returns:
        (n, 8 FILTERS) float32.
    """
    n, _, height, width = images.shape
    side = min(height, width, SIDE)
    patch = 3 if side < 16 else 6
    stride = 1 if side < 16 else 2
    read: Callable[[slice | np.ndarray], np.ndarray] = lambda rows: shrunk(images[rows], side)  # noqa: E731
    mean, whiten, filters = _filters(read, n, patch)
    project = np.ascontiguousarray(whiten @ filters.T)
    offset = mean @ project
    places = (side - patch) // stride + 1
    quarter = (np.arange(places) * 2) // places
    features = np.empty((n, 4, 2 * FILTERS), np.float32)
    for start in range(0, n, _CHUNK):
        rows = slice(start, start + _CHUNK)
        patches = _patches(read(rows), patch, stride)
        response = (_contrast(patches.reshape(-1, patches.shape[-1])) @ project - offset).reshape(
            len(patches), places, places, FILTERS
        )
        for down in (0, 1):
            for across in (0, 1):
                part = response[:, quarter == down][:, :, quarter == across]
                cell = features[rows, 2 * down + across]
                cell[:, :FILTERS] = np.maximum(part - _THRESHOLD, 0).sum((1, 2))
                cell[:, FILTERS:] = np.maximum(-part - _THRESHOLD, 0).sum((1, 2))
        progress(min(start + _CHUNK, n), n, "looking for samples that must be memorised")
    return features.reshape(n, -1)


def leave_one_out(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """How wrong ridge regression is about each label when fitted on all other samples.

    With leverages h_i, the answer without sample i is (ŷ_i - h_i y_i) / (1 - h_i): no refitting (e.g. Hastie,
    Tibshirani and Friedman, section 7.10). The penalty with the smallest leave-one-out error is taken.

    Args:
        features: (n, m).
        labels: (n,) int in 0..classes-1.
        classes: C, at least 2.

    Returns:
        (n,) float32: best other class's answer minus the label's.
    """
    n = len(features)
    rows = features.astype(np.float32)
    rows = rows - rows.mean(0)
    rows /= np.maximum(rows.std(0), 1e-6)
    targets = np.zeros((n, classes))
    targets[np.arange(n), labels] = 1
    centre = targets.mean(0)
    targets -= centre
    values, vectors = np.linalg.eigh((rows.T @ rows).astype(np.float64))
    values = np.maximum(values, 0)
    # On the axes of the features each penalty is a division.
    rows = rows @ vectors.astype(np.float32)
    moments = (rows.T @ targets.astype(np.float32)).astype(np.float64)
    squares = np.square(rows)
    unit = float(values.mean()) or 1.0
    best: tuple[float, np.ndarray] | None = None
    for penalty in PENALTIES:
        shrink = 1 / (values + penalty * unit)
        leverage = 1 / n + squares @ shrink.astype(np.float32)
        fitted = rows @ (shrink[:, None] * moments).astype(np.float32)
        without = (fitted - leverage[:, None] * targets) / np.maximum(1 - leverage, 1e-6)[:, None]
        error = float(np.square(without - targets).mean())
        if best is None or error < best[0]:
            best = error, without + centre
    assert best is not None
    answers = best[1]
    own = answers[np.arange(n), labels].copy()
    answers[np.arange(n), labels] = -np.inf
    return (answers.max(1) - own).astype(np.float32)


def _filters(read: Callable[[np.ndarray], np.ndarray], n: int, patch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and whitening of patches, and the filters: whitened patches of unit length, always the same ones."""
    generator = np.random.default_rng(0)
    chosen = np.sort(generator.permutation(n)[: min(n, PATCHES // 4)])
    images = read(chosen)
    each = -(-PATCHES // len(chosen))
    which = np.repeat(np.arange(len(chosen)), each)
    most = images.shape[-1] - patch
    down, across = generator.integers(0, most + 1, (2, len(which)))
    steps = np.arange(patch)
    cut = images[
        which[:, None, None], :, (down[:, None] + steps)[:, :, None], (across[:, None] + steps)[:, None, :]
    ]  # (patches, patch, patch, channels)
    flat = _contrast(cut.transpose(0, 3, 1, 2).reshape(len(which), -1))
    mean = flat.mean(0)
    values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False).astype(np.float64))
    whiten = (vectors / np.sqrt(np.maximum(values, 0) + _WHITEN)) @ vectors.T
    whiten = whiten.astype(np.float32)
    filters = (flat[generator.permutation(len(flat))[:FILTERS]] - mean) @ whiten
    filters /= np.maximum(np.linalg.norm(filters, axis=1, keepdims=True), 1e-6)
    return mean, whiten, filters


def _patches(images: np.ndarray, patch: int, stride: int) -> np.ndarray:
    """(b, P·P, channels·patch·patch) all patches of images, `stride` px apart."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (patch, patch), axis=(2, 3))[:, :, ::stride, ::stride]
    b, channels, down, across = windows.shape[:4]
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(b, down * across, channels * patch * patch)


def _contrast(patches: np.ndarray) -> np.ndarray:
    """Patches (k, d) with mean 0 and about unit variance."""
    flat = patches - patches.mean(1, keepdims=True)
    flat /= np.sqrt(np.square(flat).mean(1, keepdims=True) + np.float32(_FLAT))
    return flat
