"""The first page: what unlearning is, a finished run that plays by itself, ways to go on, and the latest runs."""

from __future__ import annotations

import streamlit as st

from cu_core.runstore.reader import list_runs
from pages._frame.page_records import Page
from pages._run.run_progress import progress
from pages._shared.server_home import home
from pages._start.doors import doors
from pages._start.emoji_offer import emoji_offer
from pages._start.latest_runs import latest_runs
from pages._start.playing_run import playing_run
from pages._terms.term_link import terms_row

PAGE = Page(
    id="start",
    title="Start",
    icon=":material/play_circle:",
    help="What unlearning is, a run that plays by itself, and where to go from here.",
    purpose="what unlearning is, a finished run playing from before to after beside the reference, ways to go on, and "
    "the latest runs with their verdicts",
    section="Begin",
    order=1,
)
WHAT_IT_IS = (
    "**Unlearning** makes a trained network :orange[✕ forget] some of the pictures that it learned from, and "
    ":blue[● retain] the others. The aim is the **reference**: the same network, trained from scratch without the "
    "forgotten pictures. Accuracy alone does not tell: many pictures that it has never learned from, the "
    ":green[◆ unseen] ones, a network gets right all the same."
)

# A link to a run may leave the page's name out. Only where a session begins: leaving this page for a run puts the run
# into this page's entry of the browser's history too, and the back button has to lead here.
if (run_id := st.query_params.get("run")) and "last_run" not in st.session_state:
    st.switch_page("run.py", query_params={"run": run_id})

st.title(PAGE.title, anchor=False)
st.markdown(WHAT_IT_IS)
rows = list_runs(home())
playing_run(rows)
terms_row("unlearning", "forget", "retain", "unseen", "reference", "boundary-distance", "verdict")
emoji_offer(rows)
doors()
latest_runs(rows, progress)
