"""The model card of an unlearned model: what was done, its numbers beside retrained ones, and what they do not say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from cu_core.analysis.compare.compared import Compared, ComparedMetric
from cu_core.analysis.compare.measures import (
    WALL,
    attack_measure,
    images_measure,
    metric_measure,
    over_unlearning,
    seconds_measure,
    time_kind,
    time_measure,
    tow_measure,
)
from cu_core.analysis.compare.outside import outside
from cu_core.analysis.deep_words import deep_sentences
from cu_core.analysis.verdict_reading import verdict_of
from cu_core.base.display_text import CELL, cut, measured, one_line
from cu_core.base.version import __version__
from cu_core.catalogue.attack_record import ATTACKS, WAYS
from cu_core.catalogue.method_record import method
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.question_record import STATES
from cu_core.catalogue.stopping import STOPPING_RULES

COMES_BACK = "comes-back"
"""The question of the verdict that trains the model on."""

FEW_SAMPLES = 20
"""Below this an AUC says next to nothing."""

_SPECIAL = {letter: f"\\{letter}" for letter in "\\`*_{}[]()#+!|<>~"}

_USE = """```python
import json

import torch
from safetensors.torch import load_file

from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.learning.build import build_model
from cu_core.learning.weights import load_weights

config = json.load(open("config.json", encoding="utf-8"))
chosen = {name: config[name] for name in ("backbone", "head", "embedding_dim", "stem")}
model = build_model(
    ModelSpec(**chosen),
    config["channels"],
    config["image_size"],
    config["num_classes"],
    seed=0,
    objective=config["objective"],
    shards=config["shards"],
    names=config["classes"],
)
load_weights(model, load_file("model.safetensors"))
model.eval()

mean = torch.tensor(config["mean"]).view(1, -1, 1, 1)
std = torch.tensor(config["std"]).view(1, -1, 1, 1)
images = torch.rand(2, config["channels"], config["image_size"], config["image_size"])  # pixels from 0 to 1
outputs = model((images - mean) / std)
```"""


def model_card(run: Compared, *, spec_hash: str, loadable: bool) -> str:
    """The text of ``README.md`` with its YAML head.

    Args:
        run: that succeeded.
        spec_hash: of its specification.
        loadable: whether the config says all that it takes to build the network.
    """
    encoder = run.kind == "self-supervised"
    head = [
        "---",
        "library_name: unlearnscope",
        f"pipeline_tag: {'image-feature-extraction' if encoder else 'image-classification'}",
        "tags:",
        "- machine-unlearning",
        "- unlearnscope",
        "# license: for whoever publishes this to choose; the weights come from the images, which have a licence too",
        "---",
    ]
    parts = [
        "\n".join(head),
        f"# {said(run.title)}",
        _what(run),
        *([_verdict(verdict)] if (verdict := verdict_of(run.result)) else []),
        "## Numbers\n\n" + _numbers(run),
        "## Membership attacks\n\n" + _attacks(run),
        "## What these numbers do not say\n\n" + _limits(run),
        "## Use\n\n" + (_USE if loadable else _NOT_LOADABLE),
        f"Run `{run.run_id}`, specification `{_short(spec_hash)}`, weights "
        f"`{_short(run.result.get('weights_sha256'))}`, made by Unlearnscope {__version__}.",
    ]
    return "\n\n".join(parts) + "\n"


_NOT_LOADABLE = (
    "The images of the run, or the file of weights that says how they are normalised, were not on the machine that "
    "wrote this card, so `config.json` lacks the classes, the size of the images or their normalisation."
)


def said(text: str) -> str:
    """A text of a user as plain words of Markdown, without meaning of its own."""
    return "".join(_SPECIAL.get(letter, letter) for letter in cut(one_line(text), CELL))


def _code(text: str) -> str:
    """The same as a name between backticks, where a backslash would be shown."""
    return f"`{cut(one_line(text), CELL).replace('`', chr(39))}`"


def _short(digest: Any) -> str:
    return str(digest or "unknown")[:12]


def _what(run: Compared) -> str:
    total = run.result.get("forget_count")
    samples = f"{total:,} training samples" if isinstance(total, int) else "training samples"
    stopped = _stopped(run)
    kind = "An encoder that was trained without labels" if run.kind == "self-supervised" else "A model"
    rounds = f"{run.rounds} round{'' if run.rounds == 1 else 's'}"
    how = f"by the method {said(run.method_title)}, in {rounds}{stopped}"
    if method(run.method).from_files:
        how = f"elsewhere; its weights after {rounds} were looked at"
    lines = [
        f"{kind} ({_code(run.backbone)}) that was trained on {_code(run.dataset)} and then made to forget {samples} "
        f"({_code(run.forget)}) {how}. Seed {run.seed}.",
    ]
    lines += [f"**{said(str(caution))}**" for caution in run.result.get("cautions") or ()]
    if run.collapsed:
        lines.append("**The run was ended because the model was being destroyed. Do not use it.**")
    return "\n\n".join(lines)


def _verdict(verdict: Mapping[str, Any]) -> str:
    """State and sentence; a sentence of a run's file may hold anything, and names no markup here."""
    sentence = "".join(_SPECIAL.get(letter, letter) for letter in one_line(verdict["sentence"]))
    return f"**Verdict: {STATES[verdict['state']]}.** {sentence} It rests on {_retrained(verdict['references'])}."


