"""The Hugging Face folder: its card is parsed by huggingface_hub, and what it says to run runs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard

from cu_core.analysis.exports.hub_folder import write_hub_folder
from cu_core.analysis.exports.model_card import said
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.runstore.reader import open_run
from tests.analysis.exported import run_with_weights
from tests.madeup import MadeUp, write_run


def test_the_card_is_read_and_its_code_runs(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    view, model = run_with_weights(home)
    write_hub_folder(home, view, tmp_path / "hub")
    assert sorted(p.name for p in (tmp_path / "hub").iterdir()) == ["README.md", "config.json", "model.safetensors"]
    card = ModelCard.load(tmp_path / "hub" / "README.md")
    assert card.data.library_name == "unlearnscope" and "machine-unlearning" in card.data.tags
    assert card.data.license is None, "whoever publishes it chooses"
    result = view.result() or {}
    assert f"| Forget accuracy | {100 * result['metrics']['before']['forget_acc']:.1f} %" in card.text
    code = re.findall(r"```python\n(.*?)```", card.text, re.DOTALL)[0]
    monkeypatch.chdir(tmp_path / "hub")
    names: dict[str, object] = {}
    exec(code, names)
    assert names["outputs"].shape == (2, 10)  # type: ignore[attr-defined]
    pixels = torch.rand(4, 1, 8, 8)
    torch.testing.assert_close(names["model"](pixels), model(pixels), rtol=0, atol=0)  # type: ignore[operator]
    config = json.loads((tmp_path / "hub" / "config.json").read_text())
    assert config["id2label"]["3"] == "three" and config["mean"] == [0.5]


@pytest.mark.parametrize(
    ("references", "words"),
    [((), "No model was retrained"), ((0,), "One gives no band"), ((0, 1), "2 models were retrained")],
)
def test_the_card_says_what_cannot_be_concluded(
    home: Home, tmp_path: Path, references: tuple[int, ...], words: str
) -> None:
    view, _ = run_with_weights(home, MadeUp(rounds=1, references=references, audited=0))
    write_hub_folder(home, view, tmp_path / "hub")
    text = (tmp_path / "hub" / "README.md").read_text()
    limits = text.partition("do not say")[2]
    assert words in limits and "do not prove" in limits and ("| 95 % band |" in text) == (len(references) > 1)


def test_attacks_stand_with_their_intervals(home: Home, tmp_path: Path) -> None:
    view, _ = run_with_weights(home, MadeUp(rounds=1))
    write_hub_folder(home, view, tmp_path / "hub")
    text = (tmp_path / "hub" / "README.md").read_text()
    auc = (view.result() or {})["attacks"]["loss"]["after"]["refitted"]["auc"]
    assert f"| Loss threshold | Re-fitted | {auc[0]:.3f} | {auc[1]:.3f} to {auc[2]:.3f} |" in text


def test_names_of_users_are_no_markup(home: Home, tmp_path: Path) -> None:
    assert said("<b>|`x`\n---\n# y") == r"\<b\>\|\`x\` --- \# y"
    view, _ = run_with_weights(home, MadeUp(rounds=1, audited=0, spec={"name": "--- <script>|"}))
    write_hub_folder(home, view, tmp_path / "hub")
    assert ModelCard.load(tmp_path / "hub" / "README.md").data.library_name == "unlearnscope"
    assert not re.search(r"(?<!\\)<script", (tmp_path / "hub" / "README.md").read_text())


def test_no_path_of_this_machine_is_in_it(home: Home, tmp_path: Path) -> None:
    view, _ = run_with_weights(home)
    write_hub_folder(home, view, tmp_path / "hub")
    assert not [p for p in (tmp_path / "hub").iterdir() if str(home.root).encode() in p.read_bytes()]


def test_without_images_it_says_what_it_lacks_and_without_a_result_there_is_none(home: Home, tmp_path: Path) -> None:
    view, _ = run_with_weights(home)
    shutil.rmtree(home.datasets)
    assert write_hub_folder(home, view, tmp_path / "hub")[1] is False
    assert "lacks the classes" in (tmp_path / "hub" / "README.md").read_text()
    write_run(home, "working", MadeUp(rounds=1, audited=0, state="failed"))
    with pytest.raises(BadInput, match="only a finished run"):
        write_hub_folder(home, open_run(home, "working"), tmp_path / "none")
    assert not (tmp_path / "none").exists()
