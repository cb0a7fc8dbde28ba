"""Over-unlearning: beyond the band on the side of too much forgetting, and only there."""

from __future__ import annotations

import pytest

from cu_core.metrics.over_unlearning import beyond, over_unlearning

REFERENCES = [
    {"forget_acc": 0.60, "forget_loss": 1.20, "mia_auc": 0.50},
    {"forget_acc": 0.62, "forget_loss": 1.15, "mia_auc": 0.51},
    {"forget_acc": 0.61, "forget_loss": 1.25, "mia_auc": 0.49},
]
WITHIN = {"forget_acc": 0.6, "forget_loss": 1.2, "mia_auc": 0.5}


def test_within_the_band_is_nothing() -> None:
    assert beyond(WITHIN, REFERENCES, 500) == []


@pytest.mark.parametrize(
    ("metric", "too_much", "too_little"),
    [("forget_acc", 0.3, 0.95), ("forget_loss", 3.0, 0.1), ("mia_auc", 0.3, 0.8)],
)
def test_only_one_side_is_too_much(metric: str, too_much: float, too_little: float) -> None:
    assert beyond(WITHIN | {metric: too_much}, REFERENCES, 500) == [metric]
    assert beyond(WITHIN | {metric: too_little}, REFERENCES, 500) == []


def test_finds_the_first_round_and_the_last_state() -> None:
    rounds = [(1, WITHIN), (2, WITHIN | {"forget_acc": 0.1}), (3, WITHIN)]
    judged = {"judged": ["forget_acc", "forget_loss", "mia_auc"]}
    assert over_unlearning(rounds, REFERENCES, 500) == {"first_round": 2, "final": False, "metrics": []} | judged
    assert over_unlearning(rounds[:2], REFERENCES, 500) == judged | {
        "first_round": 2,
        "final": True,
        "metrics": ["forget_acc"],
    }
    assert over_unlearning(rounds[:1], REFERENCES, 500) == {"first_round": None, "final": False, "metrics": []} | judged


def test_a_method_that_starts_anew_is_judged_at_its_end_alone() -> None:
    rounds = [(1, WITHIN | {"forget_acc": 0.1}), (2, WITHIN | {"forget_acc": 0.2}), (3, WITHIN)]
    found = over_unlearning(rounds, REFERENCES, 500, end_alone=True)
    assert found is not None and (found["first_round"], found["final"]) == (None, False)
    found = over_unlearning(rounds[:2], REFERENCES, 500, end_alone=True)
    assert found is not None and (found["first_round"], found["final"]) == (2, True)


def test_samples_are_judged_by_their_loss_minus_that_of_unseen_ones() -> None:
    """A model that is less sure of everything, as one trained on fewer images is, has not forgotten too much."""
    references = [reference | {"loss_gap": 0.01 * k} for k, reference in enumerate(REFERENCES)]
    unsure = WITHIN | {"forget_loss": 3.0, "loss_gap": 0.01}
    assert beyond(unsure, references, 500) == []
    assert beyond(unsure | {"loss_gap": 2.0}, references, 500) == ["loss_gap"]
    without = [reference | {"loss_gap": None} for reference in REFERENCES]
    assert beyond(unsure | {"loss_gap": None}, without, 500) == [], "no unseen samples of these classes"


def test_needs_two_references_and_a_round() -> None:
    assert over_unlearning([(1, WITHIN)], REFERENCES[:1], 500) is None
    assert over_unlearning([], REFERENCES, 500) is None


def test_what_is_known_better_than_to_retrained_models_is_not_less_known_for_its_rank_among_unseen_samples() -> None:
    """A class that is still known can lie below unseen samples of the same class, farther than in retrained models."""
    low = WITHIN | {"mia_auc": 0.3}
    assert beyond(low, REFERENCES, 500) == ["mia_auc"]
    assert beyond(low | {"forget_loss": 0.1}, REFERENCES, 500) == []
    assert beyond(low | {"forget_loss": 3.0}, REFERENCES, 500) == ["forget_loss", "mia_auc"]
