"""The report of a comparison: the compare page's table and pictures, differences in words, and full records."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cu_core.analysis.compare import outcome_data, recorded_data
from cu_core.analysis.compare.columns import DEFAULT_ATTACK, columns_named, default_columns
from cu_core.analysis.compare.compared import Compared
from cu_core.analysis.compare.difference import differences
from cu_core.analysis.compare.formats import as_json, cell_text, footnotes
from cu_core.analysis.compare.lines import ConfigurationRuns, lines_of
from cu_core.analysis.compare.provenance import command_of, full_record
from cu_core.analysis.compare.table import Table, make_table
from cu_core.analysis.report.document import Block, Document, FigureBlock, Folded, Section, TableBlock
from cu_core.analysis.scenes import Shown, boundary_scene, boundary_unit, samples_of
from cu_core.analysis.verdict_reading import question_title, verdict_line, verdict_of
from cu_core.base.home import Home
from cu_core.base.version import __version__
from cu_core.catalogue.question_record import STATES
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.verdict_states import SHAPES, state_words
from cu_core.data.prepared import open_key
from cu_core.figures.class_gaps import class_gaps, class_gaps_alt
from cu_core.figures.class_matrix import highest_count, prediction_alt, prediction_matrix
from cu_core.figures.class_ranking import MOST_CLASSES, answer_ranking, ranking_words
from cu_core.figures.confidence_panes import SIGNALS, common_bins
from cu_core.figures.layer_bars import layer_alt, layer_similarity
from cu_core.figures.overlay import overlay, overlay_alt, overlay_words
from cu_core.figures.pareto import pareto, pareto_alt, pareto_words
from cu_core.figures.recovery_bars import recovery_alt, recovery_bars
from cu_core.figures.scene import scene_alt
from cu_core.figures.scene_figure import scene_figure
from cu_core.figures.trajectories import trajectories, trajectories_alt, trajectories_words
from cu_core.runstore.reader import open_run

MOST_PANES = 4
"""Most prediction matrices side by side."""

MOST_FILMS = 3
"""Most runs whose samples are drawn round by round."""

MOST_DRAWN = 800
"""Most samples of each; a film of ten rounds takes 100 kB."""

MOST_REASONS = 3
"""Most reasons that are given for what a picture lacks."""


def report_of(
    runs: Sequence[Compared], home: Home, *, title: str, attack: str = DEFAULT_ATTACK, over_seeds: bool = True
) -> Document:
    """The report of some runs.

    Args:
        runs: as `cu_core.analysis.compare.reading.read_runs` gives them; at least one.
        home: where they live.
        title: of the report.
        attack: the membership attack whose AUC is shown.
        over_seeds: put runs that differ by seed alone into one line.
    """
    table = make_table(runs, columns_named(default_columns(runs)), attack=attack, over_seeds=over_seeds)
    lines = lines_of(runs, over_seeds=over_seeds)
    made = datetime.datetime.now(datetime.UTC)
    facts = [
        f"{len(runs)} run{'s' if len(runs) != 1 else ''}, seeds {', '.join(map(str, sorted({r.seed for r in runs})))}; "
        f"made by Unlearnscope {__version__} on {made:%Y-%m-%d %H:%M} UTC.",
        "Everything is inside this file; it opens without a network. Point at a chart for numbers, drag to zoom, and "
        "use its two cameras for PNG and SVG. A click on the head of a column sorts a table.",
    ]
    sections = [Section("Numbers", [_numbers(table), *footnotes(table)])]
    if any(verdict_of(run.result) for run in runs):
        sections.insert(0, Section("Verdict", list(_verdicts(runs))))
    views = _Pictures(lines, home, means=over_seeds)
    sections += [Section(name, blocks) for name, blocks in views.sections() if blocks]
    sections.append(Section("What the runs do differently", list(_differences(lines))))
    sections.append(Section("Full records", list(_records(runs, home))))
    return Document(title, facts, sections, _data(runs, table, home, made.isoformat()))


def _verdicts(runs: Sequence[Compared]) -> Iterator[Block]:
    """What each run's verdict says: the states of all questions, a sentence for anybody, and one for statisticians."""
    found = {f"{run.title}, seed {run.seed} ({run.run_id})": verdict_of(run.result) for run in runs}
    claims = {name: {c["id"]: c for c in verdict["claims"]} if verdict else {} for name, verdict in found.items()}
    asked = {key: question_title(claim) for known in claims.values() for key, claim in known.items()}
    rows = []
    for name, verdict in found.items():
        answers = [claims[name].get(key) for key in asked]
        states = [SHAPES[c["state"]] if c and c["applies"] else "–" for c in answers]
        rows.append([name, state_words(verdict["state"]) if verdict else "none", *states])
    yield TableBlock(["Run", "Verdict", *asked.values()], rows)
    if asked:
        yield ", ".join([*map(state_words, STATES), "– the question does not exist for the run"]) + "."
    yield from (f"{name}: {verdict_line(verdict)}" for name, verdict in found.items())
    if methods := [f"{name}: {verdict['statistician']}" for name, verdict in found.items() if verdict]:
        yield Folded("For statisticians", methods)


