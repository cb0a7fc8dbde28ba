"""What lessons may say of a finished run: its numbers by name, and which finished run stands for one of a lesson."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from cu_core.analysis.compare.compared import Compared
from cu_core.analysis.compare.measures import retraining_seconds, seconds_measure, time_kind, time_measure
from cu_core.analysis.compare.reading import read_run
from cu_core.analysis.verdict_reading import decisive_test, verdict_of
from cu_core.base.display_text import cut, one_line
from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home
from cu_core.catalogue.attack_record import ATTACKS
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.lessons.lesson_record import Lesson, LessonRun
from cu_core.catalogue.lessons.lesson_words import Fact
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.question_record import STATES
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import RunSpec
from cu_core.figures.attack_answer import most_moved
from cu_core.metrics.band import band
from cu_core.runstore.reader import RunView, list_runs, open_run

INSIDE, ABOVE, BELOW = "inside", "above", "below"
GAP = "\N{NO-BREAK SPACE}"
"""Before a percent sign, so that no line begins with one."""

LONGEST = 200
"""Letters of a name in a sentence."""


def share_text(value: float) -> str:
    """A share in percent, with a decimal where there is one."""
    return f"{100 * value:.{0 if value > 1 else 1}f}{GAP}%".replace(f".0{GAP}", GAP)


def number_text(value: float) -> str:
    """A number with as many digits as one reads."""
    if abs(value) >= 100:
        return f"{value:,.0f}".replace("-", "−")
    text = f"{value:.{3 if 0 < abs(value) < 0.1 else 2}f}"
    # No minus before a zero: it would say a direction that is not there.
    return (text if float(text) else text.removeprefix("-")).replace("-", "−")


def facts_of(view: RunView, classes: Sequence[str] = ()) -> dict[str, Fact]:
    """What is known of a run by name; docs/lessons.md lists the names.

    Args:
        view: a run; of one without a result only what was asked for is known.
        classes: class names by label, where they are known.
    """
    spec, result = view.spec, view.result() or {}
    facts = _asked(spec, classes)
    facts |= _metrics(result)
    facts |= _attacks(result)
    facts |= _claims(result)
    facts |= _cost(read_run(view)) if result else {}
    facts |= _lowest(view) if result else {}
    counts = {f"{name}_count": value for name, value in (result.get("counts") or {}).items()}
    counts |= {"forget_count": result.get("forget_count"), "rounds": result.get("rounds")}
    facts |= {name: Fact(value, f"{value:,}") for name, value in counts.items() if isinstance(value, int)}
    if result:
        many = len(result.get("references") or ())
        facts["references"] = Fact(many, f"{many}")
    over = result.get("over_unlearning") or {}
    if isinstance(over.get("final"), bool):
        facts["over_unlearning"] = Fact("yes" if over["final"] else "no", "yes" if over["final"] else "no")
    return facts


def _asked(spec: RunSpec, classes: Sequence[str]) -> dict[str, Fact]:
    chosen = parse_selection(spec.forget.select)
    names = [classes[int(n)] if n.isdecimal() and int(n) < len(classes) else n for n in chosen.classes]
    said = " and ".join(cut(one_line(name), LONGEST) for name in names)
    texts = {
        "task": spec.task,
        "dataset": DATASETS[spec.data.dataset].title if spec.data.dataset in DATASETS else "these images",
        "method": spec.method.title,
        "method.id": spec.method.id,
    }
    if spec.task == "class":
        texts["class"] = said
    return {name: Fact(text, text) for name, text in texts.items()}


def _metrics(result: Mapping[str, Any]) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    found = result.get("metrics") or {}
    for metric in METRICS.values():
        numbers = {when: (found.get(when) or {}).get(metric.id) for when in ("before", "after", "reference")}
        singles = reference_values(result, metric.id)
        width = band(singles, _counted(result, metric.id)) if len(singles) > 1 else None
        if width is not None:
            low, high = width.ends(*metric.ends)
            numbers |= {"low": low, "high": high, "least": min(singles), "most": max(singles)}
            numbers["spread"] = max(singles) - min(singles)
        show = share_text if metric.percent else number_text
        facts |= {f"{metric.id}.{name}": Fact(v, show(v)) for name, v in numbers.items() if _finite(v)}
        after = numbers["after"]
        if width is not None and _finite(after):
            facts[f"{metric.id}.place"] = _place(after, low, high)
    return facts


def reference_values(result: Mapping[str, Any], metric: str) -> list[float]:
    """A metric of each retrained model of a run."""
    values = [(one.get("metrics") or {}).get(metric) for one in result.get("references") or ()]
    return [float(v) for v in values if _finite(v)]


def _counted(result: Mapping[str, Any], metric: str) -> int | None:
    """Samples behind a share."""
    count = (result.get("counts") or {}).get(METRICS[metric].counted_on)
    return count if METRICS[metric].percent and isinstance(count, int) and count > 0 else None


def _place(value: float, low: float, high: float) -> Fact:
    where = BELOW if value < low else ABOVE if value > high else INSIDE
    return Fact(where, where)


def _attacks(result: Mapping[str, Any]) -> dict[str, Fact]:
    """AUCs of attacks that were fitted to the attacked model anew, and those that lessons speak of."""
    found: dict[str, dict[str, float]] = {}
    for attack, models in (result.get("attacks") or {}).items():
        for model, ways in models.items():
            auc = ((ways or {}).get("refitted") or {}).get("auc") or [None]
            if attack in ATTACKS and _finite(auc[0]):
                found.setdefault(attack, {})[model] = float(auc[0])
    facts = {
        f"attack.{attack.replace('_', '-')}.{model}": Fact(auc, number_text(auc))
        for attack, models in found.items()
        for model, auc in models.items()
    }
    moved = most_moved(result.get("attacks") or {})
    if moved is not None and moved.attack in ATTACKS:
        title = ATTACKS[moved.attack].title
        facts["attack.moved.name"] = Fact(title, title)
        facts["attack.moved.transferred"] = Fact(moved.transferred, number_text(moved.transferred))
        facts["attack.moved.flipped"] = Fact(1 - moved.transferred, number_text(1 - moved.transferred))
        facts["attack.moved.gap"] = Fact(abs(moved.gap), number_text(abs(moved.gap)))
        facts |= {f"attack.moved.{model}": Fact(auc, number_text(auc)) for model, auc in found[moved.attack].items()}
    after = {attack: models["after"] for attack, models in found.items() if "after" in models}
    if not after:
        return facts
    for name, attack in (
        ("strongest", max(after, key=lambda a: abs(after[a] - 0.5))),
        ("nearest", min(after, key=lambda a: abs(after[a] - 0.5))),
        ("lowest", min(after, key=lambda a: after[a])),
        ("keenest", max(after, key=lambda a: abs(found[a].get("before", 0.5) - 0.5))),
    ):
        title = ATTACKS[attack].title
        facts[f"attack.{name}.name"] = Fact(title, title)
        facts[f"attack.{name}.flipped"] = Fact(1 - after[attack], number_text(1 - after[attack]))
        facts |= {f"attack.{name}.{model}": Fact(auc, number_text(auc)) for model, auc in found[attack].items()}
        far = {model: abs(auc - 0.5) for model, auc in found[attack].items()}
        facts |= {f"attack.{name}.far.{model}": Fact(gap, number_text(gap)) for model, gap in far.items()}
        if {"after", "reference"} <= far.keys():
            more = far["after"] - far["reference"]
            facts[f"attack.{name}.more"] = Fact(more, number_text(more))
    return facts


def _claims(result: Mapping[str, Any]) -> dict[str, Fact]:
    verdict = verdict_of(result)
    if verdict is None:
        return {}
    states = [claim["state"] for claim in verdict["claims"] if claim["applies"]]
    facts = {
        "verdict.state": Fact(verdict["state"], STATES[verdict["state"]]),
        "verdict.sentence": Fact(verdict["sentence"], verdict["sentence"]),
        "verdict.references": Fact(verdict["references"], str(verdict["references"])),
        "verdict.asked": Fact(len(states), str(len(states))),
        "verdict.differing": Fact(states.count("differs"), str(states.count("differs"))),
    }
    for claim in verdict["claims"]:
        name = f"claim.{claim['id']}"
        facts[f"{name}.state"] = Fact(claim["state"], STATES[claim["state"]])
        facts |= {f"{name}.{key}": Fact(claim[key], claim[key]) for key in ("sentence", "direction") if claim[key]}
        if claim.get("notes"):
            notes = " ".join(map(str, claim["notes"]))
            facts[f"{name}.notes"] = Fact(notes, notes)
        test = decisive_test(claim)
        if test is None:
            continue
        numbers = {
            "value": test["value"], "before": test["base"], "low": test["null_low"], "high": test["null_high"]
        }  # fmt: skip
        facts |= {f"{name}.{key}": Fact(v, number_text(v)) for key, v in numbers.items() if _finite(v)}
        if all(_finite(numbers[key]) for key in ("value", "low", "high")):
            facts[f"{name}.place"] = _place(*(float(numbers[key]) for key in ("value", "low", "high")))
    return facts


def _lowest(view: RunView) -> dict[str, Fact]:
    """Where in the rounds the metrics that are shares were lowest, as far as the rounds have measured them."""
    facts = {}
    rounds = {number: view.manifest(number).get("metrics") or {} for number in view.rounds() if number}
    for metric in METRICS.values():
        seen = {number: found[metric.id] for number, found in rounds.items() if _finite(found.get(metric.id))}
        if metric.percent and seen:
            where = min(seen, key=lambda number: seen[number])
            facts[f"{metric.id}.lowest"] = Fact(seen[where], share_text(seen[where]))
            facts[f"{metric.id}.lowest-round"] = Fact(where, f"{where}")
    return facts


def _cost(run: Compared) -> dict[str, Fact]:
    """Times of the kind that the run's own page shows."""
    facts, kind = {}, time_kind(run)
    if _finite(took := seconds_measure(run).value):
        facts["seconds.unlearn"] = Fact(took, _seconds(took))
        facts["seconds.kind"] = Fact(kind, kind)
    if known := retraining_seconds(run):
        one = sum(known) / len(known)
        facts["seconds.retrain"] = Fact(one, _seconds(one))
    if _finite(share := time_measure(run).value):
        facts["cost.share"] = Fact(share, share_text(share))
    return facts


