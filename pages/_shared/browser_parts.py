"""What the components of pages are made of: files in ``assets``, which a site without Python is made from, too."""

from __future__ import annotations

from typing import TypedDict

from cu_core.base.installation import dashboard_folder


class BrowserParts(TypedDict):
    """Markup, style and script of a component."""

    html: str
    css: str
    js: str


def asset(name: str) -> str:
    """A text file of ``assets``."""
    return (dashboard_folder() / "assets" / name).read_text(encoding="utf-8")


def browser_parts(folder: str, *scripts: str) -> BrowserParts:
    """Markup, style and script of a component, as ``st.components.v2.component`` takes them.

    Args:
        folder: with the markup and the style, which have its name.
        scripts: files of ``assets`` in their order; they become one module, whose parts share their names. By default
            the one with the folder's name.
    """
    files = scripts or (f"{folder}/{folder}.js",)
    return BrowserParts(
        html=asset(f"{folder}/{folder}.html"),
        css=asset(f"{folder}/{folder}.css"),
        js="\n".join(map(asset, files)),
    )
