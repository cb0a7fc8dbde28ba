"""How like the references a round is, for the stopping rule that compares with them."""

from __future__ import annotations

import numpy as np

from cu_core.catalogue.stopping import RuleOutcome, judge_distance
from cu_core.engine.probe import GROUPS
from cu_core.engine.recorded_models import model_seen, yardstick
from cu_core.engine.setup import RunSetup
from cu_core.engine.signal_pass import SignalPass
from cu_core.engine.signals import Forward, per_sample
from cu_core.learning.network import Network
from cu_core.metrics.questions.nearness import Yardstick
from cu_core.metrics.questions.verdict_evidence import ModelSeen


class Likeness:
    """Judges rounds by their distance to retrained models.

    Under the held-out protocol it looks at those recorded forget and unseen samples that are set apart for the rule and
    reported on nowhere; under the paper's at all that are recorded. Models are seen as they are recorded, in half
    precision, so that a run that is resumed sees the same.

    Args:
        setup: the fixed part of the run.
        signal_pass: passes through its probe.
    """

    def __init__(self, setup: RunSetup, signal_pass: SignalPass) -> None:
        self.setup = setup
        self.signal_pass = signal_pass
        probe = setup.probe
        held_out = setup.spec.stop.protocol == "held-out"
        self._inside = (
            probe.rule | (probe.group == GROUPS.index("retain")) if held_out else np.ones(len(probe.rule), bool)
        )
        self._yardstick: Yardstick | None = None

    def compare_with(self, base: Network, references: list[Network]) -> None:
        """Takes the models that rounds are compared with.

        Args:
            base: the model before unlearning.
            references: retrained ones.
        """
        seen = [self._seen(model, self.signal_pass.probe(model)) for model in (base, *references)]
        self._yardstick = yardstick(self.setup, seen[0], seen[1:])

    def judge(self, model: Network, probe: Forward) -> RuleOutcome | None:
        """The rule's outcome; None where there are too few samples for any of the numbers.

        Args:
            model: after a round.
            probe: what it says of the probe.
        """
        if self._yardstick is None:
            return None
        near = self._yardstick.measure(self._seen(model, probe))
        return judge_distance(self.setup.rule, near.distance if near else None)

    def _seen(self, model: Network, probe: Forward) -> ModelSeen:
        encoder = self.setup.spec.self_supervised
        if encoder and probe.two_view is None:
            probe = self.signal_pass.views(model, probe, everything=False)
        return model_seen(self.setup.probe, per_sample(probe).__getitem__, self._inside, encoder=encoder)
