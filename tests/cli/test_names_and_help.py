"""Wrong names come with the one that was meant, help with an example; shells complete both."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cu_core import __version__
from cu_core.base.errors import BadInput, did_you_mean
from cu_core.cli import build_parser, main


def commands() -> dict[str, argparse.ArgumentParser]:
    found = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(found.choices)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CU_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("rnu", "run"),
        ("submit --methd finetune", "--method"),
        ("list method", "methods"),
        ("paper C1 --scale labtop", "laptop"),
        ("paper C11", "C1"),
        ("completion bsh", "bash"),
        ("submit --preset digit5", "digit-5"),
        ("submit --dataset CIFAR", "cifar10"),
        ("submit --model resnet88", "resnet8"),
        ("submit --objective moko", "moco"),
        ("submit --method contrastve", "contrastive"),
        ("submit --forget clas:5", "class:5"),
        ("submit --set tempreature=1", "temperature"),
        ("submit --set train.epoch=1", "train.epochs"),
        ("submit --set train.optimizer=adm", "adam"),
        ("submit --grid train.epoch=1,2", "train.epochs"),
        ("sweep all-method-digits", "all-methods-digits"),
        ("sweep --dataset digits --methods contrastive,finetun", "finetune"),
        ("sweep --dataset digits --methods finetune --vary finetun.lr=1", "finetune"),
        ("map a-run --projection aligned-map", "aligned-umap"),
    ],
)
def test_a_wrong_name_comes_with_the_one_that_was_meant(words, meant, capsys):
    try:
        code = main(words.split())
    except SystemExit as ended:
        code = ended.code
    said = capsys.readouterr().err
    assert code == 2
    assert f"; did you mean {meant}?" in said


def test_nothing_is_guessed_where_nothing_is_alike(capsys):
    assert main(["submit", "--method", "magic"]) == 2
    with pytest.raises(SystemExit):
        main(["run", "--zzz"])
    assert "did you mean" not in capsys.readouterr().err
    assert did_you_mean("", ("a", "b")) == did_you_mean("run", ()) == ""


def test_values_that_are_no_names_are_not_guessed():
    assert str(BadInput("lr", "'0.01' is out of range", ("0.01 to 10",))) == (
        "lr: '0.01' is out of range (allowed: 0.01 to 10)"
    )


def test_a_very_long_name_takes_no_time():
    assert did_you_mean("x" * 10_000_000, ["y" * 200] * 50) == ""


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"unlearnscope {__version__}\n")


@pytest.mark.parametrize("command", sorted(set(commands()) - {"worker"}))
def test_every_help_has_an_example_that_parses(command, capsys):
    text = commands()[command].format_help()
    line = text.partition("example:\n")[2].strip()
    assert line.startswith(f"unlearnscope {command}")
    assert build_parser().parse_args(line.split()[1:]).command == command


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


ASKED = [
    ("unlearnscope ru", "run"),
    ("unlearnscope run --method-", "--method-recipe"),
    ("unlearnscope run --method contrastive_", "contrastive_queue"),
    ("unlearnscope run --forget rand", "random:"),
    ("unlearnscope run --set train.epo", "train.epochs="),
    ("unlearnscope show some", "some-run"),
    ("unlearnscope completion fi", "fish"),
]
BASH = r"""
source "$1"; shift
words=("$@"); COMP_WORDS=("${words[@]}"); COMP_CWORD=$(( ${#words[@]} - 1 ))
"$(complete -p unlearnscope | sed 's/.*-F \([^ ]*\).*/\1/')" unlearnscope "${words[-1]}" "${words[-2]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_read_their_script(shell, tmp_path, capsys):
    path = tmp_path / "script"
    path.write_text(script(shell, capsys))
    assert "unlearnscope" in path.read_text()
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n", path], check=True, timeout=60)


@pytest.mark.parametrize(("line", "offered"), ASKED)
@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_shells_offer_names(shell, line, offered, tmp_path, home, capsys):
    (home / "runs" / "some-run").mkdir(parents=True)
    path = tmp_path / "script"
    path.write_text(script(shell, capsys))
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    ask = ["-c", f"source {path}; complete -C '{line}'"] if shell == "fish" else ["-c", BASH, "-", path, *line.split()]
    done = subprocess.run(
        [shell, *ask], env=os.environ | {"HOME": str(tmp_path)}, capture_output=True, text=True, check=True, timeout=60
    )
    assert [found.partition("\t")[0] for found in done.stdout.splitlines()] == [offered]


def test_zsh_is_given_colons_that_it_can_read(capsys):
    assert r"(class\: random\: " in script("zsh", capsys)


def test_the_usual_home_is_in_the_source_tree_or_the_users_folder(tmp_path, monkeypatch):
    from cu_core.base import home as module  # noqa: PLC0415

    assert module.usual_root() == Path(module.__file__).resolve().parents[len(module.__name__.split(".")) - 1] / (
        ".unlearnscope"
    )
    monkeypatch.setattr(module, "from_wheel", lambda: True)
    monkeypatch.delenv("CU_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert module.default_home().root == tmp_path / ".unlearnscope"
