"""Backbones: the explicit list. Building them needs torch; this list does not.

Plug-ins come through the entry-point group ``unlearnscope.backbones``.
"""

from __future__ import annotations

from cu_core.catalogue.backbone_record import BACKBONES, Backbone

BACKBONES.add(
    Backbone(
        "tiny-cnn",
        "Tiny CNN",
        "Two convolutions; digits in seconds.",
        "cu_core.learning.backbones.tiny_cnn:build",
        mflops=0.41,
    ),
    Backbone(
        "resnet8",
        "ResNet-8",
        "The smallest CIFAR ResNet (16-32-64 channels).",
        "cu_core.learning.backbones.resnet:build",
        mflops=12.5,
        stems=True,
    ),
    Backbone(
        "wide-cnn",
        "Wide CNN",
        "Two strided convolutions and a wide dense layer; learns images by heart on a CPU.",
        "cu_core.learning.backbones.wide_cnn:build",
        mflops=5.6,
    ),
    Backbone(
        "airbench-s",
        "Airbench S",
        "Whitened patches and three groups of 32, 64 and 128 channels.",
        "cu_core.learning.backbones.airbench:build",
        mflops=19.9,
    ),
    Backbone(
        "airbench-m",
        "Airbench M",
        "The same with 64, 128 and 256 channels.",
        "cu_core.learning.backbones.airbench:build",
        mflops=65.4,
    ),
    Backbone(
        "airbench-l",
        "Airbench L",
        "The same with 64, 256 and 256 channels, as published.",
        "cu_core.learning.backbones.airbench:build",
        mflops=118.1,
    ),
    Backbone(
        "resnet9",
        "ResNet-9",
        "The CIFAR network of the ffcv examples and of the EasyDUB models.",
        "cu_core.learning.backbones.resnet9:build",
        mflops=291.3,
    ),
    Backbone(
        "resnet18",
        "ResNet-18",
        "Four stages of basic blocks.",
        "cu_core.learning.backbones.resnet:build",
        mflops=556.0,
        stems=True,
    ),
    Backbone(
        "resnet34",
        "ResNet-34",
        "Deeper basic blocks.",
        "cu_core.learning.backbones.resnet:build",
        mflops=1160.0,
        stems=True,
    ),
    Backbone(
        "resnet50",
        "ResNet-50",
        "Bottleneck blocks.",
        "cu_core.learning.backbones.resnet:build",
        mflops=1302.0,
        stems=True,
    ),
    Backbone(
        "resnet101",
        "ResNet-101",
        "Deep bottleneck blocks.",
        "cu_core.learning.backbones.resnet:build",
        mflops=2514.0,
        stems=True,
    ),
    Backbone(
        "vit-small",
        "ViT-small",
        "Small vision transformer.",
        "cu_core.learning.backbones.vit:build",
        mflops=1421.0,
        min_size=16,
    ),
    Backbone(
        "timm",
        "Any timm model",
        "timm:NAME, pretrained where the network allows.",
        "cu_core.learning.backbones.timm_models:build",
        pretrained=True,
        named=True,
    ),
    Backbone(
        "open_clip",
        "Any open_clip model",
        "open_clip:NAME, images and text; open_clip:tiny is a small one with random weights. Takes the training "
        "objective clip.",
        "cu_core.learning.backbones.open_clip_models:build",
        pretrained=True,
        named=True,
        image_text=True,
        package="open_clip",
        install="open_clip_torch",
    ),
    Backbone(
        "python",
        "Own architecture",
        "python:MODULE:FUNCTION or python:PATH/TO/FILE.py:FUNCTION, a function of your own that returns an untrained "
        "torch.nn.Module.",
        "cu_core.learning.backbones.python_models:build",
        min_size=1,
        named=True,
        detail="MODULE:FUNCTION",
        given_classes=True,
    ),
)
