"""The growing image file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cu_core.data import image_file
from cu_core.data.image_file import ImageFile


@given(st.lists(st.sampled_from([1, 3]), min_size=1, max_size=12), st.sampled_from([1, 3]))
def test_any_order_of_grey_and_colour(tmp_path_factory, channels, least):
    generator = np.random.default_rng(len(channels))
    images = [generator.integers(0, 256, (c, 3, 2), dtype=np.uint8) for c in channels]
    path = tmp_path_factory.mktemp("images") / "x.npy"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_file, "CHUNK", 4)
        file = ImageFile(path, len(images))
        for image in images:
            file.append(image)
        file.finish(least)
    final = max(*channels, least)
    stored = np.load(path, allow_pickle=False)
    np.testing.assert_array_equal(stored, np.stack([np.broadcast_to(image, (final, 3, 2)) for image in images]))
    assert list(path.parent.iterdir()) == [path]


def test_a_missing_image_is_noticed(tmp_path):
    file = ImageFile(tmp_path / "x.npy", 2)
    file.append(np.zeros((1, 2, 2), np.uint8))
    with pytest.raises(ValueError, match="1 images were written where 2 were promised"):
        file.finish(1)
    file.close()
