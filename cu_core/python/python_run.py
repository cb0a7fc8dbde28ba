"""A run as Python sees it: its state now, its numbers as tables, its arrays, weights and pictures."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cu_core.base.errors import BadInput, Cancelled, UnlearnscopeError
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.jobs import foreground
from cu_core.jobs.progress_bar import drawn_progress
from cu_core.python.moments import Moment, moment_of
from cu_core.python.run_figures import figure_of
from cu_core.python.run_html import html_of_list, html_of_run
from cu_core.python.run_tables import metrics_table, references_table, rounds_table, samples_table
from cu_core.runstore.reader import RunRow, RunView


class Run:
    """One run. Its files are the truth: what is asked for is read from them as they are now.

    Args:
        home: where it lives.
        run_dir: its folder.
    """

    def __init__(self, home: Home, run_dir: Path) -> None:
        self.home = home
        self.run_dir = run_dir

    @property
    def id(self) -> str:
        """Its id."""
        return self.run_dir.name

    @property
    def view(self) -> RunView:
        """What the dashboard reads it through, at this moment."""
        return RunView(self.run_dir)

    @property
    def state(self) -> str:
        """One of `cu_core.runstore.state.STATES`."""
        return self.view.state

    @property
    def spec(self) -> RunSpec:
        """What was asked for.

        Raises:
            BadInput: the stored specification is damaged.
        """
        return self.view.spec

    @property
    def result(self) -> dict[str, Any] | None:
        """The content of result.json; None while there is none."""
        return self.view.result()

    @property
    def verdict(self) -> dict[str, Any] | None:
        """Whether the model can be told from retrained ones: state, sentences, and the answer to every question.

        None while there is no result, of older runs, and where it was switched off.
        """
        return (self.view.result() or {}).get("verdict")

    @property
    def metrics(self) -> pd.DataFrame:
        """One row a metric: before, after, and the mean of the references."""
        return metrics_table(self.view)

    @property
    def rounds(self) -> pd.DataFrame:
        """One row a round, from 0: metrics on the recorded samples, the method's own numbers, time."""
        return rounds_table(self.view)

    @property
    def references(self) -> pd.DataFrame:
        """One row a retrained model: its seed, and metrics on the recorded samples."""
        return references_table(self.view)

    def samples(self, round: Moment | None = None) -> pd.DataFrame:
        """One row per recorded sample and round, with signals, labels, class names, group and, where known, file.

        Args:
            round: a number, ``"before"``, ``"after"`` or ``"reference:SEED"``; all rounds by default.

        Raises:
            BadInput: not recorded.
        """
        view = self.view
        moments = [moment_of(k, view) for k in view.rounds()] if round is None else [moment_of(round, view)]
        return samples_table(view, self.home, moments)

    def embeddings(self, round: Moment) -> np.ndarray:
        """(n, d) float32 embeddings of the recorded samples, in the order of `samples`; `round` as there.

        Raises:
            BadInput: not recorded.
        """
        view = self.view
        return moment_of(round, view).array(view, "embedding").astype(np.float32)

    def weights(self, of: str = "after") -> dict[str, Any]:
        """The weights as tensors by name.

        Args:
            of: as ``--of`` of the command line: ``"after"`` for the unlearned model, ``"before"`` for the one that it
                began from, ``"round:3"`` or ``"reference:0"``.

        Raises:
            BadInput: no such model, or its weights were not kept.
        """
        # Reading weights takes torch, and nothing else here does.
        export = importlib.import_module("cu_core.analysis.exports.weights_export")
        state: dict[str, Any] = export.weights_of(self.home, self.view, export.which_model(str(of))).state
        return state

    def figure(self, word: str, **choices: Any) -> go.Figure:
        """A picture by the word that pages use; `cu_core.python.run_figures.FIGURES` lists them with their choices.

        Args:
            word: such as ``"boundary"``, ``"map"`` or ``"confidence"``.
            choices: such as ``round=3`` or ``signal="loss"``.

        Raises:
            BadInput: no such picture or choice; the run did not record what it shows.
        """
        return figure_of(word, self.view, self.home, choices)

    def resume(self, *, progress: bool = True) -> Run:
        """Goes on here with a run that was cancelled, failed or lost; returns it when it is done.

        Raises:
            BadInput: it is running or has succeeded.
        """
        with drawn_progress(quiet=not progress) as show:
            foreground.resume_here(self.home, self.id, show=show)
        return self.need_success()

    def need_success(self) -> Run:
        """The run itself, where it succeeded or goes on elsewhere.

        Raises:
            Cancelled: it was cancelled.
            BadInput: it failed by a value that cannot be used.
            UnlearnscopeError: it failed otherwise, in words.
        """
        view = self.view
        error = view.error or {}
        if view.state == "cancelled":
            raise Cancelled(f"{self.id} was cancelled; go on with: cu_core.open({self.id!r}).resume()")
        if view.state == "failed" and error.get("kind") == "bad-input" and error.get("field"):
            field = str(error["field"])
            raise BadInput(field, str(error.get("message", "")).removeprefix(f"{field}: "))
        if view.state in ("failed", "lost"):
            raise UnlearnscopeError(f"{self.id} {view.state}: {foreground.in_words(error)}")
        return self

    def __repr__(self) -> str:
        row = self.view.row()
        return f"<run {row.run_id}: {row.state}, {row.title!r}>"

    def _repr_html_(self) -> str:
        return html_of_run(self.view)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other.run_dir == self.run_dir

    def __hash__(self) -> int:
        return hash(self.run_dir)


class RunList(list[Run]):
    """Runs, latest first.

    Args:
        found: the runs.
        rows: what a list shows of each of them.
    """

    def __init__(self, found: Sequence[Run], rows: Sequence[RunRow]) -> None:
        super().__init__(found)
        self._rows = tuple(rows)

    @property
    def table(self) -> pd.DataFrame:
        """One row a run: what a list shows, and its metrics."""
        rows = [asdict(row) for row in self._rows]
        return pd.DataFrame([{k: v for k, v in row.items() if k != "metrics"} | row["metrics"] for row in rows])

    def _repr_html_(self) -> str:
        return html_of_list(self._rows)
