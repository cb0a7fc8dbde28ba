"""Tuned recipes on the launch form: one is taken into the fields, and not launched on what it was tuned on."""

from __future__ import annotations

import streamlit as st

from cu_core.analysis.tuning.own_setting import class_names
from cu_core.base.errors import BadInput
from cu_core.base.parameters import describe
from cu_core.catalogue.named_recipes import recipe_cautions, recipes_of, refuse_where_tuned
from cu_core.catalogue.spec import RunSpec
from pages._launch import form_draft
from pages._launch.form_fields import put
from pages._shared.plain_text import plain
from pages._shared.server_home import home

KEY = "tuned_recipe"


def choice(method_id: str) -> None:
    """A list of the recipes of a method, where there are any; picking one fills in its values."""
    fitting = [name for name, recipe in recipes_of(home()).items() if recipe.method == method_id]
    if not fitting:
        st.session_state[KEY] = None
        return
    if st.session_state.get(KEY) not in fitting:
        st.session_state[KEY] = None
    picked = st.selectbox(
        "Tuned recipe (optional)",
        fitting,
        key=KEY,
        placeholder="Values of a recipe that was tuned here",
        on_change=_take,
        help="Made by Tune on the sweep page, or by unlearnscope tune.",
    )
    if picked:
        st.caption(plain(recipes_of(home())[picked].summary))


def _take() -> None:
    recipe = recipes_of(home()).get(st.session_state.get(KEY) or "")
    if recipe is None:
        return
    try:
        params = recipe.params
    except BadInput as error:
        st.toast(plain(error), icon=":material/error:")
        return
    for d in describe(type(params)):
        put(form_draft.param_key(recipe.method, d.name), form_draft.typed(d, params))


def check(spec: RunSpec) -> list[str]:
    """What should be known of the picked recipe on this run, in words.

    Raises:
        BadInput: it was tuned on these very samples and this seed.
    """
    recipe = recipes_of(home()).get(st.session_state.get(KEY) or "")
    if recipe is None or recipe.method != spec.method.id or recipe.params != spec.method.params:
        return []
    classes = class_names(spec, home())
    refuse_where_tuned(recipe, spec, classes)
    return recipe_cautions(recipe, spec, classes)
