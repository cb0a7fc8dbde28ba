"""What can be taken out of a run as a file: weights, samples over rounds, a projector's folder, a model's folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from cu_core.jobs.takeout import Takeout, start_takeout, takeout_status
from cu_core.runstore.reader import RunView
from pages._frame import gate
from pages._frame.notices import say
from pages._shared.number_words import file_size
from pages._shared.plain_text import plain
from pages._shared.server_home import home

POLL_SECONDS = 1.0
TITLES = {
    "weights": "Weights",
    "samples": "Samples over rounds",
    "projector": "TensorBoard projector",
    "hub": "Hugging Face folder",
    "export-site": "Static site",
}
ABOUT = {
    "weights": "safetensors, with the run, the classes and the normalisation in its head.",
    "samples": "Parquet with a row per recorded sample and round: signals, places, nearest neighbours, images. "
    "Embedding Atlas opens it, and so does pandas.",
    "projector": "Embeddings of all rounds with labels and images, as a zip; unpack it and call tensorboard --logdir.",
    "hub": "The unlearned model with a card that tells its numbers beside retraining, and what they do not say, as a "
    "zip. Nothing is sent anywhere.",
    "export-site": "This run as pages that open from disk, as a zip: the viewer with all rounds, curves, "
    "distributions, numbers and verdict. It needs no Python and no network; class names and images are in it.",
}


def takeout(view: RunView) -> None:
    """The section: what to take out, and the button that makes the file or hands it out."""
    if not view.rounds():
        st.caption("There is nothing to take out before the first round is recorded.")
        return
    kinds = [kind for kind in TITLES if kind != "hub" or view.state == "succeeded"]
    kind = st.selectbox("What", kinds, format_func=TITLES.__getitem__, key="takeout_kind", width=320)
    model = ""
    if kind == "weights":
        model = st.selectbox("Of which model", models_of(view), format_func=model_title, key="takeout_model", width=320)
    st.caption(ABOUT[kind])
    what = Takeout(kind, model)
    now = takeout_status(home(), view.run_id, what)
    st.fragment(run_every=POLL_SECONDS if now is not None and now.working else None)(_file)(view.run_id, what)


def models_of(view: RunView) -> list[str]:
    """The models whose weights may be here, as ``--of`` names them."""
    found = ["after"] if view.state == "succeeded" else []
    found += ["before", *(f"reference:{seed}" for seed in view.references())]
    return found + [f"round:{n}" for n in view.rounds() if view.manifest(n).get("weights") is not None]


def model_title(name: str) -> str:
    """A model's name for people."""
    kind, _, number = name.partition(":")
    named = {"after": "After unlearning", "before": "Before unlearning"}
    if kind == "round":
        return f"Round {number}"
    return named.get(kind, f"Reference, seed {number}")


def _file(run_id: str, what: Takeout) -> None:
    gate.check_again()
    try:
        now = takeout_status(home(), run_id, what)
    except UnlearnscopeError as error:
        st.error(plain(error), icon=":material/error:")
        return
    if now is not None and now.working:
        st.button("Making the file", icon=":material/hourglass_top:", disabled=True, key="takeout_making")
        return
    if now is not None and now.file is not None:
        st.download_button(
            f"Download ({file_size(now.file.stat().st_size)})",
            partial(_content, now.file),
            what.file_name(run_id),
            "application/octet-stream",
            key="takeout_download",
            icon=":material/download:",
            type="primary",
            on_click="ignore",
        )
        return
    if now is not None:
        st.warning(plain(now.error), title="It could not be made", icon=":material/warning:")
    if st.button("Make the file", icon=":material/deployed_code:", key="takeout_make"):
        try:
            start_takeout(home(), run_id, what)
        except UnlearnscopeError as error:
            say(error)
        st.rerun()


def _content(file: Path) -> bytes:
    return file.read_bytes()
