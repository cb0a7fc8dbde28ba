"""A text becomes a path in one way, for whoever checks it and for whoever opens it."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from cu_core.base.errors import BadInput
from cu_core.base.home import Home, default_home
from cu_core.base.named_path import named_path
from cu_core.catalogue.presets import DEFAULT_PRESET
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_files import absolute_paths
from cu_core.catalogue.spec_parts import DataSpec, ModelSpec
from cu_core.data.index_file import read_indices
from cu_core.data.prepared import dataset_key
from cu_core.data.trees.opened_tree import open_tree
from cu_core.engine.estimate import estimate
from cu_core.jobs import submission
from cu_core.learning.build import build_model
from cu_core.runstore.reader import open_run
from cu_core.sharing.config import sharing_of
from cu_core.sharing.desk import Desk
from cu_core.sharing.rights import User

SPEC = DEFAULT_PRESET.spec
BLANKS = ("", " ", "\t", " \n ", "\u2003")
OMAR = User("omar", "operator")


def with_dataset(text: str) -> RunSpec:
    return dataclasses.replace(SPEC, data=dataclasses.replace(SPEC.data, dataset=text))


def with_weights(text: str) -> RunSpec:
    return dataclasses.replace(SPEC, model=dataclasses.replace(SPEC.model, weights=text))


def with_list(text: str) -> RunSpec:
    return dataclasses.replace(SPEC, forget=dataclasses.replace(SPEC.forget, select=text))


@pytest.mark.parametrize("text", BLANKS)
def test_a_blank_is_no_folder(text: str) -> None:
    with pytest.raises(BadInput, match="blank"):
        named_path(text, "data.dataset")


@pytest.mark.parametrize("text", ["~nobody-here/x", "a\0b", "half \ud800"])
def test_what_no_file_could_be_called_is_said_in_words(text: str) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        named_path(text, "data.dataset")


def test_blanks_around_it_home_folders_dots_and_links_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "images"
    target.mkdir()
    (tmp_path / "link").symlink_to(target)
    for text in ("images", "./images", " images ", "~/images", "images/../images", "link", f"{target}/."):
        assert named_path(text, "data.dataset") == target
    assert named_path("..", "data.dataset") == tmp_path.parent


@pytest.mark.parametrize("text", ["{}/one /", "{}/one /.", "{}/link"])
def test_reading_a_path_again_never_leads_elsewhere(text: str, tmp_path: Path) -> None:
    for name in ("one", "one "):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "one ")
    with pytest.raises(BadInput, match="begins or ends with a blank"):
        named_path(text.format(tmp_path), "data.dataset")


@pytest.mark.parametrize("blank", [" ", "\t", "\u2003"])
def test_a_blank_names_no_file_of_the_server(
    blank: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret-place" / "train").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "secret-place")
    (home.root / "sharing.toml").write_text('way = "oidc"\nhosts = ["a.org"]\n[people]\nomar = "operator"\n')
    desk = Desk(home, OMAR)
    for spec in (with_dataset(f"folder:{blank}"), with_weights(blank), with_dataset("folder:."), with_weights("..")):
        for act in (desk.check, desk.launch, desk.measure):
            with pytest.raises(BadInput) as caught:
                act(spec)
            assert "secret-place" not in str(caught.value) and str(home.root) not in str(caught.value)
    with pytest.raises(BadInput):
        desk.prepare(DataSpec(f"folder:{blank}"))
    assert {"data.path", "model.weights", "forget.file"} == set(
        desk.foreign({"data.path": blank, "model.weights": blank, "forget.file": "."})
    )
    assert not (home.root / "background").exists(), "nothing was started"


def test_who_has_a_home_folder_on_the_server_is_not_told(home: Home) -> None:
    (home.root / "sharing.toml").write_text('way = "oidc"\nhosts = ["a.org"]\n[people]\nomar = "operator"\n')
    said = set()
    for name in ("~root", "~nobody-here", "/no/where"):
        with pytest.raises(BadInput) as caught:
            Desk(home, OMAR).launch(with_dataset(f"folder:{name}"))
        said.add(str(caught.value))
    assert len(said) == 1


@pytest.mark.parametrize("blank", BLANKS[1:])
def test_no_reader_takes_a_blank_for_the_present_folder(blank: str, tmp_path: Path, home: Home) -> None:
    for read in (
        lambda: open_tree(blank),
        lambda: dataset_key(DataSpec(f"folder:{blank}")),
        lambda: read_indices(blank, tmp_path, 10, "forget.select"),
        lambda: build_model(ModelSpec(weights=blank), 1, 8, 10, 0, "supervised"),
        lambda: submission.submit(with_dataset(f"folder:{blank}"), home),
        lambda: submission.submit(with_weights(blank), home),
        lambda: estimate(with_dataset(f"folder:{blank}"), home),
    ):
        with pytest.raises(BadInput):
            read()


def test_a_space_before_the_kind_changes_nothing(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.csv").write_text("1\n2\n")
    run_id = submission.submit(with_list(" indices: list.csv "), home)
    assert open_run(home, run_id).spec.forget.select == f"indices:{tmp_path / 'list.csv'}"


def test_two_ways_to_write_a_folder_are_one_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / "images" / "train" / name).mkdir(parents=True)
        (tmp_path / "images" / "train" / name / "1.png").write_bytes(b"x")
    texts = ("folder:images", "folder: images ", f"folder:{tmp_path / 'images'}")
    assert len({dataset_key(DataSpec(text)) for text in texts}) == 1
    assert len({absolute_paths(with_dataset(text)).content_hash() for text in texts}) == 1


def test_homes_and_opened_folders_are_read_alike(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (" ", "~nobody-here/x"):
        monkeypatch.setenv("CU_HOME", text)
        with pytest.raises(BadInput, match="CU_HOME"):
            default_home()
    for text in (" ", "~nobody-here/x", "images"):
        (home.root / "sharing.toml").write_text(f'way = "oidc"\nhosts = ["a.org"]\ndata_folders = ["{text}"]\n')
        with pytest.raises(BadInput, match="data_folders"):
            sharing_of(home)
        os.utime(home.root / "sharing.toml", (1, hash(text) % 1000))
