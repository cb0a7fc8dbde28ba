"""The sections of the launch form; each draws the fields of one part of a specification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.parameters import Described, describe
from cu_core.catalogue import compatibility
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.class_orders import NUMBER, TEXT
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.method_record import METHODS, method, methods_here
from cu_core.catalogue.named_classes import NUMBER as CLASS_NUMBER
from cu_core.catalogue.objective_record import OBJECTIVES, objective
from cu_core.catalogue.own_code import KIND
from cu_core.catalogue.pixel_scales import DATASET as ORIGIN
from cu_core.catalogue.pixel_scales import FILE, SCALES
from cu_core.catalogue.recipes import recipes, unlearning_recipe
from cu_core.catalogue.selections import FORGET_KINDS, Input
from cu_core.catalogue.spec_parts import DataSpec, TrainSpec
from cu_core.data.images import ImageData
from cu_core.sharing.uploads import IMAGES, INDICES, WEIGHTS, Kind
from pages._frame import gate
from pages._launch import form_draft, part_words, recipe_choice
from pages._launch.form_fields import complain, field, fields, key_of, label_of, put, value_of
from pages._shared.plain_text import plain
from pages._terms.term_link import terms_row

DEVICES = ("auto", "cpu", "cuda", "mps")
READINGS = {"normalisation": (FILE, ORIGIN, *SCALES), "class_order": (ORIGIN, TEXT, NUMBER)}
"""Settings of the model that take a name or another text, with the names."""
PLACEHOLDERS = {"timm": "resnet26", "open_clip": "tiny", KIND: "/path/to/net.py:build"}
Errors = dict[str, str]


def split(described: Sequence[Described], skip: Sequence[str] = ()) -> tuple[list[Described], list[Described]]:
    """Everyday fields and advanced ones, without those drawn in another way."""
    kept = [d for d in described if d.name not in skip]
    return [d for d in kept if not d.param.advanced], [d for d in kept if d.param.advanced]


def advanced(described: list[Described], prefix: str, errors: Errors, key: str, columns: int = 3) -> None:
    """Rarely needed fields, folded away unless one of them is wrong."""
    wrong = any(f"{prefix}{d.name}" in errors for d in described)
    if described:
        with st.expander("More settings", type="compact", key=f"more_{key}", expanded=wrong):
            fields(described, prefix, errors, columns)


def follow_recipe() -> None:
    """Takes over the recipes of a new dataset, backbone or objective, unless present values were changed by hand."""
    before = st.session_state.get("new_recipe", {})
    for part in ("train.", "method."):
        if all(value_of(name) == value for name, value in before.items() if name.startswith(part)):
            use_recipe(part)
    st.session_state["new_recipe"] = recommended_recipe()


def _other_dataset() -> None:
    follow_recipe()
    # The number of a class means another class here; a name may well be found again.
    put("forget.classes", [pick for pick in value_of("forget.classes") if not CLASS_NUMBER.fullmatch(str(pick))])


def use_recipe(part: str, named: str = "") -> None:
    """Fills in the values of one part, ``"train."`` or ``"method."``, hidden fields included; the recommended ones,
    unless a training recipe is named.
    """
    for name, value in recommended_recipe(hidden=True, named=named).items():
        if name.startswith(part):
            put(name, value)


def is_recommended(part: str) -> bool:
    """Whether the values of one part, ``"train."`` or ``"method."``, are those recommended for the other choices."""
    return all(value_of(name) == value for name, value in recommended_recipe().items() if name.startswith(part))


def _backbone() -> str:
    backbone = value_of("model.backbone")
    return f"{backbone}:{value_of('model.timm')}" if BACKBONES[backbone].named else backbone


def _training_recipes() -> dict[str, TrainSpec]:
    """What `cu_core.catalogue.recipes.recipes` offers for the form as it is, the recommended one first."""
    return recipes(value_of("data.dataset"), _backbone(), value_of("data.label_noise"), value_of("train.objective"))


def recommended_recipe(*, hidden: bool = False, named: str = "") -> dict[str, Any]:
    """Training and unlearning values that suit the chosen images, network, objective and forget set, by field.

    Args:
        hidden: whether training values that the objective does not read are wanted, too.
        named: one of several training recipes; empty takes the recommended one.
    """
    dataset, backbone, method_id = value_of("data.dataset"), _backbone(), value_of("method.id")
    offered = _training_recipes()
    wanted = value_of("train.objective")
    task = "class" if value_of("forget.kind") == "class" else "sample"
    training = offered[named] if named else next(iter(offered.values()))
    unlearning = unlearning_recipe(method_id, dataset, backbone, task, wanted)
    # The objective itself is a choice, not a recommendation.
    names = [d.name for d in describe(TrainSpec) if d.name != "objective"]
    names = [name for name in names if hidden or objective(wanted).reads(name)]
    return {f"train.{name}": getattr(training, name) for name in names} | {
        form_draft.param_key(method_id, d.name): form_draft.typed(d, unlearning) for d in describe(type(unlearning))
    }


def upload(label: str, kind: Kind, target: str, errors: Errors, prefix: str = "") -> None:
    """An upload that ends up as a path in a field.

    Args:
        label: of the upload.
        kind: what may be uploaded.
        target: field that takes the path.
        errors: messages by field; gets one if the file is refused.
        prefix: key prefix.
    """
    file = st.file_uploader(
        label,
        type=[suffix.lstrip(".") for suffix in kind.suffixes],
        key=f"upload_{prefix}{target}",
        max_upload_size=max(1, kind.limit // 10**6),
    )
    if file is None or st.session_state.get(f"taken_{target}") == file.file_id:
        return
    try:
        put(target, str(gate.desk().keep(file, file.name, kind)))
        st.session_state[f"taken_{target}"] = file.file_id
        # Everything drawn so far was worked out without the file.
        st.rerun()
    except BadInput as error:
        name, message = form_draft.in_words(error)
        errors[name] = message
    except UnlearnscopeError as error:
        errors[kind.field] = str(error)


_OF_FILES = ("test_share", "background", "unreadable")
"""Settings of datasets that consist of a user's files."""


