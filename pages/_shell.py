"""The frame around every page: navigation and the sidebar's state of the machine."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages import _gate
from pages._charts import format_choice
from pages._sidebar import machine

# A file: an icon by its name would be fetched from another company's server.
ICON = Path(__file__).resolve().parent.parent / "assets" / "icon.svg"
st.set_page_config(page_title="Unlearnscope", page_icon=ICON, layout="wide")
_gate.admit()

runs = st.Page(
    "runs.py",
    title="Runs",
    icon=":material/table_rows:",
    help="All runs with their progress and key metrics. Select some to compare their curves.",
)
launch = st.Page(
    "launch.py",
    title="Launch",
    icon=":material/rocket_launch:",
    help="Choose images, a model, what to forget and a method, and start a run or a grid of runs.",
)
run = st.Page(
    "run.py",
    title="Run",
    icon=":material/monitoring:",
    help="One run: live progress, curves over rounds, before and after beside the retrained reference.",
)
drift = st.Page(
    "drift.py",
    title="Drift",
    icon=":material/scatter_plot:",
    help="How the samples move in the embedding, before and after and round by round.",
)
confidence = st.Page(
    "confidence.py",
    title="Confidence",
    icon=":material/bar_chart:",
    help="How sure the model is of forget, retain and unseen samples, before and after.",
)
similarity = st.Page(
    "similarity.py",
    title="Similarity",
    icon=":material/compare_arrows:",
    help="How alike views, samples and classes are to the model: members against non-members.",
)
signals = st.Page(
    "signals.py",
    title="Signal space",
    icon=":material/view_in_ar:",
    help="Probability, similarity and loss of every sample in one space, before and after side by side.",
)
attack = st.Page(
    "attack.py",
    title="Attack",
    icon=":material/policy:",
    help="Whether membership attacks can tell that the forgotten samples were trained on, before and after.",
)
papers = st.Page(
    "papers.py",
    title="Paper tables",
    icon=":material/table_chart:",
    help="The numbers that papers report beside those of runs made here, cell by cell.",
)
sweep = st.Page(
    "sweep.py",
    title="Sweep",
    icon=":material/grid_on:",
    help="Methods × hyper-parameters × forget sets × seeds as ordinary runs, with results as they come.",
)
compare = st.Page(
    "compare.py",
    title="Compare",
    icon=":material/balance:",
    help="Runs side by side: distances to retraining, trade-offs, differences of settings, full records.",
)
# The bare address leads to the runs; the page itself keeps an address of its own.
start = st.Page(lambda: st.switch_page(runs), title="Start", url_path="start", default=True, visibility="hidden")

page = st.navigation(
    {
        "Experiments": [start, runs, launch, sweep, compare, papers],
        "One run": [run, drift, confidence, similarity, signals, attack],
    }
)
# The start page leads on at once: what was drawn beside it would be drawn again with the runs.
if page is not start:
    with st.sidebar:
        format_choice()
        machine()
        _gate.whoami()
page.run()
