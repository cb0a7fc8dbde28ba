"""Tables of the methods: one per forget set, sorted by distance to the references, and what they cost."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from benchmarks.measuring import table
from benchmarks.results.result_lines import Line, lines_of
from benchmarks.results.result_plan import CORE, Study
from benchmarks.results.result_rows import Row

Kept = Mapping[str, Any]
NOTHING = "–"
READS = {"none": "none", "part": "a part", "all": "all"}
NOT_YET = "No run is kept yet."
STATES = {"differs": "differs", "cannot-tell": "cannot tell", "no-difference-found": "none found"}


def conditions(kept: Kept) -> str:
    """What all runs share: images, network, references, seeds, hardware."""
    study, methods = kept["study"], kept["methods"]
    if not methods["rows"]:
        return NOT_YET
    drawn = any(not task.startswith("class") for task in study["tasks"])
    seeds = ", ".join(map(str, study["seeds"]))
    last = study["references"] - 1
    said = [
        f"Images {study['dataset']}, network {study['model']}. Seeds {seeds}; the references of a run have its seed to "
        f"seed + {last}, so neighbouring seeds share most of theirs. At most {study['rounds']} rounds, one stopping "
        f"rule for all, and at most {study['cap']:g} processor minutes for the rounds of a run."
        f"{_whole_trainings(kept)}",
        f"Spread over seeds is that of base model and unlearning{'; the forget set is the same' if drawn else ''}.",
        # Runs of other days name what the words leave out, and make the same line.
        *dict.fromkeys(f"Made on {made_words(made)}." for made in methods["made"]),
        *_base_words(kept, study["model"]),
        *_coverage(kept),
    ]
    return "\n".join(f"- {words}" for words in said)


def _whole_trainings(kept: Kept) -> str:
    """What is said of methods that train anew: neither rounds nor rule hold for them."""
    records = kept["methods"]["records"]
    there = dict.fromkeys(row["method"] for row in kept["methods"]["rows"])
    titles = [records[name]["title"] for name in there if records[name].get("starts_anew")]
    if not titles:
        return ""
    few = len(titles) < 2
    return (
        f" {' and '.join(titles)} begin{'s' * few} training anew: {'its' if few else 'their'} rounds are the epochs "
        "of a whole training, which no rule ends."
    )


def _coverage(kept: Kept) -> list[str]:
    """Which forget sets and seeds stand below, and which the usual study has besides."""
    study, usual = kept["study"], Study("")
    seeds_of: dict[tuple[str, str], set[int]] = {}
    for row in kept["methods"]["rows"]:
        seeds_of.setdefault((row["model"], row["task"]), set()).add(row["seed"])
    there = [
        f"{task_title(task)} on {model}, {_seeds(seeds)}"
        for (model, task), seeds in seeds_of.items()
        if task in study["tasks"]
    ]
    lacking = {task: set(usual.seeds) - seeds_of.get((study["model"], task), set()) for task in usual.tasks}
    missing = [f"{task_title(task)}, {_seeds(seeds)}" for task, seeds in lacking.items() if seeds]
    if not any(model == study["larger"] for model, _ in seeds_of):
        missing.append(f"the larger network {study['larger']}")
    if not kept["encoders"]["rows"]:
        missing.append("encoders")
    said = [f"Kept so far: {'; '.join(there)}."]
    return said + ([f"Not made yet, of what the first command makes: {'; '.join(missing)}."] if missing else [])


def _seeds(seeds: Collection[int]) -> str:
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, sorted(seeds)))}"


def made_words(made: Mapping[str, Any]) -> str:
    """Hardware, precision and versions in a line."""
    memory = made.get("memory_bytes")
    parts = [
        made.get("name"),
        f"{made['cores']} cores" if made.get("cores") else None,
        f"{memory / 2**30:.0f} GiB" if memory else None,
        f"{made.get('threads')} thread{'s' if made.get('threads') != 1 else ''} a run",
        made.get("precision"),
        f"torch {made.get('torch')}",
        f"Python {made.get('python')}",
    ]
    return ", ".join(str(part) for part in parts if part)


def method_words(kept: Kept) -> str:
    """A section per forget set."""
    study = kept["study"]
    parts = [task_words(kept, study["model"], task) for task in study["tasks"]]
    left_out = [f"{one['method']} on {one['task']} ({one['reason']})" for one in kept["methods"]["left_out"]]
    if left_out:
        parts.append(f"Not run, because method and forget set do not go together: {'; '.join(left_out)}.")
    return "\n\n".join(parts)


def larger_words(kept: Kept) -> str:
    """The same on the larger network, for the methods that were repeated there."""
    study = kept["study"]
    if not any(row["model"] == study["larger"] for row in kept["methods"]["rows"]):
        return f"On {study['larger']}: {NOT_YET[0].lower()}{NOT_YET[1:]}"
    said = [f"- {words}" for words in _base_words(kept, study["larger"])]
    parts = [task_words(kept, study["larger"], task, "####") for task in study["tasks"]]
    return "\n\n".join(["\n".join(said), *parts])


def placed(kept: Kept) -> str:
    """Where the methods that this project is about have ended, as measured."""
    study = kept["study"]
    said = []
    for name in CORE:
        for task in study["tasks"]:
            lines = [
                line for line in lines_of(kept["methods"], study["model"], task) if line.mean("distance") is not None
            ]
            order = [line.method for line in lines]
            if name not in order:
                continue
            line = lines[order.index(name)]
            said.append(
                f"- {line.title}, {task}: place {order.index(name) + 1} of {len(order)}{_seed_places(lines, name)}; "
                f"distance {spread_text(line, 'distance', 1, 2)}, {_verdict(line)}; {_share(line)} of retraining."
            )
    return "\n".join(said) or NOT_YET


def task_words(kept: Kept, model: str, task: str, level: str = "###") -> str:
    """One forget set on one network below a heading of a level: accuracies and attacks, then what it cost."""
    lines = lines_of(kept["methods"], model, task)
    title = f"{level} {task_title(task)}, {model}"
    if not any(line.done for line in lines):
        return f"{title}\n\n{NOT_YET}"
    of_class = task.startswith("class")
    accuracies = [("forget", "forget"), ("retain", "retain")]
    accuracies += (
        [("unseen_others", "unseen, others"), ("unseen_forgotten", "unseen, forgotten")]
        if of_class
        else [("unseen", "unseen")]
    )
    head = ["", "reads", "distance", "mean gap", *(title for _, title in accuracies), "margin", "tug of war"]
    head += ["attack, transferred", "re-fitted", "calibrated AUC", "verdict", "decides"]
    shown = [line for line in lines if line.done]
    rows = [_measured(line, [column for column, _ in accuracies]) for line in shown]
    rows += [_stated(name, found, [c for c, _ in accuracies]) for name, found in _models(kept, model, task)]
    costs = [["", "rounds", "ended by", "processor s", "of retraining", "forget passes", "retain passes", "settings"]]
    costs += [_cost(line, kept["methods"]["settings"].get(f"{model} {line.method} {task}")) for line in shown]
    parts = [title, table(head, rows), _missing(lines), table(costs[0], costs[1:])]
    return "\n\n".join(part for part in parts if part)


def task_title(task: str) -> str:
    """A forget set in words."""
    kind, _, value = task.partition(":")
    if kind == "random":
        return f"{int(value):,} random images"
    return f"{100 * float(value):g} % of the images, random" if kind == "fraction" else f"Class {value}"


def spread_text(line: Line, column: str, factor: float = 100.0, digits: int = 1) -> str:
    """Mean ± standard deviation over seeds, with n where a seed is missing."""
    mean, spread = line.mean(column), line.spread(column)
    if mean is None:
        return NOTHING
    n = len(line.values(column))
    fewer = f" (n = {n})" if line.missing or n < len(line.rows) else ""
    return f"{factor * mean:.{digits}f}{'' if spread is None else f' ± {factor * spread:.{digits}f}'}{fewer}"


def _measured(line: Line, accuracies: Sequence[str]) -> list[str]:
    gap = line.mean_gap([*accuracies, "refitted"])
    over = " (over-unlearned)" if any(row.get("over") for row in line.done) else ""
    collapsed = (
        " (collapsed)" if any(row.get("stopped_by") in ("collapse", "not_a_number") for row in line.done) else ""
    )
    return [
        f"{line.title}{collapsed or over}",
        READS[line.retain_data],
        spread_text(line, "distance", 1, 2),
        NOTHING if gap is None else f"{100 * gap:.1f}",
        *(_with_gap(line, column) for column in accuracies),
        _with_gap(line, "margin", 1, 2),
        spread_text(line, "tow", 1, 3),
        _with_gap(line, "transferred"),
        _with_gap(line, "refitted"),
        _with_gap(line, "calibrated", 1, 3),
        _verdict(line),
        _decides(line),
    ]


def _with_gap(line: Line, column: str, factor: float = 100.0, digits: int = 1) -> str:
    """Mean ± sd, and in brackets the difference from the references; bold where a run lies outside their band."""
    gap = line.gap(column)
    text = spread_text(line, column, factor, digits)
    if gap is None:
        return text
    told = f"{factor * gap:+.{digits}f}"
    return f"{text} [{told}]" if line.inside((column,)) is not False else f"{text} [**{told}**]"


def _stated(name: str, found: Sequence[Row], accuracies: Sequence[str]) -> list[str]:
    def cell(column: str, factor: float = 100.0, digits: int = 1) -> str:
        values = [factor * row[column] for row in found if row.get(column) is not None]
        if not values:
            return NOTHING
        spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
        return f"{statistics.fmean(values):.{digits}f}{spread}"

    filled = [name, NOTHING, NOTHING, NOTHING, *map(cell, accuracies), NOTHING, NOTHING, NOTHING, cell("accuracy")]
    return [*filled, NOTHING, NOTHING, NOTHING]


def _models(kept: Kept, model: str, task: str) -> list[tuple[str, list[Row]]]:
    methods = kept["methods"]

    def of(name: str) -> list[Row]:
        return [row for row in methods[name] if row["model"] == model and row["task"] == task]

    base, references = of("base"), of("references")
    return [(f"Before unlearning ({len(base)})", base), (f"Retrained ({len(references)})", references)]


def _verdict(line: Line) -> str:
    states = [row["verdict"] for row in line.done if row.get("verdict")]
    if not states:
        return NOTHING
    return ", ".join(f"{STATES[s]} {states.count(s)}/{len(states)}" for s in STATES if s in states)


def _decides(line: Line) -> str:
    """The question that decided most often."""
    asked = [row["decides"] for row in line.done if row.get("decides")]
    return max(dict.fromkeys(asked), key=asked.count) if asked else NOTHING


def _cost(line: Line, settings: Mapping[str, Any] | None) -> list[str]:
    ends = [str(row.get("stopped_by")).replace("_", " ") for row in line.done]
    ended = ", ".join(f"{name} {ends.count(name)}/{len(ends)}" for name in dict.fromkeys(ends))
    tuned = (settings or {}).get("tuned") or []
    values = (settings or {}).get("values") or {}
    told = ", ".join(f"{name} {_value(values[name])}" for name in tuned)
    return [
        line.title,
        spread_text(line, "rounds", 1, 1),
        ended,
        spread_text(line, "cpu", 1, 1),
        _share(line),
        spread_text(line, "passes_forget", 1, 1),
        spread_text(line, "passes_retain", 1, 2),
        told or "its own defaults",
    ]


def _share(line: Line) -> str:
    found = [100 * row["cpu"] / row["cpu_retrain"] for row in line.done if row.get("cpu") and row.get("cpu_retrain")]
    return f"{statistics.fmean(found):.1f} %" if found else NOTHING


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _missing(lines: Sequence[Line]) -> str:
    found: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        reasons: dict[str, list[int]] = {}
        for seed, why in sorted(line.missing.items()):
            reasons.setdefault(why, []).append(seed)
        for why, seeds in reasons.items():
            named = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
            found.setdefault((named, why), []).append(line.title)
    shown = {line.title for line in lines if line.done}
    # A seed that no method has had is said once.
    said = []
    for (named, why), titles in found.items():
        every = len(shown) > 1 and set(titles) == shown
        said.append(f"{'every method of the table' if every else ', '.join(titles)}, {named} ({why})")
    return f"Without numbers: {'; '.join(said)}." if said else ""


def _seed_places(lines: Sequence[Line], name: str) -> str:
    """The places that single seeds would have given, where they differ."""
    places = []
    for seed in dict.fromkeys(row["seed"] for line in lines for row in line.done):
        found = {line.method: r["distance"] for line in lines for r in line.done if r["seed"] == seed}
        order = sorted((m for m in found if found[m] is not None), key=lambda m: found[m])
        if name in order:
            places.append(order.index(name) + 1)
    if len(set(places)) < 2:
        return ""
    return f" (by single seeds {min(places)} to {max(places)})"


def _base_words(kept: Kept, model: str) -> list[str]:
    """How good the networks are before unlearning, and what their training takes."""
    rows = {row["seed"]: row for row in kept["methods"]["base"] if row["model"] == model}
    seen = [100 * row["unseen"] for row in rows.values() if row.get("unseen") is not None]
    if not seen:
        return []
    spread = f" ± {statistics.stdev(seen):.1f}" if len(seen) > 1 else ""
    spent = [row["cpu"] for row in rows.values() if row.get("cpu")]
    took = f"; a training took {statistics.fmean(spent):.0f} s of the processor" if spent else ""
    return [f"{model} before unlearning is right on {statistics.fmean(seen):.1f}{spread} % of unseen images{took}."]