def data_section(errors: Errors) -> None:
    """Which images."""
    st.selectbox(
        "Dataset",
        list(DATASETS),
        format_func=lambda name: DATASETS[name].title,
        key=key_of("data.dataset"),
        persist_state="session",
        on_change=_other_dataset,
    )
    record = DATASETS[value_of("data.dataset")]
    st.caption(f"{record.summary} {record.licence}".strip())
    if record.needs_path:
        upload("Upload images: an archive, arrays (.npz) or Parquet", IMAGES, "data.path", errors)
        st.text_input(
            "Folder or file on this machine",
            key=key_of("data.path"),
            persist_state="session",
            placeholder="/path/to/images, images.zip or labels.csv",
        )
    complain(errors, "data.dataset")
    usual, rare = split(form_draft.described("data"), ("dataset",))
    fields(usual, "data.", errors)
    if record.needs_path:
        advanced(rare, "data.", errors, "data")
    else:
        advanced([d for d in rare if d.name not in _OF_FILES], "data.", errors, "data")


def model_section(errors: Errors, data: DataSpec | None, *, with_weights: bool = True) -> None:
    """Which network; where its weights are asked for elsewhere, without them."""

    def title(name: str) -> str:
        asked = f"{name}:any" if BACKBONES[name].named else name
        reason = compatibility.why_not_backbone(asked, compatibility.image_size(data)) if data else None
        return f"{BACKBONES[name].title} ({reason})" if reason else BACKBONES[name].title

    st.selectbox(
        "Backbone",
        [name for name in BACKBONES if name != KIND or gate.desk().may_bring_code()],
        format_func=title,
        key=key_of("model.backbone"),
        persist_state="session",
        on_change=follow_recipe,
    )
    record = BACKBONES[value_of("model.backbone")]
    st.caption(record.summary)
    if record.named:
        st.text_input(
            "File or module, and function" if record.id == KIND else f"{record.id} model",
            key=key_of("model.timm"),
            persist_state="session",
            placeholder=PLACEHOLDERS.get(record.id, "NAME"),
            help="An absolute path, or a module that is installed." if record.id == KIND else None,
            on_change=follow_recipe,
        )
    complain(errors, "model.backbone")
    usual, rare = split(form_draft.described("model"), ("backbone", "weights", "pretrained", *READINGS))
    fields(usual, "model.", errors, 2)
    wrong = bool(
        {"model.weights", "model.pretrained", "model.embedding_dim", *(f"model.{n}" for n in READINGS)} & set(errors)
    )
    with st.expander("More settings", type="compact", key="more_model", expanded=wrong):
        fields([d for d in rare if with_weights or d.name != "train_on"], "model.", errors, 2)
        _readings(errors)
        if not with_weights:
            return
        by_name = {d.name: d for d in form_draft.described("model")}
        no_pretrained = compatibility.why_not_pretrained(f"{record.id}:any" if record.named else record.id)
        field(by_name["pretrained"], "model.pretrained", errors, disabled=bool(no_pretrained))
        if no_pretrained:
            st.caption(no_pretrained[:1].upper() + no_pretrained[1:] + ".")
        upload("Upload own weights", WEIGHTS, "model.weights", errors)
        field(by_name["weights"], "model.weights", errors)


