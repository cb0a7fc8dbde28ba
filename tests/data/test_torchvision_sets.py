"""Downloaded datasets, against a server on this machine that offers tiny look-alikes."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import pickle
import tarfile
import threading

import numpy as np
import pytest
from scipy.io import savemat
from torchvision.datasets import CIFAR10, CIFAR100, SVHN

from cu_core.base.errors import DatasetError
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.download import fetch
from cu_core.data.prepared import prepare
from cu_core.data.source import silent


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def site(tmp_path):
    """A folder and the address under which it is served."""
    folder = tmp_path / "site"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def offer_cifar(kind, folder, address, monkeypatch, classes, label_key):
    """Packs random images the way CIFAR is published; returns what they are."""
    generator = np.random.default_rng(len(classes))
    content, truth, sums = {}, {}, {}
    for part in ("train", "test"):
        pixels = generator.integers(0, 256, (20, 3072), dtype=np.uint8)
        labels = [i % len(classes) for i in range(20)]
        content[part] = pickle.dumps({"data": pixels, label_key: labels})
        truth[part] = (pixels.reshape(-1, 3, 32, 32), labels)
    content["names"] = pickle.dumps({kind.meta["key"]: classes})
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, raw in content.items():
            entry = tarfile.TarInfo(f"{kind.base_folder}/{name}")
            entry.size = len(raw)
            tar.addfile(entry, io.BytesIO(raw))
            sums[name] = md5(raw)
    (folder / kind.filename).write_bytes(archive.getvalue())
    monkeypatch.setattr(kind, "url", f"{address}/{kind.filename}")
    monkeypatch.setattr(kind, "tgz_md5", md5(archive.getvalue()))
    monkeypatch.setattr(kind, "train_list", [["train", sums["train"]]])
    monkeypatch.setattr(kind, "test_list", [["test", sums["test"]]])
    monkeypatch.setattr(kind, "meta", kind.meta | {"filename": "names", "md5": sums["names"]})
    return truth


@pytest.mark.parametrize(
    ("name", "kind", "classes", "label_key"),
    [("cifar10", CIFAR10, ["cat", "dog"], "labels"), ("cifar100", CIFAR100, ["oak", "ray", "sea"], "fine_labels")],
)
def test_cifar(home, site, monkeypatch, name, kind, classes, label_key):
    truth = offer_cifar(kind, *site, monkeypatch, classes, label_key)
    calls = []
    data = prepare(DataSpec(dataset=name), home, lambda *call: calls.append(call))
    assert data.classes == tuple(classes)
    for part in ("train", "test"):
        np.testing.assert_array_equal(getattr(data, f"{part}_images"), truth[part][0])
        np.testing.assert_array_equal(getattr(data, f"{part}_labels"), truth[part][1])
    size = (site[0] / kind.filename).stat().st_size
    assert (size, size, f"downloading {kind.filename}") in calls
    # What is there already is not fetched again.
    (site[0] / kind.filename).unlink()
    assert prepare(DataSpec(dataset=name, image_size=16), home).train_images.shape == (20, 3, 16, 16)


def test_svhn(home, site, monkeypatch):
    folder, address = site
    generator = np.random.default_rng(0)
    offered, truth = {}, {}
    for part in ("train", "test"):
        pixels, labels = generator.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8), np.arange(12) % 10 + 1
        savemat(folder / f"{part}.mat", {"X": pixels.transpose(1, 2, 3, 0), "y": labels[:, None].astype(np.uint8)})
        offered[part] = [f"{address}/{part}.mat", f"{part}.mat", md5((folder / f"{part}.mat").read_bytes())]
        truth[part] = (pixels.transpose(0, 3, 1, 2), labels % 10)
    monkeypatch.setattr(SVHN, "split_list", offered)
    data = prepare(DataSpec(dataset="svhn"), home)
    assert data.classes == tuple("0123456789")
    for part in ("train", "test"):
        np.testing.assert_array_equal(getattr(data, f"{part}_images"), truth[part][0])
        np.testing.assert_array_equal(getattr(data, f"{part}_labels"), truth[part][1])


@pytest.mark.parametrize("name", ["cifar10", "svhn"])
def test_a_failed_download_says_what_to_do(home, site, monkeypatch, name):
    missing = f"{site[1]}/missing"
    monkeypatch.setattr(CIFAR10, "url", missing)
    monkeypatch.setattr(SVHN, "split_list", {part: [missing, "missing", "0"] for part in ("train", "test")})
    with pytest.raises(DatasetError, match=r"cannot be downloaded \(HTTP Error 404.*by hand, or .*folder:PATH"):
        prepare(DataSpec(dataset=name), home)
    assert not [p for p in home.datasets.rglob("*") if p.is_file() and p.suffix != ".lock"]


def test_no_connection_is_said_in_words(tmp_path):
    with pytest.raises(DatasetError, match="cannot be downloaded"):
        fetch("http://127.0.0.1:9/x", tmp_path / "x", "0", silent)


def test_a_damaged_download_is_not_kept(site, tmp_path):
    folder, address = site
    (folder / "x").write_bytes(b"abc")
    with pytest.raises(DatasetError, match="arrived damaged"):
        fetch(f"{address}/x", tmp_path / "there" / "x", "0", silent)
    assert list((tmp_path / "there").iterdir()) == []


def test_a_damaged_file_is_fetched_anew(site, tmp_path):
    folder, address = site
    (folder / "x").write_bytes(b"abc")
    (tmp_path / "x").write_bytes(b"ab")
    fetch(f"{address}/x", tmp_path / "x", md5(b"abc"), silent)
    assert (tmp_path / "x").read_bytes() == b"abc"


def test_cancelling_a_download_leaves_nothing(site, tmp_path):
    class Stop(Exception):
        pass

    def stop(done, total, message):
        raise Stop

    folder, address = site
    (folder / "x").write_bytes(b"abc")
    with pytest.raises(Stop):
        fetch(f"{address}/x", tmp_path / "there" / "x", md5(b"abc"), stop)
    assert list((tmp_path / "there").iterdir()) == []
