"""Histograms of cosines: means lie where they should, on bins and axes that do not move."""

from __future__ import annotations

import numpy as np
import pytest

from cu_core.figures.confidence_panes import ConfidencePane, common_bins, highest_share
from cu_core.figures.similarity_panes import COSINES, means_table, only, similarity_alt, similarity_histograms
from cu_core.figures.theme import COLOURS

GROUPS = np.repeat(["forget", "retain", "unseen"], [40, 60, 50])


def moment(seed: int, kind: str = "round") -> ConfidencePane:
    values = np.random.default_rng(seed).uniform(0.3, 0.9, 150).astype(np.float32)
    return ConfidencePane(f"{kind} {seed}", GROUPS, values, kind)


def draw(moments: list[ConfidencePane], *, overlaid: bool = True):
    edges = common_bins(COSINES["views"], [m.values for m in moments])
    return similarity_histograms(COSINES["views"], moments, edges, top=highest_share(moments, edges), overlaid=overlaid)


@pytest.mark.parametrize("overlaid", [True, False])
def test_a_dashed_line_stands_at_the_mean_of_every_group_in_its_own_pane(overlaid: bool) -> None:
    moments = [moment(0, "before"), moment(1), moment(2, "reference")]
    figure = draw(moments, overlaid=overlaid)
    steps = [t for t in figure.data if t.line.dash != "dash"]
    lines = [t for t in figure.data if t.line.dash == "dash"]
    assert len(steps) == len(lines) == 9
    for step, line, (one, group) in zip(
        steps, lines, [(m, g) for m in moments for g in ("forget", "retain", "unseen")], strict=True
    ):
        assert (line.xaxis, line.yaxis, line.legendgroup) == (step.xaxis, step.yaxis, group)
        assert line.line.color == COLOURS[group] and not line.showlegend
        assert list(line.x) == pytest.approx([one.of(group).mean()] * 2)
        assert f"of {len(one.of(group))} samples" in line.hovertemplate


def test_only_the_wanted_groups_stay() -> None:
    kept = only(moment(0), ("forget", "unseen"))
    assert set(kept.groups) == {"forget", "unseen"} and len(kept.values) == 90
    names = {t.name for t in draw([kept]).data if t.showlegend}
    assert names == {"Forget (n = 40)", "Unseen (n = 50)"}


def test_a_group_without_values_has_no_mean() -> None:
    values = np.where(GROUPS == "forget", np.nan, 0.5).astype(np.float32)
    figure = draw([ConfidencePane("x", GROUPS, values), moment(1)])
    assert len([t for t in figure.data if t.line.dash == "dash"]) == 5


def test_the_table_holds_means_counts_and_the_gap() -> None:
    one = moment(3)
    row = means_table([one]).iloc[0]
    assert row["moment"] == "round 3"
    assert row["forget"] == pytest.approx(one.values[:40].mean()) and row["forget n"] == 40
    assert row["gap"] == pytest.approx(one.values[:40].mean() - one.values[100:].mean())


def test_without_forget_values_there_is_no_gap() -> None:
    table = means_table([only(moment(0), ("unseen",))])
    assert np.isnan(table["gap"][0]) and "forget" not in table


def test_alt_text_names_the_means() -> None:
    one = moment(5)
    assert f"mean {one.of('forget').mean():.3g} (forget)" in similarity_alt(COSINES["views"], [one])
