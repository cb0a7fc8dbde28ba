"""One of each of some pairs of samples."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cu_core.base.errors import BadInput
from cu_core.data.forget import resolve
from cu_core.data.forget_kinds.one_of_two import pairs_of
from cu_core.data.sample_names import write_names

NAMES = ["sun/a", "moon/a", "loose", "sun/b", "star/a", "moon/b", "star/b", "star/c", "rain/a", "loose"]


def test_pairs_are_names_alike_up_to_the_last_slash():
    assert sorted(map(tuple, pairs_of(NAMES).tolist())) == [(0, 3), (1, 5)]


@pytest.fixture
def data(make_data, tmp_path):
    found = make_data(np.arange(40) % 3)
    write_names(tmp_path, "train", [f"{n // 2}/{n % 2}" for n in range(40)])
    return dataclasses.replace(found, folder=tmp_path)


def test_one_of_each_pair_goes_and_the_other_stays(data):
    chosen = resolve("one-of-two:12", data, 3).indices
    assert len(chosen) == 12 == len(np.unique(chosen // 2))
    assert 0 < (chosen % 2).sum() < 12
    np.testing.assert_array_equal(chosen, resolve("one-of-two:12", data, 3).indices)
    assert not np.array_equal(chosen, resolve("one-of-two:12", data, 4).indices)


def test_too_many_pairs_and_no_names_are_refused(data, make_data):
    with pytest.raises(BadInput, match=r"has 20 pairs .*one-of-two:1 to 20"):
        resolve("one-of-two:21", data, 0)
    with pytest.raises(BadInput, match="has 0 pairs"):
        resolve("one-of-two:1", make_data(np.arange(9) % 3), 0)
