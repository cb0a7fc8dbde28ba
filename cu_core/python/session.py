"""What `import cu_core` offers: make a run, look at a foreign model, list runs, open one."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.home import Home, default_home, home_at
from cu_core.base.named_path import named_path
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.jobs import foreground
from cu_core.jobs.foreign import audit_spec
from cu_core.jobs.progress_bar import drawn_progress
from cu_core.jobs.wishes import Setting, Wishes, spec_on, specs_of
from cu_core.python.python_run import Run, RunList
from cu_core.runstore import layout
from cu_core.runstore.index import list_runs
from cu_core.runstore.state import STATES

Place = Home | str | os.PathLike[str] | None
"""A home, the folder of one, or None for the one that ``CU_HOME`` names."""
Progress = bool | Callable[[dict[str, Any]], None]
"""True draws what the command line draws, on stderr; a function is called with every event."""
Settings = Mapping[str, Any] | Iterable[str]
"""Fields by name, ``{"train.epochs": 5, "temperature": 0.7}``, or as texts ``"train.epochs=5"``."""


def run(
    *,
    dataset: str | None = None,
    model: str | None = None,
    method: str | None = None,
    method_recipe: str | None = None,
    forget: str | None = None,
    preset: str | None = None,
    spec: RunSpec | Mapping[str, Any] | str | os.PathLike[str] | None = None,
    objective: str | None = None,
    recipe: str | None = None,
    seed: int | None = None,
    reference: int | None = None,
    device: str | None = None,
    processes: int | None = None,
    name: str | None = None,
    settings: Settings = (),
    token: str | None = None,
    home: Place = None,
    progress: Progress = True,
    **more: Any,
) -> Run:
    """Runs here, and returns the run when it is done. The words are those of the command line.

    What nobody names follows the recipes of dataset, model and method.

    Args:
        dataset: images, such as ``"digits"`` or ``"folder:PATH"``.
        model: backbone, such as ``"tiny-cnn"``.
        method: unlearning method, such as ``"contrastive"``.
        method_recipe: name of a tuned recipe of the home, whose method and hyper-parameters are taken.
        forget: what to forget, such as ``"class:5"`` or ``"random:100"``.
        preset: start from a preset instead of the defaults.
        spec: start from a specification, its JSON, or a file with that.
        objective: how the model is trained.
        recipe: name of the training recipe, where a backbone has several: ``"paper"`` or ``"modern"``.
        seed: of training, draws and unlearning.
        reference: how many models are retrained without the forget set; True is one.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.
        processes: how many divide each step between them.
        name: shown in lists.
        settings: a hyper-parameter of the method or any field.
        token: the same token never makes a second run; the first one is returned.
        home: where runs live.
        progress: what is told meanwhile; False for nothing.
        more: further settings by their names, for ``temperature=0.7``.

    Raises:
        BadInput: a value that cannot be used; names the field and the allowed values.
        Cancelled: it was interrupted; the run can be resumed.
        UnlearnscopeError: it failed, in words.
    """
    at = as_home(home)
    if spec is not None and preset is not None:
        raise BadInput("preset", "a run starts from a preset or from a specification, not from both")
    start = spec_from_json(spec) if isinstance(spec, Mapping) else spec
    path = None if start is None or isinstance(start, RunSpec) else _path(start, "spec")
    texts = {"preset": preset, "dataset": dataset, "model": model, "objective": objective, "method": method}
    texts |= {"recipe": recipe, "method_recipe": method_recipe, "forget": forget, "device": device, "name": name}
    for field, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise BadInput(field, f"{value!r} is not text")
    asked = Wishes(
        **texts,
        spec=path,
        seed=seed,
        reference=int(reference) if isinstance(reference, bool) else reference,
        processes=processes,
        settings=[*_settings(settings), *more.items()],
    )
    found = [spec_on(asked, at, start)] if isinstance(start, RunSpec) else specs_of(asked, at)
    if len(found) > 1:
        raise BadInput(
            "preset", f"{preset} stands for {len(found)} runs; queue them with: unlearnscope submit --preset {preset}"
        )
    return make(found[0], at, token=token, progress=progress)


def audit(*, home: Place = None, token: str | None = None, progress: Progress = True, **words: Any) -> Run:
    """Looks at a model that was unlearned elsewhere: a run whose rounds are the given files.

    Args:
        home: where runs live.
        token: the same token never makes a second run; the first one is returned.
        progress: what is told meanwhile; False for nothing.
        words: ``dataset``, ``model``, ``forget``, ``before``, ``after`` and, where wanted, ``rounds``, ``references``,
            ``retrain``, ``recipe``, ``objective``, ``settings``, ``seed``, ``device``, ``name`` and ``method_name``, as
            in `cu_core.jobs.foreign.audit_spec`.

    Raises:
        BadInput: a word is missing or unknown, or its value cannot be used.
        Cancelled: it was interrupted; the run can be resumed.
        UnlearnscopeError: it failed, in words.
    """
    at = as_home(home)
    known = inspect.signature(audit_spec).parameters
    for name in words:
        if name not in known:
            raise BadInput(name, "is no word of an audit", [word for word in known if word != "home"], given=name)
    for name, parameter in known.items():
        if parameter.default is inspect.Parameter.empty and words.get(name) is None:
            raise BadInput(name, "is missing: an audit needs it")
    plain = {name: os.fspath(word) if isinstance(word, os.PathLike) else word for name, word in words.items()}
    return make(audit_spec(**plain, home=at), at, token=token, progress=progress)


def make(spec: RunSpec, home: Home, *, token: str | None = None, progress: Progress = True) -> Run:
    """Runs a specification here; see `run`."""
    if token is not None and not isinstance(token, str):
        raise BadInput("token", f"{token!r} is not text")
    with _told(progress) as show:
        run_id, _ = foreground.run_here(spec, home, token=token, show=show)
    return Run(home, layout.run_dir(home, run_id)).need_success()


def runs(home: Place = None, *, group: str | None = None, state: str | None = None) -> RunList:
    """The runs of a home, latest first.

    Args:
        home: where runs live.
        group: only those of this group.
        state: only those in this state, such as ``"succeeded"``.

    Raises:
        BadInput: no such home or state.
    """
    at = as_home(home)
    if home is not None and not at.root.is_dir():
        raise BadInput("home", f"there is no folder {at.root}")
    if state is not None and state not in STATES:
        raise BadInput("state", f"no state named {state!r}", STATES, given=str(state))
    rows = [row for row in list_runs(at) if group in (None, row.group) and state in (None, row.state)]
    return RunList([Run(at, at.runs / row.run_id) for row in rows], rows)


def open(run: str | os.PathLike[str], home: Place = None) -> Run:
    """A run by its id, or by its folder, which may lie in another home or in none.

    Raises:
        BadInput: no such run.
    """
    text = _path(run, "run")
    if isinstance(run, str) and os.sep not in text:
        at = as_home(home)
        return Run(at, layout.run_dir(at, text))
    folder = named_path(text, "run")
    if not (folder / layout.SPEC).is_file():
        raise BadInput("run", f"{folder} is no folder of a run: it holds no {layout.SPEC}")
    lies_in_home = folder.parent.name in ("runs", "bin")
    return Run(as_home(home) if home is not None or not lies_in_home else Home(folder.parent.parent), folder)


def as_home(home: Place = None) -> Home:
    """A home however it was named; see `Place`.

    Raises:
        BadInput: it is no folder.
    """
    if isinstance(home, Home):
        return home
    return default_home() if home is None else home_at(_path(home, "home"), "home")


def _path(value: object, field: str) -> str:
    if isinstance(value, str | os.PathLike) and isinstance(text := os.fspath(value), str):
        return text
    raise BadInput(field, f"{value!r} is no path")


@contextmanager
def _told(progress: Progress) -> Iterator[Callable[[dict[str, Any]], None]]:
    if callable(progress):
        yield progress
    elif progress:
        with drawn_progress() as show:
            yield show
    else:
        yield lambda event: None


def _settings(settings: Settings) -> list[Setting]:
    if isinstance(settings, str):
        return [settings]
    if not isinstance(settings, Iterable):
        raise BadInput("settings", f"{settings!r} is not NAME=VALUE", ("train.epochs=5", "temperature=0.7"))
    found: list[Any] = list(settings.items() if isinstance(settings, Mapping) else settings)
    for setting in found:
        name = setting[0] if isinstance(setting, tuple) and len(setting) == 2 else setting
        if not isinstance(name, str):
            raise BadInput("settings", f"{setting!r} is not NAME=VALUE", ("train.epochs=5", "temperature=0.7"))
    return found
