"""Checks whether a combination of dataset, model, objective and method can run, with the reason if not."""

from __future__ import annotations

import re
from importlib.util import find_spec

from cu_core.base.errors import BadInput, Incompatible
from cu_core.base.named_path import named_path
from cu_core.catalogue.backbone_record import backbone
from cu_core.catalogue.class_orders import check_order
from cu_core.catalogue.dataset_record import dataset
from cu_core.catalogue.deep_audit import check_deep_audit
from cu_core.catalogue.file_lists import ROUNDS, expanded, file_lists
from cu_core.catalogue.listed_models import why_not_listed
from cu_core.catalogue.method_record import Method, method
from cu_core.catalogue.objective_record import objective
from cu_core.catalogue.own_code import FORMS, check_own_code, is_own_code
from cu_core.catalogue.pixel_scales import check_scale
from cu_core.catalogue.selections import FORGET_KINDS, parse_selection
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_files import named_files
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.catalogue.stopping import STOPPING_RULES, why_too_few

FOLDER_SIZE = 32


def image_size(data: DataSpec) -> int:
    """Height and width in pixels that the model will see."""
    return data.image_size or dataset(data.dataset).size or FOLDER_SIZE


def why_not_method(record: Method, task: str, objective: str = "supervised", *, sharded: bool = False) -> str | None:
    """Why a method cannot do this forgetting task on this kind of model; None if it can.

    Args:
        record: the method.
        task: ``"class"`` or ``"sample"``.
        objective: kind of the training objective.
        sharded: whether the model is trained in shards and slices.
    """
    if task not in record.tasks:
        return f"{record.title} is defined for {' and '.join(record.tasks)} forgetting, not for {task} forgetting"
    if objective not in record.objectives:
        return f"{record.title} unlearns from {' and '.join(record.objectives)} models, not from {objective} ones"
    if record.needs_shards and not sharded:
        return f"{record.title} needs a model that is trained in shards or slices (train.shards, train.slices)"
    if sharded and not record.needs_shards:
        return f"{record.title} unlearns ordinary models, not ones that are trained in shards or slices"
    return None


def why_not_shards(spec: RunSpec) -> str | None:
    """Why a model cannot be trained in shards and slices as it is asked for; None if it can, or is not to be."""
    if not spec.train.sharded:
        return None
    if objective(spec.train.objective).kind != "supervised":
        return f"only classifiers are trained in shards or slices, not {objective(spec.train.objective).title} models"
    if spec.model.weights or spec.model.pretrained:
        return "members start untrained: own or published weights may have seen what is to be forgotten"
    return None


def why_not_processes(spec: RunSpec) -> str | None:
    """Why several processes cannot work on a run; None if they can, or there is one."""
    if spec.processes == 1:
        return None
    if spec.train.sharded:
        return "a model in shards is trained by one process; runs of different seeds can be at work at the same time"
    if spec.device == "mps" or spec.device.startswith("cuda:"):
        return f"each process takes a GPU of its own, or the CPU, so the device cannot be {spec.device}"
    if spec.train.batch_size < spec.processes:
        return f"a batch of {spec.train.batch_size} images (train.batch_size) cannot be divided over {spec.processes}"
    return None


def why_not_kept(spec: RunSpec) -> str | None:
    """Why nothing can be kept of the base model's training; None if it can, or is not asked for."""
    if spec.train.keep_every and spec.train.sharded:
        return "of a model in shards the weights after each stage are kept, and no others"
    if spec.train.keep_every and not spec.base_recipe.epochs:
        return "the base model is taken as it is, and of the training of a file or of published weights nothing is kept"
    return None


def why_not_backbone(name: str, size: int) -> str | None:
    """Why a backbone cannot read images of this many pixels; None if it can."""
    record = backbone(name)
    if record.package and find_spec(record.package) is None:
        return f"{record.title} needs a package that is not installed: .venv/bin/pip install {record.install}"
    if size < record.min_size:
        return f"{record.title} needs images of at least {record.min_size} px, these have {size} px"
    return None