def _numbers(table: Table) -> TableBlock:
    head = ["", "Seeds", *(column.heading for column in table.columns)]
    rows = []
    for row in table.rows:
        name = row.label + (f" ({', '.join(row.flags)})" if row.flags else "")
        rows.append([name, str(len(row.seeds)), *(cell_text(c, row.cells[c.id]) for c in table.columns)])
    return TableBlock(head, rows)


def _differences(lines: Sequence[ConfigurationRuns]) -> Iterator[Block]:
    first = lines[0]
    yield f"Against {first.label}, seed {first.runs[0].seed}. Seeds, names and groups are not listed."
    for line in lines[1:]:
        found = [str(d) for d in differences(first.runs[0].spec, line.runs[0].spec)]
        listed = [text for text in found if not text.lower().startswith(("name:", "group:"))]
        yield Folded(line.label, ["; ".join(listed) or "Nothing else."])


def _records(runs: Sequence[Compared], home: Home) -> Iterator[Block]:
    for run in runs:
        view = open_run(home, run.run_id)
        record = full_record(view)
        rows = [[str(cell) for cell in row] for row in record.itertuples(index=False)]
        title = f"{run.title}, seed {run.seed} ({run.run_id})"
        yield Folded(title, [TableBlock(["Part", "What", "Value"], rows), f"Again: {command_of(view.spec)}"])


def _data(runs: Sequence[Compared], table: Table, home: Home, made: str) -> dict[str, Any]:
    """Specifications, results and hashes, for programs."""
    stored = []
    for run in runs:
        view = open_run(home, run.run_id)
        stored.append(
            {
                "run_id": run.run_id,
                "state": run.state,
                "spec": view.spec.to_json(),
                "spec_sha256": view.spec.content_hash(),
                "info": view.info,
                "result": view.result(),
            }
        )
    return {"program": "Unlearnscope", "version": __version__, "made": made, "table": as_json(table), "runs": stored}


