"""The frame of every page of a static site: head, style, scripts, and a policy that allows nothing but these.

Scripts and styles are inside the page and named in its Content-Security-Policy by their hashes. So a browser runs no
other script and asks no network for anything, whoever named a class or a run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from typing import Any

from cu_core.base.display_text import CELL, cut, visible
from cu_core.base.installation import dashboard_folder
from cu_core.figures.theme import COLOURS, VERDICT_COLOURS

_THEME = {
    "backgroundColor": "--st-background-color",
    "secondaryBackgroundColor": "--st-secondary-background-color",
    "textColor": "--st-text-color",
    "borderColor": "--st-border-color",
    "primaryColor": "--st-primary-color",
    "linkColor": "--st-link-color",
}
"""Colours of the dashboard's theme under the names that its components know them by."""
_CLOSING = ("</script", "</style", "<!--", "\r")
"""What would end a script early, or change what its hash is taken of."""


def frame(
    title: str,
    body: str,
    *,
    scripts: Sequence[str] = (),
    styles: Sequence[str] = (),
    data: Mapping[str, str] | None = None,
) -> str:
    """A whole page.

    Args:
        title: of the page, shown on the browser's tab.
        body: HTML in which every text of users is escaped.
        scripts: classic scripts, run in this order at the end of the page.
        styles: style sheets that stand in the body, within templates.
        data: base64 by the id of the element that holds it; inert for the browser.
    """
    style = site_style()
    for text in (*scripts, *styles, style):
        if any(mark in text.lower() for mark in _CLOSING):
            raise ValueError("a script or style of the site would end before its end")
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hashes(scripts)}",
            f"style-src {_hashes([style, *styles])}",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    held = [f'<script type="text/plain" id="{name}">{text}</script>' for name, text in (data or {}).items()]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{shown(title)}</title><style>{style}</style></head><body>",
            body,
            *held,
            *(f"<script>{script}</script>" for script in scripts),
            "</body></html>\n",
        ]
    )


def _hashes(texts: Iterable[str]) -> str:
    found = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
    return " ".join(f"'sha256-{digest}'" for digest in found) or "'none'"


@cache
def site_style() -> str:
    """The style sheet of the site, with the dashboard's colours in front."""
    folder = dashboard_folder()
    theme = tomllib.loads((folder / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
    own = {f"--{name}": colour for name, colour in [*COLOURS.items(), *VERDICT_COLOURS.items()]}
    light, dark = (
        {_THEME[key]: theme[side][key] for key in _THEME if key in theme[side]} for side in ("light", "dark")
    )
    radius = {"--st-base-radius": str(theme.get("baseRadius", "0.5rem")), "--st-font": "system-ui, sans-serif"}
    return "\n".join(
        [
            f":root {{ {_declared(own | radius | light)} }}",
            f"@media (prefers-color-scheme: dark) {{ :root {{ {_declared(dark)} }} }}",
            (folder / "assets" / "site" / "site.css").read_text(encoding="utf-8"),
        ]
    )


def site_script() -> str:
    """The script that joins viewer and page."""
    return (dashboard_folder() / "assets" / "site" / "site.js").read_text(encoding="utf-8")


def _declared(values: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in values.items())


def shown(text: str) -> str:
    """A text of anybody as HTML: escaped, without what cannot be seen, and of bounded length."""
    return escape(cut(visible(text), CELL), quote=True)


def said(text: str) -> str:
    """A paragraph of anybody as HTML: escaped, and whole."""
    return escape(visible(text), quote=True)


def json_block(name: str, content: Any) -> str:
    """JSON inside the page that no browser takes for markup."""
    text = json.dumps(content, allow_nan=False)
    inert = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f'<script type="application/json" id="{name}">{inert}</script>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """A table of texts; on a narrow screen each row becomes a card that names its cells."""
    # Before a cell stands a colon: no question as well.
    names = [shown(name.rstrip("?")) for name in head]
    lines = []
    for row in rows:
        first, *rest = (said(cell) for cell in row)
        cells = "".join(f'<td data-name="{name}">{cell}</td>' for name, cell in zip(names[1:], rest, strict=True))
        lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    top = "".join(f'<th scope="col">{shown(name)}</th>' for name in head)
    classes = f"cards {kind}".strip()
    return f'<table class="{classes}"><thead><tr>{top}</tr></thead><tbody>{"".join(lines)}</tbody></table>'
