"""The launch form: presets, every choice with its reason, a preview, an estimate, and one click to start."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import numpy as np
import streamlit as st

from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.parameters import parse
from cu_core.catalogue.compatibility import check
from cu_core.catalogue.presets import DEFAULT_PRESET, SINGLE_PRESETS, Preset
from cu_core.catalogue.spec import DataSpec, RunSpec
from cu_core.data.forget import ForgetSet, parse_selection, resolve
from cu_core.data.images import ImageData
from cu_core.data.memorisation import read_scores
from cu_core.jobs.dispatcher import ensure_dispatcher
from cu_core.runstore.reader import open_run
from pages import _draft, _form, _gate, _grid, _launch_bar, _preview, _preview_words, _sections
from pages._common import home, say
from pages._forget_instead import fill_in

HOME = home()
FIELDS = tuple(_draft.from_spec(DEFAULT_PRESET.spec))


def fill(spec: RunSpec) -> None:
    """Shows a specification in the form."""
    for name, value in _draft.from_spec(spec).items():
        _form.put(name, value)
    st.session_state["new_recipe"] = _sections.recommended_recipe()
    st.session_state.pop("refused", None)


def draft() -> dict[str, Any]:
    """What the form says now; files that the visitor may not name are left out, so that nothing reads them."""
    values = {name: _form.value_of(name) for name in FIELDS}
    return values | dict.fromkeys(_gate.desk().foreign(values), "")


def errors_of(values: dict[str, Any]) -> dict[str, str]:
    """What is wrong with the form, with the files that were left out of its values."""
    said = {name: _form.value_of(name) for name in FIELDS}
    foreign = map(_draft.in_words, _gate.desk().foreign(said).values())
    return _draft.errors_of(values) | dict(foreign)


def preset_of(spec: RunSpec) -> Preset | None:
    """The preset that a specification is, whatever its name."""
    data = _preview.prepared(spec.data)

    def plain(any_spec: RunSpec) -> RunSpec:
        pick = parse_selection(any_spec.forget.select)
        if data and pick.kind == "class":
            # The form names classes where a preset numbers them.
            names = f"class:{','.join(_draft.class_names(pick.values, data.classes))}"
            any_spec = dataclasses.replace(any_spec, forget=dataclasses.replace(any_spec.forget, select=names))
        return dataclasses.replace(any_spec, name="")

    return next((preset for preset in SINGLE_PRESETS.values() if plain(preset.spec) == plain(spec)), None)


def named(spec: RunSpec) -> RunSpec:
    """The specification with the preset's name, if it is one and has no name of its own."""
    preset = None if spec.name else preset_of(spec)
    return preset.spec if preset else spec


def launch(token: str) -> None:
    """Queues what the form says; the token makes a second click harmless."""
    try:
        desk = _gate.desk()
        base = named(_draft.spec_of(draft()))
        specs = _grid.expand(base)
        for spec in specs:
            desk.check(spec)
            check(spec)
        ids = [desk.launch(spec, token=f"{token}-{n}") for n, spec in enumerate(specs)]
        ensure_dispatcher(HOME)
    except BadInput as error:
        st.session_state["refused"] = _draft.in_words(error)
    except UnlearnscopeError as error:
        st.session_state["refused"] = ("", str(error))
    else:
        st.session_state["launched"] = ids


def clone(run_id: str) -> None:
    """Fills the form with an earlier run."""
    try:
        view = open_run(HOME, run_id)
        fill(view.spec)
        st.session_state["cloned"] = run_id
        st.session_state["forgets_instead"] = fill_in(run_id, view.spec)
    except UnlearnscopeError as error:
        say(error)


def use_preset(preset: Preset) -> None:
    """Fills the form with a preset, without its name: that would be wrong once anything is changed."""
    fill(dataclasses.replace(preset.spec, name=""))


def presets(chosen: Preset | None) -> None:
    """One card per preset."""
    with st.grid(5, min_column_width=150, gap="small"):
        for preset in SINGLE_PRESETS.values():
            with st.container(border=True, height="stretch"):
                st.markdown(f"**{preset.title}**")
                st.caption(preset.summary)
                st.space("stretch")
                st.button(
                    "Chosen" if preset is chosen else "Use",
                    key=f"preset_{preset.id}",
                    on_click=use_preset,
                    args=(preset,),
                    width="stretch",
                    type="primary" if preset is chosen else "secondary",
                )
    st.page_link("papers.py", label="Whole tables of papers, one click each", icon=":material/table_chart:")


def data_spec(values: dict[str, Any], errors: dict[str, str]) -> DataSpec | None:
    """The data part of the form; None while something about it is wrong."""
    if any(name.startswith("data.") for name in errors):
        return None
    try:
        return parse(DataSpec, _draft.content_of(values | {"forget.kind": "mislabelled"})["data"], "data.")
    except BadInput:
        return None


def named_by(text: str, data: ImageData, seed: int) -> ForgetSet:
    """The samples of a prepared dataset that a forget set names."""
    return resolve(text, data, seed, scores=HOME.scores)


