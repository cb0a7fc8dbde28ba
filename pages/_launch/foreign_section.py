"""The door for a model that was unlearned elsewhere: its files instead of a method, and the way back."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.parameters import describe
from cu_core.catalogue.file_lists import REFERENCES, ROUNDS, file_lists, listed, natural
from cu_core.catalogue.method_record import method
from cu_core.catalogue.spec import MethodSpec, RunSpec
from cu_core.jobs.foreign import GIVEN
from cu_core.sharing.uploads import WEIGHTS
from pages._frame import gate
from pages._launch import form_draft, form_fields
from pages._launch.form_fields import complain, field, key_of, put, value_of
from pages._launch.form_parts import key_of_part
from pages._launch.form_sections import Errors, upload
from pages._shared.plain_text import plain

AFTER = form_draft.AFTER
DOOR = {"door": "mine"}
"""Of the launch page's address: opens the form for a model that was unlearned elsewhere."""
TITLE = "Look at my model"
WORDS = (
    "Bring the weights of a model from before and after it was unlearned elsewhere; they are measured and judged like "
    "any run of this program."
)
BEFORE = "before_the_door"
SET = ("method.id", "stop.rule", "stop.max_rounds", "model.train_on", "model.pretrained", "reference")
"""Fields that such a model sets, and which the way back puts as they were."""
ONE_PER_LINE = "one per line; a folder, or a pattern such as run/epoch_*.pt, stands for its files"


def given() -> bool:
    """Whether the form is about a model that was unlearned elsewhere."""
    return method(str(value_of("method.id"))).from_files


def door() -> None:
    """The way in, or the way back."""
    if given():
        st.button(
            "Unlearn a model here instead",
            key="leave_foreign",
            icon=":material/arrow_back:",
            on_click=_leave,
        )
    else:
        st.button(
            "Look at a model that I unlearned",
            key="enter_foreign",
            icon=":material/folder_open:",
            on_click=_enter,
            help="Files with weights from before, during and after become the rounds of an ordinary run.",
        )


def introduction() -> None:
    """What the form is for, with the way back."""
    st.caption(WORDS)
    door()


def still_to_bring(errors: Errors) -> str:
    """What the form waits for, in a sentence; empty where no file is missing. That is not wrong, it is just not there.

    Args:
        errors: messages by field; loses those of files that were not named yet.
    """
    before = str(value_of("model.weights")).strip()
    after = str(value_of(AFTER)).strip() or str(value_of(form_draft.param_key(GIVEN, "rounds"))).strip()
    if not given() or (before and after) or set(errors) - {ROUNDS, "model.weights"}:
        return ""
    errors.clear()
    if before or after:
        return f"One more file: the weights {'after' if before else 'before'} unlearning."
    return "Bring two files: the weights before and after unlearning."


def follow_door() -> None:
    """Opens the form for such a model where the address asks for it; once, since there is a way back."""
    if all(st.query_params.pop(name, "") == value for name, value in DOOR.items()) and not given():
        _enter()


def _enter() -> None:
    st.session_state[BEFORE] = {name: value_of(name) for name in SET} | {"grid": st.session_state.get(key_of("grid"))}
    put("method.id", GIVEN)
    put("stop.rule", "none")
    put("stop.max_rounds", 0)
    put("model.train_on", False)
    put("model.pretrained", False)
    put("reference", 0)
    st.session_state[key_of("grid")] = False
    st.session_state[key_of_part("method")] = True


def _leave() -> None:
    # As the form was; who came by an address or a clone finds the method and the rule that a run starts from.
    before = dict(st.session_state.pop(BEFORE, {"method.id": MethodSpec().id, "stop.rule": "auto"}))
    if (grid := before.pop("grid", None)) is not None:
        st.session_state[key_of("grid")] = grid
    for name, value in before.items():
        put(name, value)
    st.session_state[key_of_part("method")] = False


def section(errors: Errors, specs: Sequence[RunSpec]) -> None:
    """Files before, during and after unlearning, and of retrained models.

    Args:
        errors: messages by field; gets those of refused uploads.
        specs: the runs that would be launched, with files in place of patterns.
    """
    st.caption(
        "Each file with weights is a round. Nothing is unlearned here, so time and settings of the method are not "
        "known; everything else is shown as for a run of this program."
    )
    lists = file_lists(specs[0]) if specs else {}
    record = method(GIVEN)
    named = {d.name: d for d in describe(record.params)}
    field(named["label"], form_draft.param_key(GIVEN, "label"), errors, error_name="method.label")
    left, right = st.columns(2, gap="medium")
    with left:
        upload("Upload the weights before unlearning", WEIGHTS, "model.weights", errors)
        _path("Before unlearning", "model.weights", errors)
    with right:
        upload("Upload the weights after unlearning", WEIGHTS, AFTER, errors)
        _path("After unlearning", AFTER, errors)
    complain(errors, ROUNDS)
    left, right = st.columns(2, gap="medium")
    with left:
        _several("rounds in between", "Rounds in between", form_draft.param_key(GIVEN, "rounds"), errors)
        if files := lists.get(ROUNDS):
            st.caption(f"With the one after unlearning {plain(listed(files))}.")
    with right:
        _several("models that you retrained", "Own references", REFERENCES, errors)
        complain(errors, REFERENCES)
        if files := lists.get(REFERENCES):
            st.caption(f"{plain(listed(files))}.")


def _path(label: str, name: str, errors: Errors) -> None:
    st.text_input(label, key=key_of(name), persist_state="session", placeholder="/path/to/weights on this machine")
    complain(errors, name)


def _several(what: str, label: str, name: str, errors: Errors) -> None:
    """A list of files: uploads are added to it, sorted by the numbers in their names."""
    files = st.file_uploader(
        f"Upload {what}",
        type=[suffix.lstrip(".") for suffix in WEIGHTS.suffixes],
        accept_multiple_files=True,
        key=f"upload_{name}",
        max_upload_size=max(1, WEIGHTS.limit // 10**6),
    )
    taken: set[str] = st.session_state.setdefault(f"taken_{name}", set())
    new = sorted((file for file in files if file.file_id not in taken), key=lambda file: natural(file.name))
    if new:
        try:
            kept = [str(gate.desk().keep(file, file.name, WEIGHTS)) for file in new]
        except BadInput as error:
            errors[name] = form_draft.in_words(error)[1]
        except UnlearnscopeError as error:
            errors[name] = str(error)
        else:
            taken.update(file.file_id for file in new)
            put(name, "\n".join([*filter(None, str(value_of(name)).splitlines()), *kept]))
            # Everything drawn so far was worked out without the files.
            st.rerun()
    st.text_area(label, key=form_fields.key_of(name), persist_state="session", height=100, placeholder=ONE_PER_LINE)
