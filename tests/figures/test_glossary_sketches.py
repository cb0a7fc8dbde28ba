"""The glossary's drawings show what their captions say."""

from __future__ import annotations

import numpy as np
import pytest

from cu_core.figures.glossary_sketches import SKETCHES, GlossarySketch, class_and_sample_accuracies


def trace(name: str, key: str, place: int = 0) -> np.ndarray:
    """(n, 2) points of the trace of this name; of several, the one at a place."""
    found = [t for t in SKETCHES[key].draw().data if str(t.name).startswith(name)]
    return np.column_stack([np.asarray(found[place].x, float), np.asarray(found[place].y, float)])


@pytest.mark.parametrize("sketch", SKETCHES.values(), ids=list(SKETCHES))
def test_a_drawing_is_the_same_every_time_and_says_what_it_is(sketch: GlossarySketch) -> None:
    assert sketch.draw().to_json() == sketch.draw().to_json()
    assert sketch.words.startswith(("Made-up points", "A sketch")) and sketch.words.endswith(".")
    figure = sketch.draw()
    sizes = [a.font.size for a in figure.layout.annotations] + [figure.layout.legend.font.size]
    assert min(sizes) >= 12


def test_a_deleted_row_stays_in_the_line() -> None:
    rows, row = trace("Other", "row-and-weights"), trace("The row", "row-and-weights")
    stays, anew = trace("Model", "row-and-weights"), trace("Trained", "row-and-weights")
    for line, points in ((stays, np.concatenate([rows, row])), (anew, rows)):
        assert line[:, 1] == pytest.approx(np.polyval(np.polyfit(*points.T, 1), line[:, 0]))
    assert stays[-1, 1] - anew[-1, 1] > 0.5


def test_a_class_falls_to_nothing_and_random_samples_to_the_unseen() -> None:
    shown = class_and_sample_accuracies()
    for before, reference, unseen in shown.values():
        assert before == 1.0 and reference < before
        assert unseen > 0.7
    assert shown["A class"][1] == 0.0
    assert shown["Random samples"][1] == pytest.approx(shown["Random samples"][2], abs=0.05)


def test_the_moved_boundary_takes_retained_samples_along() -> None:
    forget, after = trace("To forget", "retained-neighbours"), trace("Boundary after", "retained-neighbours")
    same, taken = trace("Retained, same", "retained-neighbours"), trace("Dragged", "retained-neighbours")
    assert after[0, 0] < forget[0, 0] < 0
    assert len(taken) == ((same[:, 0] > after[0, 0]) & (same[:, 0] < 0)).sum() > 1


def test_the_unlearned_model_lies_in_the_band_and_off_one_reference() -> None:
    area, all_seeds = trace("Band", "seeds-and-band"), trace("References", "seeds-and-band")
    model = trace("Unlearned", "seeds-and-band")[0, 0]
    assert area[:, 0].min() < model < area[:, 0].max()
    assert abs(model - all_seeds[0, 0]) > np.abs(all_seeds[:, 0] - all_seeds[:, 0].mean()).mean()


def test_one_loss_has_one_minimum_and_the_other_several() -> None:
    assert len(trace("Where", "one-minimum", 0)) == 1 < len(trace("Where", "one-minimum", 1))


def test_swapped_neurons_are_far_and_the_same_function() -> None:
    reference, swapped = trace("Reference", "weight-distance")
    (base,) = trace("Before", "weight-distance")
    assert np.linalg.norm(base - reference) < np.linalg.norm(swapped - reference)
    inputs = np.linspace(-2, 2, 9)
    answers = [np.tanh(np.outer(inputs, weights)).sum(1) for weights in (reference, swapped, base)]
    assert answers[0] == pytest.approx(answers[1])
    assert np.abs(answers[0] - answers[2]).max() > 0.05


def test_the_turned_map_keeps_distances_and_moves_every_sample() -> None:
    def apart(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points[:, None] - points[None], axis=2)

    before, still, turned = trace("Round 0", "map-and-space"), *(trace("Round 1", "map-and-space", k) for k in (0, 1))
    assert np.array_equal(before, still)
    assert apart(turned) == pytest.approx(apart(before))
    assert np.linalg.norm(turned - before, axis=1).min() > 0.05
