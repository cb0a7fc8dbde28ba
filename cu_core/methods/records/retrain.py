"""Record of retraining: what the form, the command line and the docs say of it."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.method_record import Method, by_all_processes


@dataclass(frozen=True)
class RetrainParams:
    """Retraining has the recipe of the original training and nothing else to choose but its seed."""

    offset: int = param(
        1000,
        "Seed offset",
        "Added to the run's seed: the references take the seeds from the run's on, and this is to be another model.",
        low=20,
        high=1_000_000,
        advanced=True,
    )


METHOD = Method(
    id="retrain",
    title="Retrain",
    summary="Trains an untrained model on the retain samples with the original recipe: exact, the standard to meet.",
    paper="the definition of exact unlearning; recipe as in Contrastive Unlearning (Lee et al., IJCAI 2025)",
    params=RetrainParams,
    implementation="cu_core.methods.retrain:unlearn",
    divided=by_all_processes,
    objectives=("supervised", "self-supervised", "image-text"),
    needs_forget=False,
    needs_labels=False,
    starts_anew=True,
    needs="All retain samples and the time of a whole training; a round is an epoch.",
    fails="Costs as much as the training did, for every request to forget.",
    rounds={"class": 0, "sample": 0},
)
