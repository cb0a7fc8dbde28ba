"""Full-space displacement: means as stored, quartiles as NumPy computes them, lines that say n."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cu_core.figures.drift_table import drift_lines, drift_lines_alt, drift_table, quartiles, wide_table

GROUPS = np.repeat(["forget", "retain", "unseen"], [30, 50, 20])


def manifests() -> list[dict]:
    return [
        {
            "round": k,
            "drift": {
                "forget": {"cosine": 1 - k / 5, "euclidean": k * 1.5},
                "retain": {"cosine": 1 - k / 50, "euclidean": k * 0.1},
                "unseen": {},
            },
        }
        for k in (2, 0, 1)
    ]


def bands() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = []
    for k in range(3):
        rows += quartiles(GROUPS, {"cosine": rng.uniform(size=100), "euclidean": rng.exponential(size=100)}, k)
    return pd.DataFrame(rows)


def test_table_is_what_the_manifests_say_in_order() -> None:
    table = drift_table(manifests())
    assert list(table["round"]) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    forget = table[table["group"] == "forget"]
    assert list(forget["cosine"]) == pytest.approx([1, 0.8, 0.6])
    assert list(forget["euclidean"]) == pytest.approx([0, 1.5, 3])
    assert table[table["group"] == "unseen"]["cosine"].isna().all()


def test_wide_table_has_a_column_per_measure_and_group() -> None:
    wide = wide_table(drift_table(manifests()))
    assert list(wide["round"]) == [0, 1, 2]
    assert list(wide["euclidean retain"]) == pytest.approx([0, 0.1, 0.2])
    assert len(wide.columns) == 7


def test_quartiles_match_numpy_per_group() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=100).astype(np.float32)
    values[5] = np.nan
    rows = {row["group"]: row for row in quartiles(GROUPS, {"cosine": values}, 4)}
    for group, row in rows.items():
        own = values[group == GROUPS]
        low, median, high = np.nanpercentile(own.astype(float), [25, 50, 75])
        assert (row["low"], row["median"], row["high"]) == pytest.approx((low, median, high))
        assert row["n"] == np.isfinite(own).sum() and row["round"] == 4
    assert rows["forget"]["n"] == 29


def test_a_group_without_values_has_no_row() -> None:
    assert quartiles(GROUPS, {"cosine": np.full(100, np.nan)}, 0) == []


def test_lines_show_mean_median_and_quartile_band_with_n() -> None:
    band = bands()
    figure = drift_lines(drift_table(manifests()), band)
    own = band[(band["group"] == "forget") & (band["measure"] == "cosine")]
    line = next(t for t in figure.data if t.name == "Forget (n = 30)" and t.xaxis == "x")
    assert list(line.y) == pytest.approx([1, 0.8, 0.6])
    area = next(t for t in figure.data if t.fill == "toself" and t.legendgroup == "forget" and t.xaxis == "x")
    assert list(area.y) == pytest.approx([*own["low"], *own["high"][::-1]])
    median = next(t for t in figure.data if t.line.dash == "dot" and t.legendgroup == "forget" and t.xaxis == "x")
    assert list(median.y) == pytest.approx(list(own["median"]))
    assert not [t for t in figure.data if t.legendgroup == "unseen" and t.name]


def test_lines_without_bands_and_without_rounds() -> None:
    assert drift_lines(drift_table(manifests()), pd.DataFrame()).data
    assert not drift_lines(drift_table([]), pd.DataFrame()).data
    assert drift_lines_alt(drift_table([])) == "No round has been recorded yet."


def test_alt_text_gives_the_last_rounds_means() -> None:
    text = drift_lines_alt(drift_table(manifests()))
    assert text.startswith("After round 2: forget samples have mean cosine 0.600")
    assert "unseen" not in text
