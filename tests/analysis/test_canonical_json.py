"""Canonical JSON: the bytes of RFC 8785, against its samples, its example, and a JavaScript engine."""

from __future__ import annotations

import json
import math
import shutil
import struct
import subprocess

import numpy as np
import pytest

from cu_core.analysis.erasure.canonical_json import LARGEST, canonical, digest_of

# RFC 8785, appendix B: bits of a double, and its text.
SAMPLES = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555555": "333333333.3333333",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "text"), SAMPLES.items())
def test_numbers_are_written_as_the_rfc_lists_them(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(number).decode() == text


def test_the_example_of_the_rfc() -> None:
    given = r"""{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"""
    wanted = (
        r'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        r'"string":"€$\u000f\nA' + r"'B\"\\\\\"/" + '"}'
    )
    assert canonical(json.loads(given)).decode() == wanted


def test_keys_are_sorted_by_utf_16() -> None:
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    order = list(json.loads(canonical(dict.fromkeys(names, 0))))
    assert order == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize("bad", [math.nan, math.inf, LARGEST + 2, 10**400, {1: 2}, {"a": {1, 2}}, "\ud800"])
def test_what_has_no_canonical_form_is_refused(bad: object) -> None:
    with pytest.raises(ValueError):
        canonical(bad)


def test_reading_and_writing_again_changes_nothing() -> None:
    content = {"a": [1.0, 1e16, 1e-7, -0.0, 12], "ä": {"z": None, "b": "\u2028 </script>"}}
    once = canonical(content)
    assert canonical(json.loads(once)) == once and digest_of(content) == digest_of(json.loads(once))


@pytest.mark.skipif(shutil.which("node") is None, reason="no JavaScript engine on this machine")
def test_a_javascript_engine_writes_the_same() -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**63, 2000, dtype=np.uint64) | (rng.integers(0, 2, 2000, dtype=np.uint64) << np.uint64(63))
    drawn = [float(x) for x in bits.view(np.float64) if np.isfinite(x)]
    drawn += [float(10.0**k * s) for k in range(-25, 25) for s in (1, 1.5, -3)] + [0.1, 100.0, 1e20, 123456789.125]
    code = "process.stdout.write(JSON.stringify(JSON.parse(require('fs').readFileSync(0, 'utf8'))))"
    done = subprocess.run(["node", "-e", code], input=json.dumps(drawn), capture_output=True, text=True, check=True)
    assert canonical(drawn).decode() == done.stdout
