"""A tuning: one method, its drawn trials and its budget; kept in the home, so that asking again goes on with it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cu_core.analysis.tuning.own_setting import own_setting
from cu_core.base.errors import BadInput, Incompatible, os_errors_in_words
from cu_core.base.files import read_json, write_json
from cu_core.base.heavy import later
from cu_core.base.home import Home
from cu_core.base.parameters import parse
from cu_core.catalogue import compatibility
from cu_core.catalogue.method_record import Method, method
from cu_core.catalogue.named_recipes import checked_name
from cu_core.catalogue.recipes import unlearning_recipe
from cu_core.catalogue.spec import MethodSpec, RunSpec, digest, short, spec_from_json

_sampling = later("cu_core.analysis.tuning.trial_sampling")

Draw = Callable[[Method, Mapping[str, Any], int, int], list[dict[str, Any]]]

SCHEMA = 1
TRIALS = 20
MOST_TRIALS = 500


@dataclass(frozen=True)
class Tuning:
    """One method that is tuned.

    Attributes:
        name: of the recipe that comes of it.
        reported: the setting that the values are for; no trial sees its forget set and seed.
        base: what the trials have in common, see `own_setting`.
        method: id.
        seed: of the draws.
        trials: the budget.
        minutes: no trial begins after so many minutes of unlearning and looking at it; 0 sets no limit.
        values: of each trial field to value, all fields of the method; the first are those that it started from.
    """

    name: str
    reported: RunSpec
    base: RunSpec
    method: str
    seed: int
    trials: int
    minutes: float
    values: tuple[Mapping[str, Any], ...]

    @property
    def group(self) -> str:
        """The group of its runs."""
        return f"tune {self.name}"

    def spec(self, values: Mapping[str, Any]) -> RunSpec:
        """The run of a trial."""
        record, stop = method(self.method), self.base.stop
        if record.starts_anew:
            # A limit on rounds is meant for methods that go on from the trained model; these would end half trained.
            stop = dataclasses.replace(stop, max_rounds=0)
        number = list(self.values).index(values) + 1
        return dataclasses.replace(
            self.base,
            method=MethodSpec(self.method, record.params(**values)),
            stop=stop,
            name=f"trial {number} · {record.title}",
            group=self.group,
        )

    @property
    def specs(self) -> list[RunSpec]:
        """The runs of all trials, in their order."""
        return [self.spec(values) for values in self.values]


def usual_name(reported: RunSpec, method_id: str) -> str:
    """The name of a recipe that nobody named: method, images, network and task."""
    limit = f"-{reported.data.train_limit}" if reported.data.train_limit else ""
    words = f"{method_id}-{short(reported.data.dataset)}{limit}-{reported.model.backbone}-{reported.task}"
    slug = re.sub(r"[^a-z0-9._-]+", "-", words.lower()).strip("-.")
    return checked_name(slug[:100])


def begun(
    reported: RunSpec,
    method_id: str,
    *,
    trials: int = TRIALS,
    minutes: float = 0.0,
    name: str = "",
    **own: Any,
) -> Tuning:
    """A tuning with its first trial alone, whose values are those that the method starts from.

    Args:
        reported: the setting that the values are for.
        method_id: of the method.
        trials: the budget.
        minutes: see `Tuning`.
        name: of the recipe; made from the choices by default.
        own: ``seed``, ``forget``, ``references`` and ``classes`` of `own_setting`.

    Raises:
        BadInput: a value that cannot be used, or the method cannot do it.
    """
    if not 1 <= trials <= MOST_TRIALS:
        raise BadInput("trials", f"{trials} is out of range", (f"1 to {MOST_TRIALS}",))
    if minutes < 0:
        raise BadInput("minutes", f"{minutes:g} is out of range", ("0 and more; 0 sets no limit",))
    base = own_setting(reported, **own)
    place = (base.data.dataset, base.model.backbone, base.task, base.train.objective)
    found = Tuning(
        checked_name(name or usual_name(reported, method_id)),
        # The method of the setting would be told as that of the trials.
        dataclasses.replace(reported, method=MethodSpec(), name="", group=""),
        dataclasses.replace(base, method=MethodSpec()),
        method_id,
        base.seed,
        trials,
        minutes,
        (vars(unlearning_recipe(method_id, *place)),),
    )
    compatibility.check(found.specs[0])
    return found


def drawn(tuning: Tuning, home: Home, draw: Draw | None = None) -> Tuning:
    """A begun tuning with all its trials: those that were drawn for it before, and new ones up to its budget.

    Args:
        tuning: as `begun` gives it.
        home: where plans are kept; nothing is written there.
        draw: `cu_core.analysis.tuning.trial_sampling.draw_trials`, or who asks it elsewhere.
    """
    before = recall_tuning(home, tuning.name)
    known = list(before.values) if before is not None and _alike(before, tuning) else list(tuning.values)
    draw = draw or _sampling.draw_trials
    # What was drawn stays, even if a later version draws otherwise or starts elsewhere.
    fresh = draw(method(tuning.method), known[0], tuning.trials, tuning.seed) if len(known) < tuning.trials else []
    values = known + [one for one in fresh if one not in known]
    return dataclasses.replace(tuning, values=tuple(values[: tuning.trials]))


def _alike(one: Tuning, other: Tuning) -> bool:
    """Whether trials of one belong to the other, too."""
    return (one.base.content_hash(), one.method, one.seed) == (other.base.content_hash(), other.method, other.seed)


def path_of(home: Home, name: str) -> Path:
    """The file of a plan."""
    return home.root / "tunings" / f"{digest(name)[:24]}.json"


@os_errors_in_words()
def remember_tuning(tuning: Tuning, home: Home) -> None:
    """Keeps a plan under its name; one of the same name is replaced."""
    content = dataclasses.asdict(tuning) | {"reported": tuning.reported.to_json(), "base": tuning.base.to_json()}
    write_json(path_of(home, tuning.name), {"schema": SCHEMA} | content)


def recall_tuning(home: Home, name: str) -> Tuning | None:
    """The plan of a name; None where there is none, or its file is damaged."""
    try:
        return tuning_from_json(read_json(path_of(home, name)))
    except (OSError, ValueError, BadInput):
        return None


def tuning_from_json(content: Any) -> Tuning:
    """Reads what `remember_tuning` wrote.

    Raises:
        BadInput: it is no such thing, or it names what this program does not know.
    """
    try:
        method_id = str(content["method"])
        params = method(method_id).params
        found = Tuning(
            checked_name(content["name"]),
            spec_from_json(content["reported"]),
            spec_from_json(content["base"]),
            method_id,
            int(content["seed"]),
            int(content["trials"]),
            float(content["minutes"]),
            tuple(vars(parse(params, values)) for values in content["values"]),
        )
        return found if found.values else _fail("it has no trials")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return _fail(str(error))


def _fail(reason: str) -> Any:
    raise BadInput("tuning", f"is not a stored tuning: {reason}")


def stored_tunings(home: Home) -> list[str]:
    """Names of the stored plans, the latest first; damaged files are left out."""
    found = []
    for path in (home.root / "tunings").glob("*.json"):
        try:
            found.append((-path.stat().st_mtime, tuning_from_json(read_json(path)).name))
        except (OSError, ValueError, BadInput):
            continue
    return [name for _, name in sorted(found)]


def fitting_methods(reported: RunSpec, wanted: Sequence[str]) -> dict[str, str | None]:
    """Of each method why it cannot be tuned on a setting, in words; None where it can."""
    return {name: _why_not(reported, method(name)) for name in wanted}


def _why_not(reported: RunSpec, record: Method) -> str | None:
    place = (reported.data.dataset, reported.model.backbone, reported.task, reported.train.objective)
    # A setting may suit most methods and not, say, one that needs more epochs of training.
    chosen = MethodSpec(record.id, unlearning_recipe(record.id, *place))
    try:
        compatibility.check(dataclasses.replace(reported, method=chosen))
    except Incompatible as error:
        return error.reason
    return None
