"""The pictures of the compare page; each reads what it needs when it is looked at, and not before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from cu_core.analysis.compare import outcome_data, recorded_data
from cu_core.analysis.compare.compared import Compared
from cu_core.analysis.compare.lines import ConfigurationRuns, lines_of
from cu_core.analysis.compare.reading import Stamp
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.selections import parse_selection
from cu_core.figures.class_gaps import class_gaps, class_gaps_alt, left_out_gaps
from cu_core.figures.class_matrix import highest_count, prediction_alt, prediction_matrix
from cu_core.figures.class_ranking import MOST_CLASSES, answer_ranking, ranking_words
from cu_core.figures.confidence_panes import SIGNALS, common_bins, signals_for
from cu_core.figures.layer_bars import layer_alt, layer_similarity
from cu_core.figures.overlay import overlay, overlay_alt, overlay_words
from cu_core.figures.pareto import pareto, pareto_alt, pareto_words
from cu_core.figures.recovery_bars import recovery_alt, recovery_bars
from cu_core.figures.similarity_panes import COSINES
from cu_core.figures.table_panes import MOST_NARROW
from cu_core.figures.theme import GROUPS, TITLES
from cu_core.figures.trajectories import MOST_PANES, trajectories, trajectories_alt, trajectories_words
from pages._shared.chart_bar import show_chart
from pages._shared.plain_text import plain
from pages._shared.recorded_rounds import class_names
from pages._shared.server_home import home
from pages._shared.window_watch import is_narrow

PICTURES = {
    "pareto": "Trade-off",
    "rounds": "Over rounds",
    "classes": "Per class",
    "predictions": "Predictions",
    "distributions": "Distributions",
    "layers": "Layers",
    "recovery": "Probe recovery",
}
"""Methods of `Views` with their titles."""

OVERLAID = SIGNALS | {"centroid": COSINES["centroid"]}
MOST_PANES_OF_PREDICTIONS = 4
MOST_LEFT_OUT = 3


@st.cache_data(max_entries=16, show_spinner=False)
def _recorded(what: str, stamps: tuple[Stamp, ...], _runs: Sequence[Compared], over_seeds: bool, *choice: Any) -> Any:
    """What a picture needs of recorded rounds; the stamps say which runs, as they were when they were read."""
    return getattr(recorded_data, what)(home(), lines_of(_runs, over_seeds=over_seeds), *choice)


class Views:
    """The pictures of one comparison.

    Attributes:
        runs: the compared runs.
        stamps: cache keys of the runs.
        lines: of the comparison, the same as in its table.
        means: whether lines are means over seeds.
    """

    def __init__(self, runs: Sequence[Compared], stamps: tuple[Stamp, ...], *, means: bool) -> None:
        self.runs = list(runs)
        self.stamps = stamps
        self.means = means
        self.lines: list[ConfigurationRuns] = lines_of(runs, over_seeds=means)

    def pareto(self) -> None:
        """Utility against forgetting."""
        lines, boxes, left_out = outcome_data.pareto_lines(self.lines)
        if not any(line.points for line in lines):
            self._nothing("the trade-off", left_out)
            return
        utility, forgetting = outcome_data.pareto_titles(self.runs)
        zoomed = bool(boxes) and st.toggle("Zoom in on the band", key="compare_zoom")
        figure = pareto(lines, boxes, utility=utility, forgetting=forgetting, means=self.means, zoomed=zoomed)
        show_chart(figure, key="pareto", alt=pareto_alt(lines))
        st.caption(pareto_words(lines, boxes, means=self.means))
        self._left_out(left_out)

    def rounds(self) -> None:
        """Metrics over rounds."""
        usual = recorded_data.trajectory_metrics(self.runs)
        names = {name for run in self.runs for name in [*run.before, *run.after]}
        options = [name for name in METRICS if name in names and METRICS[name].recorded != "end"]
        chosen = st.multiselect(
            "Metrics",
            options,
            default=[name for name in usual if name in options],
            format_func=lambda name: METRICS[name].title,
            max_selections=MOST_PANES,
            key="compare_metrics",
            select_all=False,
        )
        if not chosen:
            st.info("Choose a metric.", icon=":material/info:")
            return
        lines, bands = self._read("trajectory_lines", tuple(chosen))
        figure = trajectories(lines, chosen, bands, means=self.means, narrow=is_narrow())
        show_chart(figure, key="trajectories", alt=trajectories_alt(lines, chosen))
        st.caption(
            "Measured on the recorded samples that the stopping rule does not look at. "
            + trajectories_words(lines, chosen, bands, means=self.means)
        )

    def classes(self) -> None:
        """Accuracy gaps by class."""
        group = self._group("unseen")
        names = self._class_names()
        lines, left_out = self._read("gap_lines", group, len(names))
        if not lines:
            self._nothing("gaps by class", left_out)
            return
        figure = class_gaps(lines, names, forgotten=self._forgotten(names))
        show_chart(figure, key="class_gaps", alt=class_gaps_alt(lines, names))
        st.caption(
            f"Accuracy on recorded {group} samples of each class after unlearning minus the mean accuracy of the "
            "retrained models on the same samples, in points. Purple: worse than retraining; green: better, which on "
            "what was to be forgotten means that it was not. The colours are full from 20 points on."
            + left_out_gaps(lines)
        )
        self._left_out(left_out)

    def predictions(self) -> None:
        """What samples are taken for."""
        group = self._group("forget")
        names = self._class_names()
        labels = [line.label for line in self.lines]
        picked = labels[:MOST_PANES_OF_PREDICTIONS]
        if len(labels) > MOST_PANES_OF_PREDICTIONS:
            picked = st.multiselect(
                "Lines",
                labels,
                default=picked,
                max_selections=MOST_PANES_OF_PREDICTIONS,
                key="compare_matrices",
                select_all=False,
            )
        panes, left_out = self._read("prediction_panes", group, len(names))
        kept = [pane for pane in panes if pane.title in picked or pane.kind == "reference"]
        if not any(pane.kind != "reference" for pane in kept):
            self._nothing("predictions", left_out)
            return
        most = highest_count([pane.counts for pane in panes], hide_diagonal=False)
        narrow = is_narrow()
        many = max(len(pane.counts) for pane in kept) > (MOST_NARROW if narrow else MOST_CLASSES)
        figure = (
            answer_ranking(kept, names, narrow=narrow)
            if many
            else prediction_matrix(kept, names, most=most, rows_title="Label", narrow=narrow)
        )
        show_chart(figure, key="compare_predictions", alt=prediction_alt(kept))
        st.caption(
            f"Recorded {group} samples after unlearning: class against predicted class, as a mean over seeds where "
            "there are several. "
            + (ranking_words(kept) if many else "The colours mean the same in all panes. Empty cells are zero.")
        )
        self._left_out(left_out)

    def distributions(self) -> None:
        """One signal of all lines in one pane."""
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = st.segmented_control(
                "Signal",
                list(OVERLAID),
                format_func=lambda key: OVERLAID[key].title,
                default="probability",
                required=True,
                key="compare_signal",
            )
            group = self._group("forget")
            log = chosen == "loss" and st.toggle("Logarithmic axis", value=True, key="compare_log")
        signal = (OVERLAID | signals_for(run.spec["train"]["objective"] for run in self.runs))[chosen]
        lines, references, left_out = self._read("overlay_lines", signal.array, group)
        if not any(len(values) for line in lines for values in line.values):
            self._nothing(signal.title.lower(), left_out)
            return
        edges = common_bins(signal, [*references, *(values for line in lines for values in line.values)], log=log)
        figure = overlay(signal, lines, references, edges, means=self.means)
        show_chart(figure, key="overlay", alt=overlay_alt(signal, lines, references))
        st.caption(f"{signal.summary} {overlay_words(lines, references, group)}")
        self._left_out(left_out)

    def layers(self) -> None:
        """CKA layer by layer."""
        group = self._group("forget")
        lines, noise, left_out = outcome_data.layer_lines(self.lines, group)
        if not any(line.pairs for line in lines):
            self._nothing("layers", left_out)
            return
        show_chart(
            layer_similarity(lines, noise, means=self.means, narrow=is_narrow()), key="layers", alt=layer_alt(lines)
        )
        among = any(value is not None for value in noise.reference)
        st.caption(
            f"Linear CKA of each layer's answers to the same {group} samples; 1 means alike but for rotation and "
            "scale."
            + (" How alike retrained models are among themselves is what an unlearned one can be asked for." * among)
        )
        self._left_out(left_out)

    def recovery(self) -> None:
        """Probe recovery."""
        lines, left_out = outcome_data.recovery_lines(self.lines)
        if not lines:
            self._nothing("probe recovery", left_out)
            return
        show_chart(recovery_bars(lines), key="recovery", alt=recovery_alt(lines))
        st.caption(
            "A linear probe is fitted to the frozen features of training samples of all classes, forgotten ones "
            "included, and asked about unseen samples of the forgotten classes. Retrained models score above zero as "
            "well: what was learned from other classes serves the forgotten one too. What counts is the distance to "
            "them."
        )
        self._left_out(left_out)

    def _read(self, what: str, *choice: Any) -> Any:
        return _recorded(what, self.stamps, self.runs, self.means, *choice)

    def _group(self, usual: str) -> str:
        group: str = st.segmented_control(
            "Samples",
            list(GROUPS),
            format_func=TITLES.__getitem__,
            default=usual,
            required=True,
            key=f"compare_samples_{usual}",
        )
        return group

    def _class_names(self) -> tuple[str, ...]:
        return class_names(str(home().root), self.runs[0].run_id)

    def _forgotten(self, names: Sequence[str]) -> list[int]:
        selections = {run.spec["forget"]["select"] for run in self.runs}
        if len(selections) != 1:
            return []
        return list(parse_selection(selections.pop()).labels(names))

    def _nothing(self, what: str, reasons: Sequence[str]) -> None:
        st.info(f"None of these runs has {what}: {plain('; '.join(dict.fromkeys(reasons)) or 'nothing was recorded')}.",
                icon=":material/info:")  # fmt: skip

    def _left_out(self, reasons: Sequence[str]) -> None:
        listed = list(dict.fromkeys(reasons))
        if listed:
            more = f" and {len(listed) - MOST_LEFT_OUT} more" if len(listed) > MOST_LEFT_OUT else ""
            st.caption(f"Not shown: {plain('; '.join(listed[:MOST_LEFT_OUT]))}{more}.")
