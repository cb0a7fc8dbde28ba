"""What the launch form would forget: the samples that it names in the prepared dataset, and their preview."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from cu_core.base.errors import BadInput
from cu_core.base.parameters import parse
from cu_core.catalogue.spec import DataSpec
from cu_core.data.forget import ForgetSet, parse_selection, resolve
from cu_core.data.images import ImageData
from cu_core.data.memorisation import read_scores
from pages._launch import forget_preview, form_draft, preview_words
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
def duplicates(sha256: str, text: str, _data: ImageData) -> ForgetSet:
    """The same for ``duplicates``, which depends on nothing but the images."""
    return named_by(text, _data, 0)


def lacks_scores(values: dict[str, Any], data: ImageData) -> bool:
    """Whether the forget set needs scores of the samples that nobody has worked out yet."""
    return values["forget.kind"] == "memorised" and read_scores(home().scores, data) is None


def chosen_samples(values: dict[str, Any], data: ImageData, errors: dict[str, str]) -> ForgetSet | None:
    """The samples that the forget set names in the prepared dataset; notes an error if it names none."""
    if "forget.select" in errors or lacks_scores(values, data):
        return None
    seed = values["forget.seed"] if values["forget.seed"] >= 0 else values["seed"]
    text = form_draft.select_text(values)
    try:
        # Comparing a sample with all others takes a moment, and the form is drawn at every click.
        if values["forget.kind"] == "duplicates":
            return duplicates(data.sha256, text, data)
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
        selection = parse_selection(form_draft.select_text(values))
        words = preview_words.words_of(selection, data, forget)
        forget_preview.show(data, forget, words, preview_words.order_of(selection, data, forget))
    elif lacks_scores(values, data) and "forget.select" not in errors:
        forget_preview.offer_preparation(spec, form_draft.select_text(values), is_read=True)
    elif values["forget.kind"] == "indices" and (scan := preview_words.scan_file(values["forget.file"], data)):
        preview_words.wrong_lines(scan)
        if len(named := np.unique(scan.indices)):
            forget_preview.show(data, ForgetSet(named, "sample", duplicates=len(scan.indices) - len(named)))
