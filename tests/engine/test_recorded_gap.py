"""The gap between recorded and present answers leaves out what half precision has rounded, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from cu_core.engine.verdict.verdict_phase import recorded_gap
from cu_core.metrics.questions.integrity import LIMIT


@pytest.mark.parametrize("offset", [0.0, 2.4, 900.0])
@pytest.mark.parametrize("spread", [0.05, 3.0, 40.0])
def test_rounding_alone_is_no_gap(offset: float, spread: float) -> None:
    now = (np.random.default_rng(0).normal(size=(200, 10)) * spread + offset).astype(np.float32)
    assert recorded_gap(now.astype(np.float16), now) <= 1e-9


def test_other_answers_are_a_gap_of_their_size() -> None:
    now = (np.random.default_rng(1).normal(size=(200, 10)) * 3).astype(np.float32)
    said = now.astype(np.float16)
    said[7, 3] += np.float16(1.5)
    assert recorded_gap(said, now) == pytest.approx(1.5 / now.std(), rel=0.01) and recorded_gap(said, now) > LIMIT


def test_what_was_clipped_is_no_gap() -> None:
    now = np.array([[1e6, -3.0, 0.0], [-1e7, 2.0, 1.0]], np.float32)
    said = now.clip(-65504, 65504).astype(np.float16)
    assert recorded_gap(said, now) == 0.0
    assert recorded_gap(said[:0], now[:0]) == 0.0
