"""The campaign: ``python -m benchmarks.chaos --faults 500 --seed 0 --out FILE.json``.

Called again with the same arguments it goes on where it was stopped. Exits with 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # one thread gives one result
    os.environ[_name] = "1"

from benchmarks.chaos import damage, processes, real  # noqa: E402
from benchmarks.chaos.faults import HARMS, LOST, NOT_INJECTED, OUTCOMES, TARGETS, CannotInject, Injected  # noqa: E402
from cu_core.base.files import write_json  # noqa: E402

Scene = Callable[[damage.Template, Path, Random, int], list[Injected]]


def harm_files(template: damage.Template, folder: Path, rng: Random, count: int) -> list[Injected]:
    """Harms `count` files, each of a copy of its own."""
    return [damage.harm_once(template, folder / str(number), rng) for number in range(count)]


def _queue(scene: Callable[[Path, Random, int], list[Injected]]) -> Scene:
    return lambda template, folder, rng, count: scene(folder, rng, count)


SCENES: dict[str, tuple[Scene, int]] = {
    "files": (harm_files, 12),
    "queue": (_queue(processes.attack_queue), 12),
    "worker": (real.kill_real_worker, 6),
    "disk": (_queue(processes.fill_the_disk), 3),
    "read-only": (_queue(processes.forbid_writing), 2),
    "map": (real.kill_map_service, 3),
    "dashboard": (real.kill_dashboard, 4),
    "command": (real.commands, 3),
}
"""Name to scene, and how many faults happen in one go of it."""

CYCLE = (
    *("files", "queue", "files", "worker", "disk", "files", "queue", "read-only", "files", "worker"),
    *("map", "files", "queue", "dashboard", "files", "command"),
)


def episodes(seed: int, only: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Scenes in order, each with a seed of its own, without end."""
    for number, name in enumerate(itertools.cycle(CYCLE)):
        if not only or name in only:
            yield f"{seed}/{number}", name


def play(name: str, template: damage.Template, folder: Path, seed: str, count: int | None = None) -> list[Injected]:
    """Plays one scene; what a scene itself fails with counts as a loss.

    Args:
        name: of `SCENES`.
        template: of the run that real faults are tried on.
        folder: for homes; removed afterwards unless something was lost.
        seed: decides what happens.
        count: of faults; the scene's own by default.
    """
    scene, usual = SCENES[name]
    folder.mkdir(parents=True)
    try:
        found = scene(template, folder, Random(f"{name}/{seed}"), usual if count is None else count)
    except CannotInject as error:
        found = [Injected(name, NOT_INJECTED, str(error))]
    except Exception as error:  # the campaign goes on and reports it
        logging.exception("scene %s, seed %s", name, seed)
        found = [Injected(name, LOST, f"{type(error).__name__}: {error}")]
    if all(one.outcome != LOST for one in found):
        shutil.rmtree(folder, ignore_errors=True)
    return found


def table(found: Sequence[Injected]) -> str:
    """Fault kind x injected x outcome, in Markdown; the ways to harm one kind of file are counted together.

    What could not be injected is no fault.
    """
    found = faults(found)
    lines = ["| fault | injected | " + " | ".join(OUTCOMES) + " |", "|---|---" + "|---" * len(OUTCOMES) + "|"]
    kinds = sorted({_short(one.kind) for one in found})
    for kind in [*kinds, ""]:
        rows = [one for one in found if _short(one.kind) == kind or not kind]
        counted = Counter(one.outcome for one in rows)
        numbers = " | ".join(str(counted[outcome]) for outcome in OUTCOMES)
        lines.append(f"| {kind or 'all'} | {len(rows)} | {numbers} |")
    return "\n".join(lines)


def faults(found: Sequence[Injected]) -> list[Injected]:
    """Those that happened."""
    return [one for one in found if one.outcome != NOT_INJECTED]


def _short(kind: str) -> str:
    harm, _, target = kind.partition(" ")
    return f"harm {target}" if harm in HARMS and target in TARGETS else kind


def main() -> int:
    """Plays scenes until enough faults were injected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=500, help="how many to inject at least (500)")
    parser.add_argument("--seed", type=int, default=0, help="of all choices")
    parser.add_argument("--only", nargs="+", default=[], choices=SCENES, help="only these scenes")
    parser.add_argument("--out", type=Path, help="JSON of all faults; read first, to go on where it ends")
    parser.add_argument("--work", type=Path, help="where homes are made; what was lost stays there")
    parser.add_argument("--show", type=Path, nargs="+", metavar="FILE", help="print the table of earlier campaigns")
    options = parser.parse_args()
    if options.show:
        return _report([_stored(path) for path in options.show])
    work = options.work or Path(tempfile.mkdtemp(prefix="chaos-"))
    played: dict[str, list[Injected]] = {}
    spent = 0.0
    if options.out and options.out.exists():
        played, spent = _stored(options.out)
    work.mkdir(parents=True, exist_ok=True)
    base = Path(tempfile.mkdtemp(prefix="run-", dir=work))
    template = damage.make_template(base / "template")
    began, seconds = time.monotonic(), spent
    for seed, name in episodes(options.seed, options.only):
        found = faults([one for several in played.values() for one in several])
        if len(found) >= options.faults:
            break
        key = f"{seed}/{name}"
        if key in played:
            continue
        played[key] = play(name, template, base / key.replace("/", "-"), seed)
        seconds = spent + time.monotonic() - began
        _tell(key, played[key], len(found) + len(faults(played[key])), seconds)
        if options.out:
            content = {key: [dataclasses.asdict(one) for one in several] for key, several in played.items()}
            write_json(options.out, {"seed": options.seed, "seconds": seconds, "episodes": content})
    code = _report([(played, seconds)])
    if code == 0:
        shutil.rmtree(base, ignore_errors=True)
    return code


Played = dict[str, list[Injected]]


def _stored(path: Path) -> tuple[Played, float]:
    """Scenes that were played, and the seconds that they took."""
    stored = json.loads(path.read_text())
    return {key: [Injected(**one) for one in found] for key, found in stored["episodes"].items()}, stored["seconds"]


def _report(campaigns: Sequence[tuple[Played, float]]) -> int:
    """Prints the table of all campaigns together; gives the exit code."""
    found = [one for played, _ in campaigns for several in played.values() for one in several]
    lost = sum(one.outcome == LOST for one in found)
    seeds = ", ".join(sorted({key.partition("/")[0] for played, _ in campaigns for key in played}))
    scenes, seconds = sum(len(played) for played, _ in campaigns), sum(seconds for _, seconds in campaigns)
    print(table(found))
    happened = len(faults(found))
    print(f"\nSeed {seeds}: {happened} faults in {scenes} scenes, {seconds / 60:.0f} min, {lost} lost.")
    if happened < len(found):
        print(f"{len(found) - happened} more could not be injected on this machine and count as nothing.")
    return 1 if lost else 0


def _tell(key: str, found: Sequence[Injected], total: int, seconds: float) -> None:
    counted = ", ".join(f"{number} {outcome}" for outcome, number in Counter(one.outcome for one in found).items())
    print(f"{seconds:6.0f} s, {total:4} faults: {key}: {counted}", file=sys.stderr, flush=True)
    for one in found:
        if one.outcome in (LOST, NOT_INJECTED):
            print(f"    {one.outcome} {one.kind}: {one.detail}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
