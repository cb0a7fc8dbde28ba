"""Which runs may be compared, and which of them repeat one configuration with other seeds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from cu_core.analysis.compare.compared import Compared
from cu_core.analysis.compare.difference import NAMES, SEEDS, flat, label_of, value_words
from cu_core.analysis.compare.measures import WALL, time_kind
from cu_core.catalogue.file_lists import REFERENCES
from cu_core.metrics.membership import few_words

SAME = ("data", "model", "train", "forget", REFERENCES)
"""What must agree: images, network, training of base model and reference, forget set, references of the user."""


def set_of(run: Compared) -> str:
    """A key that comparable runs share: the same but for seeds in images, base recipe and forget set."""
    values = {path: value for path, value in _counting(run).items() if path.split(".")[0] in SAME and path not in SEEDS}
    return json.dumps(values, sort_keys=True)


def _counting(run: Compared) -> dict[str, Any]:
    """The fields of a specification that count: a recipe by which nothing was trained decides nothing."""
    values = flat(run.spec)
    as_they_are = values.get("model.weights") and not values.get("model.train_on")
    if as_they_are and not run.spec.get("reference"):
        values = {p: v for p, v in values.items() if not p.startswith("train.") or p == "train.objective"}
    if not values.get(REFERENCES):
        values.pop(REFERENCES, None)
    return values


def configuration_of(run: Compared) -> str:
    """A key that repetitions with other seeds share; the number of references decides nothing of the method."""
    skipped = (*SEEDS, *NAMES, "reference")
    return json.dumps({p: v for p, v in flat(run.spec).items() if p not in skipped}, sort_keys=True)


def warnings(runs: Sequence[Compared]) -> list[str]:
    """What keeps some runs from being compared fairly, in words; empty if nothing does."""
    said = []
    different = _different(runs)
    if different:
        said.append(
            f"These runs did not do the same: {'; '.join(different)}. Their numbers do not compare methods alone."
        )
    elif len({run.result.get("data_sha256") for run in runs if run.result}) > 1:
        said.append("The images of some runs differ although they are named alike (their sha256 do).")
    unfinished = [run for run in runs if run.partial]
    if unfinished:
        one = len(unfinished) == 1
        said.append(
            f"{len(unfinished)} run{'' if one else 's'} {'has' if one else 'have'} no result: the numbers are those of "
            "the latest round on the recorded samples."
        )
    # Older results know the time that passed alone, and so does a device that does not tell.
    timed = [run for run in runs if run.result and not run.elsewhere]
    if passed := sum(time_kind(run) == WALL for run in timed):
        of = "Times" if passed == len(timed) else f"Times of {passed} run{'s' if passed > 1 else ''}"
        said.append(f"{of} are wall time, which depends on what else the machine did.")
    # Runs of one forget set share the sentence.
    said += dict.fromkeys(filter(None, (few_words(run.result.get("counts") or {}) for run in runs)))
    return said


def _different(runs: Sequence[Compared]) -> list[str]:
    values = [_counting(run) for run in runs]
    specs = [run.spec for run in runs]
    found = []
    for path in dict.fromkeys(path for v in values for path in v):
        if path.split(".")[0] not in SAME or path in SEEDS:
            continue
        known = [(v[path], run.spec) for v, run in zip(values, runs, strict=True) if path in v]
        counted = Counter(value_words(path, value, spec) for value, spec in known)
        if len({json.dumps(value) for value, _ in known}) > 1:
            options = ", ".join(f"{text} ({n} run{'s' if n > 1 else ''})" for text, n in counted.items())
            found.append(f"{label_of(path, *specs)}: {options}")
    return found
