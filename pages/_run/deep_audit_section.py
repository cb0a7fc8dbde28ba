"""A deep audit on the page of a run: what shadow models found, who is most at risk, and the button that starts one."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from cu_core.analysis.deep_words import deep_sentences, deep_state
from cu_core.analysis.seen_images import images_of
from cu_core.base.display_text import counted, cut, one_line
from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.deep_audit import FEWEST_SHADOWS, USUAL_SHADOWS, deep_audit_of, why_no_deep_audit
from cu_core.catalogue.question_record import STATES
from cu_core.engine.estimate import estimate
from cu_core.figures.theme import COLOURS
from cu_core.runstore import layout
from cu_core.runstore.reader import RunRow, RunView, open_run
from pages._frame import gate
from pages._frame.notices import say
from pages._selection.thumbnail_sheet import Sheet, sheet
from pages._shared.number_words import duration
from pages._shared.plain_text import plain
from pages._shared.server_home import home
from pages._shared.verdict_badge import verdict_badge
from pages._terms.term_link import terms_row

WORDS = (
    "Area: how often a forgotten sample ranks above an unseen one, 0.5 by chance; in brackets, unless they say chance, "
    "its 95 % interval. U-LiRA: likelihood ratio of a sample that was unlearned to one that was never seen. RULI: the "
    "same as two games, by densities. KLoM: how far the margins of unlearned models lie from those of retrained ones."
)
SHOWN = 40
"""Forget samples most at risk whose pictures are shown."""


def deep_audit(view: RunView, row: RunRow) -> None:
    """The section of a finished run: what was found, or how to find it; nothing before it is finished."""
    if started := st.session_state.pop("deep_audit_started", None):
        st.switch_page("run.py", query_params={"run": started})
    result = view.result()
    if result is None or row.state != "succeeded":
        return
    if deep := result.get("deep_audit"):
        _found(view, deep)
        return
    box = st.expander("Deep audit", icon=":material/policy:", key="deep_audit_box", on_change="rerun")
    if box.open:
        with box:
            _offer(view, row)


def _found(view: RunView, deep: dict[str, Any]) -> None:
    st.header("Deep audit", anchor=False)
    terms_row("deep-audit", "shadow")
    first, *others = deep_sentences(deep)
    state = deep_state(deep)
    verdict_badge(next(name for name, words in STATES.items() if words == state))
    found = first.removeprefix(f"{state}: ")
    st.markdown(plain(found[:1].upper() + found[1:]))
    for text in others:
        st.markdown(f"- {plain(text)}")
    st.caption(WORDS)
    for text in deep.get("notes") or []:
        st.warning(plain(text), icon=":material/warning:")
    _source(deep)
    _at_risk(view, deep)


def _source(deep: dict[str, Any]) -> None:
    """Which run was audited, and what it took."""
    took = deep.get("processor_seconds")
    shadows, made = deep.get("shadows"), deep.get("made")
    whose = (
        "all made by this run" if made == shadows else f"{made or 'none'} of them made by this run, the others before"
    )
    said = [f"{counted(shadows or 0, 'shadow model')}, {whose}."]
    if isinstance(took, int | float):
        said.append(f"That took {duration(took)} of processor time.")
    if deep.get("same_weights") is True:
        said.append("Unlearning, repeated here, ended with the weights of the audited run.")
    st.caption(" ".join(said))
    run_id = deep.get("of_run")
    if isinstance(run_id, str) and layout.is_run_id(run_id) and (home().runs / run_id).is_dir():
        st.page_link("run.py", label="The audited run", icon=":material/arrow_back:", query_params={"run": run_id})


def _at_risk(view: RunView, deep: dict[str, Any]) -> None:
    """The forget samples that the attack finds most easily, as pictures."""
    listed = [
        entry for entry in deep.get("at_risk") or [] if _whole(entry.get("sample")) and _number(entry.get("score"))
    ]
    if not listed:
        return
    unseen = deep.get("unseen")
    sure = sum(entry.get("unseen_as_high") == 0 for entry in listed)
    several = f"{len(listed)} forgotten samples" if len(listed) > 1 else "forgotten sample"
    st.markdown(
        f"**Most at risk**: the {several} that look most like unlearned ones, in order; {sure} of them more so than "
        f"any of the {unseen} unseen samples.{_by_chance(deep)}"
    )
    shown = listed[:SHOWN]
    drawn = _pictures(str(home().root), view.run_id, tuple(entry["sample"] for entry in shown))
    if drawn is None:
        st.caption("The images themselves are not on this machine; they appear once a run has prepared the dataset.")
    else:
        numbers = ", ".join(str(entry["sample"]) for entry in shown)
        st.image(drawn.png, width=drawn.width, alt=f"Pictures of forgotten samples most at risk: {numbers}")
        st.caption("Number: place in the training images.")
    names = _class_names(view)
    st.dataframe(
        {
            "Sample": [entry["sample"] for entry in listed],
            "Label": [names.get(entry.get("label"), str(entry.get("label"))) for entry in listed],
            "Log-likelihood ratio": [round(float(entry["score"]), 2) for entry in listed],
            "Unseen samples as high": [entry.get("unseen_as_high") for entry in listed],
        },
        hide_index=True,
        height=220,
        placeholder="–",
        alt="Forgotten samples most at risk",
    )


def _by_chance(deep: dict[str, Any]) -> str:
    """How many forgotten samples would lie above all unseen ones if both were alike: each sample is first as often."""
    forget, unseen = deep.get("forget"), deep.get("unseen")
    if not _whole(forget) or not _whole(unseen) or not unseen:
        return ""
    return f" Were both alike, {forget / (unseen + 1):.1f} would be on average."


@st.cache_data(ttl=30, max_entries=16, show_spinner=False)
def _pictures(root: str, run_id: str, samples: tuple[int, ...]) -> Sheet | None:
    """Pictures of training samples of a run; None where they are not on this machine."""
    data = images_of(home(), open_run(home(), run_id))
    if data is None or max(samples) >= len(data.train_images):
        return None
    images = np.asarray(data.train_images[list(samples)])
    return sheet(images, list(map(str, samples)), [COLOURS["forget"]] * len(samples))


def _class_names(view: RunView) -> dict[Any, str]:
    data = images_of(home(), view)
    return {} if data is None else {label: cut(one_line(name), 40) for label, name in enumerate(data.classes)}


def _offer(view: RunView, row: RunRow) -> None:
    """What a deep audit is, what it will take, and the button."""
    if reason := why_no_deep_audit(view.spec):
        st.caption(f"No deep audit can be made of this run: {plain(reason)}.")
        return
    st.caption(
        "Trains shadow models as the base model was, unlearns a part of the samples from each by the same method, and "
        "asks whether this run's forgotten samples look like those that shadow models unlearned or like ones that they "
        "never saw. It is a new run, which can be cancelled and resumed."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shadows = st.number_input(
            "Shadow models",
            FEWEST_SHADOWS,
            10_000,
            USUAL_SHADOWS,
            key="shadow_models",
            width=180,
            help="16 show a clear trace; with 64 each sample has a deviation of its own; KLoM needs 150.",
        )
        gate.button(
            "Start the deep audit",
            "launch",
            key="start_deep_audit",
            icon=":material/policy:",
            type="primary",
            on_click=_start,
            args=(row.run_id, int(shadows)),
        )
    try:
        seconds = estimate(deep_audit_of(view.spec, row.run_id, int(shadows))[0], home()).seconds
    except UnlearnscopeError as error:
        st.caption(plain(error))
        return
    if seconds is not None:
        st.caption(
            f"At most {duration(seconds)}, judged by an earlier run; shadow models that are there already take none."
        )


def _start(run_id: str, shadows: int) -> None:
    """Callback of the button: queues the deep audit."""
    try:
        (spec,) = deep_audit_of(open_run(home(), run_id).spec, run_id, shadows)
        st.session_state["deep_audit_started"] = gate.desk().launch(spec)
    except UnlearnscopeError as error:
        say(error)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
