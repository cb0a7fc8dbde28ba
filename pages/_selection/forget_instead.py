"""From a selection to the launch page: a copy of the run that forgets the selected training samples instead."""

from __future__ import annotations

import numpy as np
import streamlit as st

from cu_core.analysis.picking import training_indices
from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.runstore.reader import RunView
from pages._frame import gate
from pages._launch.forget_wish import KEY, Wish
from pages._selection.selection_state import many
from pages._shared.plain_text import plain
from pages._shared.recorded_rounds import probe_of


def forget_instead(view: RunView, rows: np.ndarray) -> None:
    """A button that opens the launch page with a copy of the run that forgets these samples.

    Args:
        view: the run.
        rows: selected, of its probe; none disables the button.
    """
    pressed = gate.button(
        "Forget these instead",
        "launch",
        key="forget_instead_button",
        icon=":material/rocket_launch:",
        disabled=not len(rows),
        help="Opens the launch page with a copy of this run whose forget set is the selected training samples.",
    )
    if not pressed:
        return
    probe = probe_of(view)
    is_test = (probe["split"] == "test").to_numpy()
    try:
        indices = training_indices(probe["sample"].to_numpy(), is_test, rows)
        file = gate.desk().keep_indices(indices, f"selection of {view.run_id}")
    except BadInput as error:
        allowed = f" Select {' or '.join(error.allowed)}." if error.allowed else ""
        st.error(plain(f"{error.reason[:1].upper()}{error.reason[1:]}.{allowed}"), icon=":material/error:")
        return
    except UnlearnscopeError as error:
        st.error(plain(error), icon=":material/error:")
        return
    left_out = int(is_test[rows].sum())
    words = f"{many(len(indices))} selected there"
    if left_out:
        words += f"; {many(left_out, 'unseen')} of the selection {'was' if left_out == 1 else 'were'} left out"
    st.session_state[KEY] = Wish(view.run_id, str(file), words)
    # A copy that was opened before would keep what was changed in it.
    st.session_state.pop("cloned", None)
    st.switch_page("launch.py", query_params={"clone": view.run_id})
