"""What this home still holds of forgotten images, and of models that were made from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.catalogue.spec import path_of
from cu_core.runstore import layout
from cu_core.runstore.reader import RunView
from cu_core.runstore.rows import optional_json

_KEY = 64
"""Letters of the name of a trained model; anything else in a result names none."""


@dataclass(frozen=True)
class KeptCopy:
    """Files of one kind.

    Attributes:
        what: in words.
        holds: what of the forgotten samples is in them: ``images``, ``models``, ``answers`` or ``list``.
        files: how many there are; None where this program cannot know.
        bytes: in all; None where this program cannot know.
        places: their paths below the home; only where names are asked for.
    """

    what: str
    holds: str
    files: int | None
    bytes: int | None
    places: list[str] | None = None


def own_copies(home: Home, view: RunView, result: Mapping[str, Any], *, places: bool) -> list[KeptCopy]:
    """A checklist of what is left in a home after a run; kinds of which nothing is left are listed with 0 files.

    Args:
        home: where the run lives.
        view: the run.
        result: content of its ``result.json``.
        places: name the files, too.
    """
    run, key, base = view.run_dir, view.dataset_key(), result.get("base_key")
    base = base if isinstance(base, str) and len(base) == _KEY and base.isalnum() else None
    content = str(result.get("data_sha256") or "")
    same_base, same_images = _relatives(home, view, base)
    rounds = (run / "rounds").rglob("*")
    kinds: list[tuple[str, str, Iterable[Path]]] = [
        ("images and labels, prepared for training", "images", _inside(home.datasets / key) if key else ()),
        ("originals of datasets that the program fetched", "images", _inside(home.datasets / "downloads")),
        ("files of the user below the home's uploads that the run read", "images", _uploaded(home, view)),
        ("the model before unlearning in the cache of trained models", "models", _cached(home, base)),
        ("what that model was after earlier epochs of its training", "models", _earlier(home, base)),
        ("weights of recorded rounds", "models", (p for p in rounds if p.suffix == ".safetensors")),
        ("state and weights at the end of the run", "models", [run / layout.CHECKPOINT, run / layout.WEIGHTS]),
        ("answers to single samples: rounds, references, attacks, pictures", "answers", run.rglob("*.npy")),
        ("table of the recorded samples", "list", [run / layout.PROBE]),
        ("pictures of all rounds that pages have drawn", "answers", _drawn(home.maps, view.run_id)),
        ("evaluations of trained models, of all runs: who is right on what", "answers", home.evaluations.glob("*.npz")),
        ("scores of training samples", "answers", home.scores.glob(f"*{content[:24]}*") if content else ()),
        ("files that pages handed out and keep for an hour", "models", _inside(home.root / "takeout")),
        ("other runs, with those in the bin, that start from the same model", "models", same_base),
        ("other runs, with those in the bin, on the same images", "models", same_images),
    ]
    found = [_kept(home, what, holds, files, places) for what, holds, files in kinds]
    outside = "copies outside this home: exports, downloads, backups, the source of the images"
    return [*found, KeptCopy(outside, "images", None, None)]


def _kept(home: Home, what: str, holds: str, files: Iterable[Path], places: bool) -> KeptCopy:
    there = sorted({file for file in files if file.exists()})
    size = sum(one.stat().st_size for file in there for one in _inside(file))
    named = [str(file.relative_to(home.root)) for file in there] if places else None
    return KeptCopy(what, holds, len(there), size, named)


def _inside(path: Path) -> Iterable[Path]:
    """The files below a folder; a file itself."""
    return (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _cached(home: Home, key: str | None) -> Iterable[Path]:
    return [home.models / f"{key}.pt"] if key else ()


def _earlier(home: Home, key: str | None) -> Iterable[Path]:
    return home.models.glob(f"{key}.epoch*.pt") if key else ()


def _drawn(maps: Path, run_id: str) -> Iterable[Path]:
    """Folders of pictures in which a run has a moment."""
    for manifest in maps.glob(f"*/{layout.MANIFEST}"):
        moments = optional_json(manifest).get("moments")
        if isinstance(moments, list) and any(isinstance(m, dict) and m.get("run") == run_id for m in moments):
            yield manifest.parent


def _uploaded(home: Home, view: RunView) -> Iterable[Path]:
    """Images, forget lists and weights that were handed in."""
    spec = view.spec
    for text in (path_of(spec.data.dataset), path_of(spec.forget.select), spec.model.weights, *spec.reference_files):
        if text:
            path = named_path(text, "file")
            if path.is_relative_to(home.uploads.resolve()):
                yield home.uploads / path.relative_to(home.uploads.resolve())


def _relatives(home: Home, view: RunView, base: str | None) -> tuple[list[Path], list[Path]]:
    """Folders of other runs: those from the same base model, and all others on the same images."""
    own = optional_json(view.run_dir / layout.DATASET).get("sha256")
    same_base: list[Path] = []
    same_images: list[Path] = []
    for folder in (home.runs, home.bin):
        for run_id in layout.run_ids(folder):
            run = folder / run_id
            if run_id == view.run_id or own is None or optional_json(run / layout.DATASET).get("sha256") != own:
                continue
            same = base is not None and optional_json(run / layout.RESULT).get("base_key") == base
            (same_base if same else same_images).append(run)
    return same_base, same_images
