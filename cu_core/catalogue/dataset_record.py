"""The record of a dataset, and its registry."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.errors import BadInput
from cu_core.base.registry import Registry, Target


@dataclass(frozen=True)
class Dataset:
    """One source of images.

    Attributes:
        id: name on the command line.
        title: name shown to people.
        summary: one sentence.
        loader: function, or ``"module:function"``, taking a `DataSpec`, a `Home` and a
            progress callback and returning a `cu_core.data.source.Source`.
        channels: 1 or 3; 0 if it depends on the files.
        size: height and width in pixels; 0 if it depends on the files or the request.
        classes: number of classes; 0 if it depends on the files.
        train: number of training images; 0 if it depends on the files.
        test: number of test images; 0 if it depends on the files.
        download: whether the first use downloads it.
        needs_path: whether the id is followed by ``:PATH``.
        licence: under which its images may be used, where that is to be shown; a whole sentence.
    """

    id: str
    title: str
    summary: str
    loader: Target
    channels: int = 0
    size: int = 0
    classes: int = 0
    train: int = 0
    test: int = 0
    download: bool = False
    needs_path: bool = False
    licence: str = ""

    @property
    def form(self) -> str:
        """How it is typed."""
        return f"{self.id}:PATH" if self.needs_path else self.id


DATASETS: Registry[Dataset] = Registry("dataset", Dataset, group="unlearnscope.datasets")


def dataset(text: str) -> Dataset:
    """The record named by ``digits``, ``cifar10``, …, ``folder:PATH``.

    Raises:
        BadInput: no such dataset, or a missing or superfluous path.
    """
    name, _, path = text.partition(":")
    if name not in DATASETS:
        raise BadInput("dataset", DATASETS.why_not(name), [d.form for d in DATASETS.values()], given=name)
    if DATASETS[name].needs_path and not path:
        raise BadInput("dataset", f"{name} needs a path behind a colon", [DATASETS[name].form])
    if path and not DATASETS[name].needs_path:
        raise BadInput("dataset", f"{name} takes no path", [d.form for d in DATASETS.values()])
    return DATASETS[name]