def _readings(errors: Errors) -> None:
    """How images become inputs, and what the answers of own weights mean: names to choose from, or any other text."""
    by_name = {d.name: d for d in form_draft.described("model")}
    with st.grid(2, gap="medium"):
        for name, offered in READINGS.items():
            with st.container(gap="xsmall"):
                st.selectbox(
                    label_of(by_name[name].param),
                    offered,
                    key=key_of(f"model.{name}"),
                    persist_state="session",
                    accept_new_options=True,
                    help=by_name[name].param.help,
                )
                complain(errors, f"model.{name}")


def forget_section(errors: Errors, data_spec: DataSpec | None, data: ImageData | None) -> None:
    """Which samples to forget."""
    terms_row("forget", "class-and-sample", "retain")

    trained = objective(value_of("train.objective")).kind

    def title(kind: str) -> str:
        record = FORGET_KINDS[kind]
        lacking = record.lacking(data_spec, trained) if data_spec else None
        return f"{record.title} :small[(needs {lacking.needs})]" if lacking else record.title

    st.segmented_control(
        "Kind of forget set",
        list(FORGET_KINDS),
        format_func=title,
        key=key_of("forget.kind"),
        persist_state="session",
        required=True,
        label_visibility="collapsed",
    )
    kind = FORGET_KINDS[value_of("forget.kind")]
    with st.container(horizontal=len(kind.inputs) > 1):
        for widget in kind.inputs:
            _forget_input(widget, data, errors, width=200 if len(kind.inputs) > 1 else "stretch")
    if not kind.says_all:
        st.caption(kind.summary)
    complain(errors, "forget.select")
    if kind.drawn:
        seed = next(d for d in form_draft.described("forget") if d.name == "seed")
        with st.container(width=320):
            field(seed, "forget.seed", errors)


def _forget_input(widget: Input, data: ImageData | None, errors: Errors, width: Any) -> None:
    name = f"forget.{widget.name}"
    if widget.kind == "classes":
        _class_picks(widget, data)
    elif widget.kind == "file":
        upload(widget.label, INDICES, name, errors)
        if value_of(name):
            st.caption(f"Uses {plain(form_draft.file_name(value_of(name)))}.")
    elif widget.kind == "text":
        st.text_input(widget.label, key=key_of(name), persist_state="session", help=widget.help or None)
    else:
        st.number_input(
            widget.label,
            step=widget.step,
            format="%.6g" if widget.kind == "share" else None,
            key=key_of(name),
            persist_state="session",
            width=width,
            help=widget.help or None,
        )


def _class_picks(widget: Input, data: ImageData | None) -> None:
    if data is not None:
        options = list(data.classes)
    else:
        known = DATASETS[value_of("data.dataset")].classes
        options = [str(c) for c in range(known)]
    # With other options it is another widget, which would start empty.
    put("forget.classes", value_of("forget.classes"))
    st.multiselect(
        widget.label,
        options,
        key=key_of("forget.classes"),
        persist_state="session",
        accept_new_options=data is None,
        help=widget.help,
        select_all=False,
    )


def method_section(errors: Errors, task: str) -> None:
    """Which unlearning method with which hyper-parameters."""
    terms_row("method", "lambda-ul", "omega", "tau")
    kind = objective(value_of("train.objective")).kind
    sharded = value_of("train.shards") > 1 or value_of("train.slices") > 1

    def title(name: str) -> str:
        reason = compatibility.why_not_method(METHODS[name], task, kind, sharded=sharded)
        return f"{METHODS[name].title} ({reason})" if reason else METHODS[name].title

    st.selectbox("Method", list(methods_here()), format_func=title, key=key_of("method.id"), persist_state="session")
    complain(errors, "method.id")
    record = method(value_of("method.id"))
    st.caption(f"{record.summary} {record.paper}. Reads {record.reads}.")
    recipe_choice.choice(record.id)
    usual, rare = split(describe(record.params))
    with st.grid(3, gap="medium"):
        for d in usual:
            field(d, form_draft.param_key(record.id, d.name), errors, error_name=f"method.{d.name}")
    if rare:
        wrong = any(f"method.{d.name}" in errors for d in rare)
        with st.expander("More settings", type="compact", key="more_method", expanded=wrong), st.grid(3, gap="medium"):
            for d in rare:
                field(d, form_draft.param_key(record.id, d.name), errors, error_name=f"method.{d.name}")


