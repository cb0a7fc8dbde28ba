"""How the images of a run become inputs of its networks: mean and deviation per channel."""

from __future__ import annotations

from cu_core.base.errors import Incompatible
from cu_core.base.named_path import named_path
from cu_core.catalogue.pixel_scales import DATASET, FIELD, FILE, Moments, check_scale, scale_of
from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.data.images import ImageData
from cu_core.learning.weight_file import read_weights


def normalisation_of(spec: ModelSpec, data: ImageData) -> Moments:
    """Mean and deviation that every image of a run is normalised with, whoever looks at it.

    Args:
        spec: its normalisation counts, and its own weights where that is ``auto``.
        data: the images, whose own mean and deviation are the usual ones.

    Returns:
        Two tuples with a number per channel, of pixels in 0..1.

    Raises:
        BadInput: no such normalisation, or one for another number of channels.
        CheckpointError: the own weights cannot be read.
        Incompatible: the file's normalisation is for another number of channels.
    """
    channels = data.train_images.shape[1]
    check_scale(spec.normalisation, channels)
    scale = scale_of(spec.normalisation)
    if scale is not None:
        return scale.moments(channels)
    told = of_file(spec, channels) if spec.normalisation.strip() == FILE else None
    return told or (data.mean, data.std)


def of_file(spec: ModelSpec, channels: int) -> Moments | None:
    """Mean and deviation that lie in the file of own weights, as buffers of a layer; None where there are none.

    Raises:
        CheckpointError: the file cannot be read.
        Incompatible: they are for another number of channels.
    """
    if not spec.weights:
        return None
    file = read_weights(named_path(spec.weights, "model.weights"), part=spec.part)
    if file.mean is None or file.std is None:
        return None
    if {len(file.mean), len(file.std)} - {1, channels}:
        raise Incompatible(
            FIELD,
            f"the file of own weights normalises {max(len(file.mean), len(file.std))} channels, the images have "
            f"{channels}",
            (DATASET, "unit"),
        )
    return tuple(file.mean) * (channels // len(file.mean)), tuple(file.std) * (channels // len(file.std))
