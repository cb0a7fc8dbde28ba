"""Drives the pages without a browser."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home

SHELL = Path(__file__).resolve().parent.parent.parent / "pages" / "_shell.py"


def open_page(page: str, **query: str) -> AppTest:
    """Opens a page in a new session, with the frame around it, as a cold link does."""
    app = AppTest.from_file(str(SHELL), default_timeout=200)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(page).run()
    assert not app.exception, app.exception
    return app


def texts(app: AppTest) -> str:
    """Everything that a page says in words."""
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.info, app.warning, app.error)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def drop(home: Home, *names: str) -> None:
    """Takes arrays out of all rounds and references, as in runs that never recorded them."""
    for path in (home.runs / "madeup-1").glob("r*/*/manifest.json"):
        manifest = read_json(path)
        for name in names:
            manifest["arrays"].pop(name, None)
            Path(path.parent / f"{name}.npy").unlink(missing_ok=True)
        write_json(path, manifest)
