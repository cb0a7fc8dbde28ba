"""Which models a run began with, ended with and was compared to, each named by the hash of its weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors

from cu_core.analysis.erasure.left_out import LEFT_OUT, Reader
from cu_core.base.home import Home
from cu_core.catalogue.method_record import method
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.stopping import STOPPING_RULES
from cu_core.data.images import ImageData
from cu_core.runstore.reader import RunView
from cu_core.runstore.rows import number_or_none, optional_json
from cu_core.runstore.snapshot import read_manifest, weights_damage

_ENDS = {
    "max_rounds": "all rounds were run",
    "method_finished": "the method had nothing left to do",
    "collapse": "retain accuracy was in free fall; the guard ended the run",
    "not_a_number": "the weights were no longer numbers; the last healthy round is kept",
}


@dataclass(frozen=True)
class Lineage:
    """The model before and after unlearning.

    Attributes:
        before_sha256: hash of the weights before; None where they are not here.
        after_sha256: hash of the weights after.
        hash_of: how both are made.
        architecture: what it takes to build the network, by name.
        parent: where the model before comes from, in words.
        parent_after: the same of the model after.
        round: whose weights are the model after.
        why_round: why the run ended there.
        files: of the user that were read: role, name and hash of the file.
    """

    before_sha256: str | None
    after_sha256: str | None
    hash_of: str
    architecture: Mapping[str, Any]
    parent: str
    parent_after: str
    round: int | None
    why_round: str
    files: list[dict[str, Any]]


@dataclass(frozen=True)
class RetrainedModels:
    """The models that stand for retraining.

    Attributes:
        number: how many have numbers in the result.
        asked: how many were asked for.
        recipe: how they were made, in words.
        models: one entry each: seed, hash of the weights, whether it is the user's own, whether it came from the cache.
    """

    number: int
    asked: int
    recipe: str
    models: list[dict[str, Any]]


HASH_OF = "SHA-256 over 'name|type|shape|' and the bytes of every tensor, sorted by name"


def lineage_of(home: Home, view: RunView, result: Mapping[str, Any], data: ImageData | None, reader: Reader) -> Lineage:
    """The models of a run; see `Lineage`."""
    spec = view.spec
    rounds = number_or_none(result.get("rounds"))
    shown = reader.settings(spec)
    architecture = {name: shown[f"model.{name}"] for name in ("backbone", "head", "embedding_dim", "stem")}
    architecture |= {"objective": spec.train.objective, "shards": spec.train.members}
    if data is not None:
        architecture |= {"classes": len(data.classes), "input": list(data.train_images.shape[1:])}
    return Lineage(
        before_sha256=_before(home, view, result),
        after_sha256=result.get("weights_sha256"),
        hash_of=HASH_OF,
        architecture=architecture,
        parent=_parent(spec),
        parent_after=_parent_after(spec),
        round=None if rounds is None else int(rounds),
        why_round=stop_words(str(result.get("stopped_by") or ""), elsewhere=method(spec.method.id).from_files),
        files=[_file(entry, reader) for entry in result.get("given") or () if isinstance(entry, Mapping)],
    )


def retrained_of(home: Home, spec: RunSpec, result: Mapping[str, Any], reader: Reader) -> RetrainedModels:
    """The references of a run; see `RetrainedModels`."""
    models = []
    for entry in result.get("references") or ():
        own, key = bool(entry.get("file")), str(entry.get("key") or "")
        models.append(
            {
                "seed": None if own else entry.get("seed"),
                "weights_sha256": _cached(home, key),
                "own": own,
                "file": (str(entry["file"]) if reader.asked.names else LEFT_OUT) if own else None,
                "cached": entry.get("cached"),
            }
        )
    here = spec.reference > 0
    recipe = "the training of the model before, from new initial weights, on the retained samples alone" if here else ""
    if spec.reference_files:
        recipe = "; ".join(filter(None, [recipe, f"{len(spec.reference_files)} from files: not known to this program"]))
    return RetrainedModels(len(models), spec.references, recipe or "none were made", models)


def stop_words(stopped_by: str, *, elsewhere: bool = False) -> str:
    """Why a run ended, in words.

    Args:
        stopped_by: as in its result.
        elsewhere: whether its rounds were made by other code, from whose files it is.
    """
    if elsewhere:
        return "it is the last of the files that were given"
    rule = stopped_by.removesuffix("_rule")
    if rule != stopped_by and rule in STOPPING_RULES:
        return f"the stopping rule was met: {STOPPING_RULES[rule].summary}"
    return _ENDS.get(stopped_by, stopped_by.replace("_", " ") or "not known")


def stored_sha256(file: Path) -> str | None:
    """`cu_core.learning.weights.weights_sha256` of a safetensors file, without torch.

    Returns:
        None where the file cannot be read, or holds numbers of a type that NumPy lacks.
    """
    digest = hashlib.sha256()
    try:
        with safetensors.safe_open(file, framework="np") as tensors:
            for name in sorted(tensors.keys()):
                array = tensors.get_tensor(name)
                digest.update(f"{name}|torch.{array.dtype}|{tuple(array.shape)}|".encode())
                digest.update(array.tobytes())
    except (OSError, TypeError, ValueError, safetensors.SafetensorError):
        return None
    return digest.hexdigest()


def _before(home: Home, view: RunView, result: Mapping[str, Any]) -> str | None:
    if found := _cached(home, str(result.get("base_key") or "")):
        return found
    folder = view.run_dir / "rounds" / "0"
    if 0 not in view.rounds():
        return None
    manifest = read_manifest(folder)
    if manifest.get("weights") is None or weights_damage(folder, manifest) is not None:
        return None
    return stored_sha256(folder / manifest["weights"]["file"])


def _cached(home: Home, key: str) -> str | None:
    """Hash of the weights of a trained model in the home's cache."""
    if not key.isalnum():
        return None
    found = optional_json(home.models / f"{key}.json").get("weights_sha256")
    return found if isinstance(found, str) else None


def _parent(spec: RunSpec) -> str:
    if spec.takes_own_weights:
        return "a file with weights of the user's, taken as it is"
    if spec.model.weights:
        return "a file with weights of the user's, trained further on all training samples"
    if spec.model.pretrained:
        return "published weights, trained further on all training samples"
    return "trained here from initial weights on all training samples"


def _parent_after(spec: RunSpec) -> str:
    used = method(spec.method.id)
    if used.from_files:
        return "a file of the user's: unlearned elsewhere, from what is not known to this program"
    if used.needs_earlier:
        return f"the model before, as it was after epoch {spec.rewound_to[0]} of its training on all training samples"
    return "new initial weights" if used.starts_anew else "the model before"


def _file(entry: Mapping[str, Any], reader: Reader) -> dict[str, Any]:
    name = entry.get("name") if reader.asked.names else LEFT_OUT
    return {"role": reader.text(entry.get("role") or ""), "name": name, "sha256": entry.get("sha256")}
