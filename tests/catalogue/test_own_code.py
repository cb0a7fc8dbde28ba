"""Code of the user's own: found and read without being run, and known by its content."""

from __future__ import annotations

from pathlib import Path

import pytest

from cu_core.base.errors import BadInput
from cu_core.catalogue.own_code import absolute_code, check_own_code, own_code, short_code, source_hash
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_files import absolute_paths, named_files
from cu_core.catalogue.spec_parts import ModelSpec

RAISES = "raise RuntimeError('this must not run')\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.py").write_text(RAISES + "from blocks import width\ndef build(num_classes): ...\nclass Net: ...\n")
    (tmp_path / "blocks.py").write_text("width = 3\n")
    (tmp_path / "beside.py").write_text("width = 4\n")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text(RAISES)
    (tmp_path / "pack" / "models.py").write_text("from . import parts\ndef build(): ...\n")
    (tmp_path / "pack" / "parts.py").write_text("width = 3\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_modules_and_files_are_found_without_running_them(folder: Path) -> None:
    for text in ("python:net:build", "python:net:Net", "python:net.py:build", f"python:{folder}/net.py:build"):
        check_own_code(text)
    check_own_code("python:pack.models:build")
    assert absolute_code("python:net:build") == f"python:{folder.resolve()}/net.py:build"
    assert own_code("python:pack/models.py:build").root() == (folder.resolve(), "pack.models")
    assert absolute_code("python:json.decoder:JSONDecoder") == "python:json.decoder:JSONDecoder", "it is installed"
    assert short_code(absolute_code("python:net:build")) == "python:net.py:build"
    assert short_code("timm:resnet26") == "timm:resnet26"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("python:net", "names no function"),
        ("python:", "names no function"),
        ("python::build", "names no function"),
        ("python:net:2", "not the name of a function"),
        ("python:ne t:build", "neither a module nor a file"),
        ("python:nowhere:build", "no module nowhere is found"),
        ("python:pack.nowhere:build", "no module pack.nowhere is found"),
        ("python:nowhere.py:build", "is not a file"),
        ("python:net:bild", "did you mean build?"),
        ("python:math:sqrt", "no module"),
    ],
)
def test_what_is_missing_is_named(folder: Path, text: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        check_own_code(text)
    assert error.value.field == "model.backbone" and said in error.value.reason


def test_a_file_that_is_no_python_is_refused(folder: Path) -> None:
    for content in (b"def build(:\n", b"\0", b"\xff\xfe"):
        (folder / "bad.py").write_bytes(content)
        with pytest.raises(BadInput, match=r"bad\.py is not Python"):
            check_own_code("python:bad:build")


@pytest.mark.parametrize(
    ("text", "part"), [("python:net:build", "blocks.py"), ("python:pack.models:build", "pack/parts.py")]
)
def test_the_hash_follows_the_files_that_it_imports(folder: Path, text: str, part: str) -> None:
    before = source_hash(text)
    (folder / "beside.py").write_text("width = 5\n")
    assert source_hash(text) == before == source_hash(absolute_code(text))
    (folder / part).write_text("width = 5\n")
    assert source_hash(text) != before


def test_the_hash_does_not_depend_on_the_folder(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("moved")
    for name in ("net.py", "blocks.py"):
        (other / name).write_bytes((folder / name).read_bytes())
    assert source_hash(f"python:{other}/net.py:build") == source_hash("python:net:build")


def test_a_specification_holds_the_path_of_a_file(folder: Path) -> None:
    spec = absolute_paths(RunSpec(model=ModelSpec("python:net:build")))
    assert spec.model.backbone == f"python:{folder.resolve()}/net.py:build"
    assert named_files(spec)["model.backbone"] == f"{folder.resolve()}/net.py"
    assert "net.py" in spec.title and str(folder) not in spec.title
