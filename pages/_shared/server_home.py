"""The home of this server, which every page reads."""

from __future__ import annotations

from cu_core.base.home import Home, default_home


def home() -> Home:
    """The home of this server, with its folders made."""
    return default_home().create()
