"""Files of a run with models that were made elsewhere: checked before the work, read for rounds and references."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cu_core.base.errors import CheckpointError
from cu_core.base.files import read_json
from cu_core.base.named_path import named_path
from cu_core.catalogue.file_lists import REFERENCES, ROUNDS
from cu_core.catalogue.method_record import method
from cu_core.catalogue.spec import RunSpec, bare_name
from cu_core.engine.setup import RunSetup
from cu_core.learning.build import build_for
from cu_core.learning.model_cache import Trained, train_key
from cu_core.learning.network import Network
from cu_core.learning.weight_file import WeightFile, read_weights
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt

BEFORE = "model.weights"


@dataclass(frozen=True)
class GivenFile:
    """One file.

    Attributes:
        role: ``before``, ``round N`` or ``reference N``, where N is the reference's number in the run.
        field: of the specification that names it.
        path: as the specification has it.
    """

    role: str
    field: str
    path: str

    @property
    def name(self) -> str:
        """For people, without what an upload put before it."""
        return bare_name(self.path)


def given_files(spec: RunSpec) -> list[GivenFile]:
    """All files of a run with rounds or references of the user; none of other runs."""
    rounds = spec.method.params.rounds if method(spec.method.id).from_files else ()
    files = [GivenFile(f"round {number}", ROUNDS, path) for number, path in enumerate(rounds, start=1)]
    files += [
        GivenFile(f"reference {number}", REFERENCES, path)
        for number, path in enumerate(spec.reference_files, start=spec.train_seed)
    ]
    return [GivenFile("before", BEFORE, spec.model.weights), *files] if files and spec.model.weights else files


class GivenModels:
    """Reads the models of a run's files; each has the network of the run.

    Args:
        setup: the fixed part of the run.
        attempt: the run directory, where the files' hashes are kept from the first attempt on.
    """

    def __init__(self, setup: RunSetup, attempt: Attempt) -> None:
        self.setup = setup
        self.attempt = attempt
        self.files = given_files(setup.spec)
        self.told: list[dict[str, Any]] = []

    def check(self) -> None:
        """Reads every file once, so that a wrong one is refused before the work and not in the middle of it.

        Raises:
            CheckpointError: a file cannot be read, does not fit the others, or has changed since the run began.
        """
        if not self.files:
            return
        seen = self._seen()
        first: WeightFile | None = None
        like = build_for(self.setup.spec, self.setup.data, self.setup.spec.train_seed, own_weights=True).state_dict()
        for place, file in enumerate(self.files):
            self.attempt.check()
            self.attempt.event("prepare", place, len(self.files), message=f"reading {file.name}")
            read = self._read(file)
            if seen and seen[place] != read.sha256:
                raise CheckpointError(file.field, f"{file.name} has changed since this run began; start a new one")
            first = first or read
            if (read.mean, read.std) != (first.mean, first.std):
                raise CheckpointError(
                    file.field, f"{file.name} normalises its inputs in another way than {self.files[0].name}"
                )
            fits(self.network(file).state_dict(), like, file)
            self.told.append({"role": file.role, "name": file.name, "sha256": read.sha256, "told": read.told})
        if not seen:
            self.attempt.write_json(layout.GIVEN, {"files": self.told})

    def network(self, file: GivenFile) -> Network:
        """The model of a file, on the CPU; every file is read as own weights are.

        Raises:
            CheckpointError: it cannot be read or does not fit; names the file.
        """
        try:
            return build_for(self._spec(file), self.setup.data, self.setup.spec.train_seed, own_weights=True)
        except CheckpointError as error:
            named = error.reason if file.name in error.reason else f"{file.name}: {error.reason}"
            raise CheckpointError(file.field, named, error.allowed) from error

    def load(self, model: Network, path: str) -> None:
        """Puts the weights of one of the rounds into a model."""
        model.load_state_dict(self.network(GivenFile("", ROUNDS, path)).state_dict())

    def references(self) -> list[tuple[int, GivenFile]]:
        """The user's own retrained models, by their numbers in the run."""
        found = [file for file in self.files if file.field == REFERENCES]
        return [(int(file.role.rpartition(" ")[2]), file) for file in found]

    def retrained(self, file: GivenFile) -> Trained:
        """A model that the user retrained, on the device; what its training took is not known."""
        setup = self.setup
        model = self.network(file)
        setup.precision.place(model, setup.device)
        nobody = np.array([], dtype=np.int64)
        key = train_key(
            self._spec(file),
            setup.data.sha256,
            nobody,
            setup.spec.train_seed,
            setup.device.type,
            setup.precision.name,
            # Of one file under another normalisation nothing in a cache is true.
            setup.train.moments,
        )
        return Trained(model.eval(), key, 0.0, cached=False)

    def sha256(self, file: GivenFile) -> str:
        """Of a file that was checked."""
        return str(next(told["sha256"] for told in self.told if told["role"] == file.role))

    def sha256_now(self, file: GivenFile) -> str:
        """Of a file as it lies there now.

        Raises:
            CheckpointError: it is gone, or cannot be read.
        """
        return str(self._read(file).sha256)

    def _read(self, file: GivenFile) -> WeightFile:
        path = named_path(file.path, file.field)
        if not path.is_file():
            raise CheckpointError(file.field, f"{file.name} is not there any more")
        return read_weights(path, file.field, self.setup.spec.model.part)

    def _spec(self, file: GivenFile) -> RunSpec:
        spec = self.setup.spec
        as_it_is = dataclasses.replace(spec.train, epochs=0)
        return dataclasses.replace(spec, train=as_it_is, model=dataclasses.replace(spec.model, weights=file.path))

    def _seen(self) -> list[str]:
        """Hashes of an earlier attempt, in the order of the files; none where there was no such attempt."""
        path: Path = self.attempt.run_dir / layout.GIVEN
        if not path.exists() or not self.attempt.is_sound(layout.GIVEN):
            return []
        return [str(file["sha256"]) for file in read_json(path)["files"]]


def fits(state: dict[str, Any], like: dict[str, Any], file: GivenFile) -> None:
    """Checks that a file's network is that of the model before unlearning.

    Raises:
        CheckpointError: another network; lists the first few tensors.
    """
    other = [
        f"{name} {tuple(state[name].shape) if name in state else 'is missing'}"
        for name, value in like.items()
        if name not in state or state[name].shape != value.shape
    ]
    other += [f"{name} is not there" for name in state if name not in like]
    if other:
        more = f" and {len(other) - 3} more" if len(other) > 3 else ""
        raise CheckpointError(
            file.field, f"{file.name} is another network than the model before: {', '.join(other[:3])}{more}"
        )