def _retrained(count: int) -> str:
    return f"{count} model{'' if count == 1 else 's'} retrained without the samples"


def _stopped(run: Compared) -> str:
    rule = run.stopped_by.removesuffix("_rule")
    if rule != run.stopped_by and rule in STOPPING_RULES:
        return f"; the {rule} rule ended it"
    return {"max_rounds": "; all rounds were run", "method_finished": "; the method had nothing left to do"}.get(
        run.stopped_by, ""
    )


def _numbers(run: Compared) -> str:
    several = len(run.references) > 1
    header = ["", "before", "after", *(["retrained"] if run.reference else []), *(["95 % band"] if several else [])]
    rows = []
    for name, metric in METRICS.items():
        found = metric_measure(run, name)
        if run.task not in metric.tasks or (run.before.get(name) is None and found.value is None):
            continue
        row = [
            metric.title_for(run.kind),
            _value(run.before.get(name), metric.percent),
            _value(found.value, metric.percent),
        ]
        if run.reference:
            row.append(_value(found.reference, metric.percent))
        if several:
            row.append(_band(found, name) if found.band else found.why_no_band)
        rows.append(row)
    beside = outside(run)
    named = ", ".join(METRICS[name].title_for(run.kind) for name in beside.names)
    lines = [" ".join(filter(None, [named and f"Outside the band: {named}.", beside.words()]))] if several else []
    return "\n\n".join([_table(header, rows), *filter(None, lines), *_beside(run)])


def _band(found: ComparedMetric, name: str) -> str:
    """The ends of a band, as far as there are such values."""
    assert found.band is not None
    low, high = found.band.ends(*METRICS[name].ends)
    text = f"{_value(low, METRICS[name].percent)} to {_value(high, METRICS[name].percent)}"
    return f"{text} ({found.note})" if found.note else text


def _beside(run: Compared) -> list[str]:
    """What stands behind the table, in sentences."""
    counts = run.result.get("counts") or {}
    groups = [f"{counts[group]:,} {group}" for group in ("forget", "retain", "unseen") if counts.get(group) is not None]
    lines = (
        [f"Measured on {', '.join(groups)} samples: all but those that the stopping rule looks at."] if groups else []
    )
    if (tow := tow_measure(run)).value is not None:
        interval = f" (95 %: {tow.low:.3f} to {tow.high:.3f})" if tow.low is not None and tow.high is not None else ""
        lines.append(f"Tug of war {tow.value:.3f}{interval}; 1 is what retraining would give.")
    over, words = over_unlearning(run)
    if over is not None:
        lines.append(f"Over-unlearning: {words}.")
    share, seconds = time_measure(run).value, seconds_measure(run).value
    if seconds is not None:
        of = f", {share:.1%} of one retraining" if share is not None else ""
        load = "; wall time depends on what else the machine does" if time_kind(run) == WALL else ""
        lines.append(f"Unlearning took {seconds:.1f} s of {time_kind(run)}{of}, on the machine of the run{load}.")
    if (images := images_measure(run).value) is not None:
        lines.append(f"It drew {images:.1%} of the images that one retraining draws.")
    return lines