def why_not_objective(name: str, backbone_name: str) -> str | None:
    """Why a training objective cannot train a backbone; None if it can."""
    record, wanted = backbone(backbone_name), objective(name)
    if wanted.image_text and not record.image_text:
        return f"{wanted.title} trains images and text together and needs a backbone open_clip:NAME"
    if record.image_text and not wanted.image_text:
        return f"open_clip backbones are trained with the objective clip, not with {wanted.id}"
    return None


def why_not_forget(kind: str, data: DataSpec, objective: str = "supervised") -> str | None:
    """Why a kind of forget set is not available for this dataset and kind of model; None if it is."""
    lacking = FORGET_KINDS.named(kind).lacking(data, objective)
    return lacking.reason if lacking else None


def why_not_pretrained(name: str) -> str | None:
    """Why published weights cannot be asked for; None if they can."""
    if name == "open_clip:tiny":
        return "open_clip:tiny is a small model of this program, for which nobody has published weights"
    if not backbone(name).pretrained:
        return "published weights exist for timm:NAME and open_clip:NAME backbones only"
    return None


def check(spec: RunSpec) -> None:
    """Checks everything about a specification that can be known without reading the data.

    Raises:
        BadInput: a value that names nothing that exists.
        Incompatible: choices that cannot run together.
    """
    record = dataset(spec.data.dataset)
    _check_paths(spec)
    selection = parse_selection(spec.forget.select)
    kind = objective(spec.train.objective).kind
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", spec.device):
        raise BadInput("device", f"no device named {spec.device!r}", ("auto", "cpu", "cuda", "cuda:N", "mps"))
    for field, reason in (
        ("model.backbone", why_not_backbone(spec.model.backbone, image_size(spec.data))),
        ("train.objective", why_not_objective(spec.train.objective, spec.model.backbone)),
        ("forget.select", why_not_forget(selection.kind, spec.data, kind)),
        ("train.shards", why_not_shards(spec)),
        ("train.keep_every", why_not_kept(spec)),
        ("processes", why_not_processes(spec)),
        ("method", why_not_method(method(spec.method.id), spec.task, kind, sharded=spec.train.sharded)),
        ("model.pretrained", why_not_pretrained(spec.model.backbone) if spec.model.pretrained else None),
    ):
        if reason:
            raise Incompatible(field, reason)
    check_scale(spec.model.normalisation, record.channels)
    check_order(spec.model.class_order, record.classes)
    if is_own_code(spec.model.backbone):
        check_own_code(spec.model.backbone)
    if refused := why_not_listed(spec.model.backbone):
        raise BadInput("model.backbone", *refused)
    if spec.stop.rule != "auto" and (reason := STOPPING_RULES.named(spec.stop.rule).why_not(spec.task, kind)):
        fitting = [rule.id for rule in STOPPING_RULES.values() if rule.why_not(spec.task, kind) is None]
        raise Incompatible("stop.rule", reason, ("auto", *fitting))
    if reason := why_too_few(spec.stop.rule, spec.references):
        raise Incompatible("reference", reason, (f"{STOPPING_RULES.named(spec.stop.rule).references} or more",))
    if method(spec.method.id).from_files:
        _check_given(spec)
    check_deep_audit(spec)
    if spec.train.epochs == 0 and not (spec.model.weights or spec.model.pretrained):
        raise Incompatible("train.epochs", "0 epochs needs own or published weights to start from")
    if method(spec.method.id).starts_anew and spec.train.epochs == 0:
        raise Incompatible(
            "train.epochs", f"{method(spec.method.id).title} repeats the training and needs at least one epoch of it"
        )
    if method(spec.method.id).needs_earlier:
        _check_earlier(spec)
    if method(spec.method.id).needs_shards and 0 < spec.stop.max_rounds < spec.train.shards:
        raise Incompatible(
            "stop.max_rounds",
            f"a round trains one shard and any of the {spec.train.shards} may hold forgotten samples: fewer rounds "
            "would leave members that know them",
            ("0", f"{spec.train.shards} or more"),
        )
    if spec.reference and spec.train.epochs == 0:
        raise Incompatible("reference", "a reference is trained from scratch and needs at least one epoch", ("0",))
    if record.train and spec.data.train_limit > record.train:
        raise BadInput("data.train_limit", f"{spec.data.train_limit} is more than there are", [f"0 to {record.train}"])


