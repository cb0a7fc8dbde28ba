"""The verbs of erasure records: made, signed, checked, with exit codes that scripts can rely on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.cli import main
from cu_core.learning.weights import save_weights, weights_sha256
from cu_core.runstore import layout
from tests.analysis.erasure_cases import write_kind

Told = pytest.CaptureFixture[str]


@pytest.fixture
def run_id(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    assert main(["keygen", "mine.key"]) == 0
    return write_kind(home, "class-differs")


def test_from_the_key_to_the_check(run_id: str, tmp_path: Path, capsys: Told) -> None:
    (tmp_path / "request.json").write_text(json.dumps({"operator": "Lab 3", "basis": "a contract"}))
    words = ["report", run_id, "--erasure", "record.html", "--sign", "mine.key", "--request", "request.json"]
    assert main([*words, "--request-id", "4711", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["state"] == "differs" and Path(told["json"]).name == "record.json"
    content = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert content["record"]["request"]["request_id"] == "4711" and content["record"]["request"]["operator"] == "Lab 3"
    assert content["seal"]["record_sha256"] == told["record_sha256"]
    for name in ("record.html", "record.json"):
        assert main(["verify-report", name, "--key", "mine.key.pub"]) == 0
        assert main(["verify-report", name]) == 0
        assert "key is unknown" in capsys.readouterr().out
    assert main(["keygen", "other.key"]) == 0
    assert main(["verify-report", "record.json", "--key", "other.key.pub"]) == 1
    assert "another key" in capsys.readouterr().out


def test_what_was_changed_is_said_and_the_exit_code_is_1(run_id: str, tmp_path: Path, capsys: Told) -> None:
    assert main(["report", run_id, "--erasure", "record", "--sign", "mine.key"]) == 0
    data, page = tmp_path / "record.json", tmp_path / "record.html"
    data.write_text(data.read_text("utf-8").replace('"state":"differs"', '"state":"cannot-tell"', 1), "utf-8")
    page.write_text(page.read_text("utf-8").replace("Difference found", "No difference found", 1), "utf-8")
    capsys.readouterr()
    assert main(["verify-report", "record.json", "--key", "mine.key.pub", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["unchanged"] is False
    assert [f["words"] for f in told["findings"] if f["ok"] is False] == ["The section results was changed."]
    assert main(["verify-report", "record.html", "--key", "mine.key.pub"]) == 1
    assert "WRONG page" in capsys.readouterr().out


def test_a_record_that_was_handed_out_is_signed_afterwards(run_id: str, tmp_path: Path, capsys: Told) -> None:
    assert main(["report", run_id, "--erasure", "record"]) == 0
    assert "not signed" in capsys.readouterr().out
    assert main(["verify-report", "record.html", "--key", "mine.key.pub"]) == 1
    for name in ("record.html", "record.json"):
        assert main(["sign-report", name, "--key", "mine.key"]) == 0
        assert main(["verify-report", name, "--key", "mine.key.pub"]) == 0
    assert main(["sign-report", "record.html", "--key", "mine.key"]) == 2
    assert "signed already" in capsys.readouterr().err
    assert main(["report", run_id, "--erasure", "again"]) == 0
    page = tmp_path / "again.html"
    page.write_text(page.read_text("utf-8").replace("Difference found", "No difference found", 1), "utf-8")
    assert main(["sign-report", "again.html", "--key", "mine.key"]) == 2
    assert "not as it was made" in capsys.readouterr().err


def test_weights_are_checked_against_the_record(home: Home, run_id: str, tmp_path: Path, capsys: Told) -> None:
    model = torch.nn.Linear(3, 2)
    path = home.runs / run_id / layout.RESULT
    write_json(path, read_json(path) | {"weights_sha256": weights_sha256(model.state_dict())})
    assert main(["report", run_id, "--erasure", "record"]) == 0
    for name in ("w.pt", "w.safetensors"):
        save_weights(tmp_path / name, model)
        assert main(["verify-report", "record.json", "--weights", name]) == 0
    with torch.no_grad():
        model.weight[0, 0] += 1e-6
    save_weights(tmp_path / "w.pt", model)
    capsys.readouterr()
    assert main(["verify-report", "record.json", "--weights", "w.pt"]) == 1
    assert "others than those of the record" in capsys.readouterr().out


def test_a_file_that_is_there_is_replaced_only_when_told_to(run_id: str, tmp_path: Path, capsys: Told) -> None:
    (tmp_path / "record.json").write_text("mine")
    assert main(["report", run_id, "--erasure", "record"]) == 2
    assert "--force" in capsys.readouterr().err and (tmp_path / "record.json").read_text() == "mine"
    assert not (tmp_path / "record.html").exists()
    assert main(["report", run_id, "--erasure", "record", "--force"]) == 0
    assert main(["keygen", "mine.key"]) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--group", "customer-4711"], "name one"),
        (["other"], "does not exist"),
        (["RUN", "--include", "name"], "did you mean names"),
        (["RUN", "--sign", "none.key"], "cannot be read"),
        (["RUN", "--sign", "mine.key.pub"], "private key"),
        (["RUN", "--request", "none.json"], "--request"),
        (["RUN", "--basis", "x" * 20_000], "characters"),
    ],
)
def test_bad_input_is_told(run_id: str, tmp_path: Path, capsys: Told, words: list[str], said: str) -> None:
    (tmp_path / "mine.key.pub").chmod(0o600)
    words = [run_id if word == "RUN" else word for word in words]
    assert main(["report", *words, "--erasure", "record"]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("record*"))


@pytest.mark.parametrize("verb", [["verify-report"], ["sign-report", "--key", "mine.key"]])
def test_no_record_is_no_traceback(run_id: str, tmp_path: Path, capsys: Told, verb: list[str]) -> None:
    (tmp_path / "x.html").write_text("<p>hello</p>")
    for name in ("x.html", "none.html", str(tmp_path)):
        assert main([verb[0], name, *verb[1:]]) == 2
        assert "bad input: file" in capsys.readouterr().err


# An elliptic key over wap-wsg-idm-ecid-wtls8, as openssl makes it; the library knows no such curve.
ODD_KEY = """-----BEGIN EC PRIVATE KEY-----
MD8CAQEEDwB44GvZ92TnvT4n0PZav6AHBgVnKwEECKEgAx4ABCbADzLhuLYs18jt
2Dvu3J06E8B9+pJNmzpoUb0=
-----END EC PRIVATE KEY-----
"""


def test_keys_of_kinds_that_the_library_does_not_know_are_refused(run_id: str, tmp_path: Path, capsys: Told) -> None:
    (tmp_path / "odd.key").write_text(ODD_KEY)
    (tmp_path / "odd.key").chmod(0o600)
    assert main(["report", run_id, "--erasure", "record"]) == 0
    capsys.readouterr()
    for words in (["sign-report", "record.json"], ["verify-report", "record.json"]):
        assert main([*words, "--key", "odd.key"]) == 2
        assert "another kind (allowed: Ed25519)" in capsys.readouterr().err


def test_a_record_without_a_name_does_not_become_a_report(run_id: str, tmp_path: Path, capsys: Told) -> None:
    for name in ("", ".html", "./"):
        assert main(["report", run_id, "--erasure", name]) == 2
    assert not list(tmp_path.glob("*.html")) and not (tmp_path / ".html").exists()
