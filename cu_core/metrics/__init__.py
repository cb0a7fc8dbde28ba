"""Metrics: the explicit list of what every evaluation reports, in the order in which it does.

Plug-ins come through the entry-point group ``unlearnscope.metrics``.
"""

from __future__ import annotations

from cu_core.catalogue.metric_record import METRICS
from cu_core.metrics.accuracy import (
    FORGET_ACC,
    RETAIN_ACC,
    TEST_ACC,
    TEST_ACC_FORGOTTEN,
    TEST_ACC_RETAINED,
    TRUE_LABEL_ACC,
)
from cu_core.metrics.centroids import OTHER_CENTROID_COSINE, OWN_CENTROID_COSINE
from cu_core.metrics.linear import LINEAR_ACC, PROBE_RECOVERY
from cu_core.metrics.means import FORGET_LOSS, FORGET_TOP1, FORGET_TWO_VIEW, UNSEEN_LOSS, UNSEEN_TOP1, UNSEEN_TWO_VIEW
from cu_core.metrics.membership import LOSS_GAP, MIA_AUC

METRICS.add(
    FORGET_ACC,
    RETAIN_ACC,
    TEST_ACC,
    TEST_ACC_FORGOTTEN,
    TEST_ACC_RETAINED,
    TRUE_LABEL_ACC,
    PROBE_RECOVERY,
    LINEAR_ACC,
    MIA_AUC,
    OWN_CENTROID_COSINE,
    OTHER_CENTROID_COSINE,
    FORGET_TOP1,
    UNSEEN_TOP1,
    FORGET_LOSS,
    UNSEEN_LOSS,
    LOSS_GAP,
    FORGET_TWO_VIEW,
    UNSEEN_TWO_VIEW,
)
