"""Record of contrastive unlearning of image-text models: what the form, the command line and the docs say of it."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.method_record import Method, by_all_processes


@dataclass(frozen=True)
class ClipContrastiveParams:
    """Hyper-parameters; defaults are those of the released CLIP code wherever it can be run with them."""

    lr: float = param(
        1e-5,
        "Learning rate, unlearning",
        "Step size of Adam on the forgotten class.",
        low=1e-12,
        high=1.0,
        log=True,
        paper="1e-12 (released code), which changes nothing in float32; the value used is not published",
    )
    finetune_lr: float = param(
        1e-5,
        "Learning rate, fine-tuning",
        "Step size of Adam on retain pairs; 1e-3, the default of the released code, suits small models only.",
        low=1e-7,
        high=1.0,
        log=True,
        paper="1e-3 (released code); 1e-5 for the first fine-tuning",
    )
    temperature: float = param(
        0.07,
        "Temperature τ",
        "Divides the cosine similarities of images; smaller is sharper.",
        low=0.01,
        high=10.0,
        log=True,
        paper="0.07 (released CLIP code)",
    )
    unlearn_weight: float = param(
        0.5, "Weight", "Weight of the unlearning loss.", low=0.0, high=1000.0, paper="0.5 (released CLIP code)"
    )
    retain_batches: int = param(
        3, "Retain batches ω", "Fresh retain batches per forget batch.", low=1, high=64, paper="3 (released CLIP code)"
    )
    anchors: str = param(
        "fixed",
        "Retain images as anchors",
        "fixed: unlearning moves images of the forgotten class alone; moving: retained ones, too. Without a text term "
        "that drags retained images to the forgotten prompt.",
        choices=("fixed", "moving"),
        paper="not stated",
        advanced=True,
    )
    batch_size: int = param(
        128, "Batch size", "Images per step of either pass.", low=2, high=4096, unit="samples", paper="128"
    )


METHOD = Method(
    id="clip_contrastive",
    title="Contrastive unlearning of CLIP",
    summary="Fine-tunes on retain pairs, then contrasts images of the forgotten class with retained ones, in turns.",
    paper="Lee et al., Contrastive Unlearning, IJCAI 2025 (arXiv 2401.10458), CLIP experiment of the rebuttal, Eq. 6",
    params=ClipContrastiveParams,
    implementation="cu_core.methods.clip_contrastive:unlearn",
    divided=by_all_processes,
    tasks=("class",),
    objectives=("image-text",),
    needs="An image-text model (train.objective=clip, model.backbone=open_clip:NAME) and all retain pairs in every "
    "round.",
    fails="Fine-tuning alone touches the text tower: the forgotten class keeps its prompt, and where little else was "
    "learned, images may be pulled to other prompts at the cost of the retained classes.",
    rounds={"class": 10},
)
