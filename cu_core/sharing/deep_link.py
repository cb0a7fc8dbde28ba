"""The page that a visitor asked for, kept in a cookie while they log in."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote, unquote

from cu_core.sharing.requests import cookies

COOKIE = "unlearnscope_wanted"
SECONDS = 600
LONGEST = 1000
# A path of this server and nothing that a browser could take for another one.
_LINK = re.compile(r"/[A-Za-z0-9_-][A-Za-z0-9_./-]*(\?[A-Za-z0-9_.,:=&%+-]*)?")


def remember(scope: MutableMapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Headers that keep the address of a request."""
    query = scope.get("query_string", b"").decode("latin-1")
    link = scope["path"] + (f"?{query}" if query else "")
    if len(link) > LONGEST or not _LINK.fullmatch(link):
        return []
    return [
        (b"set-cookie", f"{COOKIE}={quote(link, safe='')}; Path=/; Max-Age={SECONDS}; HttpOnly; SameSite=Lax".encode())
    ]


def wanted(scope: MutableMapping[str, Any], path: str) -> str | None:
    """The kept address, where the start page was asked for; None if there is none."""
    if scope["type"] != "http" or scope["method"] != "GET" or path not in ("", "/"):
        return None
    link = unquote(cookies(scope["headers"]).get(COOKIE, ""))
    return link if _LINK.fullmatch(link) else None


def forget() -> tuple[bytes, bytes]:
    """Header that drops the kept address."""
    return (b"set-cookie", f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax".encode())
