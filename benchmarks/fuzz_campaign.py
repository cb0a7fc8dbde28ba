"""A campaign of hostile input: N made-up inputs, none of which may end in a traceback or take longer than a second
of a processor.

    .venv/bin/python -m benchmarks.fuzz_campaign --inputs 1000000 --seed 0 --jobs 2

In turn: specifications, addresses, index files, names, searches, lists of values, requests at the door, and run
files. Input NUMBER of a seed is always the same, on any number of processes; `--only NUMBER` tries that one alone, with
the whole traceback. Prints how many inputs there were, how long all took, the slowest and every finding; exits with 1
where there was one.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import json
import logging
import multiprocessing
import re
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd

from cu_core.analysis.compare.columns import columns_named
from cu_core.analysis.report.document import Document, Section, TableBlock, html_of
from cu_core.analysis.sample_search import search
from cu_core.base.csv_cells import csv_text, shown_table
from cu_core.base.display_text import cut, one_line
from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.files import parse_json
from cu_core.base.home import Home
from cu_core.catalogue import compatibility
from cu_core.catalogue.class_names import class_label, class_labels, class_text
from cu_core.catalogue.grid import MOST_RUNS, count, expand, parse_axis
from cu_core.catalogue.listed_models import model_names
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.data.index_file import read_indices, scan_indices
from cu_core.figures.theme import chart_text, class_name
from cu_core.runstore.layout import is_run_id
from cu_core.runstore.reader import open_run
from cu_core.runstore.rows import mentions, read_row
from cu_core.sharing.config import clean_name
from cu_core.sharing.door import Door, Server
from cu_core.sharing.seal import HEADER, unseal
from pages._shared.plain_text import plain

SLOW_SECONDS = 1.0
GIVEN_UP_SECONDS = 20.0
"""After which an input is stopped; what holds the interpreter for longer is found by its time."""
LONGEST = 10_000
MOST_FINDINGS = 20

WORDS = (
    "", " ", "\0", "\n", "\r", "\t", "\x1b[2J", "\u202e", "\u200b", "\ufeff", "\ud800", "\U000e0041", "é", "İ", "٣",
    "²", "😀", "－", "＝", "=", "+", "-", "@", "=1+1", "-0.5", "1e400", "nan", "inf", "9" * 30, "9" * 5000, "0x1f", "*",
    "?", "L*L*L*X", "(a+)+$", "(a|a)*", "[", "\\", "{", "}", "%{x}", "%s", "&lt;", "&#60;", "<b>", "</script>", "<!--",
    "![p](http://evil.example)", ":material/delete:", "$x$", "|", "'", '"', "`", ";", ",", ":", "../../etc/passwd",
    "/dev/zero", "~nobody", "C:\\x", "hf-hub:a/b", "@@SIZE@@", "null", "true", "[]", "{}", "class:", "test:17", "20-25",
    "cat", "L" * 200, "A" * LONGEST, " " * 3000, "1," * 3000, "[" * 3000, "((" * 100, "a" * 64, "deadbeef",
)  # fmt: skip
CLASSES = ("cat", "dog", "a (b)", "", "=cmd()", "\u202eevil", *("L" * LONGEST + str(number) for number in range(12)))
_PLACES, _LABELS = np.arange(2000), np.arange(2000) % len(CLASSES)
SPECS: tuple[dict[str, Any], ...] = (
    RunSpec().to_json(),
    {"method": {"id": "gradient_ascent"}, "data": {"dataset": "folder:/x"}, "seed": 3, "name": "x"},
    {"model": {"backbone": "timm:resnet18"}, "forget": {"select": "class:5,7"}, "train": {"lr": 1e-3, "epochs": "5"}},
    {
        "model": {"backbone": "open_clip:tiny"},
        "train": {"objective": "clip"},
        "method": {"id": "clip_contrastive"},
        "group": "g",
        "device": "cuda:0",
    },
)
SHARING = """
way = "proxy"
hosts = ["unlearn.test"]
[people]
anna = "admin"
vera = "viewer"
[proxy]
addresses = ["10.0.0.5"]
header = "Remote-User"
[quota]
upload_mb = 0.1
"""
HEADERS = (b"host", b"cookie", b"origin", b"content-length", b"remote-user", b"x-forwarded-for", b"upgrade",
           b"sec-fetch-site", b"user-agent", HEADER.encode(), b"accept")  # fmt: skip


_NUMBER = re.compile(r"[+-]?[0-9.,e+-]+( [A-Za-z%]{1,20})?")
"""No formula, whatever it begins with."""


def text(rng: Random, *seeds: str) -> str:
    """A text: one of some, changed in places, or words behind each other; now and then as long as a field may be."""
    parts = [rng.choice(seeds)] if seeds and rng.random() < 0.7 else []
    for _ in range(rng.choice((0, 1, 1, 2, 3, 8))):
        word = rng.choice(WORDS) if rng.random() < 0.8 else "".join(map(_letter, [rng] * rng.randrange(12)))
        parts.insert(rng.randint(0, len(parts)), word)
    found = "".join(parts)
    if found and rng.random() < 0.1:
        place = rng.randrange(len(found))
        found = found[:place] + rng.choice(WORDS) + found[place + rng.randrange(4) :]
    if found and rng.random() < 0.01:
        found = (found * (1 + LONGEST // len(found)))[: LONGEST + rng.randrange(3)]
    return found[: 3 * LONGEST]


def _letter(rng: Random) -> str:
    return chr(
        rng.choice(
            (rng.randrange(32, 127), rng.randrange(0x250), rng.randrange(0x2000, 0x2070), rng.randrange(0x10000))
        )
    )


def content(rng: Random, *seeds: bytes) -> bytes:
    """Bytes near some."""
    found = bytearray(rng.choice(seeds))
    for _ in range(rng.randrange(5)):
        place = rng.randint(0, len(found))
        put = (
            rng.choice(WORDS).encode(errors="surrogatepass") if rng.random() < 0.5 else rng.randbytes(rng.randrange(5))
        )
        found[place : place + rng.randrange(4)] = put
    return bytes(found)


def value(rng: Random, depth: int = 0) -> Any:
    """Anything that JSON can say."""
    kind = rng.randrange(8 if depth < 3 else 6)
    if kind < 6:
        return (None, True, rng.choice((0, -1, 10**400, 2**63)), rng.choice((1e308, -0.0, 1e-320)), text(rng), "0")[
            kind
        ]
    if kind == 6:
        return [value(rng, depth + 1) for _ in range(rng.randrange(3))]
    return {text(rng): value(rng, depth + 1) for _ in range(rng.randrange(3))}


@dataclass
class Readers:
    """What gets the inputs, with the folder that they may use.

    Attributes:
        folder: empty, on a fast disk where there is one.
    """

    folder: Path
    kinds: dict[str, Callable[[Random], None]] = field(init=False)

    def __post_init__(self) -> None:
        self.home = Home(self.folder / "home").create()
        self.kinds = {
            "specification": self.specification,
            "address": self.address,
            "index file": self.index_file,
            "name": self.name,
            "search": self.search,
            "values": self.values,
            "request": self.request,
            "run's file": self.run_file,
        }

    def specification(self, rng: Random) -> None:
        """JSON becomes a run that survives a round trip, or is refused by a field's name."""
        if rng.random() < 0.5:
            given = content(rng, *(json.dumps(spec).encode() for spec in SPECS))
        else:
            changed = json.loads(json.dumps(rng.choice(SPECS)))
            inner = changed
            while (deeper := [key for key, one in inner.items() if isinstance(one, dict)]) and rng.random() < 0.7:
                inner = inner[rng.choice(deeper)]
            inner[rng.choice([*inner, text(rng)])] = value(rng)
            given = json.dumps(changed).encode()
        try:
            spec = spec_from_json(parse_json(given))
        except ValueError:
            return
        assert spec_from_json(parse_json(json.dumps(spec.to_json(), allow_nan=False).encode())) == spec
        compatibility.check(spec)

    def address(self, rng: Random) -> None:
        """Ids and parameters of pages name what there is, or are refused."""
        asked = text(rng, "20240101-digits-deadbeef", "runs,20240101-x", "tow,forget_acc", "3")
        assert not (is_run_id(asked) and ("/" in asked or ".." in asked))
        row = self._row
        mentions(row, asked)
        class_label(asked, CLASSES)
        _in_words(lambda: [CLASSES[label] for label in class_labels(asked, CLASSES)])
        if found := asked.strip():
            assert class_text([found], CLASSES)
        for read in (lambda: open_run(self.home, asked), lambda: columns_named(asked.split(","))):
            _in_words(read)

    def index_file(self, rng: Random) -> None:
        """Bytes become indices in range, or words about the first wrong line."""
        path = self.folder / "mine.csv"
        path.write_bytes(
            content(rng, b"index\n1\n2\n", b"\xef\xbb\xbfname;sample\r\nx;3\r\n", b'"4"\n5\n', b"a,id\n1,2\n")
        )
        _in_words(lambda: scan_indices(path.name, self.folder, 100, "forget.select"))
        found = read_indices(path.name, self.folder, 100, "forget.select")
        assert len(found) and found.min() >= 0 and found.max() < 100

    def name(self, rng: Random) -> None:
        """Names of classes, runs, files and people are shown as one bounded line that steers nothing."""
        named = text(rng, "cat", "<b>x</b>", "=HYPERLINK(1)", "a\u202eb")
        sound = named.encode(errors="backslashreplace").decode()
        for shown in (plain(named), chart_text(sound), class_name([sound], 0), one_line(sound)):
            assert shown.isprintable() or "\u2060" in shown, shown
        assert len(chart_text(sound)) <= 121 and len(cut(sound, 9)) <= 9 and len(plain(named)) < 20_000
        clean_name(named)
        place = rng.randrange(4)
        if place == 0:
            self._in_tables(sound)
        elif place == 1:
            block = Section(sound, [sound, TableBlock([sound], [[sound]])])
            report = html_of(Document(sound, [sound], [block], {"a": sound})).split("<script type")[0]
            assert "</script>" not in report and "\u202e" not in report

    def _in_tables(self, named: str) -> None:
        table = pd.DataFrame({"name": [named], "number": [-1.5]})
        assert shown_table(table)["number"].tolist() == [-1.5]
        cell, number = list(csv.reader(io.StringIO(csv_text(table), newline="")))[1]
        assert number == "-1.5" and (
            _NUMBER.fullmatch(cell) or not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))
        )

    def search(self, rng: Random) -> None:
        """Searches among samples find some, or say what there is."""
        search(text(rng, "17, 20-25", "test:17", "class:cat", "L*L*X", "c*t"), _PLACES, _PLACES > 900, _LABELS, CLASSES)

    def values(self, rng: Random) -> None:
        """Lists of values for a grid, forget sets."""
        given = text(
            rng, "0.1, 0.3, 0.7", "0-4", "class:5,7; random:500", "duplicates:17:10", "fraction:0.1", "random:9"
        )
        _in_words(lambda: parse_selection(given))
        axis = parse_axis(given)
        axes = {rng.choice(("seed", "forget", "train.lr", "method", "temperature", text(rng))): axis}
        if count(RunSpec(), axes) <= 20:
            assert len(expand(RunSpec(), axes, limit=MOST_RUNS)) <= 20

    def request(self, rng: Random) -> None:
        """What a stranger's request says, at the door of a shared dashboard."""
        pairs = [(b"host", b"unlearn.test")] if rng.random() < 0.7 else []
        pairs += [
            (rng.choice(HEADERS), content(rng, b"a=b; c", b"unlearn.test:80", b"anna", b"9"))
            for _ in range(rng.randrange(5))
        ]
        scope = {
            "type": rng.choice(("http", "http", "websocket")),
            "method": rng.choice(("GET", "POST", "OPTIONS", "x")),
            "path": text(rng, "/runs", "/_stcore/upload_file/x", "/media/x.png", "/component/a"),
            "root_path": "",
            "query_string": content(rng, b"run=x&round=3", b""),
            "headers": pairs,
        }  # fmt: skip
        _finish(self._door(scope, _Connection(rng.choice(("10.0.0.5", "8.8.8.8", ""))).receive, _nowhere))
        unseal(content(rng, b"W10=.abc").decode("latin-1"))

    def run_file(self, rng: Random) -> None:
        """Small files of a run from elsewhere become a line in the list."""
        run_dir = self.home.runs / "given"
        (run_dir / "attempt-1").mkdir(parents=True, exist_ok=True)
        path = run_dir / rng.choice(("run.json", "spec.json", "result.json", "requeue.json", "attempt-1/outcome.json",
                                     "attempt-1/pid.json", "attempt-1/events.jsonl"))  # fmt: skip
        if rng.random() < 0.5:
            path.write_bytes(
                content(rng, *(json.dumps(spec).encode() for spec in SPECS), b'{"state": "succeeded", "t": 5}')
            )
        else:
            keys = (
                "title",
                "group",
                "state",
                "t",
                "metrics",
                "submitted",
                "owner",
                "error",
                "attempt",
                "phase",
                "run_id",
            )
            path.write_text(json.dumps({rng.choice(keys): value(rng) for _ in range(3)}))
        try:
            row = read_row(run_dir)
            assert row.title.isprintable() and len(row.title) <= 500
            json.dumps(row.metrics, allow_nan=False)
        finally:
            path.unlink()

    @cached_property
    def _row(self) -> Any:
        (self.home.runs / "empty").mkdir()
        return read_row(self.home.runs / "empty")

    @cached_property
    def _door(self) -> Door:
        (self.home.root / "sharing.toml").write_text(SHARING)
        (self.home.root / "sharing.toml").chmod(0o600)
        door = Door(_nothing_behind, lambda: self.home, lambda: Server("127.0.0.1", ()), _NoLogin())
        door.start()
        return door


