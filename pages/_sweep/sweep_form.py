"""The form of a sweep: a base, and lists of methods, forget sets, seeds and hyper-parameters."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import streamlit as st

from cu_core.analysis.sweeps.named import SWEEPS
from cu_core.analysis.sweeps.sweep import Sweep, fitting
from cu_core.analysis.tuning.own_setting import class_names
from cu_core.base.display_text import counted
from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.parameters import describe
from cu_core.catalogue.grid import axis_text, parse_axis
from cu_core.catalogue.method_record import METHODS, methods_here, retain_words
from cu_core.catalogue.named_recipes import recipes_of, refuse_where_tuned
from cu_core.catalogue.own_code import short_code
from cu_core.catalogue.presets import single_presets
from cu_core.catalogue.selections import forms
from cu_core.catalogue.spec import RunSpec, short
from cu_core.catalogue.spec_files import absolute_paths
from cu_core.runstore.reader import list_runs, open_run
from pages._frame import gate
from pages._frame.run_picker import run_label
from pages._shared.plain_text import plain
from pages._shared.server_home import home

PREFIX = "sweep:"
STARTS = {"sweep": "A ready-made sweep", "preset": "A preset", "run": "An earlier run"}


def key_of(name: str) -> str:
    """Key of the widget that holds a field of the form."""
    return PREFIX + name


def put(name: str, value: object) -> None:
    """Sets a field before its widget is drawn."""
    st.session_state[key_of(name)] = value


def start_from() -> Sweep:
    """Draws what to start from; a new choice fills the lists below."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control(
            "Start from",
            list(STARTS),
            format_func=STARTS.__getitem__,
            default="sweep",
            required=True,
            key=key_of("kind"),
            persist_state="session",
        )
        started = {"sweep": _named, "preset": _preset, "run": _run}[kind]()
    if st.session_state.get(key_of("started")) != started.to_json():
        put("started", started.to_json())
        put("methods", list(started.methods) or fitting(started.base, started.forget))
        put("forget", axis_text(started.forget))
        put("seeds", _seeds_text(started.seeds))
        put("reference", started.base.reference)
        put("group", started.group)
        put("vary", [])
    return started


def _named() -> Sweep:
    chosen = st.selectbox(
        "Sweep",
        list(SWEEPS),
        format_func=lambda name: SWEEPS[name].title,
        key=key_of("named"),
        persist_state="session",
        help="  \n".join(f"{s.title}: {s.summary}" for s in SWEEPS.values()),
    )
    return SWEEPS[chosen].sweep


def _preset() -> Sweep:
    chosen = st.selectbox(
        "Preset",
        list(single_presets()),
        format_func=lambda name: single_presets()[name].title,
        key=key_of("preset"),
        persist_state="session",
    )
    return _of_one(single_presets()[chosen].spec)


def _run() -> Sweep:
    rows = {row.run_id: row for row in list_runs(home())}
    chosen = st.selectbox(
        "Run",
        list(rows),
        format_func=lambda run_id: run_label(rows[run_id]),
        key=key_of("run"),
        persist_state="session",
        placeholder="No run yet",
    )
    try:
        return _of_one(open_run(home(), chosen).spec) if chosen else _of_one(RunSpec())
    except UnlearnscopeError as error:
        st.error(plain(error), icon=":material/error:")
        return _of_one(RunSpec())


def _of_one(spec: RunSpec) -> Sweep:
    base = dataclasses.replace(spec, name="", group="")
    return Sweep(base, (spec.method.id,), (spec.forget.select,), (spec.seed,))


def _seeds_text(seeds: tuple[int, ...]) -> str:
    whole = len(seeds) > 1 and seeds == tuple(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]}-{seeds[-1]}" if whole else ", ".join(map(str, seeds))


def lists(started: Sweep) -> Sweep:
    """Draws the lists and returns the sweep that they say.

    Raises:
        BadInput: a list that cannot be used; its field says which.
    """
    base = _images(started.base)
    st.caption(_base_words(base))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Forget sets",
            key=key_of("forget"),
            persist_state="session",
            width=260,
            help=f"Separated by semicolons: {'; '.join(forms())}.",
        )
        seeds = st.text_input(
            "Seeds", key=key_of("seeds"), persist_state="session", width=110, help="0-4 stands for 0, 1, 2, 3, 4."
        )
        reference = st.number_input(
            "References",
            0,
            20,
            key=key_of("reference"),
            persist_state="session",
            width=130,
            help="Models retrained without the forget set; all methods share them.",
        )
        group = st.text_input(
            "Name",
            key=key_of("group"),
            persist_state="session",
            width=220,
            placeholder="made from the choices",
            help="Group of the runs. A ready-made sweep that you change gets a name of its own.",
        )
    forget = tuple(_axis("forget", text))
    base = dataclasses.replace(base, reference=int(reference))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Methods",
            list(methods_here()),
            format_func=lambda name: METHODS[name].title,
            key=key_of("methods"),
            persist_state="session",
            # The Enter key would take it before the one name that was typed.
            select_all=False,
        )
        st.button(
            "All that fit",
            key="all_that_fit",
            icon=":material/select_all:",
            on_click=_choose_fitting,
            args=(base, forget),
        )
    if not chosen:
        raise BadInput("methods", "choose at least one method")
    st.caption(retain_words(chosen))
    varied, numbers = _varied(chosen), tuple(map(_seed, _axis("seeds", seeds)))
    tuned = _tuned(chosen, base, forget, numbers)
    sweep = Sweep(base, tuple(chosen), forget, numbers, varied, group.strip(), tuned)
    return _renamed(sweep, started)


