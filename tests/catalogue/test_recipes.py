"""What a run starts from where nothing was named, and which presets there are."""

from __future__ import annotations

import dataclasses

import pytest

from cu_core.analysis.papers.scales import SCALES
from cu_core.base.errors import BadInput
from cu_core.base.parameters import parse
from cu_core.catalogue import compatibility
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.presets import DEFAULT_PRESET, PRESETS, single_presets
from cu_core.catalogue.recipes import (
    AIRBENCH,
    AIRBENCH_LARGE,
    DIGITS,
    DIGITS_BY_HEART,
    EMOJI,
    EMOJI_WIDE,
    LAPTOP,
    MODERN,
    PAPER,
    PENALTY,
    RESNET9,
    TRANSFORMER,
    recipe,
    recipes,
    unlearning_recipe,
)


@pytest.mark.parametrize(
    ("dataset", "backbone", "noise", "want"),
    [
        ("digits", "tiny-cnn", 0, DIGITS),
        ("digits", "tiny-cnn", 0.1, DIGITS_BY_HEART),
        ("folder:x", "tiny-cnn", 0, DIGITS),
        ("cifar10", "resnet8", 0, LAPTOP),
        ("cifar10", "resnet18", 0, PAPER),
        ("cifar10", "airbench-s", 0, AIRBENCH),
        ("folder:x", "airbench-m", 0, AIRBENCH),
        ("cifar10", "airbench-l", 0, AIRBENCH_LARGE),
        ("cifar10", "resnet9", 0, RESNET9),
        ("emoji", "airbench-s", 0, EMOJI),
        ("emoji", "wide-cnn", 0, EMOJI_WIDE),
        ("cifar10", "vit-small", 0, TRANSFORMER),
        ("cifar10", "timm:vit_tiny_patch16_224", 0, TRANSFORMER),
    ],
)
def test_recipe_suits_dataset_and_backbone(dataset, backbone, noise, want):
    assert recipe(dataset, backbone, noise) == want


def test_backbones_of_the_papers_have_a_second_recipe():
    for backbone in ("resnet18", "wide-cnn"):
        assert recipes("cifar10", backbone) == {"paper": PAPER, "modern": MODERN}
        assert recipe("cifar10", backbone, name="modern") == MODERN and recipe("cifar10", backbone) == PAPER
    assert list(recipes("cifar10", "resnet8")) == ["standard"]
    with pytest.raises(BadInput, match=r"recipe.*'swift'.*paper, modern"):
        recipe("cifar10", "resnet18", name="swift")


def test_recipes_do_not_blur_membership():
    offered = [r for name in BACKBONES for r in recipes("cifar10", name).values()]
    assert {r.label_smoothing for r in offered} == {0.0}


@pytest.mark.parametrize("objective", ["moco", "simclr", "byol"])
@pytest.mark.parametrize(
    ("dataset", "backbone"), [("digits", "tiny-cnn"), ("cifar10", "resnet8"), ("svhn", "vit-small")]
)
def test_recipes_of_encoders(objective, dataset, backbone):
    found = recipe(dataset, backbone, 0.1, objective)
    assert found.objective == objective and found.schedule == "cosine"
    assert found.optimizer == "adamw" if backbone == "vit-small" else found.optimizer in ("sgd", "adam")
    assert (found.batch_size, found.epochs) == ((128, 30) if dataset == "digits" else (512, 200))
    assert found == recipe(dataset, backbone, 0.0, objective), "encoders do not see wrong labels"


def test_no_recipe_for_an_objective_that_does_not_exist():
    with pytest.raises(BadInput, match=r"train\.objective.*moco"):
        recipe("digits", "tiny-cnn", objective="mocha")


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_presets_can_run_as_they_are(preset, tmp_path, monkeypatch):
    # Images that nobody may hand on have to lie here under their name.
    (tmp_path / "mini-imagenet").mkdir()
    monkeypatch.chdir(tmp_path)
    for spec in preset.specs:
        compatibility.check(spec)
        assert spec.name


@pytest.mark.parametrize("preset", single_presets().values(), ids=single_presets())
def test_presets_of_one_run_follow_the_recipes(preset):
    spec = preset.spec
    if spec.self_supervised:
        # An encoder has to know its images by heart before there is anything to unlearn.
        assert spec.train in [scale.train[spec.train.objective] for scale in SCALES.values()]
    else:
        # Shards and slices are no recipe but a choice.
        plain = dataclasses.replace(spec.train, shards=1, slices=1)
        suits = recipe(spec.data.dataset, spec.model.backbone, spec.data.label_noise)
        # The preset for a lecture is trained for a shorter time.
        assert plain == (dataclasses.replace(suits, epochs=plain.epochs) if preset.id == "photos-small" else suits)
    assert preset.spec.reference >= 1, "without a reference nothing can be judged"
    quick = spec.data.dataset == "emoji" or preset.id in ("digit-5", "mislabelled-digits", "random-digits")
    quick = quick or spec.model.backbone == "airbench-s"
    assert (preset.spec.reference > 2) == quick, "a band where a training takes seconds or minutes"
    assert (preset.spec.stop.protocol == "paper") == preset.id.startswith("paper")


def test_the_default_preset_is_one_of_them():
    assert DEFAULT_PRESET.id in PRESETS


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda m: m.id)
@pytest.mark.parametrize(
    ("dataset", "backbone"), [("digits", "tiny-cnn"), ("cifar10", "resnet8"), ("svhn", "resnet18")]
)
def test_unlearning_starts_from_values_that_the_form_takes(method, dataset, backbone):
    for task in method.tasks:
        start = unlearning_recipe(method.id, dataset, backbone, task)
        assert parse(method.params, vars(start)) == start
        tuned = any(key[0] == method.id for key in PENALTY)
        assert backbone != "resnet18" or tuned or start == method.params(), (
            "the record's defaults are for large networks"
        )


@pytest.mark.parametrize("method_id", ["gradient_penalty", "gradient_penalty_members"])
def test_encoders_and_classifiers_start_gradient_penalty_from_values_of_their_own(method_id):
    encoder, classifier = (
        unlearning_recipe(method_id, "cifar10", "resnet18", "sample", o) for o in ("moco", "supervised")
    )
    assert encoder.batch_norm == "eval" and classifier.batch_norm == "train"
    assert encoder == unlearning_recipe(method_id, "digits", "tiny-cnn", "class", "simclr")
    assert unlearning_recipe(method_id, "cifar10", "resnet18", "sample", "byol").lr < encoder.lr
