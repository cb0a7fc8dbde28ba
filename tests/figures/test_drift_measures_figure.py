"""Lines of drift measures: what the manifests say, bands from the references, words for those who cannot see it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from cu_core.figures.measure_curves import (
    TO_REFERENCE,
    measure_lines,
    measure_lines_alt,
    measure_table,
    reference_cka_table,
)
from cu_core.figures.theme import COLOURS, GROUPS
from cu_core.metrics.drift.drift_measure import MEASURES
from cu_core.metrics.drift.seed_noise import noise_band
from tests.madeup import MadeUp, write_run


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    from cu_core.base.home import Home  # noqa: PLC0415 - as in the fixture of that name, for a whole module

    home = Home(tmp_path_factory.mktemp("drift-measures")).create()
    run_dir = write_run(home, "shown", MadeUp(references=(0, 1), images=False, audited=0))

    def read(folder: str) -> list[dict]:
        found = [json.loads(path.read_text()) for path in sorted(run_dir.glob(f"{folder}/*/manifest.json"))]
        return sorted(found, key=lambda m: m.get("seed", m["round"]))

    return read("rounds"), read("reference")


def test_table_holds_what_the_manifests_say(recorded) -> None:
    rounds, _ = recorded
    table = measure_table(rounds[::-1])
    assert len(table) == 6 * 3 * len(MEASURES) and table["round"].is_monotonic_increasing
    for row in table.itertuples():
        report = rounds[row.round]["drift"][row.group]
        assert row.mean == report[row.measure]
        if MEASURES[row.measure].spread:
            assert (row.low, row.median, row.high) == tuple(report["quantiles"][row.measure][1:4])
        else:
            assert np.isnan([row.low, row.median, row.high]).all()


def test_older_rounds_leave_what_they_recorded() -> None:
    older = [{"round": 3, "drift": {"forget": {"cosine": 0.5, "euclidean": 2.0}, "retain": {}}}, {"round": 4}]
    table = measure_table(older)
    assert table[["round", "group", "measure", "mean"]].to_numpy().tolist() == [
        [3, "forget", "cosine", 0.5],
        [3, "forget", "euclidean", 2.0],
    ]
    assert table["low"].isna().all()
    figure = measure_lines(table, ["cosine", "boundary"])
    assert [trace.name for trace in figure.data] == ["Forget"]
    assert measure_table([]).empty and not measure_lines(measure_table([]), ["cosine"]).data


def test_cka_to_the_references_is_averaged_over_them(recorded) -> None:
    _, references = recorded
    table = reference_cka_table(references)
    assert set(table["measure"]) == {TO_REFERENCE} and len(table) == 6 * 3
    for row in table.itertuples():
        values = [manifest["cka"][row.group][row.round] for manifest in references]
        assert (row.mean, row.low, row.high) == pytest.approx((np.mean(values), min(values), max(values)))
    assert reference_cka_table([{}]).empty


def drawn(recorded, measures, **more):
    rounds, references = recorded
    table = pd.concat([measure_table(rounds), reference_cka_table(references)])
    return measure_lines(
        table, measures, noise=noise_band(references), references=measure_table(references), **more
    ), noise_band(references)


def pane(figure, number: int) -> list:
    axis = "y" if number == 1 else f"y{number}"
    return [trace for trace in figure.data if (trace.yaxis or "y") == axis]


def test_motion_is_held_against_noise_and_levels_against_the_reference(recorded) -> None:
    figure, band = drawn(recorded, ["relative", "boundary"])
    noise = pane(figure, 1)[0]
    low, median, high = band.middle("forget", "relative")
    assert list(noise.y) == [low, low, high, high] and noise.name == "Two seeds differ by (forget)"
    assert list(pane(figure, 1)[1].y) == [median, median]
    levels = [m["drift"]["forget"]["quantiles"]["boundary"] for m in recorded[1]]
    shown = pane(figure, 2)[0]
    assert list(shown.y)[0] == pytest.approx(np.mean([q[1] for q in levels]))
    assert list(shown.y)[2] == pytest.approx(np.mean([q[3] for q in levels]))
    assert shown.name == "Reference (forget)"
    assert figure.layout.shapes[0].y0 == 0, "the boundary itself"
    assert figure.layout.shapes[0].yref == "y2"


def test_lines_are_the_means_with_quartile_bands(recorded) -> None:
    figure, _ = drawn(recorded, ["euclidean"])
    for group in GROUPS:
        line = next(t for t in figure.data if t.legendgroup == group and t.mode == "lines+markers")
        assert list(line.x) == list(range(6))
        assert list(line.y) == [m["drift"][group]["euclidean"] for m in recorded[0]]
        assert line.line.color == COLOURS[group] and len(set(line.marker.symbol)) == 2
        area = next(t for t in figure.data if t.legendgroup == group and t.fill == "toself")
        quartiles = [m["drift"][group]["quantiles"]["euclidean"] for m in recorded[0]]
        assert list(area.y) == [q[1] for q in quartiles] + [q[3] for q in quartiles][::-1]


def test_the_cka_pane_also_shows_the_reference_and_has_no_quartiles(recorded) -> None:
    figure, _ = drawn(recorded, ["cosine", "cka"])
    dotted = [t for t in pane(figure, 2) if t.line.dash == "dot"]
    assert len(dotted) == 3 and list(dotted[0].y) == pytest.approx(
        [np.mean([m["cka"]["forget"][k] for m in recorded[1]]) for k in range(6)]
    )
    assert not any(t.fill for t in pane(figure, 2) if t.legendgroup in GROUPS)


def test_every_pane_has_its_words_and_the_legend_says_each_thing_once(recorded) -> None:
    figure, _ = drawn(recorded, list(MEASURES), columns=3)
    titles = [a.text for a in figure.layout.annotations]
    assert titles == [measure.title for measure in MEASURES.values()]
    names = [t.name for t in figure.data if t.showlegend]
    assert len(names) == len(set(names)) and {"Forget", "Retain", "Unseen"} <= set(names)
    axes = [figure.layout[f"yaxis{k}" if k > 1 else "yaxis"].title.text for k in range(1, 10)]
    assert axes == [measure.axis for measure in MEASURES.values()]


def test_words(recorded) -> None:
    table = measure_table(recorded[0])
    words = measure_lines_alt(table, ["cosine", "cka"])
    last = recorded[0][-1]["drift"]
    assert f"forget {last['forget']['cosine']:.3f}" in words and "round 5" in words and "CKA" in words
    assert "No measure" in measure_lines_alt(table.iloc[:0], ["cosine"])
