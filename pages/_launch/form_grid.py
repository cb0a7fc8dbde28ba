"""The grid part of the launch form: lists instead of single values, one ordinary run per combination."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from cu_core.base.display_text import counted
from cu_core.base.errors import BadInput
from cu_core.base.parameters import describe
from cu_core.catalogue import grid
from cu_core.catalogue.method_record import method
from cu_core.catalogue.spec import RunSpec
from pages._launch.form_fields import complain, key_of

# Settings besides the method's own that are worth a list.
COMMON = {
    "seed": "Seed",
    "method": "Method",
    "forget.select": "Forget set",
    "train.epochs": "Epochs",
    "train.lr": "Learning rate of training",
    "stop.max_rounds": "Most rounds",
    "model.head": "Head",
    "model.backbone": "Backbone",
}


def _axis_key(axis: str) -> str:
    return key_of(f"grid.{axis}")


def _on() -> bool:
    return bool(st.session_state.get(key_of("grid")))


def _axes() -> dict[str, list[Any]]:
    """The chosen lists.

    Raises:
        BadInput: a list that cannot be read; the field is ``grid.<axis>``.
    """
    axes = {}
    for axis in st.session_state.get(key_of("axes")) or []:
        text = st.session_state.get(_axis_key(axis)) or ""
        if not text.strip():
            raise BadInput(f"grid.{axis}", "give at least one value", ("0.5, 0.7, 1", "0-4"))
        try:
            axes[axis] = grid.parse_axis(text)
        except BadInput as error:
            raise BadInput(f"grid.{axis}", error.reason, error.allowed) from error
    return axes


def expand(base: RunSpec) -> list[RunSpec]:
    """The runs that the form asks for: one, or one per combination of the lists.

    Raises:
        BadInput: a list or one of its values cannot be used.
    """
    if not _on() or not (axes := _axes()):
        return [base]
    try:
        return grid.expand(base, axes)
    except BadInput as error:
        # Shown beside the list that holds the value, not beside the single field.
        axis = next((axis for axis in axes if axis.rpartition(".")[2] == error.field.rpartition(".")[2]), None)
        if axis is None:
            raise
        raise BadInput(f"grid.{axis}", error.reason, error.allowed) from error


def said(specs: Sequence[RunSpec]) -> str:
    """How many runs the form makes of its lists."""
    return counted(len(specs), "run") if len(specs) > 1 else "one run" if specs else ""


def section(values: dict[str, Any], errors: dict[str, str]) -> None:
    """Draws the lists; their errors are drawn beside them."""
    st.toggle(
        "Run a grid: a list of values for some settings",
        key=key_of("grid"),
        persist_state="session",
        help="Every combination becomes an ordinary run in the queue.",
    )
    if not _on():
        return
    record = method(values["method.id"])
    titles = COMMON | {d.name: d.param.label for d in describe(record.params)}
    st.multiselect(
        "Settings to vary",
        list(titles),
        format_func=lambda axis: titles[axis],
        key=key_of("axes"),
        persist_state="session",
        select_all=False,
    )
    with st.grid(3, gap="medium"):
        for axis in st.session_state[key_of("axes")]:
            with st.container(gap="xsmall"):
                st.text_input(
                    titles[axis],
                    key=_axis_key(axis),
                    persist_state="session",
                    placeholder=_placeholder(axis, values),
                    help="Values separated by commas; 0-4 stands for 0, 1, 2, 3, 4.",
                )
                complain(errors, f"grid.{axis}")


def _placeholder(axis: str, values: dict[str, Any]) -> str:
    if axis == "seed":
        return "0-4"
    if axis == "method":
        return str(values["method.id"])
    present = values.get(axis, values.get(f"method.{values['method.id']}.{axis}", ""))
    return f"{present}, …"
