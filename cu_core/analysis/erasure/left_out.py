"""What a record leaves out unless it is asked for: names of classes and files, paths, raw indices, images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cu_core.analysis.compare.difference import flat
from cu_core.base.errors import BadInput
from cu_core.base.parameters import describe
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.own_code import KIND
from cu_core.catalogue.spec import PARTS, RunSpec, bare_name, path_of

LEFT_OUT = "[left out]"
WHAT = ("names", "indices", "images")
_PATH = re.compile(r"(?<![\w.)])(?:~|[A-Za-z]:|\.{1,2})?[/\\][^\s,;:)'\"]+")
_ENDINGS = "pt|pth|bin|ckpt|safetensors|np[yz]|csv|json|txt|zip|tar|t?gz|parquet|png|jpe?g"
_FILE = re.compile(rf"[^\s,;:()'\"]+\.(?:{_ENDINGS})\b")
_CLASS = re.compile(r"\b(class(?:es)?) \d+(?:(?:, | and |, and )\d+)*", re.IGNORECASE)
_INDICES = re.compile(
    r"\b(samples?|images?|index|indices) (?:number |no\. |#)?\d+(?:(?:, | and |, and )\d+)*", re.IGNORECASE
)
# Settings that are free text and yet name nothing of the user's.
_OPEN = ("device", "model.normalisation", "method.id")
_RUN_ID = re.compile(r"(\d{8})-.*-([0-9a-f]{8})")


@dataclass(frozen=True)
class Included:
    """What is not left out.

    Attributes:
        names: class titles, the run's title and id, file names and paths.
        indices: the forgotten training samples one by one.
        images: small pictures of some of them.
    """

    names: bool = False
    indices: bool = False
    images: bool = False

    @property
    def words(self) -> list[str]:
        """The same as `included` takes it."""
        return [name for name in WHAT if getattr(self, name)]


def included(text: str) -> Included:
    """What a text such as ``names,indices`` asks for.

    Raises:
        BadInput: a word that is none of `WHAT`.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in WHAT:
            raise BadInput("--include", f"{word!r} is nothing that a record can include", WHAT, given=word)
    return Included(**{word: True for word in words})


@dataclass(frozen=True)
class Reader:
    """Reads texts and settings of a run as a record may show them.

    Attributes:
        asked: what may be shown.
        names: of classes and of the user's files.
    """

    asked: Included
    names: tuple[str, ...]

    def text(self, text: Any) -> str:
        """A sentence that was written by the run, without what is left out."""
        shown = str(text)
        if not self.asked.names:
            shown = _FILE.sub(LEFT_OUT, _PATH.sub(LEFT_OUT, shown))
            if self.names:
                longest_first = sorted(self.names, key=len, reverse=True)
                shown = re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", LEFT_OUT, shown)
            shown = _CLASS.sub(rf"\1 {LEFT_OUT}", shown)
        return shown if self.asked.indices else _INDICES.sub(rf"\1 {LEFT_OUT}", shown)

    def hidden(self, spec: RunSpec) -> dict[str, str]:
        """Settings whose values are left out, as path to what stands there instead."""
        return {} if self.asked.names else dict(_hidden(spec))

    def settings(self, spec: RunSpec) -> dict[str, Any]:
        """All settings as path to value; without name and group, which decide nothing of the outcome."""
        content: dict[str, Any] = flat(spec.to_json()) | self.hidden(spec)
        return content if self.asked.names else {k: v for k, v in content.items() if k not in ("name", "group")}

    def run_id(self, run_id: str) -> str:
        """A run's id, without the middle, which is made of its title."""
        if self.asked.names:
            return run_id
        found = _RUN_ID.fullmatch(run_id)
        return f"{found[1]}-*-{found[2]}" if found else LEFT_OUT


def reader_of(asked: Included, spec: RunSpec, classes: Sequence[str], given: Sequence[Any]) -> Reader:
    """A reader for the texts of a run.

    Args:
        asked: what may be shown.
        spec: of the run.
        classes: names of its classes; numbers among them are known by the word before them.
        given: files of the user that the run shows, as its result lists them.
    """
    content = flat(spec.to_json())
    files = [bare_name(path_of(text) or text) for text in _texts(content[path] for path, _ in _hidden(spec))]
    files += [str(file["name"]) for file in given if isinstance(file, dict) and file.get("name")]
    titles = [spec.name, spec.group, *classes, *_named_classes(spec)]
    kept = dict.fromkeys(name for name in (*files, *titles) if name and not name.isdigit())
    return Reader(asked, tuple(kept))


def _named_classes(spec: RunSpec) -> list[str]:
    kind, _, rest = spec.forget.select.partition(":")
    return [part.strip(' "') for part in rest.split(",")] if kind in ("class", "names") else []


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | tuple):
            yield from _texts(value)


def _hidden(spec: RunSpec) -> Iterator[tuple[str, str]]:
    content, usual = flat(spec.to_json()), flat(RunSpec().to_json())
    known = {"method": type(spec.method.params), **PARTS, "": RunSpec}
    free = [
        f"{part}.{d.name}" if part else d.name
        for part, cls in known.items()
        for d in describe(cls)
        if d.type not in (bool, int, float) and not d.param.choices
    ]
    for path in free:
        value = content[path]
        if path == "forget.select":
            yield path, f"{value.partition(':')[0]}:{LEFT_OUT}" if ":" in value else value
        elif path == "data.dataset" and value not in DATASETS:
            yield path, f"{value.partition(':')[0]}:{LEFT_OUT}"
        elif path == "model.backbone" and value.partition(":")[0] == KIND:
            yield path, f"{KIND}:{LEFT_OUT}"
        elif path not in (*_OPEN, "data.dataset", "model.backbone") and value and value != usual.get(path):
            yield path, LEFT_OUT
