"""Whether a base model knows what is to be forgotten; said before a launch where an earlier run has found out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cu_core.base.display_text import counted
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.base.parameters import contents
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import RunSpec, digest
from cu_core.data.prepared import dataset_key, open_prepared
from cu_core.metrics.band import ROUNDING, band
from cu_core.metrics.chance import at_chance, below_chance
from cu_core.metrics.own_interval import share_interval

if TYPE_CHECKING:  # the set-up of a run loads torch, and pages ask here
    from cu_core.engine.setup import RunSetup


def guessing_forget(task: str, labels: np.ndarray, train_labels: np.ndarray, classes: int) -> float:
    """Accuracy on forget samples of who knows nothing of the images.

    Args:
        task: ``"class"`` or ``"sample"``. Of whole classes nothing can be guessed by their frequency: a constant answer
            is right on all or on none.
        labels: (n,) of the forget samples, at least one.
        train_labels: (m,) of all training samples.
        classes: how many there are.
    """
    if task == "class":
        return 1 / classes
    usual = int(np.bincount(train_labels, minlength=classes).argmax())
    return float(max(1 / classes, (labels == usual).mean()))


def hardly_known(accuracy: float | None, n: int, level: float) -> str | None:
    """That a model hardly knows its forget samples, in words; None where it does, or where that is not known.

    Args:
        accuracy: of the model before unlearning on the forget samples; None where it has none.
        n: number of these samples.
        level: accuracy of guessing.
    """
    if accuracy is None or n == 0:
        return None
    right = round(accuracy * n)
    if not at_chance(right, n, level):
        return None
    beside = beside_guessing([accuracy], level, below=below_chance(right, n, level))
    return (
        f"Before unlearning, the model is right on {share(accuracy)} of {counted(n, 'forget sample')}, {beside}: it "
        "hardly knows what is to be forgotten, so what the numbers say of forgetting is not the method's doing."
    )


def nothing_to_forget(accuracy: float | None, references: Sequence[float | None], n: int) -> str | None:
    """That models which never saw the forget samples are right on as many of them, in words; None where they are not.

    Args:
        accuracy: of the model before unlearning on the forget samples; None where it has none.
        references: the same of retrained models, on the same samples.
        n: number of these samples.
    """
    known = [value for value in references if value is not None]
    if accuracy is None or n == 0 or not known:
        return None
    level = band(known, n)
    # One reference does not tell how retrained models differ: then what so few samples can tell has to do.
    most = level.ends(0.0, 1.0)[1] if level else share_interval(known[0], n)[1]
    if accuracy > most + ROUNDING:
        return None
    if len(known) == 1:
        theirs = f"a model retrained without them on {share(known[0])}; on so few samples that may be the same"
    else:
        ends = [share(least_or_most(known)) for least_or_most in (min, max)]
        reach = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
        theirs = f"{len(known)} models retrained without them on {reach}"
        if share(most) != ends[1]:
            theirs += f", one more on up to {share(most)}"
    return (
        f"Before unlearning, the model is right on {share(accuracy)} of {counted(n, 'forget sample')}, and {theirs}. "
        "By accuracy there is nothing to forget: an accuracy like theirs is not the method's doing."
    )


def met_before(rule: Mapping[str, Any] | None) -> str | None:
    """That a stopping rule had nothing to wait for, in words; None where it had, and without a rule.

    Args:
        rule: what it said of the model before unlearning, as a manifest holds it.
    """
    if not rule or not rule.get("met"):
        return None
    return (
        f"The {rule['name']} rule is met by the model before unlearning already: that it is met afterwards, too, is "
        "not the method's doing."
    )


def beside_guessing(accuracies: Sequence[float], level: float, *, below: bool) -> str:
    """How accuracies that are no knowledge stand to guessing, in words.

    Args:
        accuracies: one or more that are at chance.
        level: accuracy of guessing.
        below: whether they are lower than that, and not by chance.
    """
    if below:
        return f"less than guessing gives ({share(level)})"
    if any(accuracy > level and share(accuracy) != share(level) for accuracy in accuracies):
        return f"within what chance gives for so few samples (guessing: {share(level)})"
    return f"no better than guessing ({share(level)})"


def base_words(setup: RunSetup, before: Mapping[str, float | None]) -> str | None:
    """That the base model of a run hardly knows what is to be forgotten; None where it does, and of encoders.

    Args:
        setup: the fixed part of the run.
        before: metrics of the base model.
    """
    if setup.spec.self_supervised:
        return None
    data, forget = setup.data, setup.forget
    labels = data.train_labels[setup.reported_forget]
    level = guessing_forget(forget.task, labels, data.train_labels, len(data.classes)) if len(labels) else 1.0
    return hardly_known(before.get("forget_acc"), len(labels), level)


def beside_words(
    setup: RunSetup, before: Mapping[str, float | None], references: Sequence[Mapping[str, float | None]]
) -> str | None:
    """That the base model of a run is no more right on its forget samples than retrained models; None of encoders.

    Args:
        setup: the fixed part of the run.
        before: metrics of the base model.
        references: metrics of the retrained models.
    """
    if setup.spec.self_supervised:
        return None
    accuracies = [reference.get("forget_acc") for reference in references]
    return nothing_to_forget(before.get("forget_acc"), accuracies, len(setup.reported_forget))


def share(value: float) -> str:
    """An accuracy in words; with a decimal where whole percents would hide it."""
    percent = 100 * value
    return f"{percent:.1f} %" if 0 < percent < 10 or 99 < percent < 100 else f"{percent:.0f} %"


def listed(words: Sequence[str]) -> str:
    """A list in words."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def remember_base(spec: RunSpec, home: Home, words: str | None) -> None:
    """Keeps what a run has found out about its base model, for the launch of another with the same one."""
    _remember(spec, home, "words", words)


def remember_beside(spec: RunSpec, home: Home, words: str | None) -> None:
    """Keeps how it stands beside retrained models, which a later run need not have."""
    # Files of retrained models are the user's own: another run may have others.
    if spec.reference and not spec.reference_files:
        _remember(spec, home, "beside", words)


def known_base(spec: RunSpec, home: Home) -> str | None:
    """That the base model of a run hardly knows its forget set, or knows it no better than retrained models do.

    Returns:
        As an earlier run found; None if none did.

    Raises:
        BadInput: no such dataset; a folder that is missing.
    """
    kept = _kept(base_path(spec, home))
    return next((words for name in ("words", "beside") if isinstance(words := kept.get(name), str)), None)


def _remember(spec: RunSpec, home: Home, name: str, words: str | None) -> None:
    path = base_path(spec, home)
    write_json(path, _kept(path) | {name: words})


def _kept(path: Any) -> dict[str, Any]:
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def base_path(spec: RunSpec, home: Home) -> Path:
    """File of what is known of a base model and its forget set.

    Raises:
        BadInput: no such dataset; a folder that is missing.
    """
    model = {"model": contents(spec.model), "train": spec.train.content(), "seed": spec.train_seed}
    key = digest([dataset_key(spec.data), model, forget_key(spec, home), spec.forget_seed, spec.device, spec.precision])
    return home.root / "bases" / f"{key[:24]}.json"


def forget_key(spec: RunSpec, home: Home) -> Any:
    """A forget set for hashes: the same for classes by name, as the form writes them, and by number, as others do.

    Raises:
        BadInput: no such dataset; a folder that is missing.
    """
    data, selection = open_prepared(spec.data, home), parse_selection(spec.forget.select)
    labels = selection.labels(data.classes) if data is not None else ()
    return sorted(labels) or spec.forget.select
