"""How many forget samples must stay known before the verdict sees it, by samples and number of references.

    .venv/bin/python -m benchmarks.verdict_power --out power.json --picture docs/pictures/verdict-power.png
    .venv/bin/python -m benchmarks.verdict_power --out power.json --print --picture docs/pictures/verdict-power.png

Models are really trained: on the retained samples and a share of the forget set, so that they know exactly these. Each
is judged beside several draws of the references. Goes on where it stopped when called again with the same file. The
picture needs the headless Chromium of the browser tests.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from benchmarks.kept_rows import add_row_arguments, keep_rows, kept_rows, print_machine
from benchmarks.liars.scene import Scene
from benchmarks.liars.tasks import memorising, wrong_labels
from benchmarks.liars_bench import Row
from benchmarks.measuring import machine, table
from benchmarks.pictures import SIZE, Panes, write_png
from cu_core.base.home import Home
from cu_core.catalogue.question_record import DIFFERS, LEAST_REFERENCES, NO_DIFFERENCE
from cu_core.catalogue.spec import RunSpec
from cu_core.metrics.questions.judgement import judge_evidence

SEED = 0
SAMPLES = (50, 100, 500)
REFERENCES = (3, 5, 8, 16)
SHARES = (0.0, 0.05, 0.1, 0.2, 0.4)
MODELS = 3
"""Trained for each share."""
DRAWS = 3
"""Of the references, where there are more than are wanted."""
SEEN = 0.8
"""Share of the verdicts that have to differ for something to count as seen."""
FIRST_MODEL = 2000
COLOURS = {5: "#d55e00", 8: "#0072b2", 16: "#009e73"}


@dataclass(frozen=True)
class Setting:
    """What is forgotten.

    Attributes:
        title: name shown to people.
        spec: the run, from the number of forget samples and of references.
    """

    title: str
    spec: Callable[[int, int], RunSpec]


SETTINGS = {
    "wrong-labels": Setting("Wrong labels", lambda n, k: wrong_labels(SEED, n, k)),
    # A third of what is learned by heart.
    "memorising": Setting("Random of digits by heart", lambda n, k: memorising(SEED, n, min(3 * n, 1437), k)),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what is missing, prints the tables, draws the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--settings", nargs="*", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--samples", nargs="*", type=int, default=list(SAMPLES))
    parser.add_argument("--models", type=int, default=MODELS)
    add_row_arguments(parser)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found = kept_rows(options.out)
    if not options.print:
        found["machine"] = machine(torch.device("cpu"))
        home = Home(options.home.resolve()).create()
        for name in options.settings:
            for samples in options.samples:
                _work(found, name, samples, options.models, home, options.out)
    print(summary(found["rows"]))
    print_machine(found)
    if options.picture:
        draw(found["rows"], options.picture)
    return 0


def _work(found: Row, setting: str, samples: int, models: int, home: Home, out: Path) -> None:
    done = {(row["setting"], row["samples"], row["share"], row["model"]) for row in found["rows"]}
    wanted = [(share, model) for share in SHARES for model in range(models)]
    wanted = [w for w in wanted if (setting, samples, *w) not in done]
    if not wanted:
        return
    scene = Scene(SETTINGS[setting].spec(samples, max(REFERENCES)), home)
    forget = scene.setup.forget.indices
    for share, model in wanted:
        rng = np.random.default_rng([samples, model])
        known = np.sort(rng.permutation(forget)[: round(share * len(forget))])
        seed = FIRST_MODEL + model
        live = scene.trained(np.sort(np.concatenate([scene.setup.retain, known])), seed)
        evidence = scene.evidence(live)
        for chosen in subsets(len(evidence.references), rng):
            some = dataclasses.replace(evidence, references=tuple(evidence.references[i] for i in chosen))
            verdict = judge_evidence(some)
            found["rows"].append(
                {
                    "setting": setting,
                    "samples": samples,
                    "share": share,
                    "known": len(known),
                    "model": model,
                    "references": len(chosen),
                    "state": verdict["state"],
                    "told_by": [c["id"] for c in verdict["claims"] if c["state"] == DIFFERS],
                }
            )
        keep_rows(found, out)
        mine = found["rows"][-1]
        print(setting, samples, share, model, mine["state"], mine["told_by"], flush=True)


def subsets(count: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Draws of references, of each size of `REFERENCES`."""
    for size in REFERENCES:
        for _ in range(1 if size >= count or size < LEAST_REFERENCES else DRAWS):
            yield np.sort(rng.permutation(count)[:size])


def rates(rows: Sequence[Row], setting: str, samples: int, references: int) -> dict[float, float]:
    """Share of verdicts that differ, by the share of forget samples that stayed known."""
    some = [r for r in rows if r["setting"] == setting and r["samples"] == samples and r["references"] == references]
    shares = sorted({r["share"] for r in some})
    return {s: float(np.mean([r["state"] == DIFFERS for r in some if r["share"] == s])) for s in shares}


def least_seen(found: dict[float, float]) -> float | None:
    """Smallest share from which on at least `SEEN` of the verdicts differ; None where there is none."""
    least = None
    for share in sorted(found, reverse=True):
        if share == 0 or found[share] < SEEN:
            break
        least = share
    return least


def summary(rows: Sequence[Row]) -> str:
    """A Markdown table: the least share that is seen, by setting, samples and references."""
    lines = []
    for setting, samples in dict.fromkeys((r["setting"], r["samples"]) for r in rows):
        line = [SETTINGS[setting].title, samples]
        for references in REFERENCES:
            found = rates(rows, setting, samples, references)
            least = least_seen(found)
            nothing = "not seen" if any(found.values()) else "cannot tell"
            line.append(f"{least:.0%} ({round(least * samples)})" if least is not None else nothing)
        none = [r for r in rows if r["setting"] == setting and r["samples"] == samples and r["share"] == 0]
        none = [r for r in none if r["references"] >= LEAST_REFERENCES]
        line.append(f"{np.mean([r['state'] == DIFFERS for r in none]):.0%}")
        line.append(f"{np.mean([r['state'] == NO_DIFFERENCE for r in none]):.0%}")
        lines.append(line)
    heads = [f"{r} references" for r in REFERENCES]
    return table(["forgotten", "samples", *heads, "none known: differs", "none known: no difference"], lines)


def draw(rows: Sequence[Row], path: Path) -> None:
    """Share of verdicts that differ over the share that stayed known: a pane per number of samples."""
    sizes = [n for n in SAMPLES if any(r["samples"] == n for r in rows)]
    drawn = Panes([f"{n} forget samples" for n in sizes], spacing=0.06)
    for column, samples in enumerate(sizes, 1):
        for setting, dash in zip(SETTINGS, ("solid", "dot"), strict=True):
            for references, colour in COLOURS.items():
                found = rates(rows, setting, samples, references)
                drawn.line(
                    column,
                    f"{SETTINGS[setting].title}, {references} references",
                    x=[100 * share for share in found],
                    y=[100 * rate for rate in found.values()],
                    mode="lines+markers",
                    line={"color": colour, "dash": dash},
                )
    ticks = [100 * share for share in SHARES]
    drawn.figure.update_xaxes(title_text="Forget samples that stayed known (%)", tickvals=ticks)
    drawn.figure.update_yaxes(range=[-3, 103])
    drawn.figure.update_yaxes(title_text="Verdicts that differ (%)", col=1)
    drawn.figure.update_layout(**SIZE)
    write_png(drawn.figure, path)


if __name__ == "__main__":
    sys.exit(main())
