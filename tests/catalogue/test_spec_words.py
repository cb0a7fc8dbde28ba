"""How lists name a run's choices."""

from __future__ import annotations

import pytest

from cu_core.catalogue.spec import RunSpec, short
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec


@pytest.mark.parametrize(
    ("choice", "shown"),
    [
        ("digits", "digits"),
        ("class:5,7", "class:5,7"),
        ("class:a/b", "class:a/b"),
        ("folder:/home/me/pets/", "pets"),
        ("folder:/uploads/0123456789ab-pets.zip", "pets.zip"),
        ("indices:/uploads/0123456789ab-picks.csv", "indices:picks.csv"),
        ("indices:picks.csv", "indices:picks.csv"),
    ],
)
def test_files_are_named_without_folder_and_upload_mark(choice: str, shown: str) -> None:
    assert short(choice) == shown


def test_a_made_up_title_uses_short_names() -> None:
    spec = RunSpec(data=DataSpec("folder:/u/0123456789ab-pets.zip"), forget=ForgetSpec("indices:/u/0123456789ab-a.csv"))
    assert spec.title == "contrastive · indices:a.csv · pets.zip · tiny-cnn"