def training_section(errors: Errors) -> None:
    """How the base model and the reference are trained."""
    chosen = objective(value_of("train.objective"))
    by_name = {d.name: d for d in form_draft.described("train")}
    field(by_name["objective"], "train.objective", errors, format_func=_objective_title, on_change=follow_recipe)
    st.caption(" ".join(filter(None, (chosen.summary, chosen.paper and f"{chosen.paper}."))))
    _recipe_choice(list(_training_recipes()))
    unread = [name for name in by_name if not chosen.reads(name)]
    usual, rare = split(list(by_name.values()), ("objective", *unread))
    fields(usual, "train.", errors)
    if chosen.self_supervised:
        st.caption(
            "Labels are not looked at. Both views of an image are cropped, mirrored and recoloured by the objective "
            "itself; one-channel images are neither mirrored nor recoloured."
        )
    advanced(rare, "train.", errors, "train")


def _recipe_choice(names: list[str]) -> None:
    """Says which recipe the form follows, and offers the others; nothing where it follows the only one."""
    followed = next((name for name in names if _follows(name)), None)
    if followed == names[0] and len(names) == 1:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if followed != names[0]:
            st.caption(
                f"These are the settings of the {followed} recipe."
                if followed
                else "These are not the settings recommended for this dataset, backbone and objective."
            )
            st.button(
                "Use the recommended ones",
                key="use_recipe",
                on_click=use_recipe,
                args=("train.",),
                icon=":material/tune:",
            )
        for name in names[1:]:
            if name != followed:
                st.button(
                    f"Use the {name} recipe",
                    key=f"use_recipe_{name}",
                    on_click=use_recipe,
                    args=("train.", name),
                    icon=":material/tune:",
                )


def _follows(name: str) -> bool:
    values = recommended_recipe(named=name).items()
    return all(value_of(field) == value for field, value in values if field.startswith("train."))


def _objective_title(name: str) -> str:
    return OBJECTIVES[name].title


def stop_section(errors: Errors, *, ends: bool = True) -> None:
    """When unlearning ends, where it can end before its last round, and what is recorded."""
    terms_row("stopping-rule", "held-out", "probe", "collapse-guard")
    usual, rare = split(form_draft.described("stop") if ends else [])
    if ends:
        fields(usual, "stop.", errors, 3)
    else:
        for name in ("stop.rule", "stop.max_rounds"):
            complain(errors, name)
    probe, rare_probe = split(form_draft.described("probe"))
    fields(probe, "probe.", errors, 3)
    both = any(name.startswith(("stop.", "probe.")) for name in errors)
    with st.expander("More settings", type="compact", key="more_stop", expanded=both):
        fields(rare, "stop.", errors)
        fields(rare_probe, "probe.", errors)


def run_section(errors: Errors, *, own_references: bool = True) -> None:
    """Seed, reference, device and name, and files of references where they are not asked for elsewhere."""
    by_name = {d.name: d for d in form_draft.described("top")}
    with st.grid(3, gap="medium"):
        field(by_name["seed"], "seed", errors)
        with st.container(gap="xsmall"):
            field(by_name["reference"], "reference", errors)
            known = part_words.reference_count({n: value_of(n) for n in ("reference", "reference_files")})
            if own_references and (words := part_words.reference_words(known)):
                st.caption(words)
        with st.container(gap="xsmall"):
            st.selectbox(
                label_of(by_name["device"].param),
                DEVICES,
                key=key_of("device"),
                persist_state="session",
                accept_new_options=True,
                help=by_name["device"].param.help,
            )
            complain(errors, "device")
        field(by_name["precision"], "precision", errors)
        field(by_name["processes"], "processes", errors)
        field(by_name["name"], "name", errors)
    if own_references:
        advanced([by_name["reference_files"]], "", errors, "run", 1)
