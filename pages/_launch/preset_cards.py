"""The presets as cards above the launch form."""

from __future__ import annotations

import streamlit as st

from cu_core.catalogue.presets import Preset, single_presets
from pages._frame.page_links import link_to
from pages._launch.form_state import use_preset


def presets(chosen: Preset | None) -> None:
    """One card per preset."""
    with st.grid(5, min_column_width=150, gap="small"):
        for preset in single_presets().values():
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
    link_to("papers", "Whole tables of papers, one click each")
