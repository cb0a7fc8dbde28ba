"""Guessing: tails of the binomial distribution beside SciPy's, and what counts as no better than it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from cu_core.engine.base_knowledge import guessing_forget, hardly_known
from cu_core.metrics.chance import at_chance, at_least, below_chance, guessing


@pytest.mark.parametrize(("n", "p"), [(1, 0.1), (7, 0.5), (500, 0.1), (2000, 0.01), (100, 0.9)])
def test_tails_are_those_of_scipy(n: int, p: float) -> None:
    for right in {0, 1, n // 10, n // 2, n}:
        assert at_least(right, n, p) == pytest.approx(binom.sf(right - 1, n, p), rel=1e-9, abs=1e-300)


def test_the_most_frequent_class_is_the_best_guess() -> None:
    assert guessing(np.array([0, 0, 0, 1]), 4) == 0.75
    assert guessing(np.arange(10), 10) == 0.1


@pytest.mark.parametrize(
    ("right", "n", "p", "chance"),
    [
        (1, 500, 0.1, True),
        (55, 500, 0.1, True),
        (64, 500, 0.1, False),
        (490, 500, 0.1, False),
        (1, 1, 0.1, False),
        (3, 3, 0.5, False),
        (1, 3, 0.1, False),
        (0, 3, 0.1, True),
    ],
)
def test_what_guessing_gives(right: int, n: int, p: float, chance: bool) -> None:
    assert at_chance(right, n, p) is chance


def test_less_than_guessing_gives() -> None:
    assert below_chance(1, 500, 0.1) and not below_chance(48, 500, 0.1) and not below_chance(60, 500, 0.1)


def test_a_constant_answer_is_no_knowledge_of_samples_but_says_nothing_of_a_class() -> None:
    train = np.array([0] * 90 + [1] * 10)
    assert guessing_forget("sample", np.array([0, 0, 0, 1]), train, 2) == 0.75
    assert guessing_forget("class", np.zeros(5, int), train, 2) == 0.5


def test_a_base_that_hardly_knows_is_said_and_others_are_not() -> None:
    said = hardly_known(0.02, 200, 0.1)
    assert said and "right on 2.0 % of 200 forget samples, less than guessing gives (10 %)" in said
    assert "no better than guessing (10 %)" in str(hardly_known(0.1, 200, 0.1))
    assert "within what chance gives for so few samples (guessing: 10 %)" in str(hardly_known(0.11, 200, 0.1))
    assert hardly_known(0.9, 200, 0.1) is None
    assert hardly_known(None, 200, 0.1) is None and hardly_known(0.0, 0, 0.1) is None
