"""The projector's folder, read by TensorBoard's own plugin where it is installed, and by hand otherwise."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cu_core.analysis.exports.projector_folder import write_projector
from cu_core.base.home import Home
from cu_core.runstore.reader import RunView, open_run
from tests.madeup import MadeUp, image_of, write_run


@pytest.fixture
def view(home: Home) -> RunView:
    return open_run(home, write_run(home, made=MadeUp(rounds=2, audited=0)).name)


def test_tensors_metadata_and_sprite_are_those_of_the_run(home: Home, view: RunView, tmp_path: Path) -> None:
    size, moments, shown = write_projector(home, view, tmp_path / "p")
    probe = view.probe()
    assert (moments, shown) == (4, True) and size == sum(p.stat().st_size for p in (tmp_path / "p").iterdir())
    tensor = np.loadtxt(tmp_path / "p" / "round-1.tsv", delimiter="\t")
    np.testing.assert_allclose(tensor, view.array(1, "embedding"), rtol=1e-4, atol=1e-6)
    lines = (tmp_path / "p" / "round-1-metadata.tsv").read_text().splitlines()
    assert len(lines) == len(probe) + 1 and lines[0].split("\t")[:4] == ["sample", "split", "group", "label"]
    assert lines[5].split("\t")[0] == str(probe["sample"][4])
    picture = np.asarray(Image.open(tmp_path / "p" / "sprite.png"))
    columns = picture.shape[1] // 8
    place = 150
    tile = picture[place // columns * 8 :][:8, place % columns * 8 :][:, :8]
    np.testing.assert_array_equal(tile, image_of(probe["sample"][place], test=probe["split"][place] == "test")[0])


def test_a_zip_holds_the_same_and_a_folder_keeps_other_files(home: Home, view: RunView, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "mine.txt").write_text("mine")
    (tmp_path / "p" / "round-1.tsv").write_text("old")
    write_projector(home, view, tmp_path / "p")
    write_projector(home, view, tmp_path / "p.zip")
    names = {path.name for path in (tmp_path / "p").iterdir()}
    with zipfile.ZipFile(tmp_path / "p.zip") as archive:
        assert {Path(name).name for name in archive.namelist()} == names - {"mine.txt"}
    assert (tmp_path / "p" / "mine.txt").read_text() == "mine" and (tmp_path / "p" / "round-1.tsv").read_text() != "old"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_files_of_an_earlier_export_are_replaced(home: Home, view: RunView, tmp_path: Path) -> None:
    longer = open_run(home, write_run(home, "longer", made=MadeUp(rounds=4, audited=0)).name)
    write_projector(home, longer, tmp_path / "p")
    (tmp_path / "p" / "mine.tsv").write_text("mine")
    size, _, _ = write_projector(home, view, tmp_path / "p")
    write_projector(home, view, tmp_path / "new")
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert {path.name for path in (tmp_path / "p").iterdir()} == names | {"mine.tsv"}
    assert size == sum(path.stat().st_size for path in (tmp_path / "p").iterdir())


@pytest.mark.thorough
def test_tensorboards_plugin_serves_it(home: Home, view: RunView, tmp_path: Path) -> None:
    module = pytest.importorskip("tensorboard.plugins.projector.projector_plugin", reason="tensorboard is missing")
    test = pytest.importorskip("werkzeug.test", reason="tensorboard is missing")
    write_projector(home, view, tmp_path / "p")
    context = SimpleNamespace(
        logdir=str(tmp_path / "p"), multiplexer=None, data_provider=None, flags=None, sampling_hints=None
    )
    plugin = module.ProjectorPlugin(context)
    plugin._is_active = True
    apps = {name.strip("/"): test.Client(app) for name, app in plugin.get_plugin_apps().items()}
    runs = apps["runs"].get("/").json
    assert runs == ["."]
    config = apps["info"].get("/?run=.").json
    entry = config["embeddings"][0]
    assert entry["tensorName"] == "round 2" and entry["tensorShape"] == [200, 16]
    assert [e["tensorName"] for e in config["embeddings"]] == ["round 2", "round 1", "round 0", "reference 0"]
    assert entry["sprite"]["singleImageDim"] == [8, 8]
    raw = apps["tensor"].get("/?run=.&name=round%202&num_rows=200").data
    np.testing.assert_allclose(np.frombuffer(raw, np.float32).reshape(200, 16), view.array(2, "embedding"), rtol=1e-3)
    metadata = apps["metadata"].get("/?run=.&name=round%202&num_rows=200").text
    assert metadata.count("\n") == 201
    sprite = apps["sprite_image"].get("/?run=.&name=round%202").data
    assert Image.open(io.BytesIO(sprite)).size[0] % 8 == 0
