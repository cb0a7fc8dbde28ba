"""The strip as pages draw it, without a browser."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from streamlit.testing.v1 import AppTest

from pages._drift.fidelity_strip import ruler_text


def strips() -> None:
    from pages._drift.fidelity_strip import exact_strip, fidelity_strip  # noqa: PLC0415

    record = {
        "trustworthiness": 0.97,
        "displacement_rank_correlation": 0.93,
        "distance_rank_correlation": 0.4,
        "samples": 1000,
        "rounds": [
            {"trustworthiness": 0.99, "displacement_rank_correlation": None},
            {"trustworthiness": 0.84, "displacement_rank_correlation": 0.93},
        ],
    }
    fidelity_strip(record, 0, [0, 3])
    fidelity_strip({}, 0, [])
    exact_strip("x is <distance>.")


def test_sentence_cards_and_levels_in_words() -> None:
    app = AppTest.from_function(strips, default_timeout=200).run()
    assert not app.exception
    said = [element.value for element in app.markdown]
    assert said[0] == "**Plotted movement follows true movement: 0.93 over all rounds; do not read distances.**"
    assert any("1,000 samples" in text and "**Trustworthiness.**" in text for text in said)
    assert "**There are too few samples to tell how faithful this picture is.**" in said
    cards, exact = [element.proto.body for element in app.get("html")]
    assert "0.99" in cards and "good" in cards and "0.84 in round&nbsp;3" in cards
    assert "0.40" in cards and "poor" in cards, "what has no value per round is shown over all"
    assert "Exact: no projection." in exact and "x is &lt;distance&gt;." in exact


def test_the_ruler_reads_the_round_that_is_shown() -> None:
    rounds = {0: np.eye(3, dtype=np.float16), 4: 2 * np.eye(3, dtype=np.float16)}
    view = SimpleNamespace(array=lambda number, name: {"embedding": rounds}[name][number])
    names = ("train sample 7", "test sample 9")
    told = ruler_text(view, (0, 0), (0, 2), names)
    assert told.startswith("From train sample 7 in round 0 to test sample 9 in round 0: true distance 1.41 ")
    flat = np.array([[0.0, 0], [1, 0], [3, 0]])
    said = ruler_text(view, (4, 4), (0, 2), names, (flat, flat))
    assert "true distance 2.83 (1.00 times" in said and "cosine similarity 0.000" in said
    assert "1.5 times as far as they are" in said
    # One sample in two rounds: from (1, 0, 0) to (2, 0, 0).
    moved = ruler_text(view, (0, 4), (0, 0), names, (flat, flat + 1))
    assert "in round 0 to" in moved and "in round 4: true distance 1 " in moved and "similarity 1.000" in moved
