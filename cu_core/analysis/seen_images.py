"""The images that a run has seen, where they lie prepared on this machine."""

from __future__ import annotations

from cu_core.base.home import Home
from cu_core.data.images import ImageData
from cu_core.data.prepared import open_key, open_prepared
from cu_core.runstore.reader import RunView


def images_of(home: Home, view: RunView) -> ImageData | None:
    """The prepared dataset of a run; None where it is not in this home.

    By its name, where the run has noted one: the user's folder may have moved or changed since.
    """
    key = view.dataset_key()
    return open_key(key, home) if key else open_prepared(view.spec.data, home)
