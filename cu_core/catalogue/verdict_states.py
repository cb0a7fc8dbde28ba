"""How the states of a verdict are written and put in order: words with a shape before them, the worst state first."""

from __future__ import annotations

from collections.abc import Sequence

from cu_core.catalogue.question_record import CANNOT_TELL, DIFFERS, NO_DIFFERENCE, STATES

SHAPES = {DIFFERS: "▲", CANNOT_TELL: "◆", NO_DIFFERENCE: "●"}
"""A shape for each state, so that colour never carries it alone. Sorted as texts they stand from worst to best."""


def is_state(value: object) -> bool:
    """Whether a stored value is a state that this program knows."""
    return isinstance(value, str) and value in STATES


def state_words(state: str) -> str:
    """A state with its shape, as lists and tables show it; empty where there is none."""
    return f"{SHAPES[state]} {STATES[state]}" if state in STATES else ""


def rank_of(state: str) -> int | None:
    """Place of a state, 0 for the worst; None where there is none."""
    return list(STATES).index(state) if state in STATES else None


def several_words(states: Sequence[str]) -> str:
    """The worst of the states of several runs, and of how many of them it is; empty without any.

    Args:
        states: one per run; what is no state counts as a run without a verdict.
    """
    worst = next((state for state in STATES if state in states), "")
    if not worst or len(states) == 1:
        return state_words(worst)
    return f"{state_words(worst)} ({list(states).count(worst)} of {len(states)})"


def several_rank(states: Sequence[str]) -> float | None:
    """By which `several_words` are sorted: the worst state first, within one the more runs have it; None without any.

    Args:
        states: as there.
    """
    worst = next((state for state in STATES if state in states), None)
    if worst is None:
        return None
    return list(STATES).index(worst) + 0.5 * (1 - list(states).count(worst) / len(states))