def _renamed(sweep: Sweep, started: Sweep) -> Sweep:
    """A ready-made sweep keeps its name only as it stands, so that its runs are not mixed with others."""
    if not started.group or sweep.group != started.group:
        return sweep
    everything = set(started.methods or fitting(started.base, started.forget)) == set(sweep.methods)
    same = dataclasses.replace(sweep, methods=()) == dataclasses.replace(started, methods=())
    if same and everything:
        return started
    own = dataclasses.replace(sweep, group="").name.rpartition(" ")[2]
    return dataclasses.replace(sweep, group=f"{started.group} {own}")


def _choose_fitting(base: RunSpec, forget: tuple[str, ...]) -> None:
    put("methods", fitting(base, forget))


def _images(base: RunSpec) -> RunSpec:
    """CIFAR-10 may come from a folder or zip of this machine."""
    if base.data.dataset != "cifar10":
        return base
    path = st.text_input(
        "CIFAR-10 from a folder or zip on this machine (optional)",
        key=key_of("images"),
        persist_state="session",
        placeholder="cifar10.zip; left empty, it is downloaded",
    ).strip()
    if not path:
        return base
    taken = dataclasses.replace(base, data=dataclasses.replace(base.data, dataset=f"folder:{path}"))
    # Before anything of it is shown, its name included.
    gate.desk().check(taken)
    return absolute_paths(taken)


def _base_words(base: RunSpec) -> str:
    train, limit = base.train, f", {counted(base.data.train_limit, 'image')}" if base.data.train_limit else ""
    return (
        f"Base: {short(base.data.dataset)}{limit} · {short_code(base.model.backbone)} · {train.objective}, "
        f"{train.epochs} epochs of {train.optimizer} with learning rate {train.lr:g}. Every method starts from its own "
        "recipe."
    )


def _varied(chosen: list[str]) -> dict[str, dict[str, list[str]]]:
    known = {(name, d.name): d.param.label for name in chosen for d in describe(METHODS[name].params)}
    kept = [choice for choice in st.session_state.get(key_of("vary")) or [] if tuple(choice) in known]
    put("vary", kept)
    picked = st.multiselect(
        "Hyper-parameters to vary (optional)",
        list(known),
        format_func=lambda choice: f"{METHODS[choice[0]].title}: {known[choice]}",
        key=key_of("vary"),
        persist_state="session",
        select_all=False,
    )
    varied: dict[str, dict[str, list[str]]] = {}
    with st.grid(3, gap="medium"):
        for method_id, name in picked:
            text = st.text_input(
                f"{METHODS[method_id].title}: {known[method_id, name]}",
                key=key_of(f"vary.{method_id}.{name}"),
                persist_state="session",
                placeholder="0.3, 0.7",
            )
            varied.setdefault(method_id, {})[name] = _axis(known[method_id, name], text)
    return varied


def _tuned(
    chosen: list[str], base: RunSpec, forget: tuple[str, ...], seeds: tuple[int, ...]
) -> dict[str, dict[str, Any]]:
    """Values of the tuned recipes that methods start from, where there are any; none on what it was tuned on."""
    known = {name: recipe for name, recipe in recipes_of(home()).items() if recipe.method in chosen}
    if not known:
        return {}
    put("recipes", [name for name in st.session_state.get(key_of("recipes")) or [] if name in known])
    picked = st.multiselect(
        "Tuned recipes to start from (optional)",
        list(known),
        key=key_of("recipes"),
        persist_state="session",
        select_all=False,
        help="One of each method. Made by Tune below, or by unlearnscope tune.",
    )
    found: dict[str, dict[str, Any]] = {}
    for recipe in (known[name] for name in picked):
        if recipe.method in found:
            raise BadInput("recipes", f"several recipes of {recipe.method} are chosen; a sweep starts from one")
        found[recipe.method] = dict(recipe.values)
        for select, seed in itertools.product(forget, seeds):
            run = dataclasses.replace(base, forget=dataclasses.replace(base.forget, select=select), seed=seed)
            refuse_where_tuned(recipe, run, class_names(run, home()))
    return found


def _axis(field: str, text: str) -> list[str]:
    if not (text or "").strip():
        raise BadInput(field, "give at least one value")
    try:
        return parse_axis(text)
    except BadInput as error:
        raise BadInput(field, error.reason, error.allowed) from error


def _seed(text: str) -> int:
    if not (text.isdecimal() and len(text) < 19):
        raise BadInput("seeds", f"{text!r} is not a whole number", ("0-2", "0, 3"))
    return int(text)
