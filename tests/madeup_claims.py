"""Made-up verdicts with everything that a real one has, in every state."""

from __future__ import annotations

from typing import Any

import numpy as np

from cu_core.catalogue.question_record import CANNOT_TELL, DIFFERS, NO_DIFFERENCE, QUESTIONS, STATES

SETTLED = ("unchanged", "integrity")
"""Questions that need no retrained models."""


def madeup_test(value: float | None = 5.0, *, count: int = 8, decisive: bool = True, **changes: Any) -> dict[str, Any]:
    """One test: retrained models around 0, the model before unlearning at 8."""
    several = count > 1
    found = {
        "id": "margin",
        "title": "Margin of forget minus unseen samples",
        "unit": "of log-odds",
        "sides": "both",
        "value": value,
        "base": 8.0,
        "planted": False,
        "references": np.linspace(-0.4, 0.4, count).tolist() if several else [],
        "null_low": -1.0 if several else None,
        "null_high": 1.0 if several else None,
        "p": 0.4 if value is None or abs(value) <= 1 else 0.0001,
        "detectable": 1.5 if several else None,
        "margin": 4.0,
        "controlled": True,
        "decisive": decisive and several,
        "n": 130,
    }
    return found | changes


def madeup_claim(question: str, state: str, *, references: int = 8, **changes: Any) -> dict[str, Any]:
    """The answer to one question."""
    value = 5.0 if state == DIFFERS else 0.3
    settled = question in SETTLED
    tests = [] if settled else [madeup_test(value, count=references)]
    if not settled:
        tests.append(madeup_test(value, count=references, decisive=False, id="auc", title="AUC", unit=""))
    few = references < 5 and not settled
    found = {
        "id": question,
        "state": CANNOT_TELL if few else state,
        "direction": f"{question} too much" if state == DIFFERS else "",
        "statistic": None if few else value,
        "null_low": None if few or settled else -1.0,
        "null_high": None if few else 1.0,
        "p": None if few or settled else 0.0002 if state == DIFFERS else 0.9,
        "detectable": None if few or settled else 1.5,
        "n": 130,
        "applies": True,
        "controlled": None if few or settled else state != CANNOT_TELL,
        "notes": [f"A note of {question}."],
        "tests": tests,
        "sentence": f"The answer of {question} is {state}.",
    }
    return found | changes


def madeup_verdict(state: str, *, references: int = 8) -> dict[str, Any]:
    """A verdict whose worst claim has this state; the questions take turns through the states from it on."""
    states = list(STATES)[list(STATES).index(state) :]
    asked = [name for name in QUESTIONS if name not in SETTLED]
    claims = {name: madeup_claim(name, NO_DIFFERENCE) for name in SETTLED if name in QUESTIONS}
    claims |= {name: madeup_claim(name, states[k % len(states)], references=references) for k, name in enumerate(asked)}
    return {
        "state": CANNOT_TELL if references < 5 else state,
        "sentence": f"In short it is {state}.",
        "statistician": f"Of {references} retrained models each was left out in turn.",
        "references": references,
        "level": 0.05,
        "seconds": 0.5,
        "claims": [claims[name] for name in QUESTIONS if name in claims],
    }
