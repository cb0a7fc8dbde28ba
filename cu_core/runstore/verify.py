"""Verification of a run's files: hashes, shapes, result, weights."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.files import read_json
from cu_core.base.home import Home
from cu_core.catalogue.attack_record import ATTACKS
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.spec import spec_from_json
from cu_core.runstore import layout
from cu_core.runstore.checksums import damage_of, file_damage, known_sums, line_damage, seal_damage, spec_damage
from cu_core.runstore.probe_table import probe_rows, read_probe
from cu_core.runstore.rows import optional_json
from cu_core.runstore.shapes import BY_CLASS, RESULT, misfit
from cu_core.runstore.snapshot import damage, read_manifest, weights_damage
from cu_core.runstore.state import read_state


@dataclass(frozen=True)
class Remark:
    """Something about a part of a run.

    Attributes:
        where: the file or folder, relative to the run directory.
        what: is said about it, in words.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class Problem(Remark):
    """One thing that is not as it should be: where, and what is wrong with it."""


def how_to_mend(run_id: str) -> str:
    """What can be done about a damaged run, as a sentence."""
    return f"To mend it: python -m cu_core verify {run_id} --mend"


def verify(home: Home, run_id: str) -> list[Problem]:
    """Checks every byte of a run.

    Returns:
        What is wrong; empty if nothing is.

    Raises:
        BadInput: a malformed id, or no such run.
    """
    return verify_dir(layout.run_dir(home, run_id), again=True)


def verify_dir(run_dir: Path, *, again: bool = False) -> list[Problem]:
    """Checks all files of a run directory.

    Args:
        run_dir: of the run.
        again: also read arrays that this process has found sound before and that seem untouched since.
    """
    found = _attempts(run_dir) + shown_damage(run_dir, again=again) + _round_weights(run_dir, again)
    return found + _listed(run_dir, {problem.where for problem in found}, again)


def shown_damage(run_dir: Path, *, again: bool = False) -> list[Problem]:
    """What is wrong with the files of a run that pages draw from; journals, weights and checkpoints are not read.

    Args:
        run_dir: of the run.
        again: see `verify_dir`.
    """
    found = _spec(run_dir) + _info(run_dir)
    samples, problems = _probe(run_dir)
    found += problems
    for kind in ("rounds", "reference"):
        for number in layout.numbered(run_dir / kind):
            found += _snapshot(run_dir, kind, number, samples, again)
    found += _audit(run_dir, again)
    succeeded = read_state(run_dir).state == "succeeded"
    tsne = run_dir / layout.TSNE
    # Arrays without a manifest are what an attempt leaves that was killed between the two; the next one ends that.
    if (tsne / layout.MANIFEST).exists() or (succeeded and tsne.exists()):
        found += [Problem(layout.TSNE, reason) for reason in damage(tsne, again=again)]
    rounds = layout.numbered(run_dir / "rounds")
    if missing := _gaps(rounds):
        found.append(Problem("rounds", f"missing: {', '.join(missing)}"))
    if succeeded:
        found += _result(run_dir, rounds)
    return found


def _gaps(rounds: list[int]) -> list[str]:
    """Numbers that are missing before and between the given ones, runs of them as ``3 to 7``."""
    pairs = [(before + 1, after - 1) for before, after in pairwise([-1, *rounds]) if after - before > 1]
    return [str(first) if first == last else f"{first} to {last}" for first, last in pairs]


def _spec(run_dir: Path) -> list[Problem]:
    try:
        written = read_json(run_dir / layout.SPEC)
        spec_from_json(written)
    except (OSError, ValueError, BadInput) as error:
        return [Problem(layout.SPEC, f"cannot be used: {error}")]
    reason = spec_damage(run_dir, written)
    return [] if reason is None else [Problem(layout.SPEC, reason)]