def _seconds(value: float) -> str:
    return f"less than 0.1{GAP}s" if value < 0.1 else f"{value:.1f}{GAP}s" if value < 10 else f"{value:.0f}{GAP}s"


def _finite(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def recorded_run(home: Home, wanted: LessonRun, rows: Sequence[Any] | None = None) -> str | None:
    """Id of the finished run that stands for one of a lesson; None where none does.

    Those that ship with the project come first, then those with a verdict, then those with the earlier of the values
    that the lesson names, then the newest.

    Args:
        home: where runs live.
        wanted: run of the lesson.
        rows: of the home's list of runs, where it is at hand.
    """
    found = [row for row in (list_runs(home) if rows is None else rows) if row.state == "succeeded" and not row.copy_of]
    shortcuts = {"data.dataset": "dataset", "forget.select": "forget", "method.id": "method"}
    for key, field in shortcuts.items():
        if key in wanted.find:
            found = [row for row in found if getattr(row, field) in wanted.find[key]]

    def rank(row: Any) -> tuple[Any, ...]:
        places = [wanted.find[key].index(getattr(row, field)) for key, field in shortcuts.items() if key in wanted.find]
        return row.demo, bool(row.verdict), [-place for place in places], row.submitted

    found.sort(key=rank, reverse=True)
    for row in found:
        try:
            view = open_run(home, row.run_id)
            if view.result() is not None and _suits(view.spec, wanted):
                return str(row.run_id)
        except UnlearnscopeError:
            continue
    return None


def _suits(spec: RunSpec, wanted: LessonRun) -> bool:
    content: dict[str, Any] = spec.to_json()
    for key, values in wanted.find.items():
        part, _, rest = key.partition(".")
        if (content[part][rest] if rest else content[part]) not in values:
            return False
    return True


def missing_runs(home: Home, lesson: Lesson) -> list[LessonRun]:
    """The runs of a lesson that no finished run stands for."""
    rows = list_runs(home)
    return [run for run in lesson.runs.values() if recorded_run(home, run, rows) is None]
