"""Who a deep audit asks about, and what each shadow model does with each of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.catalogue.spec import digest
from cu_core.data.joined_source import JoinedSource
from cu_core.engine.audit.audit_samples import matched
from cu_core.engine.setup import RunSetup

MOST = 600
"""Most forget samples, and as many unseen ones: RULI's number."""
FEWEST = 20


class Role(IntEnum):
    """What a shadow model does with a target."""

    OUT = 0
    """never sees it"""
    UNLEARN = 1
    """is trained on it and unlearns it"""
    IN = 2
    """is trained on it and keeps it"""


@dataclass(frozen=True)
class ShadowTargets:
    """The targets of a deep audit, by their place in one source of all training images and the unseen targets.

    The first half are forget samples, the second as many unseen ones of the same true classes. Those carry labels of
    forget samples of their class: wrong ones where those were wrong, so that both sides were mislabelled alike.

    Attributes:
        source: all training images, then the unseen targets.
        forget: (n,) int64, sorted training samples.
        unseen: (n,) int64, sorted test samples.
        label: (2n,) int64, as shadows are trained on them.
        identity: hash of images, targets and labels.
        always: (k,) int64, forget samples that are no targets: every shadow is trained on them and unlearns them.
        retain: (m,) int64, training samples that every shadow is trained on and keeps.
        roles: those that are drawn, see `drawn`.
    """

    source: JoinedSource
    forget: np.ndarray
    unseen: np.ndarray
    label: np.ndarray
    identity: str
    always: np.ndarray
    retain: np.ndarray
    roles: tuple[Role, ...]

    def __len__(self) -> int:
        return 2 * len(self.forget)

    @property
    def place(self) -> np.ndarray:
        """(2n,) int64 places of the targets in the source."""
        first = len(self.source) - len(self.unseen)
        return np.concatenate([self.forget, np.arange(first, len(self.source))])

    def drawn(self, shadow: int) -> np.ndarray:
        """(2n,) int8: the `Role` of each target in a shadow, counted from 0.

        In each block of as many shadows as there are roles every target takes every role once. The draw depends on the
        targets and the block alone, so all methods share trained shadows, and more shadows leave earlier ones as
        they were.
        """
        block, place = divmod(shadow, len(self.roles))
        rng = np.random.default_rng([int(self.identity[:15], 16), block])
        each = np.tile(np.array(self.roles, np.int8), (len(self), 1))
        return rng.permuted(each, axis=1)[:, place]

    def reported_by(self, setup: RunSetup) -> np.ndarray:
        """(2n,) bool: those that the stopping rule of a run has not looked at; all where fewer than `FEWEST` are left.

        The targets themselves do not depend on it, so that runs with other rules share shadow models.
        """
        free = self.free_of_rule(setup)
        enough = min(free[: len(self.forget)].sum(), free[len(self.forget) :].sum()) >= FEWEST
        return free if enough else np.ones(len(self), bool)

    def free_of_rule(self, setup: RunSetup) -> np.ndarray:
        """(2n,) bool: those that the stopping rule of a run has not looked at, however few."""
        sides = np.isin(self.forget, setup.reported_forget), np.isin(self.unseen, setup.reported_unseen)
        return np.concatenate(sides)

    def block(self, shadow: int) -> int:
        """Number of the block that a shadow belongs to."""
        return shadow // len(self.roles)


def shadow_targets(setup: RunSetup) -> ShadowTargets:
    """The targets of a run.

    They depend on the forget set alone, and on the samples that the method may read from outside the training set,
    of which none is a target.

    Args:
        setup: the fixed part of the run.

    Raises:
        BadInput: fewer than `FEWEST` unseen samples of the classes that are forgotten.
    """
    data, forget = setup.data, setup.forget
    free = np.setdiff1d(np.arange(len(data.test_labels)), setup.spare)
    truth = data.true_labels
    # One stream for all runs: the seed of a run must not decide who shares its shadows.
    rng = np.random.default_rng(MOST)
    members, others = matched(forget.indices, truth[forget.indices], free, data.test_labels[free], MOST, rng)
    if len(members) < FEWEST:
        raise BadInput(
            "audit.shadows",
            f"a deep audit needs {FEWEST} forget samples and as many unseen ones of the same classes; there are "
            f"{len(members)}",
            ("0",),
        )
    given = _labels_of_partners(data.train_labels[members], truth[members], data.test_labels[others], rng)
    source = JoinedSource(setup.train, setup.test, others, given)
    label = np.concatenate([data.train_labels[members], given]).astype(np.int64)
    content = [data.sha256, *(rows.tolist() for rows in (members, others, label)), forget.task]
    return ShadowTargets(
        source=source,
        forget=members,
        unseen=others,
        label=label,
        identity=digest(content),
        always=np.setdiff1d(forget.indices, members),
        retain=setup.retain,
        # Where a whole class is to go, a shadow that keeps some of it has not forgotten the class.
        roles=(Role.OUT, Role.UNLEARN) if forget.task == "class" else (Role.OUT, Role.UNLEARN, Role.IN),
    )


def _labels_of_partners(
    labels: np.ndarray, truth: np.ndarray, unseen: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """(n,) labels for unseen samples: those of forget samples with the same true class, in random order."""
    given = np.empty(len(unseen), np.int64)
    for label in np.unique(unseen):
        given[unseen == label] = rng.permutation(labels[truth == label])
    return given
