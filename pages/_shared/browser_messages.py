"""Packed messages to the components of a page that read them: sent once, and not again while they do not change."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from cu_core.figures.scene import read_header
from pages._shared.browser_parts import asset

CARRIER = asset("viewer/message.js")
"""Script of the component that carries a message."""

_MESSAGE = st.components.v2.component("unlearnscope_message", html="<i hidden></i>", js=CARRIER)


def carry(messages: Mapping[str, bytes | None], *, key: str) -> dict[str, str]:
    """Sends messages and returns the stamps by which components find them, by name; None sends nothing.

    Args:
        messages: of `cu_core.figures.scene.pack_message`, by name.
        key: of the components that carry them.
    """
    sent = {name: message for name, message in messages.items() if message is not None}
    for name, message in sent.items():
        _MESSAGE(data=message, key=f"{key} {name}", height=1)
    return {name: str(read_header(message)["stamp"]) for name, message in sent.items()}
