"""Record of Fisher forgetting: what the form, the command line and the docs say of it."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.method_record import Method


@dataclass(frozen=True)
class FisherParams:
    """Hyper-parameters of Fisher forgetting."""

    alpha: float = param(
        1e-6,
        "Noise α",
        "Scale of the noise's variance.",
        low=1e-12,
        high=1.0,
        log=True,
        paper="1e-6 (released notebook); others sweep 1e-9 to 1e-5",
    )
    samples: int = param(
        1000,
        "Retain samples",
        "The Fisher information is the mean over this many random retain samples; each costs a gradient per class.",
        low=0,
        high=10_000_000,
        unit="samples",
        special="0 = all",
        paper="all",
    )


METHOD = Method(
    id="fisher",
    title="Fisher forgetting",
    summary="Adds noise to the weights, the more the less the answers on retain samples depend on a weight.",
    paper="Golatkar et al., Eternal Sunshine of the Spotless Net, CVPR 2020 (arXiv 1911.04933); caps of its code",
    params=FisherParams,
    implementation="cu_core.methods.fisher:unlearn",
    needs_forget=False,
    needs_labels=False,
    one_shot=True,
    needs="Retain samples without labels, and for each of them one gradient per class.",
    fails="The right noise differs by orders of magnitude between networks: a little too much and all classes are "
    "lost. The forget samples themselves are never looked at.",
    rounds={"class": 1, "sample": 1},
)
