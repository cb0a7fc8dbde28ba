"""Datasets: the explicit list. Reading them needs torch or scikit-learn; this list does not.

Plug-ins come through the entry-point group ``unlearnscope.datasets``.
"""

from __future__ import annotations

from cu_core.catalogue.dataset_record import DATASETS, Dataset

DATASETS.add(
    Dataset(
        "digits",
        "Digits (8×8, embedded)",
        "1,797 handwritten digits that come with scikit-learn; trains in seconds.",
        "cu_core.data.digits:load",
        channels=1,
        size=8,
        classes=10,
        train=1297,
        test=500,
    ),
    Dataset(
        "cifar10",
        "CIFAR-10",
        "60,000 colour photographs of 10 classes, 32×32.",
        "cu_core.data.torchvision_sets:load",
        channels=3,
        size=32,
        classes=10,
        train=50_000,
        test=10_000,
        download=True,
    ),
    Dataset(
        "cifar100",
        "CIFAR-100",
        "60,000 colour photographs of 100 classes, 32×32.",
        "cu_core.data.torchvision_sets:load",
        channels=3,
        size=32,
        classes=100,
        train=50_000,
        test=10_000,
        download=True,
    ),
    Dataset(
        "svhn",
        "SVHN",
        "99,289 house-number digits, 32×32.",
        "cu_core.data.torchvision_sets:load",
        channels=3,
        size=32,
        classes=10,
        train=73_257,
        test=26_032,
        download=True,
    ),
    Dataset(
        "emoji",
        "Emoji, two drawings of each",
        "3,812 colour pictures of 1,906 emoji in 9 classes, as Twitter and Google draw them, 32×32; small enough to be "
        "learned by heart.",
        "cu_core.data.emoji:load",
        channels=3,
        size=32,
        classes=9,
        train=2860,
        test=952,
        download=True,
        licence="Pictures of Twitter (Twemoji) CC BY 4.0, of Google (Noto Emoji) Apache-2.0; table of names MIT.",
    ),
    Dataset(
        "folder",
        "Your images (folder or zip)",
        "train/<class>/… and optionally test/<class>/…; any size, grey or colour.",
        "cu_core.data.folder:load",
        needs_path=True,
    ),
)
