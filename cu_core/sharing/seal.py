"""The signed header by which the door tells the pages who a visitor is.

A page sees nothing of a request but the headers with which its connection was opened, and those come from
the visitor. The door therefore adds one, signed with a key that exists only in this process.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import astuple, dataclass

from cu_core.sharing import clock

HEADER = "x-unlearnscope-visitor"
_KEY = secrets.token_bytes(32)


@dataclass(frozen=True)
class Visit:
    """Somebody who has come in.

    Attributes:
        name: who they are.
        until: when their login ends, in seconds of `clock.elapsed`.
        login: what it is called in `logouts`; empty where this server does not know of logouts.
    """

    name: str
    until: float
    login: str = ""


def seal(visit: Visit) -> str:
    """The header's value."""
    content = base64.urlsafe_b64encode(json.dumps(astuple(visit)).encode()).decode()
    return f"{content}.{_signature(content)}"


def unseal(value: str | None, now: float | None = None) -> Visit | None:
    """The visit; None if the value was not made here or the login has ended."""
    content, dot, signature = (value or "").partition(".")
    if not dot or not hmac.compare_digest(signature.encode(), _signature(content).encode()):
        return None
    visit = Visit(*json.loads(base64.urlsafe_b64decode(content)))
    return visit if (clock.elapsed() if now is None else now) < visit.until else None


def _signature(content: str) -> str:
    return hmac.new(_KEY, content.encode(), hashlib.sha256).hexdigest()
