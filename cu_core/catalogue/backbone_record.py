"""What the registry knows about a backbone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Backbone:
    """One network trunk.

    Attributes:
        id: name on the command line; that of a library is followed by ``:NAME``.
        title: name shown to people.
        summary: one sentence.
        builder: ``"module:function"`` taking ``(name, channels, size, pretrained)`` and returning a trunk:
            a module from images (n, channels, size, size) to features (n, width) with attribute ``width``.
        mflops: million multiply-adds for one 32-px colour image (8-px grey for tiny-cnn); 0 if unknown.
        min_size: smallest height and width in pixels that it accepts.
        pretrained: whether pretrained weights can be asked for.
        named: whether it is a library of many models, chosen by ``:NAME``.
        image_text: whether it has a text tower and is trained with such an objective; its builder then takes
            ``(name, size, pretrained, class names)`` and returns the whole `cu_core.learning.image_text.ImageText`.
        package: module of an optional package that it needs; empty if it needs none.
        install: what to install for that.
    """

    id: str
    title: str
    summary: str
    builder: str
    mflops: float = 0.0
    min_size: int = 8
    pretrained: bool = False
    named: bool = False
    image_text: bool = False
    package: str = ""
    install: str = ""
