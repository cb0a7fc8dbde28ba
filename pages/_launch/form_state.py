"""The launch form as a whole: filled with a specification, read, checked and launched."""

from __future__ import annotations

import dataclasses
from typing import Any

import streamlit as st

from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.catalogue.named_classes import class_text
from cu_core.catalogue.presets import DEFAULT_PRESET, Preset, single_presets
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import RunSpec
from cu_core.jobs import dispatcher
from cu_core.jobs.acceptance import accepted
from cu_core.runstore.reader import open_run
from pages._frame import gate
from pages._frame.notices import say
from pages._launch import forget_preview, form_draft, form_fields, form_grid, form_sections, recipe_choice
from pages._launch.forget_wish import fill_in
from pages._shared.plain_text import plain
from pages._shared.server_home import home


def _fields() -> list[str]:
    """Names of all fields of the form."""
    return list(form_draft.from_spec(DEFAULT_PRESET.spec))


def fill(spec: RunSpec) -> None:
    """Shows a specification in the form."""
    for name, value in form_draft.from_spec(spec, _classes_of(spec)).items():
        form_fields.put(name, value)
    st.session_state["new_recipe"] = form_sections.recommended_recipe()
    st.session_state.pop("refused", None)


def _classes_of(spec: RunSpec) -> tuple[str, ...]:
    """Names of the classes of a specification's dataset; none where it is not prepared, or not the visitor's."""
    try:
        gate.desk().check(spec)
    except UnlearnscopeError:
        return ()
    data = forget_preview.prepared(spec.data)
    return data.classes if data else ()


def draft() -> dict[str, Any]:
    """What the form says now; files that the visitor may not name are left out, so that nothing reads them."""
    values = {name: form_fields.value_of(name) for name in _fields()}
    return values | dict.fromkeys(gate.desk().foreign(values), "")


def errors_of(values: dict[str, Any]) -> dict[str, str]:
    """What is wrong with the form, with the files that were left out of its values."""
    said = {name: form_fields.value_of(name) for name in _fields()}
    foreign = map(form_draft.in_words, gate.desk().foreign(said).values())
    return form_draft.errors_of(values) | dict(foreign)


def preset_of(spec: RunSpec) -> Preset | None:
    """The preset that a specification is, whatever its name."""
    data = forget_preview.prepared(spec.data)

    def plain(any_spec: RunSpec) -> RunSpec:
        pick = parse_selection(any_spec.forget.select)
        if data and (labels := pick.labels(data.classes)):
            # The form names classes where a preset numbers them.
            names = f"{pick.kind}:{class_text([data.classes[label] for label in labels], data.classes)}"
            any_spec = dataclasses.replace(any_spec, forget=dataclasses.replace(any_spec.forget, select=names))
        return dataclasses.replace(any_spec, name="")

    return next((preset for preset in single_presets().values() if plain(preset.spec) == plain(spec)), None)


def named(spec: RunSpec) -> RunSpec:
    """The specification with the preset's name, if it is one and has no name of its own."""
    preset = None if spec.name else preset_of(spec)
    return preset.spec if preset else spec


def launch(token: str) -> None:
    """Queues what the form says; the token makes a second click harmless."""
    try:
        desk = gate.desk()
        base = named(form_draft.spec_of(draft()))
        specs = form_grid.expand(base)
        for spec in specs:
            desk.check(spec)
            for words in recipe_choice.check(spec):
                st.toast(plain(words), icon=":material/warning:")
            accepted(spec, home())
        # After a refusal the form may ask for others, and a token gives back the run that it was first used for.
        ids = [desk.launch(spec, token=f"{token}-{n}-{spec.content_hash()}") for n, spec in enumerate(specs)]
        dispatcher.ensure_dispatcher(home())
    except BadInput as error:
        st.session_state["refused"] = form_draft.in_words(error)
    except UnlearnscopeError as error:
        st.session_state["refused"] = ("", str(error))
    else:
        st.session_state["launched"] = ids


def clone(run_id: str) -> None:
    """Fills the form with an earlier run."""
    try:
        view = open_run(home(), run_id)
        fill(view.spec)
        st.session_state["cloned"] = run_id
        st.session_state["forgets_instead"] = fill_in(run_id)
    except UnlearnscopeError as error:
        say(error)


def use_preset(preset: Preset) -> None:
    """Fills the form with a preset, without its name: that would be wrong once anything is changed."""
    fill(dataclasses.replace(preset.spec, name=""))