def _attacks(run: Compared) -> str:
    if not run.result.get("attacks"):
        return f"None: {attack_measure(run, 'loss', 'refitted').why}."
    rows = []
    for name, made in (run.result.get("attacks") or {}).items():
        for way in made.get("after") or {}:
            found = attack_measure(run, name, way)
            interval = (
                f"{found.low:.3f} to {found.high:.3f}" if found.low is not None and found.high is not None else ""
            )
            value = _value(found.value, False) if found.value is not None else f"none: {found.why}"
            rows.append(
                [
                    ATTACKS[name].title if name in ATTACKS else name,
                    WAYS[way].title if way in WAYS else way,
                    value,
                    interval,
                    _value(found.reference, False),
                ]
            )
    counts = run.result.get("counts") or {}
    few = counts.get("forget")
    caution = (
        f" With {few} forget samples an AUC says next to nothing." if isinstance(few, int) and few < FEW_SAMPLES else ""
    )
    return (
        _table(["attack", "fitted", "AUC after", "95 %", "AUC of retrained"], rows)
        + "\n\n0.5 is guessing; below it an attacker who turns the answers round does as well as above it. A "
        + "retrained model has never seen the samples, so its AUC is what remains without them."
        + caution
    )


def _shadows(run: Compared) -> str:
    deep = run.result.get("deep_audit")
    if not deep:
        return "Stronger ones, such as those with many shadow models, were not made."
    return f"With shadow models that were unlearned by the same method: {said(deep_sentences(deep)[0])}"


def _limits(run: Compared) -> str:
    count = len(run.references)
    retrained = {
        0: "No model was retrained without the samples, so nothing here says how such a model would answer.",
        1: "One model was retrained without the samples. One gives no band: any difference from it may be chance.",
    }.get(
        count,
        f"{count} models were retrained without the samples. The band is where one more would lie in 19 of 20 "
        "cases, if they are spread like a bell curve; a value inside it may be chance, and is no proof that the "
        "samples are gone.",
    )
    lines = [
        "The numbers tell how the model answers on the samples that were measured. They do not prove that its weights "
        "hold nothing of the forgotten samples.",
        retrained,
        f"An attack that fails shows that this attack failed. {_shadows(run)}",
        "This is one run with one seed. Another seed, network, dataset or forget set may come out otherwise.",
        _relearned(run),
        "It is no statement about any law. Copies of the model before unlearning, and the data itself, are not touched "
        "by it.",
    ]
    above = run.result.get("cautions") or ()
    lines += [said(str(note)) for note in run.result.get("notes") or () if note not in above]
    return "\n".join(f"- {line}" for line in lines)


def _relearned(run: Compared) -> str:
    """Which ways of bringing the samples back were not tried."""
    verdict = verdict_of(run.result)
    tried = any(c["id"] == COMES_BACK and c["applies"] and c["tests"] for c in (verdict or {}).get("claims", ()))
    if tried:
        return (
            "Short training on retained samples was tried, and the verdict says what came of it. Whether the samples "
            "can be relearned from some of them, or be brought back by quantising the model, was not."
        )
    return (
        "Whether the samples can be relearned quickly, or be brought back by fine-tuning or quantising the model, was "
        "not tried."
    )


def _value(value: float | None, percent: bool) -> str:
    if value is None or not math.isfinite(value):
        return "n/a"
    return measured(value, percent=percent)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
