"""Forward passes through encoders: classes by a kNN vote of retain samples, loss of their own training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from typing_extensions import override

from cu_core.engine.encoder_signals import (
    NEGATIVE_FOLDS,
    NEGATIVES,
    Encoded,
    encode,
    pair_cosines,
    training_losses,
    view_embeddings,
    vote_logits,
)
from cu_core.engine.probe import GROUPS, stratified
from cu_core.engine.setup import RunSetup
from cu_core.engine.signal_pass import VIEWS_SEED, ClassifierPass, Reported, SignalPass
from cu_core.engine.signals import Forward
from cu_core.learning.network import Network
from cu_core.learning.objectives.training_objective import TrainingObjective, make_objective
from cu_core.metrics.knn import TEMPERATURE, K, weighted_knn
from cu_core.metrics.linear import linear_accuracy

PROBE_BANK = 5_000
BANK = 20_000


class EncoderPass(SignalPass):
    """Of encoders: models without classes.

    Attributes:
        bank: (b,) int64 training samples that vote in everyday rounds, all of them retain samples.
        full_bank: (B,) int64 those that vote where all samples are reported on.
        negatives: (m,) int64 rows of the probe whose views are contrasted with, retain and unseen samples.
    """

    def __init__(self, setup: RunSetup) -> None:
        super().__init__(setup)
        labels, seed = setup.data.train_labels[setup.retain], setup.spec.probe.seed
        # Other streams than those of the rule's samples and of the spare ones.
        self.bank = stratified(setup.retain, labels, PROBE_BANK, np.random.default_rng([seed, 2]))
        self.full_bank = stratified(setup.retain, labels, BANK, np.random.default_rng([seed, 3]))
        self.voters = np.unique(setup.data.train_labels[self.full_bank])
        pool = np.flatnonzero(setup.probe.group != GROUPS.index("forget"))
        size = min(NEGATIVES, len(pool) // NEGATIVE_FOLDS * NEGATIVE_FOLDS or len(pool))
        self.negatives = np.random.default_rng([seed, 4]).permutation(pool)[:size]
        self._objective: TrainingObjective | None = None

    @override
    def round(self, model: Network) -> tuple[Forward, Forward, Forward]:
        n_train, n_test = int((~self.setup.probe.is_test).sum()), int(self.setup.probe.is_test.sum())
        train_rows, test_rows = self._rows()
        train, test = self._with_classes(model, self.bank, train_rows, test_rows)
        outputs = train.take(np.arange(n_train)).then(test.take(np.arange(n_test)))
        rest = np.arange(n_train, len(train_rows)), np.arange(n_test, len(test_rows))
        return outputs, train.take(rest[0]), test.take(rest[1])

    @override
    def probe(self, model: Network) -> Forward:
        sample, is_test = self.setup.probe.sample, self.setup.probe.is_test
        train, test = self._with_classes(model, self.bank, sample[~is_test], sample[is_test])
        return train.then(test)

    @override
    def views(self, model: Network, probe: Forward, *, everything: bool) -> Forward:
        # The loss and the first two views belong to every round.
        sample, is_test = self.setup.probe.sample, self.setup.probe.is_test
        count = self.setup.spec.audit.views if everything else 2
        others = self._others(model)
        train = self._view_signals(model, sample[~is_test], False, count, others)
        test = self._view_signals(model, sample[is_test], True, count, others)
        loss, cosines = (np.concatenate(parts) for parts in zip(train, test, strict=True))
        pairs = cosines if everything else None
        return replace(probe, own_loss=loss, two_view=cosines[:, 0], pair_cosines=pairs)

    @override
    def reported(self, model: Network) -> Reported:
        setup = self.setup
        forget, unseen = setup.reported_forget, setup.reported_unseen
        seen = encode(model, setup.train, setup.retain)
        bank = seen.take(np.searchsorted(setup.retain, self.full_bank))
        unseen_encoded = encode(model, setup.test, unseen)
        others = self._others(model)
        found = []
        for index, is_test, encoded in (
            (forget, False, encode(model, setup.train, forget)),
            (unseen, True, unseen_encoded),
        ):
            loss, cosines = self._view_signals(model, index, is_test, 2, others)
            classes = self._classes(encoded, bank, None)
            found.append(replace(classes, own_loss=loss, two_view=cosines[:, 0]))
        linear = linear_accuracy(
            self._on_device(bank.features),
            self._on_device(bank.labels),
            self._on_device(unseen_encoded.features),
            self._on_device(unseen_encoded.labels),
            len(setup.data.classes),
        )
        retain = self._classes(seen, bank, index_in(setup.retain, self.full_bank))
        return Reported(found[0], retain, found[1], linear)

    @override
    def passes(self) -> tuple[int, int]:
        rule = self.setup.rule_samples
        rows = len(self.setup.probe.sample)
        everyday = 3 * rows + len(rule.forget) + len(rule.unseen) + len(self.bank) + len(self.negatives)
        return everyday, (self.setup.spec.audit.views - 2) * rows

    def losses(self, model: Network, sample: np.ndarray, is_test: bool, views: torch.Tensor) -> np.ndarray:
        """The training loss of each sample between its first two views; see `training_losses`.

        Args:
            model: the encoder.
            sample: (n,) indices into the training or the test images.
            is_test: which of the two.
            views: (n, V, d) raw embeddings as of `view_embeddings`.

        Returns:
            (n,) float32.
        """
        return self._losses(model, sample, is_test, views, self._others(model))

    def _with_classes(
        self, model: Network, bank: np.ndarray, train_rows: np.ndarray, test_rows: np.ndarray
    ) -> tuple[Forward, Forward]:
        """Training and test samples with a vote of the bank; everything is encoded once."""
        train_unique, where = np.unique(np.concatenate([train_rows, bank]), return_inverse=True)
        test_unique, test_where = np.unique(test_rows, return_inverse=True)
        train = encode(model, self.setup.train, train_unique)
        voters = train.take(where[len(train_rows) :])
        return (
            self._classes(train.take(where[: len(train_rows)]), voters, index_in(train_rows, bank)),
            self._classes(encode(model, self.setup.test, test_unique).take(test_where), voters, None),
        )

    def _classes(self, encoded: Encoded, bank: Encoded, own: np.ndarray | None) -> Forward:
        votes = weighted_knn(
            self._on_device(bank.features),
            self._on_device(bank.labels),
            self._on_device(encoded.features),
            K,
            TEMPERATURE,
            len(self.setup.data.classes),
            None if own is None else torch.from_numpy(own),
        )
        return Forward(encoded.embedding, vote_logits(votes), encoded.labels, output_top3=encoded.output_top3)

    def _view_signals(
        self, model: Network, sample: np.ndarray, is_test: bool, count: int, others: torch.Tensor
    ) -> tuple[np.ndarray, np.ndarray]:
        """Loss (n,) and cosines of all pairs (n, p) of some samples."""
        source = self.setup.test if is_test else self.setup.train
        views = view_embeddings(self._training_objective(model), model, source, sample, count, VIEWS_SEED + is_test)
        return self._losses(model, sample, is_test, views, others), pair_cosines(views).numpy()

    def _losses(
        self, model: Network, sample: np.ndarray, is_test: bool, views: torch.Tensor, others: torch.Tensor
    ) -> np.ndarray:
        probe = self.setup.probe
        negatives = np.flatnonzero(probe.is_test[self.negatives] == is_test)
        row_of = {int(probe.sample[self.negatives[row]]): int(row) for row in negatives}
        fold = np.array([row_of.get(int(s), int(s)) for s in sample], np.int64)
        return training_losses(self._training_objective(model), model, views, others, fold, self.setup.device)

    def _others(self, model: Network) -> torch.Tensor:
        """(m, d) raw embeddings of one view of each negative."""
        sample, is_test = self.setup.probe.sample[self.negatives], self.setup.probe.is_test[self.negatives]
        found = torch.empty(len(sample), model.embedding_dim)
        for test, source in ((False, self.setup.train), (True, self.setup.test)):
            rows = np.flatnonzero(is_test == test)
            views = view_embeddings(
                self._training_objective(model), model, source, sample[rows], 1, VIEWS_SEED + 2 + test
            )
            found[torch.from_numpy(rows)] = views[:, 0]
        return found

    def _training_objective(self, model: Network) -> TrainingObjective:
        """The objective whose loss of single samples is taken; it reads the network and its settings alone."""
        if self._objective is None:
            # What it draws for a queue that nobody will read must not move the random numbers of the method.
            with torch.random.fork_rng(devices=[self.setup.device] if self.setup.device.type == "cuda" else []):
                self._objective = make_objective(self.setup.spec.train, model, len(self.setup.data.train_labels))
        return self._objective

    def _on_device(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values).to(self.setup.device)


def signal_pass_of(setup: RunSetup) -> SignalPass:
    """The forward passes of a run, through encoders or through classifiers."""
    return EncoderPass(setup) if setup.spec.self_supervised else ClassifierPass(setup)


def index_in(index: np.ndarray, bank: np.ndarray) -> np.ndarray:
    """(n,) int64 row of each index in a sorted bank; -1 where it is not there."""
    if len(bank) == 0:
        return np.full(len(index), -1, np.int64)
    row = np.searchsorted(bank, index).clip(max=len(bank) - 1)
    return np.where(bank[row] == index, row, -1)
