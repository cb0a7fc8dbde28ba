"""Samples over rounds: the recorded numbers in the columns that Embedding Atlas asks for."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from cu_core.analysis.exports.sample_table import NEIGHBOURS, write_samples
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.projections.map_request import MapRequest
from cu_core.projections.map_store import write_picture
from cu_core.runstore.reader import open_run
from tests.madeup import CLASSES, MadeUp, image_of, write_run


def written(home: Home, file: Path, made: MadeUp | None = None, **options: object) -> pd.DataFrame:
    run_dir = write_run(home, made=made or MadeUp(rounds=2, audited=0))
    write_samples(home, open_run(home, run_dir.name), file, **options)  # type: ignore[arg-type]
    return pd.read_parquet(file)


def test_a_row_per_sample_and_round_with_its_numbers(home: Home, tmp_path: Path) -> None:
    table = written(home, tmp_path / "s.parquet")
    view = open_run(home, "madeup-1")
    probe = view.probe()
    assert list(dict.fromkeys(table["moment"])) == ["round 0", "round 1", "round 2", "reference 0"]
    assert len(table) == 4 * len(probe) and table["round"].isna().sum() == len(probe)
    rows = table[table["moment"] == "round 1"].reset_index(drop=True)
    np.testing.assert_array_equal(rows["loss"], view.array(1, "loss"))
    np.testing.assert_array_equal(rows[["x", "y"]], view.array(1, "coordinates"))
    predicted = view.array(1, "top3_class")[:, 0]
    assert list(rows["predicted"]) == [CLASSES[label] for label in predicted]
    assert list(rows["label"]) == [CLASSES[label] for label in probe["label"]]
    assert list(rows["correct"]) == list(predicted == probe["label"])
    assert list(rows["group"]) == list(probe["group"]) and list(rows["sample"]) == list(probe["sample"])
    assert rows["own_centroid_cosine"].isna().equals(pd.Series(np.isnan(view.array(1, "own_centroid_cosine"))))
    for place in (0, 150, 199):
        pixels = np.asarray(Image.open(io.BytesIO(rows["image"][place]["bytes"])))
        expected = image_of(probe["sample"][place], test=probe["split"][place] == "test")[0]
        np.testing.assert_array_equal(pixels, expected)


def test_neighbours_are_rows_of_the_same_round(home: Home, tmp_path: Path) -> None:
    table = written(home, tmp_path / "s.parquet", images=False)
    view = open_run(home, "madeup-1")
    count = len(view.probe())
    embedding = np.asarray(view.array(1, "embedding"), np.float64)
    distances, found = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(embedding).kneighbors(embedding)
    told = table[table["moment"] == "round 1"]["neighbors"]
    assert "image" not in table
    for place, entry in enumerate(told):
        ids = np.asarray(entry["ids"])
        assert set(ids) == {count + other for other in found[place] if other != place}
        assert (table["moment"].iloc[ids] == "round 1").all()
        np.testing.assert_allclose(entry["distances"], distances[place][1:], rtol=1e-3)


def test_one_round_alone_counts_its_rows_from_zero(home: Home, tmp_path: Path) -> None:
    table = written(home, tmp_path / "s.parquet", only=2)
    ids = np.stack([entry["ids"] for entry in table["neighbors"]])
    assert set(table["round"]) == {2} and ids.min() >= 0 and ids.max() < len(table)
    with pytest.raises(BadInput, match="round 7 was not recorded"):
        write_samples(home, open_run(home, "madeup-1"), tmp_path / "s.parquet", only=7)


def test_places_are_those_of_the_map_where_it_has_all_rounds(home: Home, tmp_path: Path) -> None:
    table = written(home, tmp_path / "s.parquet")
    view = open_run(home, "madeup-1")
    count = len(view.probe())
    moments = [("round", n, view.manifest(n)) for n in view.rounds()] + [("reference", 0, view.reference_manifest(0))]
    places = np.random.default_rng(0).normal(size=(4, count, 2)).astype(np.float32)
    flat = np.zeros((4, count), np.float32)
    manifest = {
        "moments": [
            {"kind": kind, "run": view.run_id, "number": n, "sha256": m["arrays"]["embedding"]["sha256"]}
            for kind, n, m in moments
        ],
        "fidelity": {},
        "axes": ["a", "b"],
        "placeable": True,
        "whole": True,
    }
    arrays = {"coordinates": places, "stray": flat > 0, "kept": flat.astype(np.float16), "moved": flat}
    folder = MapRequest(view.run_id).folder(home)
    write_picture(folder, manifest, arrays, "a.npz")
    told = write_samples(home, view, tmp_path / "map.parquet")
    mapped = pd.read_parquet(tmp_path / "map.parquet")
    assert told.picture == "the run's map"
    np.testing.assert_array_equal(mapped[["x", "y"]].to_numpy(), places.reshape(-1, 2))
    manifest["moments"][1]["sha256"] = "of another embedding"  # type: ignore[index]
    write_picture(folder, manifest, arrays, "b.npz")
    assert write_samples(home, view, tmp_path / "map.parquet").picture != "the run's map"
    np.testing.assert_array_equal(pd.read_parquet(tmp_path / "map.parquet")["x"], table["x"])


def test_a_run_without_its_images_and_one_of_an_encoder(home: Home, tmp_path: Path) -> None:
    table = written(home, tmp_path / "s.parquet", MadeUp(rounds=1, audited=0, images=False, references=()))
    assert "image" not in table and set(table["label"]) <= {str(label) for label in range(10)}
    encoder = written(home, tmp_path / "e.parquet", MadeUp(rounds=1, audited=0, objective="moco"))
    assert encoder["loss"].notna().all()


@pytest.mark.thorough
def test_embedding_atlas_loads_it(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cli = pytest.importorskip("embedding_atlas.cli", reason="embedding-atlas is not installed")
    source = pytest.importorskip("embedding_atlas.data_source", reason="embedding-atlas is not installed")
    metrics = pytest.importorskip("embedding_atlas.graph_metrics", reason="embedding-atlas is not installed")
    written(home, tmp_path / "s.parquet")
    loaded = cli.load_datasets([str(tmp_path / "s.parquet")])
    props = cli.make_embedding_atlas_props(
        row_id="id", x="x", y="y", neighbors="neighbors", image="image", text=None, table="dataset"
    )
    assert props["data"]["projection"] == {"x": "x", "y": "y"} and props["data"]["image"] == "image"
    incoming, outgoing, _ = metrics.compute_degree_columns(loaded, neighbors="neighbors")
    assert set(outgoing) == {NEIGHBOURS} and incoming.sum() == NEIGHBOURS * len(loaded)
    made = source.DataSource("unlearnscope", loaded, {"props": props})
    static = tmp_path / "static"
    static.mkdir()
    made.export_to_folder(str(static), str(tmp_path / "site"))
    again = pd.read_parquet(tmp_path / "site" / "data" / "dataset.parquet")
    assert len(again) == len(loaded) and again["image"][0]["bytes"] == loaded["image"][0]["bytes"]
