"""Emoji: made-up sheets of four cells a side, and the published ones where they lie beside the repository."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cu_core.base.errors import DatasetError
from cu_core.catalogue.dataset_record import dataset
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data import emoji
from cu_core.data.forget import resolve
from cu_core.data.prepared import dataset_key, open_prepared, prepare

PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "data" / "emoji"
ACROSS = 5
KINDS = ("Food & Drink", "Animals & Nature", "Component")


def colour(number: int, artist: str) -> tuple[int, int, int]:
    return (10 * number, 100, 20 if artist == "twitter" else 200)


@pytest.fixture
def sheets(tmp_path):
    """Twenty-five cells of one colour each with a clear corner, borders in red, and their table."""
    folder = tmp_path / "sheets"
    folder.mkdir()
    rows = [
        {
            "short_name": f"e{number}",
            "category": KINDS[0] if number < 12 else KINDS[1] if number < 24 else KINDS[2],
            "sheet_x": number % ACROSS,
            "sheet_y": number // ACROSS,
            "has_img_twitter": number != 7,
            "has_img_google": True,
        }
        for number in range(ACROSS**2)
    ]
    (folder / "emoji.json").write_text(json.dumps(rows))
    for artist in emoji.ARTISTS:
        sheet = np.zeros((34 * ACROSS, 34 * ACROSS, 4), np.uint8)
        sheet[:] = (255, 0, 0, 255)
        for row in rows:
            top, left = 34 * row["sheet_y"] + 1, 34 * row["sheet_x"] + 1
            cell = sheet[top : top + 32, left : left + 32]
            cell[:] = (*colour(int(row["short_name"][1:]), artist), 255)
            cell[0, 0] = 0
        Image.fromarray(sheet).save(folder / f"{artist}-32.png")
    return folder


@pytest.fixture
def known(sheets, monkeypatch):
    """The same files, as if they were the published ones."""
    sums = {name: hashlib.sha256((sheets / name).read_bytes()).hexdigest() for name in emoji._FILES}
    monkeypatch.setattr(emoji, "_FILES", {name: (f"at/{name}", sums[name]) for name in emoji._FILES})
    monkeypatch.setattr(emoji, "_SITES", ("http://127.0.0.1:9",))
    return sheets


def given(home, sheets):
    shutil.copytree(sheets, home.datasets / "downloads" / "emoji")


def test_both_drawings_of_an_emoji_are_on_one_side(home, known):
    given(home, known)
    data = prepare(DataSpec("emoji"), home)
    assert data.classes == ("Animals & Nature", "Food & Drink")
    names = {split: data.names(split) for split in ("train", "test")}
    sides = {split: {name.partition("/")[0] for name in found} for split, found in names.items()}
    assert not sides["train"] & sides["test"] and len(sides["test"]) == 6 and len(sides["train"]) == 18
    assert sorted([*names["train"], *names["test"]]) == sorted(
        f"e{n}/{artist}" for n in range(24) for artist in emoji.ARTISTS if (n, artist) != (7, "twitter")
    )
    for split in ("train", "test"):
        images, labels = getattr(data, f"{split}_images"), getattr(data, f"{split}_labels")
        for name, image, label in zip(names[split], images, labels, strict=True):
            number, artist = int(name[1:].partition("/")[0]), name.partition("/")[2]
            assert image[:, 0, 0].tolist() == [255, 255, 255]
            assert np.all(image[:, 1:, 1:] == np.array(colour(number, artist))[:, None, None])
            assert data.classes[label] == (KINDS[0] if number < 12 else KINDS[1])


def test_another_seed_splits_otherwise_and_a_background_shows(home, known):
    given(home, known)
    spec = DataSpec("emoji")
    first, other = prepare(spec, home), prepare(replace(spec, split_seed=1, background="black"), home)
    assert first.names("test") != other.names("test")
    assert other.train_images[0][:, 0, 0].tolist() == [0, 0, 0]


def test_names_stay_with_their_samples_where_training_images_are_few(home, known):
    given(home, known)
    data = prepare(DataSpec("emoji", train_limit=10), home)
    names = data.names("train")
    assert len(names) == 10
    assert [int(image[0, 5, 5]) for image in data.train_images] == [10 * int(n[1:].partition("/")[0]) for n in names]


def test_files_are_fetched_once_and_from_another_site_where_one_fails(home, known, monkeypatch):
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

        def translate_path(self, path):
            return str(known / Path(path).name) if path.startswith("/good/") else "/nothing/here"

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        site = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(emoji, "_SITES", (f"{site}/bad", f"{site}/good"))
        messages = []
        prepare(DataSpec("emoji"), home, lambda done, total, message: messages.append(message))
        prepare(DataSpec("emoji", split_seed=1), home)
        server.shutdown()
        thread.join()
    assert "downloading google-32.png" in messages
    assert [path for path in asked if path.startswith("/good")] == [f"/good/at/{name}" for name in emoji._FILES]


def test_without_a_connection_it_is_said_where_to_put_the_files(home, known):
    with pytest.raises(DatasetError, match=r"put emoji\.json into .*downloads/emoji by hand"):
        prepare(DataSpec("emoji"), home)


def test_another_file_by_the_name_is_not_taken(home, known):
    given(home, known)
    (home.datasets / "downloads" / "emoji" / "google-32.png").write_bytes((known / "twitter-32.png").read_bytes())
    with pytest.raises(DatasetError, match=r"put google-32\.png into"):
        prepare(DataSpec("emoji"), home)
    assert open_prepared(DataSpec("emoji"), home) is None and dataset_key(DataSpec("emoji")).startswith("emoji-")


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published sheets do not lie beside the repository")
def test_the_published_ones(home):
    given(home, PUBLISHED)
    data, record = prepare(DataSpec("emoji"), home), dataset("emoji")
    assert data.train_images.shape == (record.train, 3, 32, 32) and len(data.test_images) == record.test
    assert len(data.classes) == record.classes and "Flags" in data.classes
    counts = np.bincount(np.concatenate([data.train_labels, data.test_labels]))
    assert counts.sum() == 3812 and counts.min() == 170 and counts.max() == 772
    names = data.names("train")
    chosen = resolve("one-of-two:50", data, 0).indices
    left = {names[i].partition("/")[0] for i in range(len(names)) if i not in set(chosen.tolist())}
    assert len(chosen) == 50 and all(names[i].partition("/")[0] in left for i in chosen)
    # A red apple with a green leaf, and nothing behind it.
    apple = {
        **dict(zip(names, data.train_images, strict=True)),
        **dict(zip(data.names("test"), data.test_images, strict=True)),
    }["apple/twitter"]
    assert apple[:, 0, 0].tolist() == [255, 255, 255] and apple[0, 20, 16] > apple[1, 20, 16] + 80
