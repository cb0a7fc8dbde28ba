"""Image folders and zips: what they mean, and what is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from cu_core.base.errors import DatasetError
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data import transform
from cu_core.data.folder import load
from cu_core.data.forget import resolve
from cu_core.data.prepared import prepare
from cu_core.data.source import silent

GREY = np.arange(64, dtype=np.uint8).reshape(8, 8)
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=2)


def spec_of(path, **settings):
    return DataSpec(dataset=f"folder:{path}", **{"image_size": 8, **settings})


def test_labels_names_and_pixels(home, write_folder):
    shades = {
        "train/dog/a.png": 10,
        "train/dog/b.png": 20,
        "train/cat/c.png": 30,
        "test/cat/d.png": 40,
        "test/dog/e.png": 50,
    }
    folder = write_folder({name: np.full((8, 8), shade, np.uint8) for name, shade in shades.items()})
    data = prepare(spec_of(folder), home)
    assert data.classes == ("cat", "dog")
    assert data.train_images.shape == (3, 1, 8, 8)
    found = sorted(zip(data.train_images[:, 0, 0, 0].tolist(), data.train_labels.tolist(), strict=True))
    assert found == [(10, 1), (20, 1), (30, 0)]
    assert sorted(zip(data.test_images[:, 0, 0, 0].tolist(), data.test_labels.tolist(), strict=True)) == [
        (40, 0),
        (50, 1),
    ]


@pytest.mark.parametrize("wrapper", ["", "my pictures/"])
def test_zip_and_directory_are_equal(home, write_folder, zip_folder, pictures, wrapper):
    folder = write_folder(pictures)
    settings = {"image_size": 0, "label_noise": 0.2, "train_limit": 8}
    plain = prepare(spec_of(folder, **settings), home)
    zipped = prepare(spec_of(zip_folder(folder, wrapper), **settings), home)
    assert plain.sha256 == zipped.sha256
    assert plain.train_images.shape == (8, 3, 32, 32)
    np.testing.assert_array_equal(plain.train_images, zipped.train_images)


def test_a_wrapped_directory_is_looked_through(home, write_folder, pictures):
    inner = write_folder(pictures, "outer/inner")
    assert prepare(spec_of(inner.parent), home).sha256 == prepare(spec_of(inner), home).sha256


def test_pixels_agree_with_pillow(home, write_folder, pictures):
    folder = write_folder(pictures)
    data = prepare(spec_of(folder, image_size=7), home)
    expected = [
        np.asarray(ImageOps.fit(Image.open(folder / name).convert("RGB"), (7, 7), method=Image.Resampling.BICUBIC))
        for name in sorted(pictures)
        if name.startswith("train")
    ]
    np.testing.assert_array_equal(data.train_images, np.stack(expected).transpose(0, 3, 1, 2))


def test_grey_stays_grey_only_if_every_image_is(home, write_folder):
    grey = {f"{part}/{kind}/{i}.png": GREY + i for part in ("train", "test") for kind in "ab" for i in range(2)}
    assert prepare(spec_of(write_folder(grey, "grey")), home).train_images.shape[1] == 1
    for odd in ("train/a/0.png", "train/b/1.png", "test/b/1.png"):
        data = prepare(spec_of(write_folder(grey | {odd: COLOUR}, odd.replace("/", "-"))), home)
        assert data.train_images.shape[1] == data.test_images.shape[1] == 3
        assert len(data.mean) == 3
        part, kind, file = odd.split("/")
        images, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
        own = images[labels == "ab".index(kind)][int(file[0])]
        np.testing.assert_array_equal(own, COLOUR.transpose(2, 0, 1))
        other = images[labels != "ab".index(kind)]
        np.testing.assert_array_equal(other, np.stack([np.repeat((GREY + i)[None], 3, axis=0) for i in range(2)]))


def test_without_test_folder_a_seeded_share_is_set_apart(home, write_folder):
    pictures = {
        f"train/{kind}/{i}.png": np.full((8, 8), 20 * i + k, np.uint8) for k, kind in enumerate("ab") for i in range(10)
    }
    folder = write_folder(pictures)
    data = prepare(spec_of(folder, test_share=0.3), home)
    assert np.bincount(data.train_labels).tolist() == [7, 7] and np.bincount(data.test_labels).tolist() == [3, 3]
    shades = [*data.train_images[:, 0, 0, 0], *data.test_images[:, 0, 0, 0]]
    assert sorted(shades) == sorted(p[0, 0] for p in pictures.values())
    other = prepare(spec_of(folder, test_share=0.3, split_seed=1), home)
    assert not np.array_equal(np.unique(other.test_images), np.unique(data.test_images))
    limited = prepare(spec_of(folder, test_share=0.3, train_limit=4), home)
    np.testing.assert_array_equal(limited.test_images, data.test_images)
    assert set(limited.train_images[:, 0, 0, 0]) < set(data.train_images[:, 0, 0, 0])


def test_numbered_classes_are_in_order_of_size(home, write_folder):
    names = [str(n) for n in (0, 1, 2, 9, 10, 11)]
    folder = write_folder({f"{part}/{name}/a.png": GREY for part in ("train", "test") for name in names})
    assert prepare(spec_of(folder), home).classes == tuple(names)


@pytest.mark.parametrize("called", ["train", "Test", "dev"])
def test_a_class_may_be_called_like_a_part(home, write_folder, called):
    names = {called, "ship", "tram"}
    folder = write_folder({f"{name}/{i}.png": GREY + i for name in names for i in range(2)})
    assert set(prepare(spec_of(folder), home).classes) == names


def test_pictures_of_a_part_without_classes_are_no_class_beside_an_unseen_part(home, write_folder):
    files = {f"test/{name}/{i}.png": GREY for name in ("ship", "tram") for i in range(2)}
    with pytest.raises(DatasetError, match="lies outside of a class folder"):
        prepare(spec_of(write_folder(files | {"train/0.png": GREY})), home)


def test_a_name_that_is_also_a_number_means_the_name(home, write_folder):
    folder = write_folder({f"{p}/{name}/a.png": GREY for p in ("train", "test") for name in ("1", "2", "3")})
    assert resolve("class:1", prepare(spec_of(folder), home), 0).classes == (0,)


def test_only_the_chosen_subset_is_decoded(home, write_folder, pictures, monkeypatch):
    folder = write_folder(pictures)
    decoded = []
    read = transform.read_picture
    monkeypatch.setattr(
        "cu_core.data.picture_reader.read_picture", lambda *given, **more: decoded.append(1) or read(*given, **more)
    )
    prepare(spec_of(folder, train_limit=4), home)
    assert len(decoded) == 4 + 4


def test_other_files_are_ignored_and_counted(home, write_folder, pictures):
    extra = {"train/cat/notes.txt": b"x", "train/.DS_Store": b"x", "train/cat/.hidden.png": b"x", "README": b"x"}
    folder = write_folder(pictures | extra)
    messages = []
    data = prepare(spec_of(folder), home, lambda done, total, message: messages.append(message))
    assert len(data.train_images) == 12
    assert messages[0] == "found 16 images in 2 classes, ignoring 1 other files"


def test_deeper_folders_belong_to_their_class(home, write_folder, pictures):
    folder = write_folder(pictures | {"train/cat/2020/summer/x.png": COLOUR})
    assert prepare(spec_of(folder), home).train_labels.tolist().count(0) == 7


def tree(*names: str) -> dict:
    return {name: GREY for name in names}


PAIR = tree("train/cat/a.png", "train/dog/a.png", "test/cat/a.png", "test/dog/a.png")
CASES = {
    "no train": (
        tree("pictures/a.png", "validation/b.png"),
        r"has no train/ folder \(found: pictures, validation\)",
    ),
    "empty": ({"README": b""}, r"has no train/ folder"),
    "no classes": ({"train/readme.txt": b""}, "train/ has no class folders"),
    "loose image": (tree("train/a.png", "train/cat/a.png"), r"train/a\.png lies outside of a class folder"),
    "single class": (tree("train/cat/a.png", "train/cat/b.png"), "single class, 'cat'"),
    "mismatch": (
        tree("train/cat/a.png", "train/dog/a.png", "test/cat/a.png", "test/cow/a.png"),
        r"different classes \(only in train/: dog; only in test/: cow\)",
    ),
    "only other files": (
        tree("train/cat/a.png") | {"train/dog/notes.txt": b""},
        "class 'dog' in train/ has no images",
    ),
    "unreadable": (
        PAIR | {f"train/dog/bad{i}.png": b"no picture" for i in range(2)},
        r"2 of 6 images cannot be read, .*train/dog/bad0\.png \(it is text\); train/dog/bad1\.png \(it is text\)",
    ),
    "nothing left of a class": (
        PAIR | {"train/cat/a.png": b""},
        r"1 of 4 images cannot be read, and without them .*train/cat/a\.png \(it is empty \(0 bytes\)\)",
    ),
    "lonely": (tree("train/cat/a.png", "train/dog/a.png", "train/dog/b.png"), "class 'cat' has a single image"),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_named_errors(home, write_folder, zip_folder, case, zipped):
    pictures, message = CASES[case]
    path = write_folder(pictures)
    with pytest.raises(DatasetError, match=message):
        prepare(spec_of(zip_folder(path) if zipped else path), home)
    assert not [entry for entry in home.datasets.iterdir() if entry.is_dir()]


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("zipped", [False, True])
def test_an_empty_class_folder_is_named(home, write_folder, zip_folder, pictures, part, zipped):
    path = write_folder(pictures)
    (path / part / "zebra").mkdir()
    with pytest.raises(DatasetError, match=f"class 'zebra' in {part}/ has no images"):
        prepare(spec_of(zip_folder(path) if zipped else path), home)


@pytest.mark.parametrize("path", ["/no/such/folder", "bad\0path", "x" * 5000, "~nobody-of-this-name/x"])
def test_missing_path(home, path):
    with pytest.raises(DatasetError, match=r"does not exist|cannot be read"):
        prepare(spec_of(path), home)


def test_a_truncated_picture_is_named_and_left_out(home, write_folder, pictures):
    path = write_folder(pictures)
    before = prepare(spec_of(path), home)
    whole = (path / "train/cat/3.png").read_bytes()
    (path / "train/cat/3.png").write_bytes(whole[: len(whole) // 2])
    data = prepare(spec_of(path), home)
    assert [name for name, _ in data.findings.unreadable] == ["train/cat/3.png"]
    assert data.names("train") == [name for name in before.names("train") if name != "train/cat/3.png"]
    np.testing.assert_array_equal(data.train_images, np.delete(before.train_images, 3, axis=0))
    np.testing.assert_array_equal(data.train_labels, np.delete(before.train_labels, 3))
    with pytest.raises(DatasetError, match=r"1 of 16 images cannot be read, .*train/cat/3\.png \(PNG that is cut off"):
        prepare(spec_of(path, unreadable=0.0), home)


def test_loading_decodes_nothing(home, write_folder):
    path = write_folder({f"train/{kind}/{i}.png": b"no picture" for kind in "ab" for i in range(3)})
    assert len(load(spec_of(path), home, silent).classes) == 2


def test_real_cifar_subset(home, cifar_zip):
    calls = []
    spec = DataSpec(dataset=f"folder:{cifar_zip}", train_limit=50)
    data = prepare(spec, home, lambda done, total, message: calls.append((done, total)))
    assert data.train_images.shape == (50, 3, 32, 32) and data.test_images.shape == (10_000, 3, 32, 32)
    assert np.bincount(data.train_labels).tolist() == [5] * 10
    assert np.bincount(data.test_labels).tolist() == [1000] * 10
    assert data.classes[5] == "dog"
    assert calls[-1] == (10_050, 10_050) and len(calls) > 5
