"""The weights of one of a run's models as a safetensors file that says what it holds."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from cu_core.analysis.exports.run_images import images_of
from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.files import write_atomically
from cu_core.base.home import Home
from cu_core.base.version import __version__
from cu_core.catalogue.spec import RunSpec, short
from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.data.forget import resolve
from cu_core.data.images import ImageData
from cu_core.learning.model_cache import cached_weights, train_key
from cu_core.learning.model_shape import shaped
from cu_core.learning.normalisation import normalisation_of
from cu_core.learning.weight_shape import shape_of
from cu_core.learning.weights import load_safely, weights_sha256
from cu_core.runstore import layout
from cu_core.runstore.checksums import damage_of
from cu_core.runstore.reader import RunView
from cu_core.runstore.rows import optional_json
from cu_core.runstore.snapshot import weights_damage

FIELD = "--of"
BEFORE, AFTER = "before", "after"
FORMS = (BEFORE, AFTER, "round:N", "reference:SEED")
SUFFIX = ".safetensors"
_NUMBERED = re.compile(r"(round|reference):([0-9]{1,9})")


@dataclass(frozen=True)
class Which:
    """One model of a run.

    Attributes:
        kind: ``before``, ``after``, ``round`` or ``reference``.
        number: of the round, or the seed of the reference; None for the other two.
    """

    kind: str
    number: int | None = None

    @property
    def text(self) -> str:
        """As it is written on the command line."""
        return self.kind if self.number is None else f"{self.kind}:{self.number}"


def which_model(text: str) -> Which:
    """The model that a text names.

    Raises:
        BadInput: none.
    """
    if text in (BEFORE, AFTER):
        return Which(text)
    if match := _NUMBERED.fullmatch(text):
        return Which(match[1], int(match[2]))
    raise BadInput(FIELD, f"{text!r} names no model of a run", FORMS, given=text)


@dataclass(frozen=True)
class Weights:
    """The weights of one model.

    Attributes:
        state: tensors by name, as `cu_core.learning.weights.load_weights` takes them.
        told: what the file says of them.
    """

    state: dict[str, Tensor]
    told: dict[str, str]


def weights_of(home: Home, view: RunView, which: Which) -> Weights:
    """Reads the weights of one of a run's models.

    Args:
        home: with the cache of trained models.
        view: the run.
        which: the model.

    Raises:
        BadInput: the run has no such model, or did not keep its weights; says why and what keeps them.
    """
    data = images_of(home, view)
    if which.kind == AFTER:
        state = _final(view)
    elif which.kind == "round":
        state = _of_round(home, view, which.number or 0, data)
    else:
        state = _trained(home, view, which, data)
    return Weights(state, _told(view, which, state, data))


def export_weights(home: Home, view: RunView, which: Which, file: Path) -> Weights:
    """Writes the weights of one of a run's models into a file, which is replaced if it exists; see `weights_of`.

    Raises:
        BadInput: the file's ending is another one.
    """
    if file.suffix.lower() != SUFFIX:
        raise BadInput("file", f"{file.name!r} would hold safetensors", [f"a name that ends in {SUFFIX}"])
    found = weights_of(home, view, which)
    content = safetensors.torch.save(found.state, found.told)
    write_atomically(file, lambda target: target.write(content))
    return found


def _final(view: RunView) -> dict[str, Tensor]:
    path = view.run_dir / layout.WEIGHTS
    if not path.exists():
        ended = f"{layout.WEIGHTS} is missing" if view.state == "succeeded" else f"the run is {view.state}"
        why = "no demo brings weights along" if view.info.get("demo") else ended
        raise BadInput(FIELD, f"{view.run_id} has no final weights: {why}", _others(view))
    if (reason := damage_of(view.run_dir, layout.WEIGHTS)) is not None:
        raise BadInput(FIELD, f"the final weights cannot be taken: {layout.WEIGHTS} {reason}", _others(view))
    return _read(path)


def _of_round(home: Home, view: RunView, number: int, data: ImageData | None) -> dict[str, Tensor]:
    rounds = layout.numbered(view.run_dir / "rounds")
    if number not in rounds:
        raise BadInput(
            FIELD, f"round {number} was not recorded", [f"round:{rounds[0]} to {rounds[-1]}"] if rounds else ()
        )
    folder = view.run_dir / "rounds" / str(number)
    manifest = view.manifest(number)
    if manifest.get("weights") is not None:
        if (reason := weights_damage(folder, manifest)) is not None:
            raise BadInput(FIELD, f"the weights of round {number} cannot be taken: the file {reason}", _others(view))
        return dict(safetensors.torch.load_file(folder / manifest["weights"]["file"]))
    # The last round is the final model, and round 0 the base model: both may lie elsewhere.
    if number == (view.result() or {}).get("rounds") and (view.run_dir / layout.WEIGHTS).exists():
        return _final(view)
    if number == 0 and (state := _from_cache(home, view, Which(BEFORE), data)) is not None:
        return state
    most = view.spec.probe.keep_weights_mb
    raise BadInput(
        FIELD,
        f"the weights of round {number} were not kept: {_why_not_kept(view, most)}. A new run keeps them with a larger "
        "probe.keep_weights_mb",
        _others(view),
    )


def _why_not_kept(view: RunView, most: int) -> str:
    told = (view.info.get("spec") or {}).get("probe") or {}
    if view.info.get("demo"):
        return "no demo brings weights along"
    if "keep_weights_mb" not in told:
        return "the run is older than that"
    return f"those of all rounds together would take more than {most} MB" if most else "the run was told to keep none"


def _trained(home: Home, view: RunView, which: Which, data: ImageData | None) -> dict[str, Tensor]:
    if which.kind == "reference" and which.number not in (seeds := layout.numbered(view.run_dir / "reference")):
        why = f"no reference with the seed {which.number}" if seeds else "no reference"
        raise BadInput(FIELD, f"{view.run_id} has {why}", [f"reference:{seed}" for seed in seeds])
    if file := _noted_reference(view, which).get("file"):
        raise BadInput(FIELD, f"{which.text} is the model of your own file {file}; take that one", _others(view))
    if (state := _from_cache(home, view, which, data)) is not None:
        return state
    if which.kind == BEFORE and 0 in view.rounds() and view.manifest(0).get("weights") is not None:
        return _of_round(home, view, 0, data)
    raise BadInput(
        FIELD,
        f"the weights are not here: {home.models} does not hold this model (any more), because the run was made in "
        "another home or the folder was emptied. A run with the same settings trains it again",
        _others(view),
    )


def _from_cache(home: Home, view: RunView, which: Which, data: ImageData | None) -> dict[str, Tensor] | None:
    """A trained model from the home's cache; None where it is not there."""
    noted = _noted_key(view, which)
    # Runs of earlier versions have not noted under which name their references lie.
    keys = [noted] if noted else _possible_keys(view, which, data, home)
    return next((state for key in keys if (state := cached_weights(home, key)) is not None), None)