class _NoLogin:
    def check(self, oidc: Any) -> None: ...

    def claims(self, headers: Any) -> None: ...

    def address(self, oidc: Any) -> str:
        return "/auth/login"


class _Connection:
    """What uvicorn hands over: its ``receive`` belongs to the connection."""

    def __init__(self, address: str) -> None:
        self.transport, self.address = self, address

    def get_extra_info(self, name: str) -> Any:
        return (self.address, 1) if name == "peername" else None

    async def receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * 100, "more_body": False}


async def _nothing_behind(scope: Any, receive: Any, send: Any) -> None:
    await receive()


async def _nowhere(message: Any) -> None: ...


def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Runs what gets at once all that it waits for."""
    asyncio.run(asyncio.wait_for(work, GIVEN_UP_SECONDS / 2))


def _in_words(read: Callable[[], object]) -> None:
    try:
        read()
    except UnlearnscopeError as error:
        _check_words(error)


def _check_words(error: UnlearnscopeError) -> None:
    assert len(str(error)) < 50_000 and "\u202e" not in str(error)
    str(error).encode()
    if isinstance(error, BadInput):
        assert error.reason


@dataclass(frozen=True)
class Finding:
    """An input that ended in a traceback, or took too long."""

    number: int
    kind: str
    what: str


@dataclass
class Judged:
    """What came of some inputs.

    Attributes:
        inputs: number by kind.
        slowest: seconds of a processor, number and kind of the input that took longest.
        findings: what may not happen and did, the first `MOST_FINDINGS`.
        found: how many there were.
    """

    inputs: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int, str] = (0.0, 0, "")
    findings: list[Finding] = field(default_factory=list)
    found: int = 0

    def add(self, other: Judged) -> None:
        """Takes over what another process found."""
        self.inputs += other.inputs
        self.slowest = max(self.slowest, other.slowest)
        self.findings += other.findings
        self.found += other.found


def judge(kinds: dict[str, Callable[[Random], None]], seed: int, numbers: Sequence[int] | range) -> Judged:
    """Gives inputs to their readers.

    Args:
        kinds: readers by name; they take turns.
        seed: of the campaign.
        numbers: of the inputs.
    """
    judged, names = Judged(), list(kinds)
    for number in numbers:
        kind = names[number % len(names)]
        rng = Random(f"{seed}:{number}")
        # The processor's time: other work on the machine is not the input's fault.
        started, what = time.process_time(), ""
        try:
            with _limited():
                kinds[kind](rng)
        except UnlearnscopeError as error:
            try:
                _check_words(error)
            except Exception:
                what = traceback.format_exc()
        except Exception:
            what = traceback.format_exc()
        seconds = time.process_time() - started
        if seconds > SLOW_SECONDS:
            what += f"took {seconds:.1f} s"
        judged.inputs[kind] += 1
        judged.slowest = max(judged.slowest, (seconds, number, kind))
        if what:
            judged.found += 1
            if len(judged.findings) < MOST_FINDINGS:
                judged.findings.append(Finding(number, kind, what))
    return judged


@contextmanager
def _limited() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"stopped after {GIVEN_UP_SECONDS:.0f} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, GIVEN_UP_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _share(seed: int, numbers: Sequence[int] | range) -> Judged:
    logging.disable(logging.CRITICAL)  # the door tells of every stranger
    fast = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=fast if fast.is_dir() else None) as folder:
        readers = Readers(Path(folder))
        # What is made once is not the input's time.
        _ = readers._row, readers._door, model_names("timm"), model_names("open_clip")
        return judge(readers.kinds, seed, numbers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the campaign; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="that input alone")
    options = parser.parse_args(arguments)
    shares = [range(first, options.inputs, options.jobs) for first in range(options.jobs)]
    if options.only is not None:
        shares = [range(options.only, options.only + 1)]
    started, judged = time.perf_counter(), Judged()
    print(f"seed {options.seed}, {sum(map(len, shares)):,} inputs, {len(shares)} processes", flush=True)
    if len(shares) == 1:
        judged = _share(options.seed, shares[0])
    else:
        with multiprocessing.get_context("spawn").Pool(len(shares)) as pool:
            for one in pool.starmap(_share, [(options.seed, share) for share in shares]):
                judged.add(one)
    seconds, total = time.perf_counter() - started, judged.inputs.total()
    print(", ".join(f"{kind} {number:,}" for kind, number in sorted(judged.inputs.items())))
    slowest, number, kind = judged.slowest
    print(f"{total:,} inputs in {seconds:.0f} s ({total / seconds:,.0f} a second), seed {options.seed}")
    print(f"slowest: {slowest:.3f} s, number {number} ({kind})")
    print(f"findings: {judged.found}")
    for finding in judged.findings[:MOST_FINDINGS]:
        print(f"number {finding.number} ({finding.kind}):\n{finding.what}")
    return 1 if judged.found else 0


if __name__ == "__main__":
    sys.exit(main())