def _info(run_dir: Path) -> list[Problem]:
    try:
        run_id = read_json(run_dir / layout.INFO)["run_id"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [Problem(layout.INFO, f"cannot be read: {error}")]
    if (reason := file_damage(run_dir / layout.INFO)) is not None:
        return [Problem(layout.INFO, reason)]
    return [] if run_id == run_dir.name else [Problem(layout.INFO, f"belongs to the run {run_id!r}")]


def _attempts(run_dir: Path) -> list[Problem]:
    """What is wrong with what attempts, the queue and people have left behind."""
    paths = [run_dir / layout.REQUEUE, run_dir / layout.ANNOTATIONS]
    found = []
    for number in layout.attempts(run_dir):
        folder = layout.attempt_dir(run_dir, number)
        paths += [folder / name for name in (layout.LAUNCH, layout.PID, layout.OUTCOME)]
        where = f"{folder.name}/{layout.EVENTS}"
        if torn := len(damaged_lines(folder / layout.EVENTS)):
            found.append(Problem(where, f"{torn} lines are not as they were written (seal)"))
        elif lacking := _untold(folder):
            found.append(Problem(where, f"the last {lacking} bytes are missing"))
    reasons = ((path, file_damage(path)) for path in paths)
    return found + [Problem(str(path.relative_to(run_dir)), why) for path, why in reasons if why is not None]


def _untold(folder: Path) -> int:
    """Bytes that the journal of an attempt has lost at its end, as far as its outcome tells."""
    outcome = optional_json(folder / layout.OUTCOME)
    told = outcome.get("events")
    if not isinstance(told, int) or seal_damage(outcome) is not None:
        return 0
    path = folder / layout.EVENTS
    return max(told - (path.stat().st_size if path.exists() else 0), 0)


def damaged_lines(path: Path) -> list[int]:
    """Numbers of the lines of a journal that are not as they were written.

    A last line without its end counts once the attempt has ended; before that it is being written.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return []
    torn = [number for number, line in enumerate(lines[:-1]) if line_damage(line) is not None]
    return torn + [len(lines) - 1] if lines[-1] and path.with_name(layout.OUTCOME).exists() else torn


def _probe(run_dir: Path) -> tuple[int | None, list[Problem]]:
    """Number of probe samples, if known, and what is wrong with the probe."""
    path = run_dir / layout.PROBE
    if not path.exists():
        recorded = layout.numbered(run_dir / "rounds")
        return None, [Problem(layout.PROBE, "is missing")] if recorded else []
    try:
        return len(read_probe(path)), []
    except BadInput as error:
        return probe_rows(run_dir, layout.PROBE), [Problem(layout.PROBE, error.reason)]


def _snapshot(run_dir: Path, kind: str, number: int, samples: int | None, again: bool) -> list[Problem]:
    folder = run_dir / kind / str(number)
    where = f"{kind}/{number}"
    found = [Problem(where, reason) for reason in damage(folder, again=again)]
    if found:
        return found
    manifest = read_manifest(folder)
    if kind == "rounds" and manifest.get("round") != number:
        found.append(Problem(where, f"its manifest belongs to round {manifest.get('round')}"))
    for name, entry in manifest["arrays"].items():
        rows = entry["shape"][0] if entry["shape"] else None
        if samples is not None and name not in BY_CLASS and rows != samples:
            found.append(Problem(where, f"{name} has {rows} rows, the probe has {samples} samples"))
    return found


def _round_weights(run_dir: Path, again: bool) -> list[Problem]:
    """What is wrong with the weights that rounds keep; no page reads them."""
    found = []
    for number in layout.numbered(run_dir / "rounds"):
        folder = run_dir / "rounds" / str(number)
        try:
            manifest = read_manifest(folder)
        except BadInput:
            continue  # told with the round
        if manifest.get("weights") is not None and (reason := weights_damage(folder, manifest, again=again)):
            found.append(Problem(f"rounds/{number}/{layout.ROUND_WEIGHTS}", reason))
    return found


def _audit(run_dir: Path, again: bool) -> list[Problem]:
    """What is wrong with the membership attacks; nothing where none were made."""
    folder = run_dir / layout.AUDIT
    if not (folder / layout.MANIFEST).exists():
        return []
    found = [Problem(layout.AUDIT, reason) for reason in damage(folder, again=again)]
    if found:
        return found
    manifest = read_manifest(folder)
    try:
        samples = int(manifest["members"]) + int(manifest["non_members"])
        unknown = sorted(set(manifest["attacks"]) - set(ATTACKS))
    except (KeyError, TypeError, ValueError) as error:
        return [Problem(layout.AUDIT, f"its manifest cannot be used: {type(error).__name__} {error}")]
    for name, entry in manifest["arrays"].items():
        if entry["shape"] != [samples]:
            found.append(Problem(layout.AUDIT, f"{name} has the shape {entry['shape']}, there are {samples} samples"))
    if unknown:
        found.append(Problem(layout.AUDIT, f"has unknown attacks {', '.join(unknown)}"))
    return found


def _result(run_dir: Path, rounds: list[int]) -> list[Problem]:
    try:
        result: dict[str, Any] = read_json(run_dir / layout.RESULT)
        before_and_after = [result["metrics"]["before"], result["metrics"]["after"]]
        unknown = sorted({name for metrics in before_and_after for name in metrics} - set(METRICS))
        counted, run_id = result["rounds"], result["run_id"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [Problem(layout.RESULT, f"cannot be used: {type(error).__name__} {error}")]
    if (reason := misfit(result, RESULT)) is not None:
        return [Problem(layout.RESULT, f"cannot be used: {reason}")]
    found = []
    if run_id != run_dir.name:
        found.append(Problem(layout.RESULT, f"belongs to the run {run_id!r}"))
    if counted != max(rounds, default=0):
        found.append(Problem(layout.RESULT, f"counts {counted} rounds, recorded are {max(rounds, default=0)}"))
    if unknown:
        found.append(Problem(layout.RESULT, f"has unknown metrics {', '.join(unknown)}"))
    if result.get("attacks") != _recorded_attacks(run_dir):
        found.append(Problem(layout.RESULT, f"tells other attacks than the folder {layout.AUDIT}"))
    recorded = layout.numbered(run_dir / "reference")
    told = [entry.get("seed") for entry in result.get("references") or [] if isinstance(entry, dict)]
    return found + [Problem(f"reference/{seed}", "is missing") for seed in told if seed not in recorded]


def _recorded_attacks(run_dir: Path) -> Any:
    try:
        return read_manifest(run_dir / layout.AUDIT).get("attacks")
    except BadInput:
        return None


def _listed(run_dir: Path, named: set[str], again: bool) -> list[Problem]:
    """What is wrong with the files that have their checksum in the list, and are not named already."""
    sums = known_sums(run_dir)
    found = []
    if sums is None:
        found.append(Problem(layout.CHECKSUMS, "is damaged; files without a checksum of their own go unchecked"))
    # Only a resume reads it: what was exported, and has ended, may lack it.
    ended = read_state(run_dir).state == "succeeded"
    spared = {layout.CHECKPOINT} if ended and not (run_dir / layout.CHECKPOINT).exists() else set()
    for name in sorted(set(sums or {}) - named - spared):
        if (reason := damage_of(run_dir, name, again=again)) is not None:
            found.append(Problem(name, reason))
    for name in (layout.CHECKPOINT, layout.WEIGHTS):
        if name not in (sums or {}):
            found += _archive(run_dir / name)
    return found


def _archive(path: Path) -> list[Problem]:
    """Weights are zip archives, whose checksums tell damage without unpickling anything."""
    if not path.exists():
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except (OSError, zipfile.BadZipFile) as error:
        return [Problem(path.name, f"cannot be read: {error}")]
    return [] if bad is None else [Problem(path.name, f"is damaged at {bad}")]
