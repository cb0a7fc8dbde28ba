"""Scenes: coordinates of every sample in every round on fixed axes, packed as bytes for the browser.

The drawing itself happens in the browser (`pages/_viewer`), because a figure that is rebuilt for another round is
mounted anew, which takes seconds and loses zoom and camera. So all rounds of a view are sent at once, as few bytes as
they need: positions as 16-bit numbers between the ends of their axis, which moves a point by less than a hundredth of
a pixel. What does not change with the view (who the samples are, their probabilities, losses and so on, for the card
that follows the pointer) is packed apart, so that another view does not send it again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from cu_core.figures.theme import COLOURS, GROUPS, SYMBOLS, TITLES, join

CODES = 65_534
"""Positions are sent as 16-bit numbers from 0 to this; the next one stands for "not drawn"."""

ALIGNMENT = 8
"""Parts of a packed message start at multiples of this many bytes, so that the browser can read them in place."""


@dataclass(frozen=True)
class SceneAxis:
    """One axis, the same for all states of a scene.

    Attributes:
        title: label with unit.
        short: the same where there is little room.
        low: value at its lower end; what lies beyond is drawn at the end.
        high: value at its upper end.
        mark: where a guide line crosses the axis, such as the decision boundary at 0; None for no line.
        mark_title: what the guide line is.
    """

    title: str
    short: str
    low: float
    high: float
    mark: float | None = None
    mark_title: str = ""


@dataclass(frozen=True)
class SceneState:
    """One state of the samples.

    Attributes:
        title: name shown to people.
        number: of the round; None for a reference.
        kind: ``round``, ``reference`` or ``other`` (a round of a second run).
    """

    title: str
    number: int | None
    kind: str = "round"

    @property
    def key(self) -> str:
        """Names the state in every view of a run."""
        return f"{self.kind} {'' if self.number is None else self.number} {self.title if self.kind != 'round' else ''}"


@dataclass(frozen=True)
class Scene:
    """One view: the same n samples at every state.

    Attributes:
        view: name of the view; zoom and camera are kept per view.
        axes: two or three.
        states: rounds in ascending order, then references or rounds of a second run.
        coordinates: per state (n, 2 or 3) float32; a sample with a NaN is not drawn, but counts in the histograms of
            the other axes.
        equal: whether a unit is as long on every axis (maps) or each axis fills its pane.
        stray: per state (n,) bool, samples that lie where the map has no reference; they are ringed. Empty for none.
    """

    view: str
    axes: tuple[SceneAxis, ...]
    states: tuple[SceneState, ...]
    coordinates: list[np.ndarray]
    equal: bool = False
    stray: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True)
class SceneSamples:
    """Who the n samples of a scene are, and what the model says of them at every state, whatever the view.

    Attributes:
        row: (n,) int, rows of the probe; the samples of every scene stand in this order.
        sample: (n,) int, indices into the training or the test images.
        test: (n,) bool, which of the two.
        group: (n,) int: 0 forget, 1 retain, 2 unseen.
        label: (n,) int, class that the sample was trained on.
        truth: (n,) int, its true class, the same unless labels are wrong.
        classes: names by class; a class without a name is shown by its number.
        states: of the lists below; a scene may hold fewer.
        prediction: per state (n,) int.
        top3_class: per state (n, 3) int, the most probable classes.
        top3: per state (n, 3), their probabilities.
        loss: per state (n,), nats.
        cosine: per state (n,), cosine similarity of the embedding to that of round 0.
        boundary: per state (n,), signed distance to the decision boundary, above 0 where predicted as labelled.

    What was not recorded is NaN, or -1 of an integer.
    """

    row: np.ndarray
    sample: np.ndarray
    test: np.ndarray
    group: np.ndarray
    label: np.ndarray
    truth: np.ndarray
    classes: tuple[str, ...]
    states: tuple[SceneState, ...]
    prediction: list[np.ndarray]
    top3_class: list[np.ndarray]
    top3: list[np.ndarray]
    loss: list[np.ndarray]
    cosine: list[np.ndarray]
    boundary: list[np.ndarray]

    @cached_property
    def message(self) -> bytes:
        """These samples as `pack_samples` packs them; packed once, because every view sends the same."""
        return pack_samples(self)

    def predictions_at(self, states: Sequence[SceneState]) -> list[np.ndarray]:
        """Predicted classes at some states; -1 at one that these samples do not know."""
        known = {state.key: prediction for state, prediction in zip(self.states, self.prediction, strict=True)}
        unknown = np.full(len(self.row), -1)
        return [known.get(state.key, unknown) for state in states]


def drawn_axes(scene: Scene) -> tuple[SceneAxis, ...]:
    """The axes as they are drawn: of equal length around their middle where units must be equally long."""
    lengths = [axis.high - axis.low if axis.high > axis.low else 1.0 for axis in scene.axes]
    wanted = [max(lengths)] * len(lengths) if scene.equal else lengths
    middles = [(axis.low + axis.high) / 2 for axis in scene.axes]
    return tuple(
        replace(axis, low=middle - length / 2, high=middle + length / 2)
        for axis, middle, length in zip(scene.axes, middles, wanted, strict=True)
    )


def pack_scene(scene: Scene, predictions: Sequence[np.ndarray]) -> bytes:
    """A scene as one message: a line of JSON, then per state positions, predicted classes and a bit for strays.

    Per sample and state this takes 2 bytes for each axis, 1 for the prediction (2 with more than 254 classes) and an
    eighth for the ring of strays.

    Args:
        scene: of n samples.
        predictions: per state (n,) predicted classes; -1 where unknown.
    """
    axes = drawn_axes(scene)
    codes = [np.column_stack([_code(cloud[:, k], axis) for k, axis in enumerate(axes)]) for cloud in scene.coordinates]
    kind, predicted = _pack_classes(np.stack(predictions))
    strays = scene.stray or [np.zeros(len(cloud), bool) for cloud in scene.coordinates]
    header = {
        "view": scene.view,
        "axes": [asdict(axis) for axis in axes],
        "moments": [_named(state) for state in scene.states],
        "equal": scene.equal,
        "samples": len(scene.coordinates[0]),
        "class_bytes": kind,
    }
    parts = {
        "codes": np.stack(codes),
        "prediction": predicted,
        "stray": np.stack([np.packbits(stray, bitorder="little") for stray in strays]),
    }
    return pack_message(header, parts)


def pack_samples(samples: SceneSamples) -> bytes:
    """What the card under the pointer says, at all states, as one message; the same for every view of a run."""
    kind, classes = _pack_classes(np.stack([samples.label, samples.truth]))
    kind3, top3_class = _pack_classes(np.stack(samples.top3_class))
    header = {
        "moments": [_named(state) for state in samples.states],
        "samples": len(samples.row),
        "classes": list(samples.classes),
        "class_bytes": kind,
        "top3_bytes": kind3,
        "groups": [
            {"id": group, "title": TITLES[group], "colour": COLOURS[group], "symbol": SYMBOLS[group]}
            for group in GROUPS
        ],
        "reference_colour": COLOURS["reference"],
    }
    parts = {
        "row": samples.row.astype("<i4"),
        "sample": samples.sample.astype("<i4"),
        "test": samples.test.astype(np.uint8),
        "group": samples.group.astype(np.uint8),
        "classes": classes,
        "top3_class": top3_class,
        **{name: _halves(getattr(samples, name)) for name in ("top3", "loss", "cosine", "boundary")},
    }
    return pack_message(header, parts)


def pack_message(header: Mapping[str, Any], parts: Mapping[str, np.ndarray | bytes]) -> bytes:
    """A message for the browser: length of the header (4 bytes), header as JSON, then the parts.

    Args:
        header: gains ``parts`` (name: first byte after the header, number of bytes) and ``stamp``, a digest of it all.
        parts: arrays as they lie in memory, or bytes.
    """
    places, body = {}, bytearray()
    for name, part in parts.items():
        content = part if isinstance(part, bytes) else np.ascontiguousarray(part).tobytes()
        places[name] = [len(body), len(content)]
        body += content + bytes(-len(content) % ALIGNMENT)
    named = {**header, "parts": places}
    digest = hashlib.blake2b(json.dumps(named).encode() + body, digest_size=12).hexdigest()
    text = json.dumps({**named, "stamp": digest}).encode()
    text += b" " * (-(len(text) + 4) % ALIGNMENT)
    return len(text).to_bytes(4, "little") + text + bytes(body)


def read_header(message: bytes) -> dict[str, Any]:
    """The header of a packed message."""
    header: dict[str, Any] = json.loads(message[4 : 4 + int.from_bytes(message[:4], "little")])
    return header


def scene_alt(scene: Scene, samples: SceneSamples) -> str:
    """What is drawn, in words."""
    counts = join(
        [f"{(samples.group == k).sum()} {name}" for k, name in enumerate(GROUPS) if (samples.group == k).any()]
    )
    rounds = [state.number for state in scene.states if state.kind == "round" and state.number is not None]
    beside = [state.title for state in scene.states if state.kind == "reference"]
    others = f", beside {join(beside)}" if beside else ""
    return (
        f"Samples as points ({counts}) on the axes {join([axis.title for axis in scene.axes])}: before unlearning and "
        f"at any of the rounds up to {max(rounds, default=0)}{others}, on the same axes."
    )


def _code(values: np.ndarray, axis: SceneAxis) -> np.ndarray:
    share = (np.clip(values.astype(np.float64), axis.low, axis.high) - axis.low) / (axis.high - axis.low)
    return np.where(np.isfinite(values), np.rint(share * CODES), CODES + 1).astype("<u2")


def _pack_classes(classes: np.ndarray) -> tuple[int, np.ndarray]:
    """Bytes per class and the classes; the highest number that fits stands for "unknown"."""
    size = 1 if classes.max(initial=0) < 255 else 2
    unknown = 256**size - 1
    return size, np.where(classes < 0, unknown, classes).astype(f"<u{size}")


def _halves(per_state: Sequence[np.ndarray]) -> np.ndarray:
    """Three digits are what a card shows; values beyond the largest half keep their sign and stay finite."""
    values = np.stack(per_state).astype(np.float64)
    largest = float(np.finfo(np.float16).max)
    return np.clip(values, -largest, largest).astype("<f2")


def _named(state: SceneState) -> dict[str, Any]:
    return asdict(state) | {"key": state.key}
