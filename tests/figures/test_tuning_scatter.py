"""The picture of a tuning: every trial over every hyper-parameter, the nearest and the start told apart."""

from __future__ import annotations

from cu_core.figures.tuning_scatter import TriedAxis, TriedValues, tuning_alt, tuning_scatter

AXES = [TriedAxis("lr", "Learning rate", True), TriedAxis("attack", "Attack", False)]
TRIALS = [
    TriedValues(1, {"lr": 0.01, "attack": "fgsm"}, 0.3),
    TriedValues(2, {"lr": 0.1, "attack": "pgd"}, 0.1),
    TriedValues(3, {"lr": 0.2, "attack": "pgd"}, None),
    TriedValues(4, {"lr": 0.001, "attack": "fgsm"}, 0.2),
]


def test_every_trial_stands_in_every_pane_and_one_without_a_distance_at_the_edge() -> None:
    figure = tuning_scatter(AXES, TRIALS, best=2, among=(0.02, 0.05))
    beyond = max(t.distance for t in TRIALS if t.distance is not None) + 1
    assert tuning_scatter(AXES, TRIALS, among=(beyond,)).layout.yaxis.range[1] > beyond, "the line is in the picture"
    by_pane = {axis: [t for t in figure.data if (t.xaxis or "x") == axis] for axis in ("x", "x2")}
    for traces in by_pane.values():
        assert sum(len(t.x) for t in traces) == len(TRIALS)
        drawn = {t.name: list(t.y) for t in traces}
        assert drawn["Start"] == [0.3] and drawn["Nearest"] == [0.1] and drawn["Trial"] == [0.2]
        assert drawn["Without a distance"][0] > 0.3
    assert figure.layout.xaxis.type == "log" and figure.layout.xaxis2.type != "log"
    assert figure.layout.xaxis2.title.text == "Attack"
    # Each kind is told once by the legend, and by its shape.
    shown = [t.name for t in figure.data if t.showlegend]
    assert sorted(shown) == ["Nearest", "Start", "Trial", "Without a distance"]
    assert len({t.marker.symbol for t in by_pane["x"]}) == 4
    assert {line.y0 for line in figure.layout.shapes} == {0.05}


def test_one_trial_and_none_with_a_distance() -> None:
    (trace,) = tuning_scatter(AXES[:1], TRIALS[:1], best=1).data
    assert trace.name == "Nearest"
    assert [t.name for t in tuning_scatter(AXES[:1], TRIALS[2:3]).data] == ["Without a distance"]


def test_words() -> None:
    assert "trial 2 is nearest with 0.100, the values at the start 0.300" in tuning_alt(TRIALS, 2)
    assert "No trial" in tuning_alt(TRIALS[2:3], None)
