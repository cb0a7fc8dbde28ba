"""What is chosen in each part of the launch form, in a few words, and the whole in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cu_core.base.display_text import counted
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.objective_record import OBJECTIVES
from cu_core.catalogue.question_record import LEAST_REFERENCES
from cu_core.catalogue.selections import FORGET_KINDS
from cu_core.catalogue.spec import RunSpec, bare_name
from cu_core.catalogue.stopping import STOPPING_RULES, rule_for
from cu_core.data.forget import ForgetSet
from cu_core.data.images import ImageData

MOST_NAMED = 3
Draft = Mapping[str, Any]


def in_sentence(title: str) -> str:
    """A title inside a sentence: without what stands in brackets, and small where it is no name."""
    bare = title.partition(" (")[0].partition(", ")[0]
    return bare[:1].lower() + bare[1:] if bare[1:].islower() else bare


def of_images(values: Draft, data: ImageData | None) -> str:
    """Which images, how many of them, and what is done to them."""
    record, limit = DATASETS[values["data.dataset"]], values["data.train_limit"]
    trained = len(data.train_labels) if data else limit or record.train
    amount = "" if not trained else counted(trained, "training image")
    if amount and not limit:
        amount = f"all {amount}"
    words = [_images(values), amount]
    if values["data.label_noise"]:
        words.append(f"{values['data.label_noise']:.0%} with wrong labels")
    if values["data.image_size"]:
        words.append(f"resized to {values['data.image_size']} px")
    return ", ".join(filter(None, words))


def _images(values: Draft) -> str:
    record = DATASETS[values["data.dataset"]]
    if not record.needs_path:
        return in_sentence(record.title)
    return bare_name(str(values["data.path"]).strip()) or "none chosen yet"


def of_model(values: Draft) -> str:
    """Which network, and whose weights."""
    record = BACKBONES[values["model.backbone"]]
    words = [str(values["model.timm"]).strip() or "none chosen yet" if record.named else record.title]
    words.append(f"{values['model.head']} head")
    if weights := str(values["model.weights"]).strip():
        words.append(f"own weights {bare_name(weights)}")
    elif values["model.pretrained"]:
        words.append("pretrained")
    return ", ".join(words)


def of_forget(values: Draft, data: ImageData | None, forget: ForgetSet | None) -> str:
    """Which samples are forgotten, and how many of how many."""
    many = f": {len(forget.indices):,} of {counted(len(data.train_labels), 'image')}" if forget and data else ""
    return forgotten(values) + many


def forgotten(values: Draft) -> str:
    """Which samples are forgotten."""
    kind = FORGET_KINDS[values["forget.kind"]]
    if any(widget.kind == "classes" for widget in kind.inputs):
        picks = [str(pick) for pick in values["forget.classes"]]
        if not picks:
            return "no class chosen yet"
        return f"class{'es' if len(picks) > 1 else ''} {_listed(picks)}"
    title = in_sentence(kind.title)
    for widget in kind.inputs:
        value = values[f"forget.{widget.name}"]
        if widget.name == "count":
            return f"{value:,} {title}"
        if widget.kind == "share":
            return f"a {title} of {value:.3g}"
    return title


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:MOST_NAMED])
    if len(names) > MOST_NAMED:
        shown.append(f"{len(names) - MOST_NAMED} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def of_method(values: Draft, *, recommended: bool) -> str:
    """Which method, and whose settings."""
    record = METHODS[values["method.id"]]
    if record.from_files:
        return ""
    return f"{record.title}, {'recommended settings' if recommended else 'settings of your own'}"


def of_training(values: Draft, *, recommended: bool) -> str:
    """How base model and references are trained."""
    epochs = counted(values["train.epochs"], "epoch")
    settings = "recommended settings" if recommended else "settings of your own"
    return f"{OBJECTIVES[values['train.objective']].title}, {epochs}, {settings}"


def of_stop(spec: RunSpec | None) -> str:
    """When unlearning ends, and what is recorded; empty while something in the form is wrong."""
    if spec is None:
        return ""
    recorded = f"{counted(spec.probe.size, 'sample')} recorded"
    if METHODS[spec.method.id].from_files:
        return recorded
    kind = spec.forget.select.partition(":")[0]
    rule = rule_for(spec.stop.rule, kind, encoder=spec.self_supervised, unguarded=METHODS[spec.method.id].unguarded)
    most = counted(spec.max_rounds, "round")
    if rule == "none":
        return f"after {most}, {recorded}"
    return f"by the {STOPPING_RULES[rule].title.lower()} rule, after at most {most}, {recorded}"


def of_run(values: Draft) -> str:
    """Seed, references, device and name."""
    words = [f"seed {values['seed']}", counted(reference_count(values), "reference")]
    if values["device"] != "auto":
        words.append(f"on {values['device']}")
    if str(values["name"]).strip():
        words.append(f"called {values['name']}")
    return ", ".join(words)


def reference_count(values: Draft) -> int:
    """References that are trained and those that the user brings."""
    own = values.get("reference_files") or ()
    files = own.splitlines() if isinstance(own, str) else own
    return int(values["reference"]) + sum(bool(str(name).strip()) for name in files)


def reference_words(count: int) -> str:
    """What so few references cannot tell; empty where there are enough."""
    if count == 0:
        return (
            "Without a reference nothing says what a model that never saw the data would answer: no distance to "
            "retraining, and no verdict."
        )
    if count == 1:
        return (
            "One reference shows where retraining leads, but not how much retrained models differ among themselves: "
            "there is no band, every distance to it stays empty, and no verdict. Two give a band, "
            f"{LEAST_REFERENCES} a verdict."
        )
    if count < LEAST_REFERENCES:
        return f"{counted(count, 'reference')} give a band, a wide one. A verdict needs {LEAST_REFERENCES}."
    return ""


def sentence(specs: Sequence[RunSpec], values: Draft, forget: ForgetSet | None) -> str:
    """What the button starts."""
    spec = specs[0]
    what = forgotten(values)
    count = f" ({counted(len(forget.indices), 'image')})" if forget and not what[:1].isdecimal() else ""
    record = METHODS[spec.method.id]
    if record.from_files:
        text = f"Look at a model that forgot {what}{count} of {_images(values)}"
    else:
        text = f"Forget {what}{count} of {_images(values)} with {_method(record.title)}"
    if len(specs) > 1:
        text = f"{counted(len(specs), 'run')}, the first: {text[:1].lower()}{text[1:]}"
    return f"{text}; {counted(spec.references, 'reference')}"


def _method(title: str) -> str:
    return title[:1].lower() + title[1:] if title[1:].islower() else title
