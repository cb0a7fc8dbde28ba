"""The door tells the pages who a visitor is, in a header that nobody else can write.

A page sees nothing of a request but the headers with which its connection was opened, and those come from
the visitor. The door therefore adds one, signed with a key that exists only in this process.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time

HEADER = "x-unlearnscope-visitor"
_KEY = secrets.token_bytes(32)


def seal(name: str, until: float) -> str:
    """The header's value.

    Args:
        name: who the visitor is.
        until: unix time at which the login ends.
    """
    content = base64.urlsafe_b64encode(json.dumps([name, until]).encode()).decode()
    return f"{content}.{_signature(content)}"


def unseal(value: str | None, now: float | None = None) -> str | None:
    """The visitor's name; None if the value was not made here or the login has ended."""
    content, dot, signature = (value or "").partition(".")
    if not dot or not hmac.compare_digest(signature.encode(), _signature(content).encode()):
        return None
    name, until = json.loads(base64.urlsafe_b64decode(content))
    return str(name) if (time.time() if now is None else now) < until else None


def _signature(content: str) -> str:
    return hmac.new(_KEY, content.encode(), hashlib.sha256).hexdigest()
