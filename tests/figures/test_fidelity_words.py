"""What is said about a picture follows from its numbers."""

from __future__ import annotations

import pytest

from cu_core.figures.fidelity import Fidelity, residual_words, worst


def item(trust: float | None, continuity: float | None, variance: float | None = 0.9, name: str = "x") -> Fidelity:
    numbers = {"trustworthiness": trust, "continuity": continuity, "explained_variance": variance, "samples": 200.0}
    return Fidelity.of(name, {"fidelity": numbers | {"neighbours": 15}})


@pytest.mark.parametrize(
    ("trust", "continuity", "level"),
    [(0.99, 0.97, "good"), (0.95, 0.95, "good"), (0.99, 0.9, "fair"), (0.84, 0.99, "poor"), (None, None, "unknown")],
)
def test_the_weaker_number_decides(trust: float | None, continuity: float | None, level: str) -> None:
    assert item(trust, continuity).level == level


def test_distances_may_be_read_only_where_neighbours_and_variance_are_good() -> None:
    warning = "do not read distances"
    assert warning not in item(0.99, 0.99, 0.9).words()
    assert warning in item(0.99, 0.99, 0.5).words()
    assert warning in item(0.5, 0.99, 0.9).words()
    assert "unreliable" in item(0.5, 0.99, 0.9).words()
    assert "50%" in item(0.99, 0.99, 0.5).words()


def test_too_few_samples_are_said() -> None:
    assert "Too few samples" in item(None, None).words()
    assert Fidelity.of("x", {}).words() == item(None, None).words()


def test_worst_ignores_what_is_unknown() -> None:
    items = [item(0.9, 0.8, name="a"), item(0.79, 0.99, name="b"), item(None, None, name="c")]
    found = worst(items)
    assert found is not None and found.name == "b"
    assert worst([item(None, None)]) is None


def test_residual_is_given_in_percent() -> None:
    assert "leaves 31%" in residual_words(0.31)
