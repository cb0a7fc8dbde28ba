"""How the files of the emoji come to a machine without a network."""

from __future__ import annotations

import streamlit as st

from cu_core.data.emoji import published_files
from pages._shared.server_home import home


def by_hand() -> None:
    """How to bring the files where there is no network."""
    with st.popover("Without a network", icon=":material/usb:"):
        files = published_files(home())
        st.markdown(
            f"Put these files into `{next(iter(files)).parent}` on the machine that runs this dashboard; they are "
            "looked at there before anything is fetched."
        )
        for path, address in files.items():
            st.markdown(f"- `{path.name}`: <{address}>")
