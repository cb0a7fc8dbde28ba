"""Words on the command line: a specification or words about the field; no traceback, no run, nothing written."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.base.parameters import describe
from cu_core.catalogue import compatibility
from cu_core.catalogue.spec import PARTS
from cu_core.cli import build_parser, main
from cu_core.cli.arguments import read_spec
from tests.fuzz.profile import fewer, fuzzed

OPTIONS = ("--dataset", "--model", "--objective", "--method", "--forget", "--seed", "--device", "--name", "--spec",
           "--preset", "--set")  # fmt: skip
FIELDS = tuple(f"{part}.{field.name}" for part, cls in PARTS.items() for field in describe(cls))
ODD = (
    "", " ", "0", "-1", "1e400", "9" * 5000, "nan", "inf", "true", "٣", "\0", "\udcff", "a" * 20_000, "{}", "=", "==",
    "../../etc/passwd", "folder:../..", "folder:/dev/zero", "folder:\0", "indices:/dev/zero", "indices:~nobody/x",
    "class:", "class:" + "9" * 5000, "random:" + "9" * 400, "fraction:1e-400", "duplicates:1:2:3", "timm:../x",
    "open_clip:\x1b", "cuda:99999999999999999999", "$(touch x)", "`id`", "%s%n", "<b>", "--", "-x",
)  # fmt: skip
odd = st.sampled_from(ODD) | st.text(max_size=12)


@fuzzed
@given(
    options=st.lists(st.tuples(st.sampled_from(OPTIONS), odd), max_size=3),
    settings=st.lists(st.tuples(st.sampled_from(FIELDS) | odd, odd), max_size=3),
)
def test_any_words_are_a_specification_or_refused(
    tmp_path_factory: pytest.TempPathFactory, options: list[tuple[str, str]], settings: list[tuple[str, str]]
) -> None:
    home = Home(tmp_path_factory.getbasetemp() / "no-home")
    words = [f"{name}={value}" for name, value in options] + [f"--set={name}={value}" for name, value in settings]
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            parsed = build_parser().parse_args(["submit", *words])
        compatibility.check(read_spec(parsed, home))
    except SystemExit as error:
        assert error.code == 2
    except BadInput as error:
        assert error.field and error.reason
        str(error).encode()
    assert not home.root.exists()


@fewer(2)
@given(
    verb=st.sampled_from(["show", "verify", "export", "cancel", "delete", "restore", "resume", "paper", "map"]), run=odd
)
def test_any_run_id_is_known_or_refused(tmp_path_factory: pytest.TempPathFactory, verb: str, run: str) -> None:
    root = tmp_path_factory.getbasetemp() / "empty-home"
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(said):
        patch.setenv("CU_HOME", str(root))
        try:
            code = main([verb, "--", run, *[str(root / "out.zip")] * (verb == "export")])
        except SystemExit as error:
            code = int(error.code or 0)
    assert code == 2 and "Traceback" not in said.getvalue()
    assert not (root / "out.zip").exists()


def test_a_specification_is_no_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("CU_HOME", str(tmp_path / "home"))
    os.mkfifo(tmp_path / "spec.json")
    assert main(["submit", "--spec", str(tmp_path / "spec.json")]) == 2
    assert "no plain file" in capsys.readouterr().err
