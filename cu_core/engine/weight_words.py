"""What was found about own weights, in one or two sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cu_core.base.display_text import counted
from cu_core.catalogue.class_orders import DATASET, NUMBER, TEXT
from cu_core.engine.base_knowledge import beside_guessing, listed, share

MOST_LISTED = 20


def order_words(order: str, names: Sequence[str]) -> str:
    """Which order of classes weights answer in, to be put behind "with".

    Args:
        order: as in `cu_core.catalogue.spec_parts.ModelSpec.class_order`.
        names: of the classes, by label.
    """
    if order == DATASET:
        return "classes in this dataset's order"
    if order in (TEXT, NUMBER):
        return f"class names sorted as {order}{'' if order == TEXT else 's'}"
    labels = [int(label) for label in order.split(",")]
    shown = [f"“{names[label]}”" if "," in names[label] else names[label] for label in labels[:MOST_LISTED]]
    rest = f", … ({len(labels)} in all)" if len(labels) > MOST_LISTED else ""
    return f"classes in the order {', '.join(shown)}{rest}"


def reading_words(reading: Mapping[str, Any], chosen: Mapping[str, Any]) -> str:
    """What another reading does differently, to be put behind "with"."""
    differing = []
    if reading["title"] != chosen["title"]:
        differing.append(reading["title"])
    if reading["class_order"] != chosen["class_order"]:
        differing.append(reading["order_title"])
    return listed(differing)


def judgement_words(found: Mapping[str, Any]) -> str:
    """How right own weights are as they are read, what guessing gives, and what would fit better.

    Args:
        found: as `cu_core.engine.weight_check.judge` makes it.
    """
    chosen, best = found["chosen"], found["best"]
    unseen, retain = found["accuracy"]["unseen"], found["accuracy"]["retain"]
    right = "Own weights are right on" if found["by"] == "accuracy" else "The nearest neighbours of own weights name"
    of_unseen = f"{share(unseen)} of {counted(found['samples']['unseen'], 'unseen sample')}"
    of_retain = f"{share(retain)} of {counted(found['samples']['retain'], 'retained training sample')}"
    rates = [found["accuracy"][group] for group in found["at_chance"]]
    beside = beside_guessing(rates, found["guessing"], below=found["below"])
    if found["at_chance"] == ["unseen"]:
        said = f"{right} {of_retain}, but on {of_unseen}: {beside}"
    elif found["at_chance"] == ["retain"]:
        said = f"{right} {of_unseen}, but on {of_retain}: {beside}"
    elif found["at_chance"]:
        said = f"{right} {of_unseen} and {of_retain}: {beside}"
    else:
        said = f"{right} {of_unseen} and {of_retain}"
    if best:
        return f"{said}; with {reading_words(best, chosen)} on {share(best['unseen'])} of the unseen ones."
    if not found["at_chance"]:
        return f"{said}."
    tried = f"{said}. No usual reading of these weights fits. Tried were {counted(found['tried'], 'normalisation')}"
    if found["by"] != "accuracy":
        return f"{tried}."
    return (
        f"{tried} and every order of classes. Likely reasons: they were trained with another normalisation, for other "
        "classes or on other images, or hardly trained at all."
    )
