"""Names of the models of the installed timm and open_clip, read from their files without loading torch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

_MODEL = re.compile(r"^@register_model\b[^\n]*\n(?:@[^\n]*\n)*def (\w+)", re.MULTILINE)
_RENAMED = re.compile(r"^register_model_deprecations\(__name__, \{(.*?)^\}\)", re.MULTILINE | re.DOTALL)
_OLD_NAME = re.compile(r"""^\s*['"]([\w.]+)['"]\s*:""", re.MULTILINE)
_LONGEST = 100


def why_not_listed(backbone: str) -> tuple[str, tuple[str, ...]] | None:
    """Why a library has no model of a name, and names that are near; None if it has, or if that cannot be told.

    Args:
        backbone: as in the specification; others than ``timm:NAME`` and ``open_clip:NAME`` are not looked at.
    """
    library, _, name = backbone.partition(":")
    if library not in ("timm", "open_clip"):
        return None
    known = model_names(library)
    # What follows a dot in a name of timm's names weights, not a model.
    model = name.partition(".")[0] if library == "timm" else name
    if not known or model in known:
        return None
    near = get_close_matches(model, known, n=5, cutoff=0.5) if len(model) <= _LONGEST else []
    return f"{library} has no model named {name!r}", tuple(f"{library}:{one}" for one in near)


@lru_cache(maxsize=2)
def model_names(library: str) -> frozenset[str]:
    """Names of all models, also of those that timm has renamed since; empty where the library's files are not found."""
    found = find_spec(library)
    folders = [Path(folder) for folder in (found and found.submodule_search_locations) or ()]
    if library == "timm":
        return frozenset(name for folder in folders for name in _timm(folder / "models"))
    configured = {path.stem for folder in folders for path in (folder / "model_configs").glob("*.json")}
    return frozenset(configured | {"tiny"}) if configured else frozenset()


def _timm(folder: Path) -> Iterator[str]:
    for path in folder.glob("*.py"):
        text = path.read_text("utf-8", errors="replace")
        yield from _MODEL.findall(text)
        for renamed in _RENAMED.findall(text):
            yield from (old.partition(".")[0] for old in _OLD_NAME.findall(renamed))
