"""Prepared datasets: content, keys, damage, cancelling, disk space, several processes."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from cu_core.base.errors import BadInput, DatasetError, OutOfDisk
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data import digits, prepared
from cu_core.data.image_file import ImageFile
from cu_core.data.prepared import dataset_key, open_key, open_prepared, prepare

DIGITS = DataSpec()


def arrays(data):
    return {name: np.asarray(getattr(data, name)) for name in prepared.ARRAYS}


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(arrays(a).values(), arrays(b).values(), strict=True))


def test_digits_are_a_partition_of_the_published_ones(home):
    data = prepare(DIGITS, home)
    assert data.train_images.shape == (1297, 1, 8, 8) and data.test_images.shape == (500, 1, 8, 8)
    assert data.train_images.dtype == np.uint8 and data.train_labels.dtype == np.int64
    assert data.classes == tuple("0123456789")
    bunch = load_digits()
    published = sorted(
        (label, *np.rint(p.ravel() / 16 * 255)) for label, p in zip(bunch.target, bunch.images, strict=True)
    )
    ours = sorted(
        (label, *image.ravel().astype(float))
        for images, labels in ((data.train_images, data.train_labels), (data.test_images, data.test_labels))
        for image, label in zip(images, labels, strict=True)
    )
    assert published == ours
    shares = np.bincount(data.test_labels) / np.bincount(bunch.target)
    assert np.abs(shares - 500 / 1797).max() < 0.01


def test_mean_and_deviation_are_those_of_the_training_images(home):
    data = prepare(DIGITS, home)
    pixels = np.asarray(data.train_images).astype(np.float64) / 255
    np.testing.assert_allclose(data.mean, pixels.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(data.std, pixels.std(axis=(0, 2, 3)))


def test_noise_keeps_the_truth_and_leaves_images_and_test_labels_alone(home):
    clean, noisy = prepare(DIGITS, home), prepare(replace(DIGITS, label_noise=0.1), home)
    assert len(clean.mislabelled) == 0
    assert len(noisy.mislabelled) == 130
    np.testing.assert_array_equal(noisy.true_labels, clean.train_labels)
    np.testing.assert_array_equal(noisy.mislabelled, np.flatnonzero(noisy.train_labels != clean.train_labels))
    np.testing.assert_array_equal(noisy.train_images, clean.train_images)
    np.testing.assert_array_equal(noisy.test_labels, clean.test_labels)
    assert noisy.sha256 != clean.sha256


def test_train_limit_is_balanced_and_keeps_the_test_images(home):
    whole, part = prepare(DIGITS, home), prepare(replace(DIGITS, train_limit=200), home)
    assert np.all(np.bincount(part.train_labels) == 20)
    np.testing.assert_array_equal(part.test_images, whole.test_images)
    known = {image.tobytes() for image in whole.train_images}
    assert all(image.tobytes() in known for image in part.train_images)


def test_too_small_a_train_limit_is_refused(home):
    with pytest.raises(DatasetError, match=r"data\.train_limit: 9 images are too few for 10 classes"):
        prepare(replace(DIGITS, train_limit=9), home)


def test_image_size_resizes(home):
    assert prepare(replace(DIGITS, image_size=20), home).train_images.shape[1:] == (1, 20, 20)


def test_seed_decides_the_split(home):
    first, other = prepare(DIGITS, home), prepare(replace(DIGITS, split_seed=1), home)
    assert not np.array_equal(first.test_images, other.test_images)


def test_opens_what_was_prepared_without_writing(home, monkeypatch):
    assert open_prepared(DIGITS, home) is None
    data = prepare(DIGITS, home)
    monkeypatch.setattr(prepared, "_write", lambda *_: pytest.fail("prepared twice"))
    for again in (open_prepared(DIGITS, home), open_key(dataset_key(DIGITS), home), prepare(DIGITS, home)):
        assert again.sha256 == data.sha256 and same(again, data)
        assert isinstance(again.train_images, np.memmap) and not again.train_images.flags.writeable


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "train_images.npy").write_bytes((folder / "train_images.npy").read_bytes()[:-1]),
        lambda folder: (folder / "test_labels.npy").write_bytes(b""),
        lambda folder: (folder / "true_labels.npy").unlink(),
        lambda folder: (folder / "meta.json").unlink(),
        lambda folder: (folder / "meta.json").write_text('{"schema": 1'),
        lambda folder: (folder / "meta.json").write_text("[]"),
        lambda folder: (folder / "meta.json").write_text('{"schema": 99}'),
        lambda folder: np.save(folder / "train_labels.npy", np.zeros(3, dtype=np.int64)),
        lambda folder: np.save(folder / "train_labels.npy", np.zeros(1297, dtype=np.int32)),
        lambda folder: np.save(folder / "train_labels.npy", np.array([{}]), allow_pickle=True),
    ],
)
def test_damage_is_noticed_and_repaired(home, damage):
    data = prepare(DIGITS, home)
    before = {name: array.copy() for name, array in arrays(data).items()}
    damage(home.datasets / dataset_key(DIGITS))
    assert open_prepared(DIGITS, home) is None
    repaired = prepare(DIGITS, home)
    assert repaired.sha256 == data.sha256
    assert all(np.array_equal(before[name], array) for name, array in arrays(repaired).items())


def test_cancelling_leaves_nothing_behind_and_the_next_attempt_succeeds(home):
    class Stop(Exception):
        pass

    def stop(done, total, message):
        raise Stop

    with pytest.raises(Stop):
        prepare(DIGITS, home, stop)
    assert [path.suffix for path in home.datasets.iterdir()] in ([], [".lock"])
    assert prepare(DIGITS, home).train_images.shape == (1297, 1, 8, 8)


def test_leftovers_of_a_killed_process_do_not_matter(home):
    leftover = home.datasets / f".{dataset_key(DIGITS)}.partial"
    leftover.mkdir(parents=True)
    (leftover / "train_images.npy").write_bytes(b"half")
    prepare(DIGITS, home)
    assert not leftover.exists()


def test_progress_counts_up_to_all_images(home):
    calls = []
    prepare(DIGITS, home, lambda done, total, message: calls.append((done, total, message)))
    assert calls[-1] == (1797, 1797, "reading images")
    assert [c[0] for c in calls] == sorted(c[0] for c in calls)


def test_a_full_disk_is_said_before_writing(home, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(prepared.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OutOfDisk, match="lower the number of training images"):
        prepare(DIGITS, home)
    assert not (home.datasets / dataset_key(DIGITS)).exists()


def test_a_disk_that_fills_up_meanwhile_is_named(home, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ImageFile, "append", fail)
    with pytest.raises(OutOfDisk, match="the disk is full"):
        prepare(DIGITS, home)


def test_other_system_errors_are_not_taken_for_a_full_disk(home, monkeypatch):
    def fail(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(ImageFile, "append", fail)
    with pytest.raises(PermissionError):
        prepare(DIGITS, home)


def test_two_at_once_prepare_once(home, monkeypatch):
    entered, release, loads, waiting = threading.Event(), threading.Event(), [], threading.Event()
    load = digits.load

    def slow(*arguments):
        loads.append(1)
        entered.set()
        release.wait(240)
        return load(*arguments)

    monkeypatch.setattr(digits, "load", slow)
    monkeypatch.setattr(prepared, "_WAIT_SECONDS", 0.01)
    results = []
    first = threading.Thread(target=lambda: results.append(prepare(DIGITS, home)))
    first.start()
    assert entered.wait(240)
    second = threading.Thread(target=lambda: results.append(prepare(DIGITS, home, lambda *_: waiting.set())))
    second.start()
    assert waiting.wait(240)
    release.set()
    first.join(240)
    second.join(240)
    assert len(loads) == 1
    assert results[0].sha256 == results[1].sha256


def test_waiting_for_another_can_be_cancelled(home, monkeypatch):
    class Stop(Exception):
        pass

    def stop(done, total, message):
        assert "waiting" in message
        raise Stop

    monkeypatch.setattr(prepared, "_WAIT_SECONDS", 0.01)
    with prepared.FileLock(home.datasets / f"{dataset_key(DIGITS)}.lock"), pytest.raises(Stop):
        prepare(DIGITS, home, stop)


def test_key_follows_everything_that_decides_the_content():
    changes = ({"label_noise": 0.1}, {"train_limit": 100}, {"image_size": 16}, {"split_seed": 1}, {"dataset": "svhn"})
    keys = [dataset_key(DIGITS), *(dataset_key(replace(DIGITS, **change)) for change in changes)]
    assert len(set(keys)) == len(keys)
    assert dataset_key(replace(DIGITS, image_size=8)) == dataset_key(DIGITS)


def test_key_of_a_folder_follows_its_files(write_folder, zip_folder, pictures):
    folder = write_folder(pictures)
    spec = DataSpec(dataset=f"folder:{folder}")
    keys = [dataset_key(spec)]
    assert dataset_key(spec) == keys[0]
    (folder / "train/cat/0.png").rename(folder / "train/cat/zero.png")
    keys.append(dataset_key(spec))
    (folder / "train/cat/1.png").write_bytes(b"other")
    keys.append(dataset_key(spec))
    (folder / "train/cat/2.png").unlink()
    keys.append(dataset_key(spec))
    (folder / "train/empty").mkdir()
    keys.append(dataset_key(spec))
    keys.append(dataset_key(DataSpec(dataset=f"folder:{zip_folder(folder)}")))
    assert len(set(keys)) == len(keys)


def test_a_folder_that_is_gone_opens_as_none_but_its_key_still_opens(home, write_folder, pictures):
    folder = write_folder(pictures)
    spec = DataSpec(dataset=f"folder:{folder}", image_size=8)
    data, key = prepare(spec, home), dataset_key(spec)
    folder.rename(folder.with_name("moved"))
    assert open_prepared(spec, home) is None
    assert open_key(key, home).sha256 == data.sha256
    with pytest.raises(DatasetError, match="does not exist"):
        prepare(spec, home)


def test_unknown_dataset_names_the_known_ones(home):
    with pytest.raises(BadInput, match="digits, cifar10"):
        prepare(DataSpec(dataset="mnist"), home)


def test_opening_needs_neither_torch_nor_scikit_learn(home, python_env):
    prepare(DIGITS, home)
    program = f"""
import json, sys
from pathlib import Path
from cu_core.data import folder, forget, thumbnails
from cu_core.data.prepared import open_prepared
from cu_core.base.home import Home
from cu_core.catalogue.spec import DataSpec
data = open_prepared(DataSpec(), Home(Path({str(home.root)!r})))
chosen = forget.resolve("class:5", data, 0)
thumbnails.sprite(data.train_images[chosen.indices[:4]], 32, 2)
print(json.dumps([len(chosen.indices), [m for m in ("torch", "sklearn", "streamlit") if m in sys.modules]]))
"""
    done = subprocess.run([sys.executable, "-c", program], env=python_env, capture_output=True, text=True, check=True)
    count, heavy = json.loads(done.stdout)
    assert count > 100 and heavy == []
