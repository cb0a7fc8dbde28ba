"""Everything about a run that can be known before it starts: asked where it is submitted, estimated and drawn up."""

from __future__ import annotations

from cu_core.base.errors import Incompatible
from cu_core.base.home import Home
from cu_core.catalogue import compatibility
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.catalogue.spec_files import absolute_paths
from cu_core.data.forget import check_forget
from cu_core.data.prepared import open_prepared


def accepted(spec: RunSpec, home: Home) -> RunSpec:
    """The specification with absolute paths, where nothing speaks against a run of it.

    What only the images tell is asked of a dataset that lies prepared in the home. Loads no torch.

    Args:
        spec: what is to be run; relative paths in it are taken from the present folder.
        home: where runs live.

    Raises:
        BadInput: it cannot run; names the field.
    """
    spec = absolute_paths(spec)
    compatibility.check(spec)
    check_forget(spec, home)
    data = open_prepared(spec.data, home)
    if data is not None and (
        reason := compatibility.why_not_backbone(spec.model.backbone, data.train_images.shape[-1])
    ):
        raise Incompatible("model.backbone", reason)
    # Texts that no reader takes would make a run that nobody can open.
    spec_from_json(spec.to_json())
    return spec
