"""Judges own weights before anything runs: right as they are read, no better than guessing, or right in another way.

Weights that were trained elsewhere may expect other inputs than this program makes of the same images, and may answer
in another order of classes. Neither can be seen from the file, and both can be seen from a few hundred answers.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import nn

from cu_core.base.files import read_json, sha256_of, write_json
from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.base.parameters import contents
from cu_core.catalogue.class_orders import DATASET, NUMBER, TEXT, answered
from cu_core.catalogue.pixel_scales import SCALES, Moments, scale_of
from cu_core.catalogue.spec import RunSpec, digest
from cu_core.data.batches import ImageSource
from cu_core.engine.base_knowledge import guessing_forget, hardly_known
from cu_core.engine.setup import RunSetup, set_up
from cu_core.engine.weight_words import judgement_words, order_words
from cu_core.learning.build import build_for
from cu_core.learning.classifier import Classifier
from cu_core.learning.device import choose_precision
from cu_core.learning.network import Network
from cu_core.learning.normalisation import of_file
from cu_core.learning.precision_trial import InForce
from cu_core.metrics.chance import at_chance, below_chance, guessing
from cu_core.metrics.knn import TEMPERATURE, K, weighted_knn

# Part of every key: raised when the arithmetic changes.
VERSION = 2
MOST, FEWEST = 1_000, 200
# Multiplications that may be spent, on a CPU seconds; a GPU does as many times more in that time.
BUDGET = {"cpu": 4e11, "cuda": 8e12, "mps": 2e12}
# A reading is offered where it leaves at most this share of the errors, at least so many samples of all, or is right
# on so much more of them; by more than chance in each case, and itself above guessing.
LEFT, FAR, MUCH = 0.5, 0.03, 0.2
# Of the difference between two readings of the same samples: deviations from none.
SIGNIFICANT = 3
# An order of classes that is worked out from answers has to explain them.
EXPLAINS, EXPLAINS_MORE = 0.5, 0.2
# Readings as good as the best one but for this are taken in the order in which they are tried.
ALIKE = 0.01
BATCH = 250


@dataclass(frozen=True)
class _Scale:
    """A normalisation to try: its text in the specification, what it is called, mean and deviation."""

    text: str
    title: str
    moments: Moments


def check_weights(spec: RunSpec, home: Home, progress: Callable[[int, int, str], None]) -> dict[str, Any] | None:
    """Judges the own weights of a run that is yet to start; None where it has none, or trains on.

    Args:
        spec: the run.
        home: where datasets and judgements are kept.
        progress: receives done, total and a message while the data is read.

    Raises:
        BadInput: a value that cannot be used; weights that do not fit.
    """
    if not spec.takes_own_weights:
        return None

    def full(device: torch.device) -> InForce:
        # Nothing is trained for it, and evaluation is in fp32 always.
        return InForce(choose_precision("fp32", device))

    return judge(set_up(spec, home, progress, full), home)


def judge(setup: RunSetup, home: Home, check: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """How right the own weights of a run are, as they are read and in the usual other ways.

    Args:
        setup: the fixed part of the run.
        home: a judgement is kept there by what it rests on.
        check: called before each batch; may raise to stop.

    Returns:
        A record for ``result.json``: see docs/run-format.md.

    Raises:
        CheckpointError: the weights cannot be read or do not fit.
    """
    path = home.root / "weight-checks" / f"{_key(setup)[:24]}.json"
    try:
        found: dict[str, Any] = read_json(path)
        if found["version"] == VERSION:
            return found | {"read": setup.own_weights}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    found = _Judge(setup, check).judge()
    write_json(path, found)
    # How the file was read is words of the reader, which may change while the judgement stays.
    return found | {"read": setup.own_weights}


def _key(setup: RunSetup) -> str:
    spec = setup.spec
    file = sha256_of(named_path(spec.model.weights, "model.weights"))
    forget = hashlib.sha256(np.ascontiguousarray(setup.forget.indices, dtype=np.int64).tobytes()).hexdigest()
    model = contents(spec.model) | {"weights": file}
    return digest([VERSION, setup.data.sha256, forget, model, spec.train.objective, setup.device.type])


class _Judge:
    """The weights of one run, asked in several ways."""

    def __init__(self, setup: RunSetup, check: Callable[[], None]) -> None:
        self.setup, self.check = setup, check
        spec, data = setup.spec, setup.data
        as_in_file = dataclasses.replace(spec, model=dataclasses.replace(spec.model, class_order=DATASET))
        self.model = build_for(as_in_file, data, 0, own_weights=True).to(setup.device).eval()
        self.classifies = self.model.has_classes
        self.chosen = _chosen(setup)
        self.scales = list(_scales(setup, self.chosen))
        self.orders = self._orders()
        rng = np.random.default_rng(0)
        every, few = self._sizes()
        self.unseen = rng.permutation(len(data.test_labels))[:every]
        self.retain = rng.permutation(setup.retain)[:every]
        self.forget = rng.permutation(setup.forget.indices)[:every]
        self.few = few

    def judge(self) -> dict[str, Any]:
        """The record."""
        data, order = self.setup.data, self.setup.spec.model.class_order.strip()
        labels, retained = data.test_labels[self.unseen], data.train_labels[self.retain]
        answers = self._answers("test", self.unseen, self.chosen)
        meaning = np.array(self.orders[order])
        right = meaning[answers] == labels
        right_retain = meaning[self._answers("train", self.retain, self.chosen)] == retained
        guess = guessing(labels, len(data.classes))
        counts = {"unseen": (int(right.sum()), len(right)), "retain": (int(right_retain.sum()), len(right_retain))}
        best = self._best(answers, labels, right) if right.mean() <= 1 - FAR else None
        found: dict[str, Any] = {
            "version": VERSION,
            "by": "accuracy" if self.classifies else "neighbours",
            "samples": {group: n for group, (_, n) in counts.items()},
            "accuracy": {group: hits / n for group, (hits, n) in counts.items()},
            "guessing": guess,
            "at_chance": [group for group, (hits, n) in counts.items() if at_chance(hits, n, guess)],
            "below": below_chance(*counts["unseen"], guess),
            "chosen": {
                "normalisation": self.chosen.text,
                "title": self.chosen.title,
                "mean": list(self.chosen.moments[0]),
                "std": list(self.chosen.moments[1]),
                "class_order": order,
            },
            "best": best,
            "tried": len(self.scales),
        }
        found["words"] = judgement_words(found)
        found["loud"] = bool(found["at_chance"] or best)
        found["forget_words"] = self._of_forget(meaning)
        return found

    def _of_forget(self, meaning: np.ndarray) -> str | None:
        """That the weights hardly know what is to be forgotten."""
        if not self.classifies or len(self.forget) == 0:
            return None
        data, forget = self.setup.data, self.setup.forget
        labels = data.train_labels[self.forget]
        right = meaning[self._answers("train", self.forget, self.chosen)] == labels
        level = guessing_forget(forget.task, labels, data.train_labels, len(data.classes))
        return hardly_known(float(right.mean()), len(right), level)

    def _best(self, answers: np.ndarray, labels: np.ndarray, right: np.ndarray) -> dict[str, Any] | None:
        """The reading that is right on far more samples than the chosen one; None where there is none."""
        few = self._first(len(labels))
        tried = {scale.text: self._answers("test", self.unseen[few], scale) for scale in self.scales[1:]}
        tried = {self.chosen.text: answers[few], **tried}
        scores = {
            (text, order): float((np.array(meaning)[given] == labels[few]).mean())
            for text, given in tried.items()
            for order, meaning in self.orders.items()
        }
        top = max(scores.values())
        text, order = next(key for key, score in scores.items() if score >= top - ALIKE)
        named = self._offered(text, order, self.orders[order], labels, right)
        if not self.classifies or not self._has_rows:
            return named
        # Any order at all: worked out on retained samples, judged on unseen ones.
        explained = {text: _assigned(given, labels[few], len(self.orders[DATASET]))[1] for text, given in tried.items()}
        top = max(explained.values())
        text = next(text for text, score in explained.items() if score >= top - ALIKE)
        scale = next(scale for scale in self.scales if scale.text == text)
        retained = self.setup.data.train_labels[self.retain]
        meaning, _ = _assigned(self._answers("train", self.retain, scale), retained, len(self.orders[DATASET]))
        known = named["unseen"] if named else float(right.mean())
        free = self._offered(text, ",".join(map(str, meaning)), meaning, labels, right)
        enough = min(EXPLAINS, 10 / len(meaning))
        return free if free and free["unseen"] >= max(enough, known + EXPLAINS_MORE) else named

    @property
    def _has_rows(self) -> bool:
        return isinstance(self.model, Classifier)

    def _offered(
        self, text: str, order: str, meaning: list[int], labels: np.ndarray, right: np.ndarray
    ) -> dict[str, Any] | None:
        """A reading on all unseen samples, if it is far better there than the chosen one."""
        scale = next(scale for scale in self.scales if scale.text == text)
        other = np.array(meaning)[self._answers("test", self.unseen, scale)] == labels
        gained, lost = int((other & ~right).sum()), int((right & ~other).sum())
        if at_chance(int(other.sum()), len(labels), guessing(labels, len(self.setup.data.classes))):
            return None
        if not clearly_better(int((~right).sum()), gained, lost, len(labels)):
            return None
        return {
            "normalisation": scale.text,
            "title": scale.title,
            "class_order": order,
            "order_title": order_words(order, self.setup.data.classes),
            "unseen": float(other.mean()),
        }

    def _first(self, total: int) -> slice:
        return slice(0, min(self.few, total))

    def _orders(self) -> dict[str, list[int]]:
        """What each answer means, by order of classes; the chosen one first, and no two alike."""
        names = self.setup.data.classes
        chosen = self.setup.spec.model.class_order.strip()
        if not isinstance(self.model, Classifier):
            return dict.fromkeys((chosen, DATASET), list(range(len(names))))
        found: dict[str, list[int]] = {}
        for order in (chosen, DATASET, TEXT, NUMBER):
            meaning = answered(order, names)
            if meaning not in found.values() or order == DATASET:
                found[order] = meaning
        return found

    def _sizes(self) -> tuple[int, int]:
        """How many samples are looked at as the weights are read, and how many in each other way."""
        data = self.setup.data
        work = _multiplications(self.model, data.train_images.shape[1:], self.setup.device)
        budget = BUDGET.get(self.setup.device.type, BUDGET["cpu"]) / max(work, 1)
        every = int(np.clip(0.6 * budget / 4, FEWEST, MOST))
        return every, int(np.clip(0.4 * budget / len(self.scales), FEWEST // 2, every))

    def _answers(self, split: str, index: np.ndarray, scale: _Scale) -> np.ndarray:
        """(n,) position of the highest logit; of an encoder the class that retained neighbours vote for."""
        if self.classifies:
            return self._passed(split, index, scale, lambda outputs: outputs.logits.argmax(1)).numpy()
        bank = self._passed("train", self.retain, scale, lambda outputs: outputs.features)
        voters = torch.from_numpy(np.array(self.setup.data.train_labels[self.retain]))
        # Nobody has a vote on itself; of training samples only the voters are asked.
        own = torch.arange(len(bank)) if split == "train" else None
        asked = bank if split == "train" else self._passed(split, index, scale, lambda outputs: outputs.features)
        votes = weighted_knn(bank, voters, asked, K, TEMPERATURE, len(self.setup.data.classes), own)
        return votes.argmax(1).numpy()

    @torch.inference_mode()
    def _passed(self, split: str, index: np.ndarray, scale: _Scale, wanted: Callable[[Any], torch.Tensor]) -> Any:
        data = self.setup.data
        images, labels = (
            (data.train_images, data.train_labels) if split == "train" else (data.test_images, data.test_labels)
        )
        source = ImageSource(images, labels, *scale.moments, self.setup.device, resident=False)
        parts = []
        for start in range(0, len(index), BATCH):
            self.check()
            x, _ = source.take(torch.from_numpy(np.asarray(index[start : start + BATCH])))
            parts.append(wanted(self.model.outputs(x)).cpu())
        return torch.cat(parts)


def clearly_better(wrong: int, gained: int, lost: int, n: int) -> bool:
    """Whether another reading is so much better than the chosen one that it is offered.

    Args:
        wrong: errors of the chosen reading.
        gained: of these, those on which the other one is right.
        lost: errors of the other reading on which the chosen one is right.
        n: samples of both.
    """
    # McNemar's test of paired answers.
    if gained - lost < SIGNIFICANT * np.sqrt(gained + lost):
        return False
    halved = wrong - gained + lost <= LEFT * wrong and gained - lost >= FAR * n
    return halved or gained - lost >= MUCH * n


def _chosen(setup: RunSetup) -> _Scale:
    text = setup.spec.model.normalisation.strip()
    moments = setup.train.moments
    named = scale_of(text)
    if named is not None:
        return _Scale(text, named.title, moments)
    own = moments == (tuple(setup.data.mean), tuple(setup.data.std))
    return _Scale(text, "this dataset's mean and deviation" if own else "the file's mean and deviation", moments)


def _scales(setup: RunSetup, chosen: _Scale) -> Iterator[_Scale]:
    """The chosen normalisation, then the usual others; no two alike."""
    data = setup.data
    channels = data.train_images.shape[1]
    candidates = [chosen]
    if told := of_file(setup.spec.model, channels):
        candidates.append(_Scale("auto", "the file's mean and deviation", told))
    candidates.append(_Scale("dataset", "this dataset's mean and deviation", (tuple(data.mean), tuple(data.std))))
    candidates += [_Scale(name, scale.title, scale.moments(channels)) for name, scale in SCALES.items()]
    seen = set()
    for scale in candidates:
        key = tuple(round(number, 4) for part in scale.moments for number in part)
        if key not in seen:
            seen.add(key)
            yield scale


def _assigned(answers: np.ndarray, labels: np.ndarray, classes: int) -> tuple[list[int], float]:
    """The one-to-one meaning of answers under which most are right, and on how many that is."""
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (answers, labels), 1)
    rows, columns = linear_sum_assignment(-table)
    return [int(c) for c in columns], float(table[rows, columns].sum() / max(len(labels), 1))


def _multiplications(model: Network, shape: tuple[int, ...], device: torch.device) -> float:
    """Multiply-adds of convolutions and linear layers for one image."""
    spent = [0.0]

    def count(layer: Any, inputs: Any, output: torch.Tensor) -> None:
        weight: torch.Tensor = layer.weight
        spent[0] += weight.numel() * output.numel() / (output.shape[1] if output.ndim == 4 else weight.shape[0])

    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.inference_mode():
            model.outputs(torch.zeros(1, *shape, device=device))
    finally:
        for hook in hooks:
            hook.remove()
    return spent[0]
