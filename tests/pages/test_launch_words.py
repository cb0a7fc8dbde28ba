"""What the launch form says of its parts and of the whole, and how a number that stands for something is chosen."""

from __future__ import annotations

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from cu_core.base.home import Home
from cu_core.base.parameters import describe
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.presets import single_presets
from cu_core.catalogue.question_record import LEAST_REFERENCES
from cu_core.catalogue.spec import PARTS, RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec
from cu_core.data.prepared import open_prepared
from cu_core.jobs import dispatcher
from pages._launch import form_draft, part_words, run_cost
from pages._launch.form_fields import special_of
from pages._launch.form_parts import owner
from pages._shared.number_words import roughly
from tests.madeup import write_dataset
from tests.pages.page_helpers import open_page, texts
from tests.pages.test_launch_page import widget

EVERY = [*PARTS.values(), RunSpec, *(record.params for record in METHODS.values())]


@pytest.fixture
def ready(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(dispatcher, "ensure_dispatcher", lambda where: True)
    write_dataset(home, DataSpec())
    return home


def test_every_number_that_is_a_choice_can_be_chosen_in_words() -> None:
    chosen = [d for cls in EVERY for d in describe(cls) if d.param.otherwise]
    assert {"train_limit", "image_size", "max_rounds", "queue", "clip"} <= {d.name for d in chosen}
    for d in chosen:
        special, words = special_of(d)
        other, first = d.param.otherwise or ("", 0)
        assert words and other and words != other, d.name
        assert (d.param.low is None or d.param.low <= first) and (d.param.high is None or first <= d.param.high), d.name
        assert d.type(first) != special, d.name


def test_a_number_for_all_is_a_choice_in_words_and_the_number_is_kept(ready: Home) -> None:
    app = open_page("launch.py")
    choice = widget(app, "data.train_limit:as")
    assert choice.value == "all" and "new:data.train_limit" not in drawn(app)
    choice.set_value("at most").run()
    widget(app, "data.train_limit").set_value(300).run()
    widget(app, "data.train_limit:as").set_value("all").run()
    assert app.session_state["new:data.train_limit"] == 0 and "new:data.train_limit" not in drawn(app)
    widget(app, "data.train_limit:as").set_value("at most").run()
    assert widget(app, "data.train_limit").value == 300
    assert "digits, 300 training images" in labels(app)
    # Anything else that changes the number changes the words.
    app.get_by_key("preset").set_value("digit-5").run()
    assert widget(app, "data.train_limit:as").value == "all"


def drawn(app: AppTest) -> set[str]:
    return {str(number.key) for number in app.number_input}


def labels(app: AppTest) -> str:
    return "\n".join(expander.label for expander in app.expander)


def test_the_parts_say_what_is_chosen_and_open_where_something_is_wrong(ready: Home) -> None:
    app = open_page("launch.py")
    said = labels(app)
    assert "class five: 60 of 600 images" in said and "all 600 training images" in said
    assert "seed 0, 8 references" in said and "recommended settings" in said
    assert not app.session_state["part_training"]
    widget(app, "train.lr").set_value(99.0).run()
    assert app.session_state["part_training"] and "settings of your own" in labels(app)
    # Shut by hand it stays shut, wrong or not.
    app.session_state["part_training"] = False
    app.run()
    assert not app.session_state["part_training"]


def test_one_reference_says_what_it_cannot_tell(ready: Home) -> None:
    app = open_page("launch.py")
    assert "no band" not in texts(app)
    widget(app, "reference").set_value(1).run()
    assert "no band" in texts(app) and "how much retrained models differ" in texts(app)


@pytest.mark.parametrize(("count", "silent"), [(0, False), (1, False), (2, False), (LEAST_REFERENCES, True)])
def test_too_few_references_say_so(count: int, silent: bool) -> None:
    assert (part_words.reference_words(count) == "") is silent


def test_files_of_the_user_are_references_too() -> None:
    def counted(files: object) -> str:
        return part_words.of_run({"seed": 0, "reference": 1, "reference_files": files, "device": "auto", "name": ""})

    assert "3 references" in counted("a.pt\n\nb.pt\n") and "3 references" in counted(("a.pt", "b.pt"))
    assert "1 reference" in counted("") and "1 reference" in counted(())


def test_the_whole_in_a_sentence(ready: Home) -> None:
    spec = single_presets()["digit-5"].spec
    data = open_prepared(spec.data, ready)
    assert data is not None
    values = form_draft.from_spec(spec, data.classes)
    assert part_words.sentence([spec], values, None) == (
        "Forget class five of digits with contrastive unlearning; 8 references"
    )
    more = [spec, dataclasses.replace(spec, seed=1)]
    assert part_words.sentence(more, values, None).startswith("2 runs, the first: forget class five")
    one = dataclasses.replace(spec, reference=1, forget=ForgetSpec("random:3"))
    assert "Forget 3 random samples of digits" in part_words.sentence([one], form_draft.from_spec(one), None)
    assert part_words.sentence([one], form_draft.from_spec(one), None).endswith("; 1 reference")


@pytest.mark.parametrize(
    ("title", "words"),
    [("Digits (8×8, embedded)", "digits"), ("CIFAR-10", "CIFAR-10"), ("Emoji, two drawings of each", "emoji")],
)
def test_titles_inside_a_sentence(title: str, words: str) -> None:
    assert part_words.in_sentence(title) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (7.4, "7 s"),
        (23, "25 s"),
        (43, "40 s"),
        (89, "90 s"),
        (95, "1.5 min"),
        (600, "10 min"),
        (8000, "2 h"),
    ],
)
def test_a_rough_time_claims_no_more_than_it_knows(seconds: float, words: str) -> None:
    assert roughly(seconds) == words


def test_other_work_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_cost, "busy_share", lambda: 0.1)
    assert run_cost.slowed_words() == ""
    monkeypatch.setattr(run_cost, "busy_share", lambda: 1.4)
    assert "2.4 times as long" in run_cost.slowed_words()


def test_every_field_belongs_to_a_part_that_is_drawn(ready: Home) -> None:
    parts = {str(part.proto.id).rpartition("-")[2].removeprefix("part_") for part in open_page("launch.py").expander}
    assert {owner(field) for field in form_draft.from_spec(RunSpec())} <= parts
