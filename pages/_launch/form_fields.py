"""Widgets generated from the described fields of parameter records."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from cu_core.base.parameters import Described, Param
from pages._shared.plain_text import plain

PREFIX = "new:"
FEW_CHOICES = 4


def key_of(field: str) -> str:
    """Key of the widget that holds a field of the launch form."""
    return PREFIX + field


def value_of(field: str) -> Any:
    """The field's present value."""
    return st.session_state[key_of(field)]


def put(field: str, value: Any) -> None:
    """Sets a field before its widget is drawn."""
    st.session_state[key_of(field)] = value


def help_of(param: Param) -> str:
    """Help text of a field: meaning, range and what the paper uses."""
    parts = [param.help]
    if param.allowed() and not param.choices:
        parts.append(f"Allowed: {', '.join(param.allowed())}{' ' + param.unit if param.unit else ''}.")
    if param.paper:
        parts.append(f"Paper: {param.paper}.")
    return " ".join(parts)


def label_of(param: Param) -> str:
    """Label of a field with its unit and with what a special value stands for, where that is no choice of its own."""
    unit = "" if param.unit.lower() in param.label.lower() else param.unit
    notes = ", ".join(filter(None, (unit, "" if param.otherwise else param.special)))
    return f"{param.label} ({notes})" if notes else param.label


def complain(errors: dict[str, str], field: str) -> None:
    """Says what is wrong with a field, right below it."""
    if field in errors:
        st.markdown(f":red[:material/error: {plain(errors[field])}]")


def field(d: Described, name: str, errors: dict[str, str], *, error_name: str = "", **options: Any) -> None:
    """Draws one described field with its help, and its error below it.

    Numbers get no bounds: given them, the browser would keep a value beyond to itself and a launch
    would take the one before.

    Args:
        d: the described field.
        name: of the form's field that holds the value.
        errors: messages by field.
        error_name: name under which errors are listed, if another one.
        options: passed on to the widget: ``disabled``, ``on_change``.
    """
    common: dict[str, Any] = {
        "key": key_of(name),
        "help": help_of(d.param),
        "persist_state": "session",
        **options,
    }
    label = label_of(d.param)
    with st.container(gap="xsmall"):
        if d.param.otherwise:
            if not _in_words(d, name, disabled=bool(options.get("disabled"))):
                complain(errors, error_name or name)
                return
            # The choice above carries the name and the help.
            common |= {"help": None, "label_visibility": "collapsed"}
        if d.type is bool:
            st.toggle(label, **common)
        elif d.param.choices:
            if len(d.param.choices) <= FEW_CHOICES:
                st.segmented_control(label, d.param.choices, required=True, **common)
            else:
                st.selectbox(label, d.param.choices, **common)
        elif d.type is int:
            st.number_input(label, step=1, **common)
        elif d.type is float:
            st.number_input(label, step=_step(d), format="%.6g", **common)
        elif d.type is str:
            st.text_input(label, **common)
        else:
            st.text_area(label, placeholder="one per line", height=80, **common)
        complain(errors, error_name or name)


def special_of(d: Described) -> tuple[Any, str]:
    """The value of a field that stands for something else, and for what."""
    number, _, words = d.param.special.partition(" = ")
    return d.type(number), words


def _in_words(d: Described, name: str, *, disabled: bool) -> bool:
    """Draws the choice between what a special value stands for and any other number; whether that is wanted."""
    special, words = special_of(d)
    other, first = d.param.otherwise or ("", special)
    key = key_of(f"{name}:as")
    value = value_of(name)
    # A preset, a recipe or the number itself may have changed it.
    st.session_state[key] = words if value == special else other
    if value != special:
        st.session_state[f"{key}:last"] = value
    st.segmented_control(
        label_of(d.param),
        [words, other],
        key=key,
        required=True,
        disabled=disabled,
        help=help_of(d.param),
        on_change=_take_words,
        args=(name, special, words, d.type(first)),
    )
    return bool(value != special)


def _take_words(name: str, special: Any, words: str, first: Any) -> None:
    key = key_of(f"{name}:as")
    wanted = st.session_state[key] != words
    put(name, st.session_state.get(f"{key}:last", first) if wanted else special)


def fields(described: list[Described], prefix: str, errors: dict[str, str], columns: int = 3, **kwargs: Any) -> None:
    """Draws several fields side by side, wrapping into rows."""
    with st.grid(columns, gap="medium"):
        for d in described:
            field(d, f"{prefix}{d.name}", errors, **kwargs)


def _step(d: Described) -> float:
    """A step that fits the size of the default: a tenth of its power of ten on logarithmic fields."""
    if d.param.log and d.default:
        return 10.0 ** (math.floor(math.log10(abs(d.default))) - 1)
    return 0.05 if (d.param.high or 1.0) <= 1.0 else 0.1
