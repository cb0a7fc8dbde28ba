"""The launch form: presets, every choice with its reason, a preview, an estimate, and one click to start."""

from __future__ import annotations

import uuid

import streamlit as st

from cu_core.base.registry import broken_plug_ins
from cu_core.catalogue.presets import DEFAULT_PRESET
from cu_core.catalogue.selections import FORGET_KINDS
from pages._frame import gate
from pages._frame.page_records import Page
from pages._launch import (
    foreign_section,
    form_draft,
    form_fields,
    form_grid,
    form_sections,
    found_images,
    launch_bar,
    part_words,
    weight_verdict,
)
from pages._launch.chosen_samples import chosen_samples, data_spec, preview
from pages._launch.forget_preview import prepared
from pages._launch.form_parts import part
from pages._launch.form_state import clone, draft, errors_of, launch, preset_of, use_preset
from pages._launch.preset_choice import presets
from pages._shared.plain_text import plain

PAGE = Page(
    id="launch",
    title="Launch",
    icon=":material/rocket_launch:",
    help="Choose images, a model, what to forget and a method, and start a run or a grid of runs.",
    purpose="choose data, network, forget set and method, see what will be forgotten, start one run or a grid",
    section="Experiments",
    order=2,
)

launch_bar.follow_launched()
st.session_state.setdefault("token", uuid.uuid4().hex)
if form_fields.key_of("data.dataset") not in st.session_state:
    use_preset(DEFAULT_PRESET)
foreign_section.follow_door()
wanted = st.query_params.get("clone")
if wanted and st.session_state.get("cloned") != wanted:
    clone(wanted)
if not wanted:
    st.session_state.pop("cloned", None)

given = foreign_section.given()
st.title(foreign_section.TITLE if given else PAGE.title, anchor=False)
gate.need("launch")
if wanted and st.session_state.get("cloned") == wanted:
    instead = st.session_state.get("forgets_instead")
    but = f" that forgets the {instead}" if instead else ""
    st.caption(f":material/content_copy: A copy of {wanted}{but}; change what you like.")
for noun, name, reason in broken_plug_ins():
    st.warning(plain(f"The plug-in {name} ({noun}) is left out: {reason}"), icon=":material/extension_off:")
top = st.container()

values = draft()
errors = errors_of(values)
spec_of_data = data_spec(values, errors)
data = prepared(spec_of_data) if spec_of_data else None
known = data.classes if data else ()
if data:
    # Classes of another dataset are no choice any more.
    form_fields.put("forget.classes", form_draft.class_names(values["forget.classes"], known))
if data or values["forget.known"]:
    form_fields.put("forget.known", known)
    values = draft()
    errors = errors_of(values)
if refused := st.session_state.pop("refused", None):
    errors[refused[0]] = refused[1]
forget = chosen_samples(values, data, errors) if data else None
hint = foreign_section.still_to_bring(errors)
specs = [] if hint else launch_bar.runs_of(values, errors)
with top:
    if given:
        foreign_section.introduction()
        with part("method", "The model that I unlearned", "", errors):
            foreign_section.section(errors, specs)
    else:
        presets(preset_of(form_draft.spec_of(values)) if specs else None, beside=foreign_section.door)

said = part_words.of_images(values, data)
with part("images", "Images", said, errors):
    form_sections.data_section(errors)
    found_images.section(spec_of_data, data)
with part("model", "Model", part_words.of_model(values), errors):
    form_sections.model_section(errors, spec_of_data, with_weights=not given)
weight_verdict.own_weights(specs, data)
forgets = "What was to be forgotten" if given else "What to forget"
with part("forget", forgets, part_words.of_forget(values, data, forget), errors):
    form_sections.forget_section(errors, spec_of_data, data)
    preview(values, errors, spec_of_data, data, forget)
weight_verdict.earlier_bases(specs)
said = part_words.of_method(values, recommended=form_sections.is_recommended("method."))
if not given:
    with part("method", "How to forget", said, errors):
        form_sections.method_section(errors, FORGET_KINDS[values["forget.kind"]].task)
trained = "more references, where some are asked for below" if given else "the model and the reference"
said = part_words.of_training(values, recommended=form_sections.is_recommended("train."))
with part("training", f"Training of {trained}", said, errors):
    form_sections.training_section(errors)
said = part_words.of_stop(specs[0] if specs else None)
with part("stop", "Recording" if given else "Stopping and recording", said, errors):
    form_sections.stop_section(errors, ends=not given)
with part("run", "Run", part_words.of_run(values), errors):
    form_sections.run_section(errors, own_references=not given)
weight_verdict.verdict_outlook(specs)
if not given:
    with part("grid", "Grid", form_grid.said(specs), errors):
        form_grid.section(values, errors)
launch_bar.bar(specs, errors, launch, part_words.sentence(specs, values, forget) if specs else "", hint)