@st.cache_data(max_entries=8, show_spinner=False)
def duplicates(sha256: str, text: str, _data: ImageData) -> ForgetSet:
    """The same for ``duplicates``, which depends on nothing but the images."""
    return named_by(text, _data, 0)


def lacks_scores(values: dict[str, Any], data: ImageData) -> bool:
    """Whether the forget set needs scores of the samples that nobody has worked out yet."""
    return values["forget.kind"] == "memorised" and read_scores(HOME.scores, data) is None


def preview(values: dict[str, Any], errors: dict[str, str], spec: DataSpec | None, data: ImageData | None) -> None:
    """What would be forgotten, or what has to be done before that can be shown."""
    if spec is None:
        return
    if data is None:
        _preview.offer_preparation(spec)
    elif forget is not None:
        selection = parse_selection(_draft.select_text(values))
        words = _preview_words.words_of(selection, data, forget)
        _preview.show(data, forget, words, _preview_words.order_of(selection, data, forget))
    elif lacks_scores(values, data) and "forget.select" not in errors:
        _preview.offer_preparation(spec, _draft.select_text(values), is_read=True)
    elif values["forget.kind"] == "indices" and (scan := _preview_words.scan_file(values["forget.file"], data)):
        _preview_words.wrong_lines(scan)
        if len(named := np.unique(scan.indices)):
            _preview.show(data, ForgetSet(named, "sample", duplicates=len(scan.indices) - len(named)))


def chosen_samples(values: dict[str, Any], data: ImageData, errors: dict[str, str]) -> ForgetSet | None:
    """The samples that the forget set names in the prepared dataset; notes an error if it names none."""
    if "forget.select" in errors or lacks_scores(values, data):
        return None
    seed = values["forget.seed"] if values["forget.seed"] >= 0 else values["seed"]
    text = _draft.select_text(values)
    try:
        # Comparing a sample with all others takes a moment, and the form is drawn at every click.
        if values["forget.kind"] == "duplicates":
            return duplicates(data.sha256, text, data)
        return named_by(text, data, seed)
    except BadInput as error:
        name, message = _draft.in_words(error)
        errors[name] = message
        return None


if launched := st.session_state.pop("launched", None):
    st.session_state["token"] = uuid.uuid4().hex
    if len(launched) > 1:
        st.session_state["compared"] = launched[:6]
        st.toast(f"{len(launched)} runs were queued.", icon=":material/rocket_launch:")
        st.switch_page("runs.py")
    st.switch_page("run.py", query_params={"run": launched[0]})

if "token" not in st.session_state:
    st.session_state["token"] = uuid.uuid4().hex
if _form.key_of("data.dataset") not in st.session_state:
    use_preset(DEFAULT_PRESET)
wanted = st.query_params.get("clone")
if wanted and st.session_state.get("cloned") != wanted:
    clone(wanted)
if not wanted:
    st.session_state.pop("cloned", None)

st.title("Launch", anchor=False)
_gate.need("launch")
if wanted and st.session_state.get("cloned") == wanted:
    instead = st.session_state.get("forgets_instead")
    but = f" that forgets the {instead}" if instead else ""
    st.caption(f":material/content_copy: A copy of {wanted}{but}; change what you like.")
cards = st.container()

values = draft()
errors = errors_of(values)
spec_of_data = data_spec(values, errors)
data = _preview.prepared(spec_of_data) if spec_of_data else None
if data:
    # Classes of another dataset are no choice any more.
    _form.put("forget.classes", _draft.class_names(values["forget.classes"], data.classes))
    values = draft()
    errors = errors_of(values)
if refused := st.session_state.pop("refused", None):
    errors[refused[0]] = refused[1]
forget = chosen_samples(values, data, errors) if data else None
specs = _launch_bar.runs_of(values, errors)
# A copy is to be seen at once; a preset would replace it.
copied = bool(wanted) and st.session_state.get("cloned") == wanted
with cards, st.expander("Start from a preset instead") if copied else st.container():
    presets(preset_of(_draft.spec_of(values)) if specs else None)
task = "class" if values["forget.kind"] == "class" else "sample"

left, right = st.columns(2, gap="medium")
with left.container(border=True, height="stretch"):
    st.subheader("Images", anchor=False)
    _sections.data_section(errors)
with right.container(border=True, height="stretch"):
    st.subheader("Model", anchor=False)
    _sections.model_section(errors, spec_of_data)
with st.container(border=True):
    st.subheader("What to forget", anchor=False)
    _sections.forget_section(errors, spec_of_data, data)
    preview(values, errors, spec_of_data, data)
with st.container(border=True):
    st.subheader("How to forget", anchor=False)
    _sections.method_section(errors, task)
with st.container(border=True):
    st.subheader("Training of the model and the reference", anchor=False)
    _sections.training_section(errors)
with st.container(border=True):
    st.subheader("Stopping and recording", anchor=False)
    _sections.stop_section(errors)
with st.container(border=True):
    st.subheader("Run", anchor=False)
    _sections.run_section(errors)
with st.container(border=True):
    _grid.section(values, errors)
_launch_bar.bar(specs, errors, launch)
