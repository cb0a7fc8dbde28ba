"""The specification of an audit: patterns and folders, recipes of references, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue import compatibility
from cu_core.catalogue.file_lists import files_of, listed
from cu_core.catalogue.recipes import recipe
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.jobs.foreign import audit_spec
from cu_core.sharing.desk import Desk
from cu_core.sharing.rights import User


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("before", "after", *(f"epoch_{number}" for number in (10, 9, 1, 100))):
        (folder / f"{name}.pt").write_bytes(b"x")
    return folder


def spec(files: Path, **changes: Any) -> RunSpec:
    usual: dict[str, Any] = {
        "dataset": "digits",
        "model": "tiny-cnn",
        "forget": "class:5",
        "before": str(files / "before.pt"),
        "after": str(files / "after.pt"),
    }
    return audit_spec(**(usual | changes))


def names(paths: tuple[str, ...]) -> list[str]:
    return [Path(path).stem for path in paths]


def test_patterns_and_folders_are_sorted_by_their_numbers(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["epoch_1", "epoch_9", "epoch_10", "epoch_100"]
    assert names(files_of([str(files / "epoch_*.pt")], "rounds")) == wanted
    (files / "log.txt").write_text("loss")
    (files / ".hidden.pt").write_bytes(b"x")
    assert names(files_of([str(files)], "rounds")) == ["after", "before", *wanted]
    (files / "epoch_[1].pt").write_bytes(b"x")
    assert names(files_of([str(files / "epoch_[1].pt")], "rounds")) == ["epoch_[1]"], "a name is no pattern"
    monkeypatch.chdir(files)
    made = spec(files, rounds="epoch_?.pt")
    assert made.method.params.rounds == tuple(str(files / f"{n}.pt") for n in ("epoch_1", "epoch_9", "after"))
    assert made.max_rounds == 3


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"rounds": "nothing_*.pt"}, "rounds", "no file is called like this"),
        ({"after": "  "}, "after", "names no file"),
        ({"after": "epoch_*.pt"}, "after", "stands for 4 files"),
        ({"retrain": 2}, "recipe", "say how the references are retrained"),
        ({"recipe": "standard"}, "recipe", "nothing is retrained"),
        ({"retrain": 1, "recipe": "nonsense"}, "recipe", "is no recipe"),
        ({"retrain": 1, "recipe": "epoch=3"}, "recipe", "did you mean epochs"),
        ({"retrain": 1, "recipe": "epochs=many"}, "train.epochs", "not a number"),
        ({"retrain": "some", "recipe": "standard"}, "reference", "not a number"),
        ({"settings": ["probe.size"]}, "settings", "NAME=VALUE"),
        ({"settings": {"probe.sise": 3}}, "probe.sise", "did you mean probe.size"),
        ({"settings": {"nonsense": 3}}, "settings", "no setting named"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(
    files: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], field: str, said: str
) -> None:
    monkeypatch.chdir(files)
    with pytest.raises(BadInput) as found:
        spec(files, **changes)
    assert found.value.field == field and said in str(found.value)


def test_references_are_retrained_by_a_stated_recipe(files: Path) -> None:
    usual = recipe("digits", "tiny-cnn")
    assert spec(files, retrain=2, recipe="standard").train == usual
    changed = spec(files, retrain=2, recipe="epochs=3, lr=0.01")
    assert (changed.train.epochs, changed.train.lr, changed.train.batch_size) == (3, 0.01, usual.batch_size)
    assert spec(files, retrain=1, settings={"train.epochs": 4}).train.epochs == 4
    assert spec(files).train.epochs == 0, "nobody knows how the files were made"


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"method": {"id": "given"}}, "method.rounds", "names no file"),
        ({"model": {"weights": ""}}, "model.weights", "names no file"),
        ({"model": {"train_on": True}}, "model.train_on", "as it is"),
        ({"stop": {"rule": "class"}}, "stop.rule", "all shown"),
        ({"stop": {"max_rounds": 1}}, "stop.max_rounds", "each file is a round"),
    ],
)
def test_what_rounds_of_files_cannot_be_combined_with(
    files: Path, changes: dict[str, Any], field: str, said: str
) -> None:
    content = spec(files, rounds=str(files / "epoch_*.pt")).to_json()
    content |= {name: content[name] | part for name, part in changes.items()}
    if "method" in changes:
        content["method"] = changes["method"]
    with pytest.raises(BadInput) as found:
        compatibility.check(spec_from_json(content))
    assert found.value.field == field and said in str(found.value)


def test_all_missing_files_are_named_at_once(files: Path) -> None:
    made = spec(files, before="gone_1.pt", rounds=["gone_2.pt", str(files / "epoch_1.pt")], references=["gone_3.pt"])
    with pytest.raises(BadInput, match="3 of 5 files cannot be found") as found:
        compatibility.check(made)
    assert all(f"gone_{number}.pt" in str(found.value) for number in (1, 2, 3))


def test_two_hundred_files_are_no_matter(files: Path) -> None:
    for number in range(200):
        (files / f"{'a' * 60}_{number}.pt").write_bytes(b"x")
    made = spec(files, rounds=str(files / "a*_*.pt"))
    compatibility.check(made)
    assert made.max_rounds == 201 and spec_from_json(made.to_json()) == made
    assert listed(made.method.params.rounds).count(",") == 5


def test_a_shared_dashboard_opens_no_other_folders(home: Home, files: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.pt"
    secret.write_bytes(b"x")
    (home.root / "sharing.toml").write_text(
        f'way = "oidc"\nhosts = ["a.org"]\ndata_folders = ["{files}"]\n[people]\nanna = "admin"\n'
    )
    desk = Desk(home, User("anna", "admin"))
    desk.check(spec(files, rounds=str(files / "epoch_*.pt"), references=[str(files / "epoch_1.pt")]))
    os.symlink(secret, files / "way_out.pt")
    raw = spec_from_json(spec(files).to_json() | {"reference_files": [str(files / "way_*.pt")]})
    for wrong in (
        spec(files, rounds=str(secret)),
        spec(files, references=[str(secret)]),
        spec(files, after=str(secret)),
        spec(files, rounds=str(files / "way_out.pt")),
        raw,
    ):
        with pytest.raises(BadInput, match="only uploaded files"):
            desk.check(wrong)
    said = {
        "method.given.rounds": f"{files}\n{secret}",
        "given.after": str(secret),
        "reference_files": str(files / "epoch_1.pt"),
    }
    assert set(desk.foreign(said)) == {"method.given.rounds", "given.after"}
