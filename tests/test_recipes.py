"""What a run starts from where nothing was named, and which presets there are."""

from __future__ import annotations

import pytest

from cu_core import compat
from cu_core.presets import DEFAULT_PRESET, PRESETS
from cu_core.recipes import DIGITS, DIGITS_BY_HEART, LAPTOP, PAPER, TRANSFORMER, recipe


@pytest.mark.parametrize(
    ("dataset", "backbone", "noise", "want"),
    [
        ("digits", "tiny-cnn", 0, DIGITS),
        ("digits", "tiny-cnn", 0.1, DIGITS_BY_HEART),
        ("folder:x", "tiny-cnn", 0, DIGITS),
        ("cifar10", "resnet8", 0, LAPTOP),
        ("cifar10", "resnet18", 0, PAPER),
        ("cifar10", "vit-small", 0, TRANSFORMER),
        ("cifar10", "timm:vit_tiny_patch16_224", 0, TRANSFORMER),
    ],
)
def test_recipe_suits_dataset_and_backbone(dataset, backbone, noise, want):
    assert recipe(dataset, backbone, noise) == want


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_presets_can_run_as_they_are(preset):
    compat.check(preset.spec)
    assert preset.spec.train == recipe(
        preset.spec.data.dataset, preset.spec.model.backbone, preset.spec.data.label_noise
    )
    assert preset.spec.reference == 1 and preset.spec.name
    assert (preset.spec.stop.protocol == "paper") == preset.id.startswith("paper")


def test_the_default_preset_is_one_of_them():
    assert DEFAULT_PRESET.id in PRESETS