class _Pictures:
    """The pictures of a comparison; those that the runs have no numbers for are left out, with the reason."""

    def __init__(self, lines: Sequence[ConfigurationRuns], home: Home, *, means: bool) -> None:
        self.lines = list(lines)
        self.runs = [run for line in lines for run in line.runs]
        self.home = home
        self.means = means
        key = open_run(home, self.runs[0].run_id).dataset_key()
        data = open_key(key, home) if key else None
        self.classes: tuple[str, ...] = data.classes if data else ()

    def sections(self) -> Iterator[tuple[str, list[Block]]]:
        """Title and blocks of each."""
        views: tuple[tuple[str, Callable[[], list[Block]]], ...] = (
            ("Trade-off", self._pareto),
            ("Over rounds", self._rounds),
            ("Accuracy gaps by class", self._gaps),
            ("What forget samples are taken for", self._predictions),
            ("Confidence in forget samples", self._confidence),
            ("Layers", self._layers),
            ("Probe recovery", self._recovery),
            ("Samples and their decision boundary", self._drift),
        )
        for title, view in views:
            yield title, view()

    def _pareto(self) -> list[Block]:
        lines, boxes, left_out = outcome_data.pareto_lines(self.lines)
        if not any(line.points for line in lines):
            return _left_out(left_out)
        utility, forgetting = outcome_data.pareto_titles(self.runs)
        figure = pareto(lines, boxes, utility=utility, forgetting=forgetting, means=self.means)
        words = pareto_words(lines, boxes, means=self.means)
        return [FigureBlock(figure, pareto_alt(lines)), words, *_left_out(left_out)]

    def _rounds(self) -> list[Block]:
        metrics = recorded_data.trajectory_metrics(self.runs)
        lines, bands = recorded_data.trajectory_lines(self.home, self.lines, metrics)
        figure = trajectories(lines, metrics, bands, means=self.means)
        words = f"On the recorded samples. {trajectories_words(lines, metrics, bands, means=self.means)}"
        return [FigureBlock(figure, trajectories_alt(lines, metrics)), words]

    def _gaps(self) -> list[Block]:
        lines, left_out = recorded_data.gap_lines(self.home, self.lines, "unseen", len(self.classes))
        if not lines:
            return _left_out(left_out)
        figure = class_gaps(lines, self.classes, forgotten=self._forgotten())
        words = "Accuracy on recorded unseen samples minus that of the retrained models on the same samples, in points."
        return [FigureBlock(figure, class_gaps_alt(lines, self.classes)), words, *_left_out(left_out)]

    def _predictions(self) -> list[Block]:
        panes, left_out = recorded_data.prediction_panes(self.home, self.lines, "forget", len(self.classes))
        labels = [line.label for line in self.lines][:MOST_PANES]
        kept = [pane for pane in panes if pane.title in labels or pane.kind == "reference"]
        if not any(pane.kind != "reference" for pane in kept):
            return _left_out(left_out)
        most = highest_count([pane.counts for pane in panes], hide_diagonal=False)
        many = max(len(pane.counts) for pane in kept) > MOST_CLASSES
        figure = (
            answer_ranking(kept, self.classes)
            if many
            else prediction_matrix(kept, self.classes, most=most, rows_title="Label")
        )
        rest = len(self.lines) - len(labels)
        more = f" The first {MOST_PANES} of {len(self.lines)} lines are drawn." if rest > 0 else ""
        words = f"Recorded forget samples after unlearning: class against predicted class.{more}"
        if many:
            words += f" {ranking_words(kept)}"
        return [FigureBlock(figure, prediction_alt(kept)), words, *_left_out(left_out)]

    def _confidence(self) -> list[Block]:
        signal = SIGNALS["probability"]
        lines, references, left_out = recorded_data.overlay_lines(self.home, self.lines, signal.array, "forget")
        values = [one for line in lines for one in line.values]
        if not any(len(one) for one in values):
            return _left_out(left_out)
        edges = common_bins(signal, [*references, *values])
        figure = overlay(signal, lines, references, edges, means=self.means)
        words = f"{signal.summary} {overlay_words(lines, references, 'forget')}"
        return [FigureBlock(figure, overlay_alt(signal, lines, references)), words, *_left_out(left_out)]

    def _layers(self) -> list[Block]:
        lines, noise, left_out = outcome_data.layer_lines(self.lines, "forget")
        if not any(line.pairs for line in lines):
            return _left_out(left_out)
        figure = layer_similarity(lines, noise, means=self.means)
        words = (
            "Linear CKA of each layer's answers to the same forget samples; 1 means alike but for rotation and scale."
        )
        return [FigureBlock(figure, layer_alt(lines)), words, *_left_out(left_out)]

    def _recovery(self) -> list[Block]:
        lines, left_out = outcome_data.recovery_lines(self.lines)
        if not lines:
            return _left_out(left_out)
        words = "What a linear probe on the frozen features still finds of the forgotten classes in unseen samples."
        return [FigureBlock(recovery_bars(lines), recovery_alt(lines)), words, *_left_out(left_out)]

    def _forgotten(self) -> list[int]:
        selections = {run.spec["forget"]["select"] for run in self.runs}
        found = parse_selection(next(iter(selections)))
        if len(selections) != 1:
            return []
        return list(found.labels(self.classes))

    def _drift(self) -> list[Block]:
        blocks: list[Block] = []
        for run in self.runs[:MOST_FILMS]:
            view = open_run(self.home, run.run_id)
            rounds, references = view.rounds(), view.references()
            if 0 not in rounds:
                continue
            shown = Shown(view, rounds, references[0] if references else None, None, MOST_DRAWN, self.classes)
            scene, samples = boundary_scene(shown), samples_of(shown)
            title = f"{run.title}, seed {run.seed}"
            if not boundary_unit(view):
                title += " (no distances were recorded; the gap of the logits instead)"
            blocks += [title, FigureBlock(scene_figure(scene, samples), f"{title}: {scene_alt(scene, samples)}")]
        if not blocks:
            return []
        words = (
            "Exact: no projection. Left to right is the distance of each sample to its decision boundary under each "
            "round's own model, bottom to top the cosine of its embedding to that of round 0 (of a reference after the "
            "best rotation onto round 0). The slider changes the round."
        )
        more = len(self.runs) - MOST_FILMS
        return [*blocks, words, *([f"{more} more runs are not drawn."] if more > 0 else [])]


def _left_out(reasons: Sequence[str]) -> list[Block]:
    listed = list(dict.fromkeys(reasons))
    more = f" and {len(listed) - MOST_REASONS} more" if len(listed) > MOST_REASONS else ""
    return [f"Not shown: {'; '.join(listed[:MOST_REASONS])}{more}."] if listed else []
