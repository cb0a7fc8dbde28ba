"""What pages load at their first visit, loaded before: each visitor would otherwise wait for it once per page."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator

from pages._frame.page_records import FOLDER


def modules_of_pages() -> Iterator[str]:
    """Names of the modules that the pages' scripts import, in no particular order; some more than once."""
    for script in FOLDER.glob("[a-z]*.py"):
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"), script.name)):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module
            elif isinstance(node, ast.Import):
                yield from (name.name for name in node.names)


def warm_up() -> None:
    """Imports what pages import, and draws one empty picture, for which plotly loads most of its parts.

    One module after the other: between any two of them a visitor's page takes its turn.
    """
    for name in dict.fromkeys(modules_of_pages()):
        importlib.import_module(name)
    # Here, so that telling what pages import loads nothing.
    from plotly.graph_objects import Figure  # noqa: PLC0415
    from plotly.subplots import make_subplots  # noqa: PLC0415

    from cu_core.figures.theme import dress  # noqa: PLC0415

    picture: Figure = make_subplots(1, 2)
    picture.add_scatter(x=[0], y=[0], row=1, col=1)
    dress(picture, height=200).to_json()
