"""How own weights are read: forms of normalisation and of class order, and what is said of other texts."""

from __future__ import annotations

import dataclasses

import pytest

from cu_core.base.errors import BadInput, Incompatible
from cu_core.catalogue.class_orders import answered, check_order
from cu_core.catalogue.compatibility import check
from cu_core.catalogue.pixel_scales import SCALES, check_scale, scale_of
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import ModelSpec


def test_names_and_numbers_become_mean_and_deviation() -> None:
    assert scale_of("unit").moments(3) == ((0.0,) * 3, (1.0,) * 3)
    assert scale_of("half").moments(1) == ((0.5,), (0.5,))
    assert scale_of("imagenet").moments(3) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    grey = scale_of("imagenet").moments(1)
    assert grey[0] == pytest.approx(((0.485 + 0.456 + 0.406) / 3,))
    assert scale_of(" 0.1,0.2,0.3/0.5 ").moments(3) == ((0.1, 0.2, 0.3), (0.5,) * 3)
    assert scale_of("auto") is None and scale_of("dataset") is None


@pytest.mark.parametrize("text", ["", "imagnet", "0.5", "a/b", "0.5/0", "0.5/-1", "nan/1", "1e9/1", "0.5,/1", "/"])
def test_other_texts_are_refused_with_the_forms(text: str) -> None:
    with pytest.raises(BadInput) as error:
        check_scale(text, 3)
    assert error.value.field == "model.normalisation" and set(SCALES) < set(error.value.allowed)


def test_numbers_have_to_match_the_channels() -> None:
    check_scale("0.1,0.2,0.3/0.5", 0)
    check_scale("0.1/0.5", 3)
    with pytest.raises(BadInput, match="3 numbers, the images 1 channel"):
        check_scale("0.1,0.2,0.3/0.5", 1)
    grey = RunSpec(model=ModelSpec(normalisation="0.1,0.2,0.3/0.5"))
    with pytest.raises(BadInput, match="1 channel"):
        check(grey)
    check(dataclasses.replace(grey, model=ModelSpec(normalisation="unit")))


def test_orders_say_what_each_answer_means() -> None:
    names = ("1", "2", "10", "9")
    assert answered("dataset", names) == [0, 1, 2, 3]
    assert answered("text", names) == [0, 2, 1, 3], "1, 10, 2, 9"
    assert answered("number", names) == [0, 1, 3, 2], "1, 2, 9, 10"
    assert answered("number", ("class 10", "class 9", "b")) == [2, 1, 0]
    assert answered("3, 0,1,2", names) == [3, 0, 1, 2]


@pytest.mark.parametrize("text", ["", "sorted", "0,1,1,2", "0,1,2,5", "1,2,3,4", "0;1;2;3"])
def test_other_orders_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"model\.class_order"):
        check_order(text, 4)


def test_an_order_of_other_classes_is_refused() -> None:
    with pytest.raises(Incompatible, match="orders 3 classes, and the images have 4"):
        check_order("2,1,0", 4)
    with pytest.raises(Incompatible, match="10"):
        check(RunSpec(model=ModelSpec(class_order="2,1,0")))


def test_runs_that_say_nothing_of_it_keep_their_hash() -> None:
    usual = RunSpec()
    assert dataclasses.replace(usual, model=ModelSpec(normalisation="auto")).content_hash() == usual.content_hash()
    assert dataclasses.replace(usual, model=ModelSpec(normalisation="unit")).content_hash() != usual.content_hash()
