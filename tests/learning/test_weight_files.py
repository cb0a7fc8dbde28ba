"""Weights as they come: every kind of file is read with the very outputs of its network, or refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cu_core.base.errors import CheckpointError
from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.learning.build import build_model
from cu_core.learning.model_shape import shaped
from cu_core.learning.weight_file import read_weights
from tests.learning.weight_kinds import KINDS, OTHER_OUTPUTS, WeightKind, network

READ = [kind for kind in KINDS if not kind.refused]
REFUSED = [kind for kind in KINDS if kind.refused]
# One channel of [0, 1], as wide as the network was made for.
IMAGES = torch.rand(3, 1, 12, 12, generator=torch.Generator().manual_seed(3))


def outputs(
    path: Path, backbone: str = "resnet8", size: int = 12, classes: int = 4, **options: object
) -> torch.nn.Module:
    """The network of a file, with nothing said of it but the backbone."""
    spec = shaped(ModelSpec(backbone, weights=str(path), **options), size)
    channels = read_weights(path).channels or 3
    return build_model(spec, channels, size, classes, seed=5).eval()


@pytest.fixture(scope="module")
def right() -> torch.Tensor:
    with torch.no_grad():
        return network()(IMAGES)


@pytest.mark.filterwarnings("ignore")  # of the old ways of writing
@pytest.mark.parametrize("kind", READ, ids=lambda kind: kind.name)
def test_what_is_read(kind: WeightKind, tmp_path: Path, right: torch.Tensor) -> None:
    path = tmp_path / kind.file
    kind.make(path)
    found = read_weights(path)
    for words in kind.told:
        assert words in found.told
    assert all(value.dtype == torch.float32 for value in found.state.values() if value.is_floating_point())
    if kind.name not in OTHER_OUTPUTS:
        assert (found.head, found.stem, found.num_classes, found.channels, found.encoder) == (
            "plain",
            "small",
            4,
            1,
            False,
        )
        with torch.no_grad():
            torch.testing.assert_close(outputs(path)(IMAGES), right, atol=kind.close, rtol=0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", REFUSED, ids=lambda kind: kind.name)
def test_what_is_refused(kind: WeightKind, tmp_path: Path) -> None:
    path = tmp_path / kind.file
    kind.make(path)
    with pytest.raises(CheckpointError, match=kind.refused) as caught:
        read_weights(path, "after")
    assert caught.value.field == "after"
    assert str(tmp_path) not in str(caught.value)
