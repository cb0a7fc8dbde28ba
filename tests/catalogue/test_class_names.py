"""Names of classes as text: whatever they are called, they are written and read back."""

from __future__ import annotations

import csv
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cu_core.base.errors import BadInput
from cu_core.catalogue.class_names import class_label, class_labels, class_text
from cu_core.catalogue.grid import axis_text, parse_axis
from cu_core.catalogue.name_list import read_list, write_list
from cu_core.catalogue.selections import parse_selection

ODD = (
    "red,blue",
    "red",
    "blue",
    'say "hi"',
    '"hi"',
    "a;b",
    "1:2",
    " cat ",
    "😀",
    "cafe\u0301",
    "class:5",
    "x, y",
    '"red"',
)
PIECES = st.sampled_from(
    ["red", "blue", ",", '"', " ", ";", ":", "1", "e\u0301", "😀", "class:", "random:5", "'", "\\", "/"]
)
TEXTS = st.one_of(st.lists(PIECES, min_size=1, max_size=6).map("".join), st.text(min_size=1, max_size=8))
NAMES = TEXTS.map(lambda text: unicodedata.normalize("NFC", text)).filter(lambda name: name.isprintable() and name)


@given(st.lists(NAMES, min_size=1, max_size=6))
def test_a_written_list_is_read_back(names):
    text = write_list(names)
    assert read_list(text, "x") == tuple(names)
    if not any(name != name.strip() for name in names):
        assert next(csv.reader([text])) == names, "as other programs write and read it"


@given(st.lists(NAMES, min_size=2, max_size=8, unique=True), st.data())
def test_classes_of_any_names_are_written_and_mean_themselves(classes, draws):
    chosen = draws.draw(st.lists(st.sampled_from(classes), min_size=1, max_size=len(classes), unique=True))
    text = class_text(chosen, classes)
    assert [classes[label] for label in class_labels(text, classes)] == chosen
    # The way of a specification: behind a kind, with blanks around it that do not count.
    (kept,) = parse_selection(f" class: {text} ").classes
    assert [classes[label] for label in class_labels(kept, classes)] == chosen


@given(st.lists(NAMES, min_size=2, max_size=5, unique=True), st.data())
def test_a_name_typed_as_it_is_means_that_class(classes, draws):
    label = draws.draw(st.integers(0, len(classes) - 1))
    assert class_labels(classes[label], classes) == (label,)
    assert class_labels(unicodedata.normalize("NFD", classes[label]), classes) == (label,)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("red,blue", ["red,blue"]),
        ('"red",blue', ["red", "blue"]),
        ('blue,"red,blue"', ["blue", "red,blue"]),
        ("blue, red", ["blue", "red"]),
        ('say "hi"', ['say "hi"']),
        ('say "hi",red', ['say "hi"', "red"]),
        ('"hi"', ['"hi"']),
        ('" cat "', [" cat "]),
        ("a;b,1:2", ["a;b", "1:2"]),
        ("caf\u00e9", ["cafe\u0301"]),
        ("0,2", ["red,blue", "blue"]),
        ("red,", ["red"]),
        ("class:5", ["class:5"]),
    ],
)
def test_what_a_text_means(text, names):
    assert [ODD[label] for label in class_labels(text, ODD)] == names


@pytest.mark.parametrize(
    ("text", "classes", "words"),
    [
        ("red,,blue", ("red", "blue"), "has an empty name"),
        ('red,"blue', ("red", "blue"), "a quote that is never closed"),
        ('"red"blue', ("red", "blue"), "goes on behind a closing quote"),
        ("red,red", ("red", "blue"), r"class 'red' is named twice$"),
        ("red,0", ("red", "blue"), "class 'red' is named twice, as 'red' and as '0'"),
        (
            "0,1",
            ("1", "2", "3", "4"),
            r"no class '0' \(its classes are called by numbers, so that a number is a name\).*\(allowed: 1, 2, 3, 4\)",
        ),
        ("blau,rot", ("rot", "blau,weiß"), r"no class 'blau' \(allowed: 0 to 1, rot, \"blau,weiß\"\)"),
        ("rott", ("rot", "blau"), r"no class 'rott'; did you mean rot\? "),
        ("2", ("red", "blue"), "no class '2'"),
    ],
)  # fmt: skip
def test_what_is_refused(text, classes, words):
    with pytest.raises(BadInput, match=words) as caught:
        class_labels(text, classes)
    assert caught.value.field == "forget.select"


def test_where_classes_are_called_by_numbers_a_number_is_a_name():
    assert class_labels("1", ("1", "2", "3")) == (0,) and class_labels("3,1", ("1", "2", "3")) == (2, 0)
    assert class_label("0", ("1", "2", "3")) is None and class_label("0", ("one", "2b")) == 0
    assert class_label("7", ()) == 7 and class_label("cat", ()) is None


def test_labels_of_a_selection_are_none_where_a_class_is_gone():
    assert parse_selection("class:1,0").labels(("a", "b")) == (1, 0)
    assert parse_selection("class:dog").labels(("a", "b")) == () == parse_selection("random:5").labels(("a", "b"))


@given(st.lists(st.one_of(NAMES, NAMES.map("class:{}".format)).filter(str.strip), min_size=1, max_size=4))
def test_values_of_an_axis_are_read_back(values):
    assert parse_axis(axis_text(values)) == values


def test_forget_sets_with_names_in_a_list():
    assert parse_axis("class:cat,dog, random:5") == ["class:cat,dog", "random:5"]
    assert parse_axis('class:"a;b",x; class:"red,blue"') == ['class:"a;b",x', 'class:"red,blue"']
    assert parse_axis('class:"red,random:5",y,random:7') == ['class:"red,random:5",y', "random:7"]
    assert parse_axis('"class:a;b";mislabelled') == ["class:a;b", "mislabelled"]
    assert axis_text(["class:5,7", "random:9"]) == "class:5,7; random:9"
