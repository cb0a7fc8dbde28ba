"""JSON in its one canonical form, so that equal content has equal bytes and one hash (RFC 8785, JCS).

Keys are sorted by UTF-16 code units, nothing stands between tokens, texts are UTF-8 with the fewest escapes, and
numbers are written as ECMAScript writes them: any library for RFC 8785, or ``JSON.stringify`` over sorted keys, gives
the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
from decimal import Decimal
from typing import Any

LARGEST = 2**53 - 1
"""Whole numbers beyond it are not told apart by all readers of JSON."""


def canonical(content: Any) -> bytes:
    """The canonical bytes of what `json.loads` gives: objects, lists, texts, numbers, true, false and null.

    Raises:
        ValueError: a number that is not finite, a whole number that is no double, half a character, or no JSON.
    """
    return _text(content).encode()


def digest_of(content: Any) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical(content)).hexdigest()


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        return str(value) if abs(value) <= LARGEST else _large(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return f"{{{','.join(f'{_text(key)}:{_text(value[key])}' for key in keys)}}}"
    raise ValueError(f"{type(value).__name__} is not JSON")


def _large(value: int) -> str:
    """A whole number beyond `LARGEST`: as written by whoever takes all numbers for real ones, if it is one."""
    if value.bit_length() > 1023 or int(float(value)) != value:
        raise ValueError("a whole number is beyond what every reader of JSON tells apart")
    return _number(float(value))


def _number(value: float) -> str:
    """ECMA-262, Number::toString with radix 10: the shortest digits that give the number back, which repr finds too."""
    if not math.isfinite(value):
        raise ValueError(f"{value} has no word in JSON")
    if value == 0:
        return "0"
    found = Decimal(repr(value)).normalize().as_tuple()
    digits, sign = "".join(map(str, found.digits)), "-" if found.sign else ""
    count, place = len(digits), len(digits) + int(found.exponent)
    if count <= place <= 21:
        shown = digits + "0" * (place - count)
    elif 0 < place <= 21:
        shown = f"{digits[:place]}.{digits[place:]}"
    elif -6 < place <= 0:
        shown = f"0.{'0' * -place}{digits}"
    else:
        power = f"e{'+' if place > 0 else '-'}{abs(place - 1)}"
        shown = f"{digits[0]}{'.' if count > 1 else ''}{digits[1:]}{power}"
    return sign + shown
