"""What came out of a finished run: metrics beside the reference and its band, verdicts in words, times."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from cu_core.analysis.compare.compared import Compared, ComparedMetric
from cu_core.analysis.compare.measures import (
    ALL_AGREE,
    WALL,
    images_measure,
    metric_measure,
    over_unlearning,
    own_interval,
    time_kind,
    time_measure,
    tow_measure,
)
from cu_core.analysis.compare.outside import is_outside, outside
from cu_core.analysis.compare.reading import read_run
from cu_core.analysis.verdict_reading import verdict_of
from cu_core.base.csv_cells import shown_table
from cu_core.base.display_text import counted
from cu_core.catalogue.file_lists import listed
from cu_core.catalogue.metric_record import METRICS
from cu_core.figures.theme import distance_colour
from cu_core.metrics.membership import few_words
from cu_core.runstore.reader import RunView
from pages._shared.number_words import difference_text, duration, metric_text
from pages._shared.plain_text import plain
from pages._terms.term_link import terms_row

STOPPED = {
    "class_rule": "unseen samples of the forgotten classes are classified no better than by chance (class rule)",
    "sample_rule": "forget samples are classified no better than unseen ones (sample rule)",
    "chance_rule": "the wrong labels are no more likely than chance (chance rule)",
    "like-reference_rule": "on the rule's samples, margin, position and odds are those of one more reference "
    "(like-reference rule)",
    "max_rounds": "all rounds were run",
    "method_finished": "the method had nothing left to do",
    "collapse": "retain accuracy was in free fall (collapse guard)",
    "not_a_number": "the weights were no longer numbers; the last healthy round is kept",
}
# Beyond this many half widths a number says no more than that it is far.
FAR = 100
# And up to here it would be written as 1.0.
JUST = 1.05
PLACE, BAND, CHANGE = "In band?", "95 % band", "Difference"
OWN = "Own interval"
OWN_HELP = (
    "95 % interval of the number after unlearning: how far it might be from where it is, had other samples of the same "
    "kind been measured. "
    "The reference was measured on the same samples: whether the two differ is for the band to say."
)
AGREED = "*"
AGREED_SAYS = "* All references agree: the band reaches one sample to either side."
COLOURS_SAY = (
    "Coloured rows lie outside: green above, purple below, the darker the farther. Neither is good or bad as such."
)
HELP = {
    CHANGE: "After unlearning minus the reference.",
    PLACE: "Whether the number after unlearning lies where one more retrained model would; if not, how far from the "
    "mean, in half widths of the band.",
    BAND: "Where one more retrained model would lie in 19 of 20 cases.",
    OWN: OWN_HELP,
}
WIDTHS = {"Metric": 223, "Before": 62, "After": 62, "Reference": 79, CHANGE: 88, PLACE: 92, BAND: 106, OWN: 106}
"""Of columns in px: what stands in each is to be read whole beside the others on a laptop."""
SECONDS = {
    "train": "Training",
    "unlearn": "Unlearning",
    "evaluate": "Evaluation",
    "reference": "Reference",
    "audit": "Attacks",
}


def results(view: RunView) -> None:
    """The finished run's stopping reason, verdicts, table and times; nothing while there is no result."""
    result = view.result()
    if result is None:
        return
    run = read_run(view)
    stopped = run.stopped_by
    why = STOPPED.get(stopped, plain(stopped.replace("_", " ")))
    rounds = result.get("rounds")
    if run.elsewhere:
        _shown_files(run, result)
    elif rounds is not None and stopped:
        st.markdown(f":material/flag: Stopped after **{rounds} round{'' if rounds == 1 else 's'}**: {why}.")
    cautions = result.get("cautions") or []
    for text in cautions:
        st.warning(plain(text), icon=":material/warning:")
    for level, text in verdicts(run):
        (st.warning if level else st.markdown)(text)
    st.header("Before, after and reference", anchor=False)
    terms_row("reference", "band", "tug-of-war", "over-unlearning")
    st.dataframe(
        coloured_table(run),
        hide_index=True,
        height="content",
        column_config={name: st.column_config.TextColumn(width=px, help=HELP.get(name)) for name, px in WIDTHS.items()},
        placeholder="–",
        alt="Metrics before and after unlearning and of the retrained reference; those outside their band first",
    )
    few, beyond = few_words(result.get("counts") or {}), outside(run)
    coloured = COLOURS_SAY if beyond.names else ""
    agreed = AGREED_SAYS if any(measure.note for measure in beyond.measured.values()) else ""
    st.caption(
        " ".join(filter(None, [measured_on(result), few, reference_words(run), beyond.words(), coloured, agreed]))
    )
    for note in result.get("notes") or []:
        if note not in cautions:
            st.caption(plain(note))
    if own := own_weights_words(result):
        st.caption(plain(own))
    with st.expander("What the metrics mean", icon=":material/help:"):
        st.markdown(
            "\n".join(f"- **{m.title}**: {m.summary}" for m in METRICS.values() if m.exists(run.task, run.kind))
        )
    _times(result)


