"""The record of a backbone, and its registry."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.errors import BadInput
from cu_core.base.registry import Registry, Target


@dataclass(frozen=True)
class Backbone:
    """One network trunk.

    Attributes:
        id: name on the command line; that of a library is followed by ``:NAME``.
        title: name shown to people.
        summary: one sentence.
        builder: function, or ``"module:function"``, taking ``(name, channels, size, pretrained)`` and returning a
            trunk: a module from images (n, channels, size, size) to features (n, width) with attribute ``width``. One
            with a method ``prepare`` is shown training images first: `cu_core.learning.training.Training`.
        mflops: million multiply-adds for one 32-px colour image (8-px grey for tiny-cnn); 0 if unknown.
        min_size: smallest height and width in pixels that it accepts.
        pretrained: whether pretrained weights can be asked for.
        named: whether it is a library of many models, chosen by ``:NAME``.
        image_text: whether it has a text tower and is trained with such an objective; its builder then takes
            ``(name, size, pretrained, class names)`` and returns the whole `cu_core.learning.image_text.ImageText`.
        detail: what follows the id of a library, for people.
        given_classes: whether its builder also takes ``num_classes``.
        stems: whether its builder also takes ``stem``: ``auto``, ``small`` or ``large``.
        package: module of an optional package that it needs; empty if it needs none.
        install: what to install for that.
    """

    id: str
    title: str
    summary: str
    builder: Target
    mflops: float = 0.0
    min_size: int = 8
    pretrained: bool = False
    named: bool = False
    image_text: bool = False
    stems: bool = False
    detail: str = "NAME"
    given_classes: bool = False
    package: str = ""
    install: str = ""

    @property
    def form(self) -> str:
        """How it is typed."""
        return f"{self.id}:{self.detail}" if self.named else self.id


BACKBONES: Registry[Backbone] = Registry("backbone", Backbone, field="model", group="unlearnscope.backbones")


def backbone(text: str) -> Backbone:
    """The record named by ``tiny-cnn``, ``resnet18``, …, ``timm:NAME``, ``open_clip:NAME``.

    Raises:
        BadInput: no such backbone, or a missing or superfluous name behind the colon.
    """
    name, _, rest = text.partition(":")
    forms = [b.form for b in BACKBONES.values()]
    if name not in BACKBONES:
        raise BadInput("model", BACKBONES.why_not(name), forms, given=name)
    if BACKBONES[name].named != bool(rest):
        raise BadInput("model", f"{text!r} is not a backbone", forms)
    return BACKBONES[name]
