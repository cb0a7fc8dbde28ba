"""True against plotted displacement: distances, the line through them, and what is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from cu_core.figures.displacement import MOST_DRAWN, Displacement, displacement_figure


def moved(n: int = 50) -> Displacement:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(n, 6))
    now = start + rng.uniform(0, 2, (n, 1)) * np.eye(6)[0]
    return Displacement.of(np.linalg.norm(now - start, axis=1), start[:, :2], now[:, :2])


def test_a_faithful_picture_lies_on_its_line() -> None:
    found = moved()
    assert found.plotted == pytest.approx(found.trend * found.true)
    assert found.trend > 0


def test_plotted_distances_are_shares_of_the_radius() -> None:
    start = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    found = Displacement.of(np.zeros(4), start, -start)
    assert found.plotted == pytest.approx([2, 2, 2, 2])
    assert found.true.tolist() == [0] * 4 and found.trend == 0
    scaled = Displacement.of(np.zeros(4), 9 * start + 5, -9 * start + 5)
    assert scaled.plotted == pytest.approx(found.plotted)


def test_every_group_is_drawn_with_its_ids() -> None:
    found = moved()
    groups = np.array(["forget"] * 10 + ["retain"] * 40)
    figure = displacement_figure(found, groups, np.arange(100, 150), kept=np.full(50, 0.5, np.float32))
    line, forget, retain = figure.data
    assert [trace.name for trace in figure.data] == ["Faithful", "Forget", "Retain"]
    assert [number for number, _ in forget.customdata] == list(range(100, 110)) and len(retain.x) == 40
    assert line.y[1] / line.x[1] == pytest.approx(found.trend)
    assert {told for _, told in forget.customdata} == {"<br>true neighbours kept 50%"}
    assert {told for _, told in displacement_figure(found, groups, np.arange(50)).data[1].customdata} == {""}
    some = np.where(np.arange(50) < 3, 0.25, np.nan)
    told = [words for _, words in displacement_figure(found, groups, np.arange(50), kept=some).data[1].customdata]
    assert told[:4] == ["<br>true neighbours kept 25%"] * 3 + [""], "nothing is said of what was not measured"


def test_axes_hold_all_rounds() -> None:
    found, groups = moved(), np.full(50, "retain")
    far = (9.0, 4.0)
    figure = displacement_figure(found, groups, np.arange(50), ends=far)
    assert figure.layout.xaxis.range == pytest.approx((0, 9.45)) and figure.layout.yaxis.range == pytest.approx(
        (0, 4.2)
    )
    still = Displacement(np.zeros(50), np.zeros(50), 0.0)
    assert displacement_figure(still, groups, np.arange(50)).layout.xaxis.range == (0, 1.0)


def test_many_samples_are_thinned_but_the_farthest_mover_stays() -> None:
    found = moved(MOST_DRAWN * 2)
    groups = np.full(len(found.true), "retain")
    trace = displacement_figure(found, groups, np.arange(len(groups))).data[1]
    assert len(trace.x) <= MOST_DRAWN
    assert trace.x.max() == pytest.approx(found.true.max(), rel=1e-6)
