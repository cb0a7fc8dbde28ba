"""What metrics, and the tests behind a verdict, measure, as a student says it: words for the axes of a lesson."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cu_core.analysis.verdict_reading import heading_of_test
from cu_core.catalogue.metric_record import METRICS

OF_TESTS: Mapping[str, str] = {
    "compactness": "How near the deleted pictures stand to each other inside the network (1: in one place)",
    "class-means": "How much nearer to their own class than to the next one, inside the network",
    "prototype": "How much nearer to five of their own than to others, inside the network",
    "refitted": "How surely a new last layer puts deleted pictures into their own class (below 0: into another)",
    "own-class": "How near deleted pictures stand to the kept ones of their class inside the network (1: in one place)",
    "probe": "How well a probe tells deleted pictures from new ones (0.5: not at all)",
    "level": "How much surer of the deleted pictures than of others that are new, in log-odds (0: no surer)",
    "gain": "What the training added to how sure the network is of the deleted pictures (0: nothing)",
}
"""By the id of the test; of the questions that the shipped lesson shows."""

OF_METRICS: Mapping[str, str] = {
    "forget_acc": "Deleted pictures with the right answer",
    "test_acc": "New pictures with the right answer",
    "test_acc_retained": "New pictures of the other classes with the right answer",
    "probe_recovery": "New pictures that the probe finds",
    "forget_loss": "Loss on deleted pictures (0: sure and right)",
    "mia_auc": "AUC of an attacker who sorts by the loss (0.5: a coin)",
}
"""By the id of the metric; of those that the shipped lesson shows."""


def axis_of_test(test: Mapping[str, Any]) -> str:
    """Words for the axis of a test; its own heading where there are none."""
    return OF_TESTS.get(str(test["id"])) or heading_of_test(test)


def axis_of_metric(metric: str) -> str:
    """Words for the axis of a metric; its title where there are none."""
    return OF_METRICS.get(metric) or METRICS[metric].title
