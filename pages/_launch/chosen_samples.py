"""What the launch form would forget: the samples that it names in the prepared dataset, and their preview."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from cu_core.base.errors import BadInput
from cu_core.base.parameters import parse
from cu_core.catalogue.selections import FORGET_KINDS, parse_selection
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.forget import ForgetSet, check_on, resolve
from cu_core.data.images import ImageData
from pages._launch import forget_preview, forgotten_copies, form_draft, preview_words
from pages._shared.plain_text import plain
from pages._shared.server_home import home


def data_spec(values: dict[str, Any], errors: dict[str, str]) -> DataSpec | None:
    """The data part of the form; None while something about it is wrong."""
    if any(name.startswith("data.") for name in errors):
        return None
    try:
        return parse(DataSpec, form_draft.content_of(values | {"forget.kind": "mislabelled"})["data"], "data.")
    except BadInput:
        return None


def named_by(text: str, data: ImageData, seed: int) -> ForgetSet:
    """The samples of a prepared dataset that a forget set names."""
    return resolve(text, data, seed, scores=home().scores)


@st.cache_data(max_entries=8, show_spinner=False)
def kept(sha256: str, text: str, _data: ImageData) -> ForgetSet:
    """The same where it takes a moment and depends on nothing but the images."""
    return named_by(text, _data, 0)


def lacks_scores(values: dict[str, Any], data: ImageData) -> bool:
    """Whether the forget set needs something that takes long and that nobody has worked out yet."""
    ready = FORGET_KINDS[values["forget.kind"]].ready
    return ready is not None and not ready(data, home().scores)


def named_file(values: dict[str, Any]) -> str:
    """The file of indices that the forget set names; empty where it names none."""
    try:
        return parse_selection(form_draft.select_text(values)).file
    except BadInput:
        return ""


def chosen_samples(values: dict[str, Any], data: ImageData, errors: dict[str, str]) -> ForgetSet | None:
    """The samples that the forget set names in the prepared dataset; notes an error if it names none."""
    if "forget.select" in errors:
        return None
    seed = values["forget.seed"] if values["forget.seed"] >= 0 else values["seed"]
    text = form_draft.select_text(values)
    try:
        if lacks_scores(values, data):
            check_on(data, text, seed)
            return None
        # The form is drawn at every click.
        if FORGET_KINDS[values["forget.kind"]].costly:
            return kept(data.sha256, text, data)
        return named_by(text, data, seed)
    except BadInput as error:
        name, message = form_draft.in_words(error)
        errors[name] = message
        return None


def preview(
    values: dict[str, Any],
    errors: dict[str, str],
    spec: DataSpec | None,
    data: ImageData | None,
    forget: ForgetSet | None,
) -> None:
    """What would be forgotten, or what has to be done before that can be shown.

    Args:
        values: what the form says.
        errors: messages by field.
        spec: which images; None while something about them is wrong.
        data: the prepared dataset; None where it is not prepared.
        forget: what the form names of it; see `chosen_samples`.
    """
    if spec is None:
        return
    if data is None:
        forget_preview.offer_preparation(spec)
    elif forget is not None:
        told = preview_words.told(data.sha256, form_draft.select_text(values), forget.indices, home().scores, data)
        forget_preview.show(data, forget, plain(told.words) if told else "", told.order if told else None)
        forgotten_copies.show(data, forget)
    elif lacks_scores(values, data) and "forget.select" not in errors:
        forget_preview.offer_preparation(spec, form_draft.select_text(values), is_read=True)
    elif (file := named_file(values)) and (scan := preview_words.scan_file(file, data)):
        preview_words.wrong_lines(scan)
        if len(named := np.unique(scan.indices)):
            forget_preview.show(data, ForgetSet(named, "sample", duplicates=len(scan.indices) - len(named)))
