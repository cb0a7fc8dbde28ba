"""What is known of the base model before a launch: how right own weights are, whether there is anything to forget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.spec import RunSpec
from cu_core.data.images import ImageData
from cu_core.engine.base_knowledge import known_base
from cu_core.engine.control_knowledge import before_launch
from cu_core.jobs import background
from pages._frame import gate
from pages._launch import form_fields
from pages._shared.plain_text import plain
from pages._shared.server_home import home

POLL_SECONDS = 1.0


def own_weights(specs: Sequence[RunSpec], data: ImageData | None) -> None:
    """Judges the own weights of the runs in the form, and offers the reading that fits better.

    Args:
        specs: the runs that would be launched.
        data: the prepared images; None where they are not prepared.
    """
    own = [spec for spec in specs if spec.takes_own_weights]
    if not own:
        return
    if data is None:
        st.caption("Own weights are judged on these images once they are prepared.")
        return
    try:
        kinds = {background.check_key(spec): spec for spec in own}
        if len(kinds) > 1 or len(own) < len(specs):
            st.caption("These runs read weights in several ways; each judges its own when it starts.")
            return
        spec = next(iter(kinds.values()))
        status = background.check_status(spec, home())
        if status is None and gate.desk().check_weights(spec):
            status = background.check_status(spec, home())
    except UnlearnscopeError as error:
        st.caption(plain(error))
        return
    if status is None or status.working:
        st.fragment(run_every=POLL_SECONDS)(_watch)(spec)
    elif found := background.check_found(spec, home()):
        _show(found)
    elif status.error:
        st.error(plain(status.error), icon=":material/error:")


def _watch(spec: RunSpec) -> None:
    status = background.check_status(spec, home())
    if status is not None and not status.working:
        st.rerun()
    if status is None:
        gate.desk().check_weights(spec)
    st.caption(":material/hourglass: Own weights are being judged …")


def _show(found: dict[str, Any]) -> None:
    words, best = plain(found["words"]), found.get("best")
    if found.get("read"):
        st.caption(f":material/description: How the file was read: {plain(found['read'])}.")
    if not found.get("loud"):
        st.caption(f":material/check: {words}")
    else:
        st.warning(words, icon=":material/warning:")
    if best:
        st.button(_offer(best, found["chosen"]), key="take_reading", on_click=_take, args=(best,), type="primary")
    if found.get("forget_words"):
        st.warning(plain(found["forget_words"]), icon=":material/warning:")


def _offer(best: dict[str, Any], chosen: dict[str, Any]) -> str:
    """What the button says."""
    scale = f"Use {plain(best['title'])}" if best["title"] != chosen["title"] else ""
    if best["class_order"] == chosen["class_order"]:
        return scale
    return f"{scale} and that order of classes" if scale else "Use that order of classes"


def _take(best: dict[str, Any]) -> None:
    for name in ("normalisation", "class_order"):
        form_fields.put(f"model.{name}", best[name])


def verdict_outlook(specs: Sequence[RunSpec]) -> None:
    """Says what is known of the verdict beforehand: too few references, or nothing detectable to forget."""
    for sentence in before_launch(specs, home()):
        st.caption(f":material/gavel: {plain(sentence)}")


def earlier_bases(specs: Sequence[RunSpec]) -> None:
    """Says what earlier runs with the same base model found: that it hardly knows what is to be forgotten."""
    try:
        said = {known_base(spec, home()) for spec in specs if not spec.takes_own_weights}
    except UnlearnscopeError:
        return
    if len(said) == 1 and (words := said.pop()):
        st.warning(plain(f"An earlier run with the same model found: {words}"), icon=":material/warning:")