def _check_earlier(spec: RunSpec) -> None:
    """What a method that goes back to an earlier epoch cannot be combined with."""
    title, epochs = method(spec.method.id).title, spec.base_recipe.epochs
    if spec.takes_own_weights:
        raise Incompatible(
            "model.weights",
            f"{title} goes back to an earlier epoch of the base model's training, and of a file's training none is "
            "kept; name no file, so that the base model is trained here, or let it be trained on (model.train_on)",
        )
    if epochs < 2:
        raise Incompatible("train.epochs", f"{title} repeats a part of the epochs, and there are none", ("2 or more",))
    if spec.max_rounds >= epochs:
        raise Incompatible(
            "stop.max_rounds",
            f"{title} goes back as many epochs as it has rounds, and the training has {epochs}",
            (f"1 to {epochs - 1}", "0 for half of the epochs"),
        )


def _check_given(spec: RunSpec) -> None:
    """What rounds that were made elsewhere cannot be combined with."""
    files = len(expanded(spec).method.params.rounds)
    if not files:
        raise Incompatible(ROUNDS, "names no file with unlearned weights, and needs one or more")
    if not spec.model.weights:
        raise Incompatible("model.weights", "names no file with the model before unlearning, to compare with")
    if spec.model.train_on:
        raise Incompatible("model.train_on", "the model before unlearning is shown as it is", ("false",))
    if spec.stop.rule not in ("auto", "none"):
        raise Incompatible("stop.rule", "rounds that were made elsewhere are all shown", ("auto", "none"))
    if spec.stop.max_rounds not in (0, files):
        raise Incompatible("stop.max_rounds", "each file is a round, and all are shown", ("0", str(files)))


def _check_paths(spec: RunSpec) -> None:
    _check_lists(spec)
    forms_of: dict[str, tuple[str, ...]] = {
        "data.dataset": (f"{dataset(spec.data.dataset).form} of a directory or zip file",),
        "model.backbone": FORMS,
        "model.weights": (),
        "forget.select": parse_selection(spec.forget.select).record.forms,
    }
    for field, text in named_files(spec).items():
        forms = forms_of[field]
        path = named_path(text, field, forms)
        try:
            found = path.exists() if field == "data.dataset" else path.is_file()
        except OSError:  # too long
            found = False
        if not found:
            words = "does not exist" if field == "data.dataset" else "is not a file"
            raise BadInput(field, f"{text} {words}", forms)


def _check_lists(spec: RunSpec) -> None:
    """Says of lists of files, and of the model before them, which are missing: all of them at once."""
    lists = file_lists(expanded(spec))
    if lists and spec.model.weights:
        lists = {"model.weights": (spec.model.weights,), **lists}
    missing = {field: [text for text in texts if not _is_file(text, field)] for field, texts in lists.items()}
    missing = {field: texts for field, texts in missing.items() if texts}
    if missing:
        names = [text for texts in missing.values() for text in texts]
        total = sum(map(len, lists.values()))
        raise BadInput(next(iter(missing)), f"{len(names)} of {total} files cannot be found: {', '.join(names)}")


def _is_file(text: str, field: str) -> bool:
    try:
        return named_path(text, field).is_file()
    except OSError:  # too long
        return False
