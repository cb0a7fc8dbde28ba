"""What the registry knows about a dataset."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dataset:
    """One source of images.

    Attributes:
        id: name on the command line; ``folder`` is followed by ``:PATH``.
        title: name shown to people.
        summary: one sentence.
        loader: ``"module:function"`` taking a `DataSpec`, a `Home` and a progress
            callback and returning a `cu_core.data.source.Source`.
        channels: 1 or 3; 0 if it depends on the files.
        size: height and width in pixels; 0 if it depends on the files or the request.
        classes: number of classes; 0 if it depends on the files.
        train: number of training images; 0 if it depends on the files.
        test: number of test images; 0 if it depends on the files.
        download: whether the first use downloads it.
        needs_path: whether the id is followed by ``:PATH``.
    """

    id: str
    title: str
    summary: str
    loader: str
    channels: int = 0
    size: int = 0
    classes: int = 0
    train: int = 0
    test: int = 0
    download: bool = False
    needs_path: bool = False
