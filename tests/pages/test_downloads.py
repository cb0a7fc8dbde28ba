"""Tables that pages hand out: every format holds the same numbers, and missing ones stay missing."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from cu_core.analysis.papers.filled_table import Finished, fill
from cu_core.analysis.papers.paper_runs import specs_of
from cu_core.analysis.papers.scales import DIGITS
from cu_core.analysis.papers.table_text import numbers_of
from cu_core.analysis.papers.tables_wang_chen import TABLES
from cu_core.base.home import Home
from cu_core.figures.attack_overview import all_numbers
from cu_core.runstore.reader import open_run
from pages._shared.downloads import csv_bytes, parquet_bytes
from tests.madeup import MadeUp, write_run
from tests.pages.page_helpers import open_page

TABLE = pd.DataFrame(
    {"name": ["a", 'µ, "quoted"'], "value": pd.array([0.1 + 0.2, None], dtype="Float64"), "seeds": [3, 0]}
)


def test_both_formats_give_back_the_table() -> None:
    from_csv = pd.read_csv(io.BytesIO(csv_bytes(TABLE)))
    assert list(from_csv["name"]) == list(TABLE["name"]) and from_csv["value"][0] == 0.1 + 0.2
    assert from_csv["value"].isna().tolist() == [False, True]
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(parquet_bytes(TABLE))), TABLE)


DOWNLOADS = """
import streamlit as st
from pages._shared.downloads import table_downloads
from tests.pages.test_downloads import TABLE
def make():
    st.session_state["made"] = True
    return TABLE
table_downloads(make, "numbers", "numbers", rows=2)
"""


def test_a_table_that_is_not_asked_for_is_not_made() -> None:
    app = AppTest.from_string(DOWNLOADS, default_timeout=200).run()
    assert not app.exception and "made" not in app.session_state and len(app.get("download_button")) == 2
    assert app.caption[0].value == "2 rows"


@pytest.mark.parametrize(
    ("page", "keys"),
    [("runs.py", {"runs"}), ("papers.py", {"paper_table"}), ("attack.py", {"attacks", "decisions"})],
)
def test_pages_with_tables_hand_them_out(home: Home, page: str, keys: set[str]) -> None:
    write_run(home, "one", MadeUp())
    app = open_page(page, **({"run": "one"} if page == "attack.py" else {}))
    found = {element.proto.id.rpartition("-")[2] for element in app.get("download_button")}
    assert {f"{key}_{ending}" for key in keys for ending in ("csv", "parquet")} <= found


def test_a_paper_table_is_handed_out_with_its_paper_values_apart_from_ours() -> None:
    spec = specs_of(TABLES["V"], DIGITS)[0]
    result = {"metrics": {"after": {"linear_acc": 0.5}}, "counts": {}}
    table = numbers_of(fill(TABLES["V"], DIGITS, [Finished("mine", spec, result)]))
    row = table[(table["row"] == "yes / yes") & (table["column"] == "ACC after")].iloc[0]
    assert (row["paper"], row["mean"], row["seeds"], row["runs"]) == (60, 50, 1, "mine") and pd.isna(row["sd"])
    assert len(table) == len(TABLES["V"].rows) * len(TABLES["V"].columns)


def test_the_attack_table_holds_every_number_with_its_interval(home: Home) -> None:
    write_run(home, "one", MadeUp())
    attacks = open_run(home, "one").audit()["attacks"]
    table = all_numbers(attacks).set_index(["attack", "model", "way", "number"])
    for way in ("refitted", "transferred"):
        value, low, high = attacks["loss"]["after"][way]["auc"]
        assert tuple(table.loc[("loss", "after", way, "auc")]) == (value, low, high)
    assert {name[0] for name in table.index} == set(attacks) and all_numbers({}).empty


CAMERA_PAGE = """
import streamlit as st
from pages._shared.chart_bar import bar, format_choice
format_choice()
st.json(bar(("zoom2d",)))
"""


def test_the_camera_saves_what_the_session_chose() -> None:
    def camera() -> tuple[str, int]:
        shown = json.loads(app.json[0].value)
        assert shown["modeBarButtonsToRemove"] == ["zoom2d"] and shown["displaylogo"] is False
        return shown["toImageButtonOptions"]["format"], shown["toImageButtonOptions"]["scale"]

    app = AppTest.from_string(CAMERA_PAGE, default_timeout=200).run()
    assert camera() == ("png", 2)
    app.get_by_key("picture_format").set_value("svg").run()
    assert camera() == ("svg", 1)
