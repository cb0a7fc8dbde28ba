"""From a selection to the launch page: a copy of the run that forgets the selected training samples instead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from cu_core.analysis.picking import training_indices
from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.catalogue.spec import RunSpec
from cu_core.runstore.reader import RunView
from pages import _form, _gate, _sections
from pages._common import probe_of
from pages._selection import many
from pages._text import plain

KEY = "forget_instead"


@dataclass(frozen=True)
class Wish:
    """What the launch page is to be filled with.

    Attributes:
        run_id: of the run to copy.
        file: with the indices of the samples to forget.
        words: what they are.
    """

    run_id: str
    file: str
    words: str


def forget_instead(view: RunView, rows: np.ndarray) -> None:
    """A button that opens the launch page with a copy of the run that forgets these samples.

    Args:
        view: the run.
        rows: selected, of its probe; none disables the button.
    """
    pressed = _gate.button(
        "Forget these instead",
        "launch",
        key="forget_instead_button",
        icon=":material/rocket_launch:",
        disabled=not len(rows),
        help="Opens the launch page with a copy of this run whose forget set is the selected training samples.",
    )
    if not pressed:
        return
    probe = probe_of(view, view.run_id)
    is_test = (probe["split"] == "test").to_numpy()
    try:
        indices = training_indices(probe["sample"].to_numpy(), is_test, rows)
        file = _gate.desk().keep_indices(indices, f"selection of {view.run_id}")
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


def fill_in(run_id: str, spec: RunSpec) -> str:
    """Puts the wished forget set into the launch form that was filled with a run.

    Args:
        run_id: of the run that was copied.
        spec: its specification.

    Returns:
        What is to be forgotten, in words; empty without a wish about this run.
    """
    wish: Wish | None = st.session_state.pop(KEY, None)
    if wish is None or wish.run_id != run_id:
        return ""
    _form.put("forget.kind", "indices")
    _form.put("forget.file", wish.file)
    if spec.stop.rule == "class":
        # It looks at unseen samples of forgotten classes, and none is forgotten as a whole.
        _form.put("stop.rule", "auto")
    # Where the method's settings were those recommended for classes, take those for samples.
    _sections.follow_recipe()
    return wish.words
