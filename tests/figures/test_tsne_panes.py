"""The map: fixed axes, the same samples in every frame and pane, redraw, choice of points."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cu_core.figures.theme import COLOURS, SYMBOLS, class_name
from cu_core.figures.tsne_panes import Snapshot, choose_points, drift_alt, drift_map

COUNTS = {"retain": 50, "forget": 20, "unseen": 30}
CLASSES = ("cat", "dog", "<i>emu</i>")


@pytest.fixture
def probe() -> pd.DataFrame:
    group = np.repeat(list(COUNTS), list(COUNTS.values()))
    rng = np.random.default_rng(0)
    order = rng.permutation(len(group))
    return pd.DataFrame(
        {
            "sample": rng.permutation(1000)[: len(group)] + 50_000,
            "split": np.where(group == "unseen", "test", "train"),
            "group": group,
            "label": rng.integers(0, 3, len(group)),
        }
    ).iloc[order]


def snapshot(number: int, n: int = 100) -> Snapshot:
    rng = np.random.default_rng(number)
    return Snapshot(
        rng.normal(size=(n, 2)).astype(np.float32) * (number + 1),
        rng.integers(0, 3, n),
        rng.uniform(size=n).astype(np.float32),
        rng.exponential(size=n).astype(np.float32),
        {"trustworthiness": 0.9, "continuity": 0.95 - 0.1 * number},
    )


@pytest.fixture
def rounds() -> dict[int, Snapshot]:
    return {number: snapshot(number) for number in range(4)}


def by_meta(figure, group: str, number: int | None) -> list:
    return [t for t in figure.data if t.meta["group"] == group and t.meta["round"] == number]


def test_starts_at_the_last_round_unless_told(probe, rounds) -> None:
    assert drift_map(probe, rounds, None, CLASSES).layout.sliders[0].active == 3
    figure = drift_map(probe, rounds, None, CLASSES, shown=1)
    assert figure.layout.sliders[0].active == 1
    assert by_meta(figure, "forget", 1) and not by_meta(figure, "forget", 3)


@pytest.mark.parametrize("number", range(4))
def test_each_frame_lists_the_same_samples_in_the_same_order(probe, rounds, number) -> None:
    figure = drift_map(probe, rounds, snapshot(9), CLASSES)
    frame = figure.frames[number]
    assert frame.name == str(number)
    for place, trace in zip(frame.traces, frame.data, strict=True):
        base = figure.data[place]
        assert trace.meta["group"] == base.meta["group"] and trace.meta["round"] == number
        np.testing.assert_array_equal(trace.customdata[:, :2], base.customdata[:, :2])
        rows = trace.customdata[:, 0].astype(int)
        assert (probe["group"].to_numpy()[rows] == trace.meta["group"]).all()
        np.testing.assert_array_equal(trace.customdata[:, 1].astype(int), probe["sample"].to_numpy()[rows])
        np.testing.assert_array_equal(np.column_stack([trace.x, trace.y]), rounds[number].coordinates[rows])
        np.testing.assert_array_equal(trace.customdata[:, 2], rounds[number].confidence[rows])
        np.testing.assert_array_equal(trace.customdata[:, 3], rounds[number].loss[rows])


def test_frames_touch_only_the_middle_pane(probe, rounds) -> None:
    figure = drift_map(probe, rounds, snapshot(9), CLASSES)
    moving = {place for frame in figure.frames for place in frame.traces}
    assert {figure.data[place].xaxis for place in moving} == {"x2"}
    assert len(moving) == 3


def test_every_way_of_changing_the_round_redraws(probe, rounds) -> None:
    # scattergl keeps showing the old round without it, although the data model moves on.
    layout = drift_map(probe, rounds, None, CLASSES).layout
    options = [step.args[1] for step in layout.sliders[0].steps]
    options += [button.args[1] for button in layout.updatemenus[0].buttons]
    assert len(options) == 4 + 2
    for option in options:
        assert option["frame"]["redraw"] is True
        assert option["transition"]["duration"] == 0


def test_axes_hold_every_round_are_square_and_shared(probe, rounds) -> None:
    reference = snapshot(9)
    figure = drift_map(probe, rounds, reference, CLASSES)
    everything = np.concatenate([s.coordinates for s in [*rounds.values(), reference]])
    x_ranges = {tuple(axis.range) for axis in figure.select_xaxes()}
    y_ranges = {tuple(axis.range) for axis in figure.select_yaxes()}
    assert len(x_ranges) == len(y_ranges) == 1
    (left, right), (bottom, top) = x_ranges.pop(), y_ranges.pop()
    assert right - left == pytest.approx(top - bottom)
    assert left < everything[:, 0].min() and everything[:, 0].max() < right
    assert bottom < everything[:, 1].min() and everything[:, 1].max() < top
    assert [axis.scaleanchor for axis in figure.select_yaxes()] == ["x", "x2", "x3"]
    for frame in figure.frames:
        assert "xaxis" not in frame.layout.to_plotly_json()


def test_coordinates_travel_as_float32(probe, rounds) -> None:
    figure = drift_map(probe, rounds, None, CLASSES)
    for trace in [*figure.data, *(t for frame in figure.frames for t in frame.data)]:
        assert trace.x.dtype == trace.y.dtype == np.float32


def test_groups_keep_colour_and_shape_and_toggle_together(probe, rounds) -> None:
    figure = drift_map(probe, rounds, snapshot(9), CLASSES)
    for group in COUNTS:
        traces = [t for t in figure.data if t.meta["group"] == group]
        assert len(traces) == 3
        assert {t.legendgroup for t in traces} == {group}
        assert sum(bool(t.showlegend) for t in traces) == 1
        assert [t.marker.symbol for t in traces] == [f"{SYMBOLS[group]}-open", SYMBOLS[group], SYMBOLS[group]]
        assert {len(t.x) for t in traces} == {COUNTS[group]}
    assert any(f"n = {COUNTS['forget']}" in (t.name or "") for t in figure.data)


def test_reference_positions_of_forget_samples_can_be_laid_over(probe, rounds) -> None:
    reference = snapshot(9)
    (target,) = [t for t in drift_map(probe, rounds, reference, CLASSES).data if t.legendgroup == "reference"]
    assert target.visible == "legendonly" and target.marker.color == COLOURS["reference"]
    expected = reference.coordinates[np.flatnonzero(probe["group"].to_numpy() == "forget")]
    np.testing.assert_array_equal(np.column_stack([target.x, target.y]), expected)


def test_hover_names_group_sample_classes_probability_and_loss(probe, rounds) -> None:
    figure = drift_map(probe, rounds, None, CLASSES)
    (trace,) = by_meta(figure, "unseen", 3)
    row = int(trace.customdata[0, 0])
    sample, label = probe["sample"].iloc[row], probe["label"].iloc[row]
    name = CLASSES[label].replace("<", "‹").replace(">", "›")
    assert trace.hovertext[0] == f"Unseen · test sample {sample}<br>class {name}"
    for piece in ("%{hovertext}", "predicted %{text}", "%{customdata[2]", "<br>loss %{customdata[3]"):
        assert piece in trace.hovertemplate
    assert "<i>" not in "".join(trace.text)


def test_pointing_at_a_mislabelled_sample_names_both_classes(probe, rounds) -> None:
    true_label = probe["label"].to_numpy().copy()
    row = int(np.flatnonzero(probe["group"] == "forget")[0])
    true_label[row] = (true_label[row] + 1) % 3
    figure = drift_map(probe.assign(true_label=true_label), rounds, None, CLASSES)
    said = by_meta(figure, "forget", 3)[0].hovertext
    names = [class_name(CLASSES, labels[row]) for labels in (probe["label"].to_numpy(), true_label)]
    assert said[0].endswith(f"<br>labelled {names[0]}, truly {names[1]}")
    assert all("<br>class " in words for words in said[1:])


def test_pane_titles_carry_the_fidelity_of_what_they_show(probe, rounds) -> None:
    figure = drift_map(probe, rounds, snapshot(1), CLASSES)
    texts = [a.text for a in figure.layout.annotations]
    assert "continuity 0.95" in texts[0] and "Round 3" in texts[1] and "continuity 0.65" in texts[1]
    assert "Reference" in texts[2] and COLOURS["reference"] in texts[2]
    for number, frame in enumerate(figure.frames):
        changed = [a.text for a in frame.layout.annotations]
        assert f"Round {number}" in changed[1] and changed[0] == texts[0] and changed[2] == texts[2]


def test_a_single_round_needs_no_scrubber(probe) -> None:
    figure = drift_map(probe, {0: snapshot(0)}, None, CLASSES)
    assert not figure.layout.sliders and not figure.layout.updatemenus


def test_points_that_are_not_finite_do_not_break_the_axes(probe, rounds) -> None:
    rounds[2].coordinates[3] = np.nan
    assert all(np.isfinite(axis.range).all() for axis in drift_map(probe, rounds, None, CLASSES).select_xaxes())


def test_alt_text_counts_the_samples(probe) -> None:
    text = drift_alt(probe, [0, 1, 2], True)
    assert "100 samples (20 forget, 50 retain, 30 unseen)" in text and "rounds 0 to 2" in text and "reference" in text


@given(st.lists(st.sampled_from(["forget", "retain", "unseen"]), max_size=300), st.integers(1, 60))
def test_choice_of_points_keeps_within_the_limit_and_favours_forget(groups: list[str], limit: int) -> None:
    names = np.array(groups, dtype=object)
    rows = choose_points(names, limit)
    assert len(rows) == min(limit, len(names))
    assert (np.diff(rows) > 0).all()
    if len(names) > limit:
        forget = int((names == "forget").sum())
        assert int((names[rows] == "forget").sum()) >= min(forget, limit // 2)
