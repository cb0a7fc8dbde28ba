"""The setting that a method is tuned on: as the one that is reported, with another seed and other samples to forget."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.dataset_record import dataset
from cu_core.catalogue.named_classes import class_text
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_recording import AuditSpec, ProbeSpec
from cu_core.data.prepared import open_prepared

SEED = 10
"""Of tuning, unless another is asked for: results here are reported from 0 on."""
REFERENCES = 3
"""Models retrained for tuning; all methods that are tuned on a setting share them."""
PROBE = 600
"""Samples recorded each round: a third of them to forget, whose margins the distance looks at."""


def own_setting(
    reported: RunSpec, *, seed: int = SEED, forget: str = "", references: int = REFERENCES, classes: Sequence[str] = ()
) -> RunSpec:
    """What the trials of a tuning have in common; their method is chosen later.

    Args:
        reported: images, network, training, forget set and seed for which the values are wanted, which no trial sees.
        seed: of base model, references, draws and unlearning of the trials.
        forget: the forget set of the trials; by default of the same kind and size: where it is drawn, drawn with
            `seed`, and of classes the next ones.
        references: how many models are retrained.
        classes: names of the dataset's classes; where none are given, the record of the dataset tells how many.

    Returns:
        A specification that records and audits little. Where only part of the images is used or labels are made wrong,
        these are drawn with `seed`, so that they are other ones.

    Raises:
        BadInput: the seed or the forget set is the reported one, or no other forget set can be guessed.
    """
    if seed == reported.seed:
        raise BadInput("seed", f"{seed} is the seed of what is reported; tuning needs one of its own", (f"{SEED}",))
    data = reported.data
    if data.train_limit or data.label_noise:
        data = dataclasses.replace(data, split_seed=seed)
    select = forget or _other(reported, moved=data != reported.data, classes=classes)
    pick = parse_selection(select)
    if pick.task != reported.task:
        raise BadInput("on", f"{select} is {pick.task} forgetting, and {reported.forget.select} is not")
    reported_labels = parse_selection(reported.forget.select).labels(classes)
    alike = select == reported.forget.select or bool(set(pick.labels(classes)) & set(reported_labels))
    if alike and not pick.record.drawn and data == reported.data:
        raise BadInput(
            "on", f"{select} is the forget set that is reported, or shares classes with it; tuning needs another"
        )
    return dataclasses.replace(
        reported,
        data=data,
        train=dataclasses.replace(reported.train, seed=-1),
        forget=dataclasses.replace(reported.forget, select=select, seed=-1),
        # Every round is recorded, so what is recorded is little; the agreement of an encoder's views is its margin.
        probe=ProbeSpec(size=PROBE, tsne=False, views_every=int(reported.self_supervised), keep_weights_mb=0),
        audit=AuditSpec(attacks="none", verdict=False),
        seed=seed,
        reference=references,
        reference_files=(),
        name="",
        group="",
    )


def class_names(reported: RunSpec, home: Home) -> tuple[str, ...]:
    """Names of the classes of a setting's dataset; none where it is not prepared."""
    data = open_prepared(reported.data, home)
    return data.classes if data else ()


def _other(reported: RunSpec, *, moved: bool, classes: Sequence[str]) -> str:
    """A forget set of the same kind and size with other samples."""
    text = reported.forget.select
    pick = parse_selection(text)
    if pick.record.drawn:
        return text
    count = len(classes) or dataset(reported.data.dataset).classes or 0
    labels = pick.labels(classes)
    if labels and count:
        free = [label for label in range(count) if label not in labels]
        first = max(labels) + 1
        ordered = [label for label in free if label >= first] + [label for label in free if label < first]
        if len(ordered) > len(labels):
            chosen = ordered[: len(labels)]
            named = class_text([classes[label] for label in chosen], classes) if classes else ""
            return f"{pick.kind}:{named or ','.join(map(str, chosen))}"
    if moved and not pick.classes and not pick.file:
        return text  # such as wrong labels, which are other ones now
    raise BadInput("on", f"say which samples stand for {text} while tuning: another forget set of its kind")