def _shown_files(run: Compared, result: dict) -> None:
    """Where the models of the run come from."""
    rounds = result.get("rounds") or 0
    several = f"**{rounds} rounds**, one per file" if rounds != 1 else "**One round**, from one file"
    st.markdown(
        f":material/folder_open: {several}: {plain(run.method_title)}. It was unlearned elsewhere; what that took is "
        "not known."
    )
    files = result.get("given") or []
    table = pd.DataFrame(
        {
            "Role": [str(file.get("role")) for file in files],
            "File": [str(file.get("name")) for file in files],
            "How it was read": [str(file.get("told") or "as it is") for file in files],
            "sha256": [str(file.get("sha256")) for file in files],
        }
    )
    with st.expander(counted(len(files), "file"), icon=":material/description:"):
        st.dataframe(
            shown_table(table), hide_index=True, placeholder="–", alt="Files of the run with their roles and hashes"
        )


def own_weights_words(result: dict) -> str:
    """How right own weights were before the run, where that is no caution; empty where the model was trained here."""
    found = result.get("own_weights") or {}
    return "" if found.get("loud") else str(found.get("words") or "")


def verdicts(run: Compared) -> list[tuple[bool, str]]:
    """How near the run came to retraining, in sentences; True marks a warning."""
    said = []
    if run.collapsed:
        said.append(
            (True, ":material/warning: The model was destroyed on the way; its numbers say nothing of forgetting.")
        )
    tow = tow_measure(run)
    if tow.value is not None:
        cost = cost_words(run)
        said.append(
            (
                False,
                f":material/balance: Tug of war **{tow.value:.3f}** (95 %: {tow.low:.3f} to {tow.high:.3f}); "
                f"{tug_words(run)}{cost and f' {cost}'}",
            )
        )
    over, words = over_unlearning(run)
    if over:
        said.append((True, f":material/warning: Over-unlearning: {words}."))
    elif over is not None:
        still = "is for the verdict to say" if verdict_of(run.result) else "is not said"
        said.append((False, f":material/straighten: Over-unlearning: {words}. Whether they are still known {still}."))
    return said


def tug_words(run: Compared) -> str:
    """What tug of war compares, for it to be read beside a verdict that looks at more."""
    *first, last = (run.result.get("tow") or {}).get("groups") or ("forget", "retain", "unseen")
    groups = f"{', '.join(first)} and {last}" if first else last
    return f"at 1, {groups} samples are right as often as after retraining. It compares nothing but these accuracies."


def cost_words(run: Compared) -> str:
    """What the method took as shares of one retraining, in a sentence; empty where nothing is known of it."""
    time, images, kind = time_measure(run).value, images_measure(run).value, time_kind(run)
    said = []
    if time is not None:
        said.append(f"took **{time:.1%}** of the {kind}")
    if images is not None:
        said.append(f"drew **{images:.1%}** of the images")
    cost = f"It {' and '.join(said)} of one retraining." if said else ""
    load = " Wall time depends on what else the machine did." if time is not None and kind == WALL else ""
    return cost + load


def comparison_table(run: Compared) -> pd.DataFrame:
    """Metrics before, after and of the reference, and whether they lie in the band; those outside of it come first."""
    return pd.DataFrame([line for line, _ in _lines(run)])


def coloured_table(run: Compared) -> Any:
    """The same with the ground of what lies outside coloured, by side and distance as in a comparison."""
    found = _lines(run)
    shown = shown_table(pd.DataFrame([line for line, _ in found]))
    marked = [name for name in ("Metric", "After", PLACE) if name in shown.columns]
    css = pd.DataFrame("", index=shown.index, columns=shown.columns)
    for row, (_, distance) in enumerate(found):
        if colour := distance_colour(distance):
            css.loc[row, marked] = f"background-color: {colour}"
    return shown.style.apply(lambda _: css, axis=None)


def _lines(run: Compared) -> list[tuple[dict[str, str], float | None]]:
    """A line of the table per metric, each with its distance in half widths of the band."""
    first: list[tuple[dict[str, str], float | None]] = []
    rest: list[tuple[dict[str, str], float | None]] = []
    for key, metric in METRICS.items():
        before, measure = run.before.get(key), metric_measure(run, key)
        if run.task not in metric.tasks or (before is None and measure.value is None):
            continue
        own = own_interval(run, key)
        line = {
            "Metric": metric.title_for(run.kind),
            "Before": metric_text(key, before),
            "After": metric_text(key, measure.value),
        }
        if run.reference:
            line["Reference"] = metric_text(key, measure.reference)
            line[CHANGE] = difference_text(key, measure.value, measure.reference)
        if len(run.references) > 1:
            line[PLACE] = "–" if measure.distance is None else _place(measure.distance)
            line[BAND] = _band_text(key, measure)
        line[OWN] = "–" if own is None else _range(key, own)
        (first if is_outside(measure) else rest).append((line, measure.distance))
    return first + rest