def _noted_key(view: RunView, which: Which) -> str | None:
    if which.kind == BEFORE:
        return (view.result() or {}).get("base_key")
    return _noted_reference(view, which).get("key")


def _noted_reference(view: RunView, which: Which) -> Mapping[str, Any]:
    entries = (view.result() or {}).get("references") or ()
    return next((e for e in entries if isinstance(e, dict) and e.get("seed") == which.number), {})


def _possible_keys(view: RunView, which: Which, data: ImageData | None, home: Home) -> Iterator[str]:
    """Names that a model may have in the cache, by what decides its weights."""
    if data is None:
        return
    spec = view.spec
    indices = np.arange(len(data.train_labels))
    if which.kind == "reference":
        forget = resolve(spec.forget.select, data, spec.forget_seed, scores=home.scores)
        indices = np.setdiff1d(indices, forget.indices)
    threads = optional_json(view.run_dir / layout.THREADS).get("threads")
    before = torch.get_num_threads()
    try:
        if isinstance(threads, int) and threads > 0:
            torch.set_num_threads(threads)
        for recipe, model, device, precision in itertools.product(
            (spec.base_recipe, spec.train), _choices(spec, data), ("cpu", "cuda", "mps"), ("fp32", "bf16", "fp16")
        ):
            own = model if which.kind == BEFORE else dataclasses.replace(model, weights="")
            made = dataclasses.replace(spec, train=recipe, model=own)
            seed = spec.train_seed if which.kind == BEFORE else which.number or 0
            try:
                yield train_key(made, data.sha256, indices, seed, device, precision)
            except UnlearnscopeError:  # own weights that are gone
                continue
    finally:
        torch.set_num_threads(before)


