"""Copies of forgotten images among those that stay: what a model that keeps them still learns of the forget set.

Exact copies have the same pixels. Near ones look the same: their small pictures, as `cu_core.data.duplicates` compares
them, are less than `NEAR` apart. That bound was set on 20,000 training images of CIFAR-10. Of their 200 million pairs,
36 are nearer; to the eye 33 of these are copies, which that dataset is known for. Of the pairs of different classes,
which are no copies, 2 of 180 million are nearer (birds and aeroplanes before the sky), and 26 within 0.3. Of copies
made on purpose, it finds 99 % or more after JPEG at quality 50, blur, noise, another size, higher contrast or less
light, 98 % at 1.2 times the brightness and 83 % after JPEG at quality 20; of ones moved by a pixel in 32, 30 %. Of the
1.6 million pairs of the digits, which have no more than 8 px, 28 are nearer, all of one class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cu_core.data.duplicates import small_pictures
from cu_core.data.images import ImageData

NEAR = 0.2
MOST_BYTES = 2**30
"""Of training images that are compared by their looks; more take too long to make small."""
MOST_PAIRS = 10**9
"""Of a forgotten and a retained image that are compared by their looks."""
_BLOCK = 2048
_DIRECTIONS = 32
_ROUNDING = 1e-4


@dataclass(frozen=True)
class Copies:
    """Images outside a forget set that show the same as one inside.

    Attributes:
        exact: (k,) int64 sorted, retained training images with the pixels of a forgotten one.
        near: (m,) int64 sorted, other retained ones that look like a forgotten one.
        unseen: (u,) int64 sorted, unseen images with the pixels of a forgotten one.
        compared: whether near ones were looked for; not where there are too many images.
    """

    exact: np.ndarray
    near: np.ndarray
    unseen: np.ndarray
    compared: bool

    @property
    def retained(self) -> np.ndarray:
        """(k + m,) int64 sorted: exact and near ones."""
        return np.union1d(self.exact, self.near)


def find_copies(data: ImageData, forget: np.ndarray) -> Copies:
    """Copies of forgotten images among the retained and the unseen ones.

    Args:
        data: the dataset.
        forget: (k,) int64 sorted and distinct, into the training images.
    """
    retain = np.setdiff1d(np.arange(len(data.train_labels)), forget)
    forgotten = {data.train_images[index].tobytes() for index in forget}
    exact = _same(data.train_images, retain, forgotten)
    unseen = _same(data.test_images, np.arange(len(data.test_labels)), forgotten)
    compared = data.train_images.nbytes <= MOST_BYTES and len(forget) * len(retain) <= MOST_PAIRS
    near = _alike(data.train_images, forget, np.setdiff1d(retain, exact)) if compared else exact[:0]
    return Copies(exact, near, unseen, compared)


def copies_in_words(copies: Copies) -> list[str]:
    """What a reader of a run's numbers should know of copies; nothing where there are none."""
    said = []
    exact, near, unseen = len(copies.exact), len(copies.near), len(copies.unseen)
    if exact or near:
        kinds = [f"{exact:,} exact {'copy' if exact == 1 else 'copies'}"] * (exact > 0)
        kinds += [f"{near:,} near {'copy' if near == 1 else 'copies'}"] * (near > 0)
        are = "is" if exact + near == 1 else "are"
        said.append(
            f"Among the retained images {are} {' and '.join(kinds)} of forgotten ones: what they show stays in the "
            "training set, also for a retrained model."
        )
    if unseen:
        said.append(
            f"{unseen:,} unseen {'image has' if unseen == 1 else 'images have'} the pixels of a forgotten one, so a "
            "model knows them before it forgets."
        )
    if not copies.compared:
        said.append("Near copies of forgotten images were not looked for: there are too many images to compare.")
    return said


def _same(images: np.ndarray, indices: np.ndarray, wanted: set[bytes]) -> np.ndarray:
    """Those of some images whose pixels are among the wanted ones."""
    if not wanted:
        return indices[:0]
    # The middle row tells nearly all apart, and of large images little more has to be read from the disk.
    channels, height, width = images.shape[1:]
    row = slice(height // 2, height // 2 + 1)
    rows = {
        np.frombuffer(pixels, np.uint8).reshape(channels, height, width)[:, row].tobytes()
        for pixels in wanted
        if len(pixels) == channels * height * width
    }
    found = [
        index for index in indices if images[index, :, row].tobytes() in rows and images[index].tobytes() in wanted
    ]
    return np.array(found, dtype=np.int64)


def _alike(images: np.ndarray, forget: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Those of some images whose small picture is near one of a forgotten image.

    Pictures are first compared along the directions in which the forgotten ones differ most: distances can only be
    smaller there, so that none is missed, and few pairs are left to be compared in full.
    """
    forgotten = _with_pattern(images, forget)[1]
    if not len(forgotten):
        return others[:0]
    directions = np.linalg.eigh(forgotten.T @ forgotten)[1][:, -_DIRECTIONS:]
    columns = _beside(forgotten @ directions)
    found = []
    for start in range(0, len(others), _BLOCK):
        indices, pictures = _with_pattern(images, others[start : start + _BLOCK])
        rows = _beside(pictures @ directions)
        rows[:, -2:] = rows[:, :-3:-1]
        maybe = (rows @ columns.T).max(1) > -(NEAR**2) / 2 - _ROUNDING
        indices, pictures = indices[maybe], pictures[maybe]
        # Of two pictures of length 1, the product is one minus half their squared distance.
        found.append(indices[(pictures @ forgotten.T).max(1, initial=-1.0) > 1 - NEAR**2 / 2])
    return np.concatenate(found) if found else others[:0]


def _beside(pictures: np.ndarray) -> np.ndarray:
    """Pictures with two more columns, by which products of rows are minus half of their squared distances."""
    half = (pictures**2).sum(1, keepdims=True) / 2
    return np.hstack([pictures, -half, np.ones_like(half)]).astype(np.float32)


def _with_pattern(images: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Small pictures of those images that have more than one colour: of the rest any two would count as the same."""
    parts = [small_pictures(images[indices[i : i + _BLOCK]]) for i in range(0, len(indices), _BLOCK)]
    pictures = np.concatenate(parts) if parts else np.zeros((0, 1))
    kept = pictures.any(1)
    return indices[kept], pictures[kept]