def _band_text(metric: str, measure: ComparedMetric) -> str:
    """The ends of a band, as far as there are such values, and what there is to know of it."""
    if measure.band is None:
        return "no width: all agree" if measure.why_no_band.startswith(ALL_AGREE) else "–"
    return _range(metric, measure.band.ends(*METRICS[metric].ends)) + (AGREED if measure.note else "")


def _range(metric: str, ends: tuple[float, float]) -> str:
    """Both ends of an interval with one unit."""
    low, high = (metric_text(metric, end) for end in ends)
    return f"{low.removesuffix(' %') if high.endswith(' %') else low} to {high}"


def _place(distance: float) -> str:
    """Where a value lies, in half widths of the band."""
    if abs(distance) <= 1:
        return "inside"
    side = "above" if distance > 0 else "below"
    if abs(distance) < JUST:
        return f"just {side}"
    times = f"{abs(distance):.1f}" if abs(distance) < FAR else f"> {FAR}"
    return f"{times} × {side}"


def measured_on(result: dict) -> str:
    """Which samples the table's numbers are measured on."""
    total, counts = result.get("forget_count"), result.get("counts") or {}
    groups = [f"{counts[group]:,} {group}" for group in ("forget", "retain", "unseen") if counts.get(group) is not None]
    said = [] if total is None else [f"To be forgotten: {counted(total, 'sample')}."]
    if groups:
        # Rounds that were made elsewhere are all shown, and no rule looks at any sample.
        elsewhere = bool(result.get("given")) and result.get("served") is None
        but = "" if elsewhere else ": all but those that the stopping rule looks at"
        said.append(f"Measured on {', '.join(groups)} samples{but}.")
    return " ".join(said)


def reference_words(run: Compared) -> str:
    """What stands behind the reference's numbers."""
    if not run.reference:
        if run.asked_references:
            return "A reference was asked for, but the result has no numbers of one."
        return "No reference was retrained: clone the run and ask for one to see how close it comes."
    count = max(len(run.references), run.asked_references)
    text = f"Reference: mean over {counted(count, 'model')} retrained without them{_whose(run)}."
    if len(run.references) > 1:
        return (
            f"{text} Band: where one more retrained model would lie in 19 of 20 cases; a value inside it may be "
            "chance, one outside it is given in half widths of the band."
        )
    return f"{text} One reference gives no band: ask for two or more to see which differences are chance."


def _whose(run: Compared) -> str:
    """Which references are the user's own, where some are."""
    own = [reference.file for reference in run.references if reference.file]
    if not own:
        return ""
    here = len(run.references) - len(own)
    trained = f"; {here} retrained here" if here else ""
    return f" ({plain(listed(own))}, retrained elsewhere{trained})"


def _times(result: dict) -> None:
    """One line: work first, which does not depend on what else the machine did, then what the clock said."""
    if times := time_words(result):
        st.caption(f":material/timer: {plain(times)}")
    if words := _computed(result.get("hardware") or {}):
        st.caption(plain(words))


def time_words(result: dict) -> str:
    """What each part of a run took, in a line; empty where nothing is known of it."""
    clock, work = result.get("seconds") or {}, result.get("cpu_seconds") or {}
    of = "processor" if str((result.get("hardware") or {}).get("device") or "cpu") == "cpu" else "device"
    said = []
    for key, label in SECONDS.items():
        if key not in clock:
            continue
        known = "not known" if clock[key] is None else f"{duration(clock[key])} by the clock"
        told = [known] if work.get(key) is None else [f"{duration(work[key])} of {of} time", known]
        cached = {"train": "base_cached", "reference": "reference_cached"}.get(key, "")
        told += ["taken from the cache"] if result.get(cached) else []
        said.append(f"{label} {told[0]}" + (f" ({', '.join(told[1:])})" if told[1:] else ""))
    return " · ".join(said)


def _computed(hardware: dict) -> str:
    """Where and in which precision; empty for runs that do not tell."""
    name, device, precision = (str(hardware.get(key) or "") for key in ("name", "device", "precision"))
    if not name:
        return ""
    trained = f" Trained and unlearned in {precision}, evaluated in fp32." if precision else ""
    return f"Computed on {name}{f' ({device})' if device else ''}.{trained}"
