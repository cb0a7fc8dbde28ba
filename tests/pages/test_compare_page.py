"""The compare page through the frame: choosing runs, the table around the reference, pictures, differences, records."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from cu_core.base.home import Home
from cu_core.catalogue.spec import MethodSpec
from pages._compare.compare_table import RowTexts
from tests.madeup import MadeUp, write_run
from tests.pages.page_helpers import open_page, texts

LINES = ["Contrastive unlearning", "Finetune", "Before unlearning", "Retrained"]
PICTURES = ("pareto", "rounds", "classes", "predictions", "distributions", "layers", "recovery")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two methods, one with two seeds, and a run of another forget set without reference; only read."""
    home = Home(tmp_path_factory.mktemp("compared")).create()
    for seed in (0, 1):
        write_run(home, f"a-{seed}", MadeUp(references=(0, 1, 2), seed=seed, spec={"group": "g"}))
    write_run(home, "b-0", MadeUp(references=(0, 1, 2), spec={"group": "g", "method": MethodSpec("finetune")}))
    write_run(home, "c-0", MadeUp(select="random:40", references=(), audited=0))
    return home


@pytest.fixture
def group(made: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The same as the home of the pages."""
    monkeypatch.setenv("CU_HOME", str(made.root))
    return made


def table(app: AppTest):
    return next(frame.value for frame in app.dataframe if "line" in frame.value)


def set_to(app: AppTest, key: str, value: object) -> AppTest:
    app.get_by_key(key).set_value(value).run()
    assert not app.exception, app.exception
    return app


def test_an_empty_home_says_what_to_do(home: Home) -> None:
    app = open_page("compare.py")
    assert "Nothing to compare yet" in texts(app) and "references" in texts(app)


def test_without_a_choice_groups_are_offered(group: Home) -> None:
    app = open_page("compare.py")
    assert "Tick two runs or more" in texts(app) and not app.get("plotly_chart")
    app.get_by_key("group_g").click().run()
    assert app.query_params["runs"] == "a-0,a-1,b-0"
    assert list(table(app)["line"]) == LINES


def test_the_address_names_the_runs_or_their_group(group: Home) -> None:
    app = open_page("compare.py", group="g")
    assert list(table(app)["line"]) == LINES
    app = open_page("compare.py", runs="a-1,nosuch")
    assert "nosuch" in texts(app) and list(table(app)["line"])[0] == "Contrastive unlearning"
    assert "group 'none'" in texts(open_page("compare.py", group="none"))


def test_seeds_are_a_mean_or_lines_of_their_own(group: Home) -> None:
    app = open_page("compare.py", group="g")
    line = table(app).set_index("line").loc["Contrastive unlearning"]
    assert line["seeds"] == 2
    app = set_to(app, "seeds", "each")
    each = table(app).set_index("line")
    two = [name for name in each.index if name.startswith("Contrastive")]
    assert len(two) == 2 and all("seed" in name for name in two)
    assert each.loc[two, "forget_acc"].mean() == pytest.approx(line["forget_acc"])


def test_cells_show_values_distances_or_gaps(group: Home) -> None:
    app = open_page("compare.py", group="g")
    value = table(app).set_index("line")["retain_acc"]
    gap = table(set_to(app, "cells", "gap")).set_index("line")["retain_acc"]
    reference = value["Retrained"]
    assert gap["Finetune"] == pytest.approx(value["Finetune"] - reference)
    shown = table(set_to(app, "cells", "distance"))
    assert "tow" not in shown and "retain_acc" in shown


def test_lines_can_be_filtered_and_columns_chosen(group: Home) -> None:
    app = open_page("compare.py", group="g")
    app.text_input(key="compare_filter").set_value("fine").run()
    assert list(table(app)["line"]) == ["Finetune"]
    app.text_input(key="compare_filter").set_value("nothing like it").run()
    assert "No line matches" in texts(app)


def test_what_is_missing_says_why_and_unlike_runs_are_told(group: Home) -> None:
    app = open_page("compare.py", runs="a-0,c-0")
    said = texts(app)
    assert "did not do the same" in said and "class:5 (1 run), random:40 (1 run)" in said
    assert "no reference was retrained" in said and "not defined for sample forgetting" in said


@pytest.mark.parametrize("picture", PICTURES)
def test_every_picture_is_drawn_with_words_for_it(group: Home, picture: str) -> None:
    app = set_to(open_page("compare.py", group="g"), "picture", picture)
    (chart,) = app.get("plotly_chart")
    figure = json.loads(chart.proto.spec)
    assert "finetune" in chart.proto.alt.lower()
    assert "Finetune" in json.dumps(figure)


def test_words_of_bands_fills_and_colours_stand_beside_what_they_explain(group: Home) -> None:
    alone = set_to(open_page("compare.py", runs="c-0"), "picture", "rounds")
    assert "No band is drawn" in texts(alone) and "Colour: distance" not in texts(alone)
    alone = set_to(alone, "picture", "distributions")
    assert "No retrained model is recorded" in texts(alone) and "Filled" not in texts(alone)
    both = set_to(open_page("compare.py", group="g"), "picture", "rounds")
    said = texts(both)
    assert "95 % prediction band of the retrained models on the same samples" in said and "In a mean over seeds" in said
    assert "Colour: distance" in texts(both)
    assert "from the smallest to the largest share" in texts(set_to(both, "picture", "distributions"))


def test_runs_without_layers_have_no_picture_of_them(home: Home) -> None:
    write_run(home, "stopped", MadeUp(state="cancelled"))
    app = set_to(open_page("compare.py", runs="stopped"), "picture", "layers")
    assert "None of these runs has layers" in texts(app) and not app.get("plotly_chart")


@pytest.mark.parametrize("picture", ["pareto", "classes", "recovery"])
def test_a_picture_that_needs_a_reference_says_so(group: Home, picture: str) -> None:
    app = set_to(open_page("compare.py", runs="c-0"), "picture", picture)
    assert not app.get("plotly_chart")
    assert "None of these runs has" in texts(app)


def test_a_choice_of_filters_and_all_of_it(group: Home) -> None:
    app = open_page("compare.py")
    app.multiselect(key="compare_method").set_value(["finetune"]).run()
    app.get_by_key("choose_all").click().run()
    assert app.query_params["runs"] == "b-0"
    app.get_by_key("choose_none").click().run()
    assert "runs" not in app.query_params and "Tick two runs" in texts(app)


def test_two_runs_differ_in_words_and_either_can_be_cloned(group: Home) -> None:
    app = open_page("compare.py", runs="a-0,b-0")
    app.session_state["difference_box"] = True
    app.run()
    assert "Method: Contrastive unlearning → Finetune" in texts(app).replace("\\", "")
    app.get_by_key("clone_1").click().run()
    assert app.title[0].value == "Launch" and app.query_params["clone"] == "b-0"


def test_the_full_record_of_a_run(group: Home) -> None:
    app = open_page("compare.py", runs="a-0,b-0")
    app.session_state["record_box"] = True
    app.run()
    record = next(frame.value for frame in app.dataframe if "part" in frame.value)
    assert {"Seeds", "Hashes", "Versions", "Hardware", "Commands"} <= set(record["part"])


def test_ticked_runs_of_the_list_lead_here(group: Home) -> None:
    app = open_page("runs.py")
    app.session_state["compared"] = ["a-0", "b-0"]
    app.run()
    app.get_by_key("to_compare").click().run()
    assert app.title[0].value == "Compare" and set(app.query_params["runs"].split(",")) == {"a-0", "b-0"}


def test_a_column_says_its_texts_row_by_row_and_again() -> None:
    texts_of = RowTexts(["1 ± 2", "n/a"])
    assert [texts_of(v) for v in (1.0, float("nan"), 1.0)] == ["1 ± 2", "n/a", "1 ± 2"]
