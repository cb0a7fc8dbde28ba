"""Training objectives: the explicit list. Computing them needs torch; this list does not."""

from __future__ import annotations

from cu_core.catalogue.objective_record import OBJECTIVES, Objective

OBJECTIVES.add(
    Objective(
        "supervised",
        "Supervised",
        "Cross-entropy on labels.",
        "",
        "cu_core.learning.objectives.supervised:Supervised",
        self_supervised=False,
        settings=("augment", "label_smoothing"),
    ),
    Objective(
        "moco",
        "MoCo",
        "Two views of an image agree against a queue of earlier images, encoded by a slow copy.",
        "He et al., Momentum Contrast, CVPR 2020 (arXiv 1911.05722)",
        "cu_core.learning.objectives.moco:MoCo",
        temperature=0.1,
        settings=("smallest_crop", "temperature", "queue", "key_momentum"),
        cost=4 / 3,
    ),
    Objective(
        "simclr",
        "SimCLR",
        "Two views of an image agree against all other images of the batch.",
        "Chen et al., SimCLR, ICML 2020 (arXiv 2002.05709)",
        "cu_core.learning.objectives.simclr:SimCLR",
        temperature=0.5,
        settings=("smallest_crop", "temperature"),
        cost=2.0,
    ),
    Objective(
        "byol",
        "BYOL",
        "One view predicts the other one's embedding by a slow copy; no other images are needed.",
        "Grill et al., Bootstrap Your Own Latent, NeurIPS 2020 (arXiv 2006.07733)",
        "cu_core.learning.objectives.byol:BYOL",
        predictor=True,
        settings=("smallest_crop", "key_momentum"),
        cost=8 / 3,
    ),
    Objective(
        "clip",
        "CLIP",
        "Images and the prompts of their classes find each other in the batch; needs an open_clip backbone.",
        "Radford et al., Learning Transferable Visual Models, ICML 2021 (arXiv 2103.00020)",
        "cu_core.learning.objectives.clip:ImageTextContrast",
        self_supervised=False,
        image_text=True,
        settings=("augment",),
    ),
)
