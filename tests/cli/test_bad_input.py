"""Every wrong value gives exit code 2 and words that name the field and what is allowed."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cu_core.base.errors import BadInput
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.cli import main


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CU_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


WRONG = [
    (["--dataset", "mnist"], "dataset", "digits"),
    (["--dataset", "folder:"], "dataset", "folder:PATH"),
    (["--dataset", "folder:/does/not/exist"], "dataset", "does not exist"),
    (["--dataset", "folder:~nobody-here/x"], "dataset", "does not exist"),
    (["--dataset", "folder:" + "x" * 5000], "dataset", "does not exist"),
    (["--forget", "indices:~nobody-here/x.csv"], "forget.select", "does not exist"),
    (["--set", "model.weights=~nobody-here/w.pt"], "model.weights", "does not exist"),
    (["--dataset", "digits:x"], "dataset", "takes no path"),
    (["--model", "resnet88"], "model", "resnet8"),
    (["--model", "timm:"], "model", "timm:NAME"),
    (["--model", "timm:nonsense"], "model.backbone", "no model named"),
    (["--model", "timm:resnet_18"], "model.backbone", "timm:resnet18"),
    (["--model", "timm:" + "x" * 9000], "model.backbone", "no model named"),
    (["--model", "vit-small"], "model.backbone", "at least"),
    (["--method", "magic"], "method", "contrastive"),
    (["--forget", "class"], "forget.select", "class:5"),
    (["--forget", "class:"], "forget.select", "class:5"),
    (["--forget", "random:-1"], "forget.select", "random"),
    (["--forget", "random:many"], "forget.select", "random"),
    (["--forget", "fraction:2"], "forget.select", "fraction"),
    (["--forget", "everything"], "forget.select", "mislabelled"),
    (["--forget", "mislabelled"], "forget.select", "label_noise"),
    (["--forget", "indices:/no/such.csv"], "forget.select", "cannot be read"),
    (["--seed", "one"], "seed", "not a number"),
    (["--seed", "-1"], "seed", "out of range"),
    (["--reference", "99"], "reference", "0 to 20"),
    (["--device", "tpu"], "device", "cuda:N"),
    (["--set", "temperature=0"], "method.temperature", "0.01 to 10"),
    (["--set", "temperature=hot"], "method.temperature", "not a number"),
    (["--set", "temperature"], "--set", "NAME=VALUE"),
    (["--set", "heat=1"], "--set", "temperature"),
    (["--set", "train.epochs=1.5"], "train.epochs", "whole number"),
    (["--set", "train.epochs=nan"], "train.epochs", "finite"),
    (["--set", "train.epochs=0"], "train.epochs", "weights"),
    (["--set", "train.speed=1"], "train.speed", "train.epochs"),
    (["--set", "train.optimizer=adamax"], "train.optimizer", "sgd, adam, adamw"),
    (["--set", "train.objective=mocha"], "train.objective", "moco, simclr, byol"),
    (["--objective", "mocha"], "train.objective", "moco, simclr, byol"),
    (
        ["--objective", "moco", "--forget", "mislabelled", "--set", "data.label_noise=0.1"],
        "forget.select",
        "without labels",
    ),
    (["--set", "normalize=maybe"], "method.normalize", "true, false"),
    (["--set", "weighting=own"], "method.weighting", "paper, released"),
    (["--set", "model.weights=/no/file.pt"], "model.weights", "not a file"),
    (["--set", "stop.rule=class", "--forget", "random:5"], "stop.rule", "whole classes"),
    (
        ["--set", "train.epochs=0", "--set", f"model.weights={__file__}", "--reference"],
        "reference",
        "at least one epoch",
    ),
    (["--set", "data.train_limit=100000"], "data.train_limit", "0 to 1297"),
    (["--preset", "nope"], "preset", "digit-5"),
    (["--spec", "/no/spec.json"], "spec", "cannot be read"),
]


@pytest.mark.parametrize(("words", "field", "hint"), WRONG, ids=lambda v: " ".join(v) if isinstance(v, list) else None)
def test_wrong_option_exits_with_2_and_words(words, field, hint, capsys, home):
    assert main(["submit", *words]) == 2
    said = capsys.readouterr().err
    assert field in said and hint in said
    assert "Traceback" not in said
    assert not list((home / "runs").glob("*")) if home.exists() else True


@pytest.mark.parametrize("verb", ["cancel", "resume", "show", "delete", "restore", "verify"])
@pytest.mark.parametrize("run_id", ["nope", "../../etc", "UPPER", "a/b", ""])
def test_unknown_runs_are_named(verb, run_id, capsys):
    assert main([verb, run_id]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("not json", "not JSON"),
        ("[]", "JSON object"),
        ('{"schema": 99}', "schema"),
        ('{"data": {"dataset": 5}}', "data.dataset"),
        ('{"data": 5}', "data"),
        ('{"method": {"id": "contrastive", "extra": 1}}', "method"),
        ('{"method": {"id": 7}}', "method.id"),
        ('{"unknown": 1}', "unknown"),
        ('{"seed": true}', "seed"),
        ("[" * 100_000, "not JSON"),
        ('{"seed": 1' + "0" * 400 + "}", "seed: has too many digits"),
        ('{"seed": 1' + "0" * 5000 + "}", "not JSON"),
    ],
)
def test_wrong_spec_files(text, hint, tmp_path, capsys):
    path = tmp_path / "spec.json"
    path.write_text(text)
    assert main(["submit", "--spec", str(path)]) == 2
    assert hint in capsys.readouterr().err


def test_spec_files_that_are_no_text(tmp_path, capsys):
    path = tmp_path / "spec.json"
    path.write_bytes(b"\xff\xfe\x00{")
    assert main(["submit", "--spec", str(path)]) == 2
    assert "not JSON" in capsys.readouterr().err


@pytest.mark.parametrize("below", ["", "sub/home"])
@pytest.mark.parametrize("words", [["status"], ["submit"], ["list", "methods"]], ids=" ".join)
def test_a_home_that_is_no_folder(words, below, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("CU_HOME", str(tmp_path / "file" / below))
    assert main(words) == 2
    assert "CU_HOME" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "empty"),
        ("1\nx\n", "line 2"),
        ("-1\n", "0 to"),
        ("99999\n", "0 to"),
        ("1.5\n", "1.5"),
        ("index\n", "no index"),
    ],
)
def test_wrong_index_files_fail_the_run_as_bad_input(text, hint, tmp_path, capsys):
    path = tmp_path / "some.csv"
    path.write_text(text)
    assert main(["run", "--dataset", "digits", "--forget", f"indices:{path}", "--set", "train.epochs=1"]) == 2
    said = capsys.readouterr().err
    assert hint in said and "Traceback" not in said


@pytest.mark.parametrize("content", [b"", b"\x80\x04garbage", b"PK\x03\x04 broken"])
def test_wrong_checkpoints_fail_the_run_as_bad_input(content, tmp_path, capsys):
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    assert main(["run", "--dataset", "digits", "--set", f"model.weights={path}", "--set", "train.epochs=0"]) == 2
    said = capsys.readouterr().err
    assert "model.weights" in said and "Traceback" not in said


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    ["data", "model", "train", "forget", "method", "stop", "probe", "seed", "device", "schema", "x"]
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(content=st.dictionaries(fields, json_values, max_size=4))
def test_any_json_is_a_spec_or_bad_input(content):
    try:
        spec = spec_from_json(content)
    except BadInput as error:
        assert error.field and error.reason
    else:
        assert spec_from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_hash_ignores_name_and_group_only():
    base = RunSpec()
    assert base.content_hash() == spec_from_json({"name": "a", "group": "b"}).content_hash()
    assert base.content_hash() != spec_from_json({"seed": 1}).content_hash()
    assert base.content_hash() != spec_from_json({"method": {"params": {"lr": 0.5}}}).content_hash()
