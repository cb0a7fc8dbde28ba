"""The pictures of a run by the words that pages use."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cu_core.analysis.recorded_signals import class_cosines_of, cosine_of, curves_of, signal_of
from cu_core.analysis.scenes import (
    Shown,
    boundary_of,
    boundary_scene,
    picture_scene,
    samples_of,
    state_name,
)
from cu_core.analysis.seen_images import images_of
from cu_core.analysis.tsne_picture import tsne_figure
from cu_core.analysis.verdict_reading import decisive_test, question_title, verdict_of, worst_first
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.attack_record import ATTACKS, MODELS, NUMBERS, WAYS, score_array
from cu_core.catalogue.projection_record import PROJECTIONS
from cu_core.figures.attack_overview import SERIES, overview
from cu_core.figures.attack_scores import Scored, roc_figure, score_bins, score_panes
from cu_core.figures.class_matrix import Predictions, count_predictions, highest_count, prediction_matrix
from cu_core.figures.class_ranking import MOST_CLASSES, answer_ranking
from cu_core.figures.class_similarity import Similarities, common_range, similarity_matrix
from cu_core.figures.confidence_panes import (
    SIGNALS,
    ConfidencePane,
    SampleSignal,
    by_group,
    common_bins,
    distributions,
    highest_share,
    signals_for,
    spread_of,
)
from cu_core.figures.curves import curves, signal_panes
from cu_core.figures.event_counts import crossing_histogram, flip_bars
from cu_core.figures.measure_curves import measure_lines, measure_table, reference_cka_table
from cu_core.figures.scene import Scene
from cu_core.figures.scene_figure import scene_figure
from cu_core.figures.similarity_panes import COSINES, similarity_histograms
from cu_core.figures.theme import GROUPS
from cu_core.figures.verdict_rows import row_of_test, verdict_rows
from cu_core.metrics.drift.drift_measure import MEASURES
from cu_core.metrics.drift.events import crossings, flips
from cu_core.metrics.drift.seed_noise import noise_band
from cu_core.projections.map_request import MapRequest
from cu_core.projections.map_store import read_picture
from cu_core.python.moments import Moment, moment_of
from cu_core.runstore.reader import RunView

FIELD = "figure"
REFERENCE = "Reference (retrained)"
MOST_DRAWN = 5000


@dataclass(frozen=True)
class _Shows:
    """What is drawn of a run: its rounds, the one beside "before", the seed of a reference or None, class names."""

    view: RunView
    home: Home
    rounds: list[int]
    number: int
    seed: int | None
    classes: tuple[str, ...]

    @property
    def reported(self) -> np.ndarray:
        """(k,) rows of the probe that metrics count."""
        return np.flatnonzero(~self.view.probe()["rule"].to_numpy())

    def at(self, read: Callable[[int | None, int | None], np.ndarray | None]) -> dict[int | None, np.ndarray]:
        """What is read in every round and, under None, in the reference; where nothing was recorded it is missing."""
        places: list[tuple[int | None, int | None]] = [(number, None) for number in self.rounds]
        if self.seed is not None:
            places.append((None, self.seed))
        found = {number: read(number, seed) for number, seed in places}
        return {number: values for number, values in found.items() if values is not None}

    def moments(self, found: Mapping[int | None, Any]) -> list[tuple[int | None, str, str]]:
        """Before, the round and the reference, as far as they are there, with title and kind."""
        rounds = [k for k in sorted({0, self.number}) if k in found]
        said: list[tuple[int | None, str, str]] = [
            (k, state_name(k, self.rounds[-1]), "round" if k else "before") for k in rounds
        ]
        return [*said, (None, REFERENCE, "reference")] if None in found else said


@dataclass(frozen=True)
class RunFigure:
    """One picture.

    Attributes:
        word: what it is asked for by.
        summary: what it shows.
        draw: makes it of what is shown and of the choices.
        choices: name of a choice to its values, the usual one first; besides ``round`` and ``reference``.
    """

    word: str
    summary: str
    draw: Callable[..., go.Figure]
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def figure_of(word: str, view: RunView, home: Home, choices: Mapping[str, Any]) -> go.Figure:
    """A picture of a run.

    Args:
        word: one of `FIGURES`.
        view: the run.
        home: where it lives.
        choices: those of the picture, ``round`` (the last by default) and ``reference`` (a seed; the first by default).

    Raises:
        BadInput: no such picture or choice; the run did not record what it shows.
    """
    if word not in FIGURES:
        raise BadInput(FIELD, f"no figure named {word!r}", FIGURES, given=str(word))
    record, given = FIGURES[word], dict(choices)
    rounds, seeds = view.rounds(), view.references()
    if not rounds:
        raise BadInput(FIELD, "the run has recorded no round that can be read")
    moment: Moment = given.pop("round", rounds[-1])
    number = moment_of(moment, view).number
    if number is None:
        raise BadInput("round", f"{moment!r} is no round; references are drawn beside it", map(str, rounds))
    seed = given.pop("reference", seeds[0] if seeds else None)
    if seed is not None and seed not in seeds:
        raise BadInput("reference", f"{seed!r} is no recorded reference's seed", [*map(str, seeds), "None"])
    data = images_of(home, view)
    shows = _Shows(view, home, rounds, number, seed, data.classes if data is not None else ())
    return record.draw(shows, **_checked(record, given))


def _checked(record: RunFigure, given: Mapping[str, Any]) -> dict[str, str]:
    for name, value in given.items():
        if name not in record.choices:
            allowed = [*record.choices, "round", "reference"]
            raise BadInput(FIELD, f"{record.word} has no choice named {name!r}", allowed, given=name)
        if str(value) not in record.choices[name]:
            raise BadInput(name, f"{value!r} is none of the choices", record.choices[name], given=str(value))
    usual = {name: values[0] for name, values in record.choices.items()}
    return usual | {name: str(value) for name, value in given.items()}


def _curves(shows: _Shows, *, signals: bool = False) -> go.Figure:
    found = curves_of(shows.view, shows.view.row().title)
    if found is None:
        raise BadInput(FIELD, "the run has recorded no round that can be read")
    return curves([found], signal_panes([found]) if signals else None)


def _signals(shows: _Shows) -> go.Figure:
    return _curves(shows, signals=True)


def _shown(shows: _Shows, *, seed: int | None) -> Shown:
    return Shown(shows.view, shows.rounds, seed, None, MOST_DRAWN, shows.classes)


def _boundary(shows: _Shows) -> go.Figure:
    shown = _shown(shows, seed=shows.seed)
    return _scene(shows, shown, boundary_scene(shown))


def _scene(shows: _Shows, shown: Shown, scene: Scene) -> go.Figure:
    return scene_figure(scene, samples_of(shown), shown=shows.number, most=MOST_DRAWN)


def _projection(shows: _Shows, *, method: str, axes: str) -> go.Figure:
    if shows.home.runs / shows.view.run_id != shows.view.run_dir:
        raise BadInput(FIELD, f"{shows.view.run_dir} does not lie in a home, where pictures that take long are kept")
    request = MapRequest(shows.view.run_id, "", method, int(axes))
    importlib.import_module("cu_core.projections.draw").draw(shows.home, request)
    picture = read_picture(shows.home, request)
    if picture is None:
        raise BadInput(FIELD, "the picture cannot be read back; try again")
    shown = _shown(shows, seed=shows.seed if picture.manifest["placeable"] else None)
    return _scene(shows, shown, picture_scene(shown, f"{method} {axes}", picture))


def _map(shows: _Shows, *, axes: str) -> go.Figure:
    return _projection(shows, method="reference-map", axes=axes)


def _panes(
    shows: _Shows, signal: SampleSignal, found: dict[int | None, np.ndarray]
) -> tuple[list[ConfidencePane], list[ConfidencePane]]:
    """What is drawn: before, the round, the reference; and the same of all rounds, for common axes."""
    reported = shows.reported
    groups = shows.view.probe()["group"].to_numpy()[reported]
    if not found or shows.number not in found:
        raise BadInput(FIELD, f"{signal.title} was not recorded in round {shows.number}")
    drawn = [ConfidencePane(title, groups, found[k][reported], kind) for k, title, kind in shows.moments(found)]
    return drawn, [ConfidencePane("", groups, values[reported]) for values in found.values()]


def _confidence(shows: _Shows, *, signal: str) -> go.Figure:
    record = signals_for([shows.view.spec.train.objective])[signal]
    found = shows.at(lambda number, seed: signal_of(shows.view, record.array, number, seed))
    panes, every = _panes(shows, record, found)
    seeds = shows.view.references() if shows.seed is not None else []
    others = [signal_of(shows.view, record.array, None, seed) for seed in seeds]
    reported = shows.reported
    spread = [ConfidencePane("", panes[0].groups, v[reported], "reference") for v in others if v is not None]
    log = signal == "loss"
    edges = common_bins(record, by_group([*every, *spread]), log=log)
    top = highest_share([*every, *spread], edges)
    return distributions(record, panes, edges, top=top, spread=spread_of(spread, edges))


def _similarity(shows: _Shows, *, cosine: str) -> go.Figure:
    found = shows.at(lambda number, seed: cosine_of(shows.view, cosine, number, seed))
    panes, every = _panes(shows, COSINES[cosine], found)
    if not any(np.isfinite(pane.values).any() for pane in every):
        raise BadInput(FIELD, f"{COSINES[cosine].title} has no value for any sample of this run")
    edges = common_bins(COSINES[cosine], by_group(every))
    return similarity_histograms(COSINES[cosine], panes, edges, top=highest_share(every, edges))


def _predictions(shows: _Shows, *, group: str) -> go.Figure:
    probe, reported = shows.view.probe(), shows.reported
    rows = reported[(probe["group"] == group).to_numpy()[reported]]
    true = probe["true_label"].to_numpy()[rows]
    found = shows.at(lambda number, seed: signal_of(shows.view, "top3_class", number, seed))
    if not len(rows) or not found:
        raise BadInput(FIELD, f"no predictions of {group} samples were recorded")
    largest = max(int(array.max()) for array in [probe["true_label"].to_numpy(), *found.values()])
    size = max(len(shows.classes), 1 + largest)
    counts = {k: count_predictions(true, array[rows], size) for k, array in found.items()}
    panes = [Predictions(title, counts[k], kind) for k, title, kind in shows.moments(counts)]
    if size > MOST_CLASSES:
        return answer_ranking(panes, shows.classes)
    most = highest_count(list(counts.values()), hide_diagonal=False)
    return prediction_matrix(panes, shows.classes, most=most, rows_title="True class")


def _classes(shows: _Shows, *, group: str) -> go.Figure:
    size = max(len(shows.classes), 1 + int(shows.view.probe()["label"].max()))
    found = shows.at(lambda number, seed: class_cosines_of(shows.view, group, number, seed, classes=size))
    if not found:
        raise BadInput(FIELD, "no embedding was recorded")
    panes = [Similarities(title, found[k], kind) for k, title, kind in shows.moments(found)]
    title = f"{group.capitalize()} class"
    return similarity_matrix(panes, shows.classes, ends=common_range(found.values()), rows_title=title)


def _drift(shows: _Shows) -> go.Figure:
    manifests = [shows.view.manifest(number) for number in shows.rounds]
    retrained = [shows.view.reference_manifest(seed) for seed in shows.view.references()]
    table = pd.concat([measure_table(manifests), reference_cka_table(retrained)])
    recorded = [name for name in MEASURES if (table["measure"] == name).any()]
    if not recorded:
        raise BadInput(FIELD, "no measure of motion was recorded")
    return measure_lines(table, recorded, noise=noise_band(retrained), references=measure_table(retrained))


def _crossings(shows: _Shows) -> go.Figure:
    found = [boundary_of(shows.view, number) for number in shows.rounds]
    known = [values for values in found if values is not None]
    if len(known) < len(shows.rounds) or len(known) < 2:
        raise BadInput(FIELD, "the distance to the boundary is needed in two rounds or more, and in all of them")
    stays = crossings(known, shows.rounds).stays
    return crossing_histogram(stays, shows.view.probe()["group"].to_numpy(), shows.rounds)


def _flips(shows: _Shows) -> go.Figure:
    found = [signal_of(shows.view, "top3_class", number) for number in shows.rounds]
    known = [values for values in found if values is not None]
    if len(known) < len(shows.rounds) or len(known) < 2:
        raise BadInput(FIELD, "predictions are needed in two rounds or more, and in all of them")
    return flip_bars(flips(known), shows.view.probe()["group"].to_numpy(), shows.rounds)


def _attacks(shows: _Shows) -> Mapping[str, Any]:
    audit = shows.view.audit()
    if audit is None or not audit.get("attacks"):
        raise BadInput(FIELD, "no membership attacks were made in this run, or their files cannot be read")
    made: Mapping[str, Any] = audit["attacks"]
    return made


def _verdict(shows: _Shows) -> go.Figure:
    verdict = verdict_of(shows.view.result())
    if verdict is None:
        raise BadInput(FIELD, "the run has no verdict; unlearnscope verdict RUN makes one")
    rows = []
    for claim in worst_first(verdict["claims"]):
        test = decisive_test(claim) if claim["applies"] else None
        row = row_of_test(test, question_title(claim)) if test else None
        rows += [row] if row else []
    if not rows:
        raise BadInput(FIELD, "the verdict has nothing to draw: it takes two retrained models or more")
    return verdict_rows(rows)


def _attack(shows: _Shows, *, number: str) -> go.Figure:
    return overview(_attacks(shows), number)


def _scored(shows: _Shows, attack: str, model: str, way: str) -> Scored | None:
    made = _attacks(shows)
    if attack not in made:
        raise BadInput("attack", f"the attack {attack!r} was not made in this run", made, given=attack)
    name = score_array(attack, model, way)
    numbers = made[attack].get(model, {}).get(way)
    if not numbers or name not in (shows.view.audit() or {}).get("arrays", {}):
        return None
    score, member = (np.asarray(shows.view.audit_array(array)) for array in (name, "member"))
    return Scored(model, way, score, member, numbers.get("threshold"))


def _scores(shows: _Shows, *, attack: str, way: str) -> go.Figure:
    # Before unlearning there is nothing to transfer to.
    ways = {model: "refitted" if (model, way) == ("before", "transferred") else way for model in MODELS}
    panes = [pane for model in MODELS if (pane := _scored(shows, attack, model, ways[model])) is not None]
    if not panes:
        raise BadInput(FIELD, f"the attack {attack} gave no scores in this way")
    fitted = [pane.threshold for pane in panes if pane.model == "after" and pane.threshold is not None]
    edges = score_bins([pane.score for pane in panes], [pane.threshold for pane in panes])
    threshold = fitted[0] if fitted else float(np.median(np.concatenate([pane.score for pane in panes])))
    return score_panes(panes, edges, threshold, ATTACKS[attack].score)


def _roc(shows: _Shows, *, attack: str, axis: str) -> go.Figure:
    found = [_scored(shows, attack, *series) for series in [*SERIES, ("before", "shadow")]]
    drawn = [curve for curve in found if curve is not None]
    if not drawn:
        raise BadInput(FIELD, f"the attack {attack} gave no scores")
    return roc_figure(drawn, log=axis == "log")


def _tsne(shows: _Shows) -> go.Figure:
    manifest = shows.view.tsne()
    shown = shows.number if manifest and shows.number in manifest["rounds"] else None
    return tsne_figure(shows.view, shows.classes, shown=shown)


_LINEAR = tuple(p.id for p in PROJECTIONS.values() if p.linear)
_OTHER = tuple(p.id for p in PROJECTIONS.values() if not p.placeable)
_AXES = ("2", "3")
_ATTACK_IDS = ("loss", *(name for name in ATTACKS if name != "loss"))

FIGURES: dict[str, RunFigure] = {
    figure.word: figure
    for figure in (
        RunFigure("accuracy", "Accuracies over the rounds, with the stopping level and the references' band.", _curves),
        RunFigure("signals", "What gives membership away, over the rounds.", _signals),
        RunFigure("boundary", "Distance to the decision boundary against the turn since round 0; exact.", _boundary),
        RunFigure("map", "One neighbour map for all rounds; drawn at the first request.", _map, {"axes": _AXES}),
        RunFigure("linear", "Straight axes for all rounds.", _projection, {"method": _LINEAR, "axes": _AXES}),
        RunFigure("other", "What other methods draw.", _projection, {"method": _OTHER, "axes": _AXES}),
        RunFigure("tsne", "One t-SNE of the outputs over a few rounds.", _tsne),
        RunFigure("drift", "How far samples moved, in the full space.", _drift),
        RunFigure("crossings", "Who crossed the decision boundary and stayed across, by round.", _crossings),
        RunFigure("flips", "Who changed the predicted class, by round.", _flips),
        RunFigure("confidence", "Distribution of a signal by group.", _confidence, {"signal": tuple(SIGNALS)}),
        RunFigure("predictions", "What samples are taken for, class by class.", _predictions, {"group": GROUPS}),
        RunFigure("similarity", "Distribution of a cosine by group.", _similarity, {"cosine": tuple(COSINES)}),
        RunFigure("classes", "Which retained classes they resemble.", _classes, {"group": ("forget", "unseen")}),
        RunFigure("verdict", "The answers of the verdict beside those of retrained models.", _verdict),
        RunFigure("attack", "All membership attacks with their intervals.", _attack, {"number": tuple(NUMBERS)}),
        RunFigure("scores", "Scores of one attack by model.", _scores, {"attack": _ATTACK_IDS, "way": tuple(WAYS)}),
        RunFigure("roc", "ROC of one attack by model.", _roc, {"attack": _ATTACK_IDS, "axis": ("log", "linear")}),
    )
}
"""Every picture of one run that Plotly draws, by its word."""
