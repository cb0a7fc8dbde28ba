"""Made-up runs of several kinds whose records are told apart, and the verdicts that they carry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cu_core.analysis.erasure.erasure_record import record_of
from cu_core.analysis.erasure.left_out import Included
from cu_core.analysis.erasure.sealed_record import SealedRecord, sealed
from cu_core.analysis.erasure.signing_keys import make_keys, read_private
from cu_core.analysis.erasure.stated_fields import Stated
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.spec import MethodSpec
from cu_core.methods.given import GivenParams
from cu_core.runstore import layout
from cu_core.runstore.reader import open_run
from tests.madeup import MadeUp, write_run

ANIMALS = ("aardvark", "buffalo", "cormorant", "dormouse", "emu", "ferret", "gazelle", "heron", "ibis", "jackal")
SECRETS = ("Mustermann", "customer-4711", "/srv/private", "retrained_two.pt", "scrub-theirs")


def verdict(state: str) -> dict[str, Any]:
    """A verdict of the contract: remembers decides, hidden does not apply."""
    test = {
        "id": "margin", "title": "Margin of forget minus unseen", "unit": "of log-odds", "sides": "both",
        "value": 3.25, "base": 8.5, "references": [-0.5, 0.25, 0.125, -0.25, 0.375], "null_low": -1.0, "null_high": 1.0,
        "p": 0.002, "detectable": 1.5, "margin": 4.0, "decisive": True,
    }  # fmt: skip
    claim = {
        "id": "remembers", "state": state, "direction": "still known" if state == "differs" else "", "statistic": 3.25,
        "null_low": -1.0, "null_high": 1.0, "p": 0.004, "detectable": 1.5, "n": 40, "applies": True, "controlled": True,
        "sentence": "Margin is 3.25 in class ferret, see /srv/private/list.csv.", "tests": [test],
        "notes": ["Samples 5, 15 and 25 stand out."],
    }  # fmt: skip
    hidden = claim | {
        "id": "hidden", "applies": False, "state": "cannot-tell", "sentence": "Does not apply: single samples.",
        "statistic": None, "null_low": None, "null_high": None, "p": None, "detectable": None, "tests": [], "notes": [],
        "controlled": None,
    }  # fmt: skip
    return {
        "state": state, "sentence": f"The lay sentence of {state}.", "statistician": "2 statistics of 1 question.",
        "references": 5, "level": 0.05, "seconds": 1.0, "claims": [claim, hidden],
    }  # fmt: skip


FIVE = (0, 1, 2, 3, 4)
KINDS: dict[str, MadeUp] = {
    "class-differs": MadeUp(references=FIVE, rounds=2, result={"verdict": verdict("differs")}),
    "no-difference": MadeUp(references=FIVE, rounds=2, result={"verdict": verdict("no-difference-found")}),
    "cannot-tell": MadeUp("random:40", references=FIVE, rounds=2, result={"verdict": verdict("cannot-tell")}),
    "no-references": MadeUp("random:40", references=(), rounds=1, audited=0),
    "switched-off": MadeUp(references=(0,), rounds=1, result={"verdict": None}),
    "encoder": MadeUp(objective="moco", rounds=2),
    "older": MadeUp(older=True, rounds=1),
    "images-gone": MadeUp(images=False, rounds=1, result={"notes": ["The class ferret is rare."]}),
    "collapsed": MadeUp(rounds=1, result={"stopped_by": "collapse"}),
    "deep-audit": MadeUp(
        "random:40",
        rounds=1,
        result={
            "deep_audit": {
                "forget": 40, "unseen": 40, "of_run": "20261130-wish-of-mustermann-abc", "at_risk": [{"sample": 17}],
                "over_shadows": {
                    "models": 64, "ulira": {"area": 0.61, "low": 0.45, "high": 0.55, "p": 0.0025},
                    "before": {"area": 0.93, "low": 0.45, "high": 0.55, "p": 0.0025},
                },
                "ulira": {"auc": [0.6, 0.5, 0.7], "tpr": 0.1, "fpr": 0.025},
                "controls": {"before": {"auc": [0.9, 0.8, 1.0]}},
                "ruli": {"privacy": {"auc": [0.55, 0.4, 0.7]}, "efficacy": {"why": "too few"}},
                "klom": {"half_p95": 3.5, "floor_p95": 1.25},
            }
        },
    ),
    "audit": MadeUp(
        rounds=1,
        references=FIVE,
        spec={"method": MethodSpec("given", GivenParams(rounds=("/srv/private/after.pt",), label="scrub-theirs"))},
        result={
            "verdict": verdict("differs"),
            "given": [{"role": "after", "name": "after.pt", "sha256": "a" * 64, "told": "as it is"}],
        },
    ),
}  # fmt: skip


def write_kind(home: Home, kind: str) -> str:
    """Writes a run of a kind, with classes and a title that a record has to leave out; returns its id."""
    made = KINDS[kind]
    spec = {"name": "Wish of Mustermann", "group": "customer-4711"} | made.spec
    select = "class:ferret" if made.task == "class" else made.select
    run_id = f"20261130-wish-of-mustermann-{kind.encode().hex()[:8]}"
    if (home.runs / run_id).exists():
        return run_id
    run_dir = write_run(home, run_id, replace(made, spec=spec, select=select))
    for meta in home.datasets.glob("*/meta.json"):
        write_json(meta, read_json(meta) | {"classes": ANIMALS})
    notes = ["Own references: /srv/private/retrained_two.pt", "Index 17 of class ferret repeats."]
    result = read_json(run_dir / layout.RESULT)
    forgotten = 60 if made.task == "class" else result["forget_count"]
    told = {"notes": [*(result.get("notes") or ()), *notes], "forget_count": forgotten}
    write_json(run_dir / layout.RESULT, result | told)
    return run_id


def record(home: Home, kind: str, stated: Stated | None = None, asked: Included | None = None) -> SealedRecord:
    """The unsigned record of a run of a kind."""
    return sealed(record_of(home, open_run(home, write_kind(home, kind)), stated, asked))


def key_in(folder: Path, name: str = "erasure.key") -> Any:
    """A new private key in a folder."""
    make_keys(folder / name)
    return read_private(folder / name)
