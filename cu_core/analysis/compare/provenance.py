"""Provenance of a run as a table: versions, hardware, data, hashes, and the command that repeats it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from cu_core.analysis.compare.difference import PART_TITLES, flat, label_of, value_words
from cu_core.base.parameters import describe
from cu_core.catalogue.spec import PARTS, RunSpec
from cu_core.runstore.reader import RunView
from cu_core.runstore.rows import number_or_none

_OPTIONS = {"data.dataset": "--dataset", "model.backbone": "--model", "forget.select": "--forget"}
_TOP_OPTIONS = ("seed", "reference", "device", "name")


def full_record(view: RunView) -> pd.DataFrame:
    """The full record of a run.

    Args:
        view: the run, finished or not.

    Returns:
        Text columns ``part``, ``name`` and ``value``.

    Raises:
        BadInput: its specification cannot be read.
    """
    return pd.DataFrame(list(_entries(view)), columns=["part", "name", "value"])


def command_of(spec: RunSpec, instead: Mapping[str, str] | None = None) -> str:
    """The command that runs a specification again; recipes leave nothing open, since it names all that they decide.

    Args:
        spec: to be run again.
        instead: what stands in place of values that are not to be shown, by their path.
    """
    content, plain = flat(spec.to_json()) | dict(instead or {}), flat(RunSpec().to_json())
    words = ["unlearnscope", "run", "--method", spec.method.id]
    for path, option in _OPTIONS.items():
        words += [option, str(content[path])]
    for name in _TOP_OPTIONS:
        if content[name] != plain[name] or name == "seed":
            words += [f"--{name}", str(content[name])]
    for path, value in content.items():
        part = path.rpartition(".")[0]
        named = path in _OPTIONS or path in _TOP_OPTIONS or path == "method.id"
        # Recipes decide training and method where nobody names a value; elsewhere the defaults hold.
        if not named and (part in ("train", "method") or value != plain.get(path)):
            for one in value if isinstance(value, list | tuple) else [value]:
                words += ["--set", f"{path}={_word(one)}"]
    return shlex.join(words)


def moment_text(moment: float | None) -> str:
    """A unix time in words; one that is unknown, or that no calendar has, is said to be."""
    try:
        return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else "not known"
    except (OverflowError, ValueError, OSError):
        return "not known"


def _entries(view: RunView) -> Iterator[tuple[str, str, str]]:
    info, spec, result = view.info, view.spec, view.result() or {}
    submitted = moment_text(number_or_none(info.get("submitted")))
    yield "Run", "Id", view.run_id
    yield "Run", "Title", spec.title
    yield "Run", "State", view.state
    yield "Run", "Submitted", submitted
    if result:
        yield "Run", "Rounds", str(result.get("rounds"))
        yield "Run", "Stopped by", str(result.get("stopped_by"))
    yield "Seeds", "Run", str(spec.seed)
    yield "Seeds", "Base model", str(spec.train_seed)
    yield "Seeds", "Forget set", str(spec.forget_seed)
    yield "Seeds", "Split", str(spec.data.split_seed)
    yield "Seeds", "References", ", ".join(map(_reference, result.get("references") or ())) or "none recorded"
    yield from _specification(spec)
    yield "Hashes", "Specification", spec.content_hash()
    yield "Hashes", "Images (sha256)", str(result.get("data_sha256") or "not recorded yet")
    yield "Hashes", "Prepared dataset", str(view.dataset_key() or "not recorded yet")
    yield "Hashes", "Base model", str(result.get("base_key") or "not recorded yet")
    yield "Hashes", "Final weights (sha256)", str(result.get("weights_sha256") or "not recorded yet")
    for part in ("versions", "hardware"):
        for name, value in (result.get(part) or {}).items():
            yield part.capitalize(), name.replace("_", " "), str(value)
    for name, value in (result.get("seconds") or {}).items():
        yield "Seconds", name, "not known" if value is None else f"{value:.2f}"
    for name, value in (result.get("cpu_seconds") or {}).items():
        yield "Seconds of processor or device", name, "not known" if value is None else f"{value:.2f}"
    for file in result.get("given") or ():
        yield "Files", str(file.get("role")), f"{file.get('name')} (sha256 {file.get('sha256')})"
    for note in result.get("notes") or ():
        yield "Notes", "", str(note)
    yield "Commands", "Run it again", command_of(spec)
    yield "Commands", "Check its files", f"unlearnscope verify {view.run_id}"
    yield "Commands", "Show its numbers", f"unlearnscope show {view.run_id} --json"


def _reference(entry: Mapping[str, Any]) -> str:
    return str(entry.get("file") or entry["seed"])


def _specification(spec: RunSpec) -> Iterator[tuple[str, str, str]]:
    content: Mapping[str, Any] = spec.to_json()
    values = flat(content)
    yield "Method", "Method", value_words("method.id", spec.method.id, content)
    for part in ("method", *PARTS, ""):
        known = describe(type(spec.method.params)) if part == "method" else describe(PARTS[part] if part else RunSpec)
        for d in known:
            path = f"{part}.{d.name}" if part else d.name
            # Paths in full: a short name would not say which of two files it was.
            text = _in_full(values[path]) or value_words(path, values[path], content)
            yield PART_TITLES[part].capitalize(), label_of(path, content), text or "none"


def _in_full(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else ""


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)