def _choices(spec: RunSpec, data: ImageData) -> list[ModelSpec]:
    """The network as it was chosen, and as own weights have shaped it."""
    try:
        return [spec.model, shaped(spec.model, data.train_images.shape[-1])]
    except UnlearnscopeError:  # own weights that are gone
        return [spec.model]


def _others(view: RunView) -> list[str]:
    """The models whose weights lie in the run's own folder."""
    kept = [number for number in view.rounds() if view.manifest(number).get("weights") is not None]
    found = [f"round:{number}" for number in kept]
    return [AFTER, *found] if (view.run_dir / layout.WEIGHTS).exists() else found


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return dict(load_safely(path))
    except Exception as error:  # damaged bytes make the reader fail in many ways
        raise BadInput(FIELD, f"{path.name} cannot be read: {error}") from error


def _told(view: RunView, which: Which, state: dict[str, Tensor], data: ImageData | None) -> dict[str, str]:
    """What the file says about itself; safetensors keeps texts alone."""
    spec = view.spec
    content: dict[str, Any] = {
        "format": "pt",
        "made_by": f"unlearnscope {__version__}",
        "run": view.run_id,
        "model": which.text,
        "title": view.row().title,
        "dataset": short(spec.data.dataset),
        "forget": short(spec.forget.select),
        "method": spec.method.id,
        "seed": spec.seed,
        "spec_hash": spec.content_hash(),
        "weights_sha256": weights_sha256(state),
    } | architecture(view, state, data)
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in content.items()}


def architecture(view: RunView, state: Mapping[str, Tensor], data: ImageData | None) -> dict[str, Any]:
    """What it takes to build the network and to feed it; what only the images know is left out where they are not here.

    Args:
        view: the run.
        state: weights of the network, whose shapes count where own weights decided them.
        data: the run's images.
    """
    spec, shape = view.spec, shape_of(state)
    known: dict[str, Any] = {
        "backbone": spec.model.backbone,
        "head": shape.head or spec.model.head,
        "embedding_dim": shape.embedding_dim or spec.model.embedding_dim,
        "stem": shape.stem or spec.model.stem,
        "objective": spec.train.objective,
        "shards": spec.train.members,
    }
    if data is not None:
        channels, size = data.train_images.shape[1], data.train_images.shape[-1]
        known |= {"classes": list(data.classes), "channels": channels, "image_size": size}
    if moments := _moments(view, data):
        known |= {"mean": list(moments[0]), "std": list(moments[1])}
    return known


def _moments(view: RunView, data: ImageData | None) -> tuple[Sequence[float], Sequence[float]] | None:
    """What the images of the run were normalised with, as its result tells or as its specification says."""
    noted = (view.result() or {}).get("normalisation") or {}
    if noted.get("mean") and noted.get("std"):
        return noted["mean"], noted["std"]
    try:
        return normalisation_of(view.spec.model, data) if data is not None else None
    except UnlearnscopeError:  # it lies in a file of own weights that is gone
        return None
