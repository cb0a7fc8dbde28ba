"""A made-up run with weights, for the tests of what can be taken out."""

from __future__ import annotations

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.data.images import ImageData
from cu_core.data.prepared import open_prepared
from cu_core.learning.build import build_for
from cu_core.learning.network import Network
from cu_core.learning.weights import save_weights, weights_sha256
from cu_core.runstore.reader import RunView, open_run
from tests.madeup import MadeUp, write_run


def run_with_weights(home: Home, made: MadeUp | None = None) -> tuple[RunView, Network]:
    """A run that has final weights, and the network that has them."""
    run_dir = write_run(home, made=made or MadeUp(rounds=2, audited=0))
    view = open_run(home, run_dir.name)
    model = build_for(view.spec, images(home, view), 7)
    save_weights(run_dir / "weights.pt", model)
    result = read_json(run_dir / "result.json")
    write_json(run_dir / "result.json", result | {"weights_sha256": weights_sha256(model.state_dict())})
    return open_run(home, run_dir.name), model.eval()


def images(home: Home, view: RunView) -> ImageData:
    """The run's images."""
    data = open_prepared(view.spec.data, home)
    assert data is not None
    return data
