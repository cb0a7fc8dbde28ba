"""Revoked logins: a cookie that was copied before a logout must not work after it.

An ended login is an empty file, so that servers of one home, and the next start, know of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

from cu_core.base.home import Home
from cu_core.sharing import clock

# No cookie is accepted for longer.
KEPT_SECONDS = 32 * 86_400.0

log = logging.getLogger("unlearnscope.door")
# Also those that could not be written.
_ended: set[str] = set()


def login_id(claims: Mapping[str, Any]) -> str:
    """What tells a login from others: the content of its cookie, not the text, which can be written in several ways."""
    return hashlib.sha256(json.dumps(claims, sort_keys=True, default=str).encode()).hexdigest()


def end(home: Home, login: str) -> None:
    """Ends a login for good."""
    _ended.add(login)
    try:
        home.logouts.mkdir(parents=True, exist_ok=True)
        (home.logouts / login).touch()
    except OSError as error:
        log.error("A logout holds until the next start only: %s", error)
    for path in home.logouts.glob("*"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < clock.now() - KEPT_SECONDS:
                path.unlink()


def is_ended(home: Home, login: str) -> bool:
    """Whether somebody has logged out of a login."""
    return bool(login) and (login in _ended or (home.logouts / login).exists())
