"""Forward passes of a run over its fixed samples: the probe, the stopping rule's and all that are reported on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np
from typing_extensions import override

from cu_core.engine.setup import RunSetup
from cu_core.engine.signals import Forward, forward, two_view_cosine
from cu_core.learning.network import Network

VIEWS_SEED = 20240119
# Samples of a group of whose views a finished model is evaluated: two more passes each, for the mean of one number.
MOST_VIEWS = 2000


@dataclass(frozen=True)
class Reported:
    """A model on all samples that are reported on.

    Attributes:
        forget: forget samples; of classifiers the views of 2,000 at most are passed.
        retain: retain samples; without loss and views where those take views.
        unseen: unseen samples, with as many views.
        linear: accuracy of a linear classifier on an encoder's features; None for classifiers.
    """

    forget: Forward
    retain: Forward
    unseen: Forward
    linear: float | None = None


class SignalPass(ABC):
    """Forward passes through the models of one run, always over the same samples and the same views of them.

    Attributes:
        setup: the fixed part of the run.
        voters: labels that predictions can name; None where they can name every class.
    """

    voters: np.ndarray | None = None

    def __init__(self, setup: RunSetup) -> None:
        self.setup = setup

    @abstractmethod
    def round(self, model: Network) -> tuple[Forward, Forward, Forward]:
        """One forward pass over the probe's rows, the stopping rule's forget samples and its unseen ones."""

    @abstractmethod
    def probe(self, model: Network) -> Forward:
        """One forward pass over the probe's rows alone."""

    @abstractmethod
    def views(self, model: Network, probe: Forward, *, everything: bool) -> Forward:
        """The signals of the probe from `round`, with those that take augmented views.

        Args:
            model: the same model.
            probe: the probe's rows.
            everything: also what need not be recorded in every round.
        """

    @abstractmethod
    def reported(self, model: Network) -> Reported:
        """One forward pass over all samples that are reported on."""

    @abstractmethod
    def passes(self) -> tuple[int, int]:
        """Images passed through a model for an everyday round, and those that `everything` adds."""

    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the probe's and the rule's samples: training images, then test images; the probe's first."""
        probe, rule = self.setup.probe, self.setup.rule_samples
        return (
            np.concatenate([probe.sample[~probe.is_test], rule.forget]),
            np.concatenate([probe.sample[probe.is_test], rule.unseen]),
        )


class ClassifierPass(SignalPass):
    """Of classifiers: one forward pass gives every signal but those of views."""

    @override
    def round(self, model: Network) -> tuple[Forward, Forward, Forward]:
        probe = self.setup.probe
        train_rows, test_rows = self._rows()
        train_unique, train_where = np.unique(train_rows, return_inverse=True)
        test_unique, test_where = np.unique(test_rows, return_inverse=True)
        train = forward(model, self.setup.train, train_unique)
        test = forward(model, self.setup.test, test_unique)
        n_train, n_test = int((~probe.is_test).sum()), int(probe.is_test.sum())
        outputs = train.take(train_where[:n_train]).then(test.take(test_where[:n_test]))
        return outputs, train.take(train_where[n_train:]), test.take(test_where[n_test:])

    @override
    def probe(self, model: Network) -> Forward:
        probe = self.setup.probe
        train = forward(model, self.setup.train, probe.sample[~probe.is_test])
        return train.then(forward(model, self.setup.test, probe.sample[probe.is_test]))

    @override
    def views(self, model: Network, probe: Forward, *, everything: bool) -> Forward:
        # No view is passed in an everyday round.
        if not everything:
            return probe
        sample, is_test = self.setup.probe.sample, self.setup.probe.is_test
        train = two_view_cosine(model, self.setup.train, sample[~is_test], VIEWS_SEED)
        test = two_view_cosine(model, self.setup.test, sample[is_test], VIEWS_SEED + 1)
        return replace(probe, two_view=np.concatenate([train, test]))

    @override
    def reported(self, model: Network) -> Reported:
        setup = self.setup
        forget, unseen = setup.reported_forget, setup.reported_unseen
        return Reported(
            replace(
                forward(model, setup.train, forget),
                two_view=two_view_cosine(model, setup.train, _some(forget), VIEWS_SEED),
            ),
            forward(model, setup.train, setup.retain),
            replace(
                forward(model, setup.test, unseen),
                two_view=two_view_cosine(model, setup.test, _some(unseen), VIEWS_SEED + 1),
            ),
        )

    @override
    def passes(self) -> tuple[int, int]:
        rule = self.setup.rule_samples
        rows = len(self.setup.probe.sample)
        return rows + len(rule.forget) + len(rule.unseen), 2 * rows


def _some(index: np.ndarray) -> np.ndarray:
    """At most `MOST_VIEWS` of the indices, in even steps."""
    return index[np.linspace(0, len(index) - 1, min(len(index), MOST_VIEWS)).astype(np.int64)]
