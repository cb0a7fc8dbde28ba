"""Hyper-parameters of the unlearning methods for the small networks; the papers' are for ResNet-18 and larger.

Chosen by tug of war with ``benchmarks/method_tuning.py`` among the few values that it names, with seed 10: on digits,
and on other 10,000 images of CIFAR-10 than the results are reported on. Contrastive unlearning on digits was tuned by
hand. What is not named here starts from its record's defaults.
"""

from __future__ import annotations

from typing import Any

DIGITS: dict[str, dict[str, Any]] = {
    "contrastive": {"lr": 0.003, "unlearn_weight": 1.0, "batch_size": 64},
    "bad_teacher": {"lr": 0.001},
    "boundary_expanding": {"lr": 0.005},
    "boundary_shrink": {"lr": 0.005},
    "fisher": {"alpha": 1e-7},
    "gradient_ascent": {"lr": 0.03},
    "neggrad_plus": {"lr": 0.03, "alpha": 0.99},
    "ssd": {"alpha": 30.0},
    "unsir": {"impair_lr": 0.001, "repair_lr": 0.001},
}
"""Digits, or the tiny CNN: method to values, for classes and samples alike. Random digits tell nothing: retrained
models know the forgotten samples as well as before."""

EMOJI: dict[str, dict[str, Any]] = {
    "contrastive": {"lr": 0.003, "unlearn_weight": 1.0, "batch_size": 64},
}
"""A wide CNN on emoji, by hand, seed 0: classes and samples alike."""

TINY_CLIP: dict[str, dict[str, Any]] = {
    "clip_contrastive": {"lr": 1e-4, "finetune_lr": 1e-4, "batch_size": 64},
}
"""By hand on digits, seed 0; the defaults are for published weights."""

RESNET8: dict[tuple[str, str], dict[str, Any]] = {
    ("contrastive", "class"): {"lr": 0.01, "unlearn_weight": 0.3, "retain_batches": 1},
    ("contrastive", "sample"): {"lr": 0.01, "unlearn_weight": 1.0, "retain_batches": 1},
    ("contrastive_queue", "class"): {"lr": 0.01, "unlearn_weight": 1.0, "retain_batches": 1},
    ("contrastive_queue", "sample"): {"lr": 0.01, "unlearn_weight": 1.0, "retain_batches": 1},
    ("bad_teacher", "class"): {"lr": 3e-4},
    ("bad_teacher", "sample"): {"lr": 3e-4},
    ("boundary_expanding", "class"): {"lr": 0.005},
    ("boundary_shrink", "class"): {"lr": 1e-4},
    ("cf_k", "class"): {"k": 2, "lr": 0.01},
    ("cf_k", "sample"): {"k": 2, "lr": 0.01},
    ("finetune", "class"): {"lr": 0.03},
    ("finetune", "sample"): {"lr": 0.03},
    ("fisher", "class"): {"alpha": 1e-7, "samples": 500},
    ("fisher", "sample"): {"alpha": 1e-7, "samples": 500},
    ("gradient_ascent", "class"): {"lr": 0.003},
    ("gradient_ascent", "sample"): {"lr": 0.003},
    ("ssd", "class"): {"alpha": 100.0},
    ("scrub", "class"): {"lr": 0.002, "forget_batch": 64},
    ("scrub", "sample"): {"lr": 0.002, "forget_batch": 64},
    ("scrub_r", "class"): {"lr": 0.002, "forget_batch": 64},
    ("scrub_r", "sample"): {"lr": 0.002, "forget_batch": 64},
    ("unsir", "class"): {"impair_lr": 0.002, "repair_lr": 0.005},
    ("neggrad_plus", "class"): {"lr": 0.01, "alpha": 0.99},
    ("neggrad_plus", "sample"): {"lr": 0.01, "alpha": 0.99},
    ("l1_finetune", "class"): {"lr": 0.03, "alpha": 1e-4},
    ("l1_finetune", "sample"): {"lr": 0.03, "alpha": 1e-4},
}
"""ResNet-8 on CIFAR-sized images: method and task to values."""
