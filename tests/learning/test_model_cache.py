"""Trained models kept by content: hits, misses, damage, interruption, two processes at once."""

from __future__ import annotations

import dataclasses
import json
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

from cu_core.base.errors import BadInput, Cancelled, CheckpointError, Incompatible
from cu_core.base.home import Home
from cu_core.catalogue.compatibility import check
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.catalogue.spec_parts import DataSpec, ModelSpec, TrainSpec
from cu_core.data.batches import ImageSource
from cu_core.data.images import ImageData
from cu_core.learning.build import build_model
from cu_core.learning.device import choose_precision
from cu_core.learning.model_cache import AGAIN, Trained, train_key, trained_model
from cu_core.learning.training import EpochReport, read_sealed
from cu_core.learning.weights import save_weights, weights_sha256

CPU = torch.device("cpu")
SPEC = RunSpec(model=ModelSpec(embedding_dim=8), train=TrainSpec(epochs=3, batch_size=16, lr=0.05))
ALL = np.arange(40)


@pytest.fixture(autouse=True)
def every_epoch_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """These trainings take less time than the pause between two checkpoints."""
    monkeypatch.setattr("cu_core.learning.training.CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("cu_core.learning.training.CHECKPOINT_RATIO", 0.0)


def toy() -> ImageData:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 1, 8, 8), dtype=np.uint8), np.arange(40) % 2
    return ImageData(images, labels, images[:4], labels[:4], ("a", "b"), (0.5,), (0.3,), labels, "d" * 64)


def get(
    home: Home, spec: RunSpec = SPEC, indices: np.ndarray = ALL, seed: int = 0, keep: tuple[int, ...] = (), **callbacks
) -> tuple[Trained, list[int]]:
    """The model and the epochs that were trained for it."""
    data, epochs = toy(), []

    def on_epoch(report: EpochReport) -> None:
        epochs.append(report.epoch)
        callbacks.get("on_epoch", lambda report: None)(report)

    trained = trained_model(
        spec,
        data,
        ImageSource.train(data, CPU),
        indices,
        seed,
        home=home,
        device=CPU,
        precision=choose_precision("auto", CPU),
        on_epoch=on_epoch,
        check=callbacks.get("check", lambda: None),
        keep=keep,
    )
    return trained, epochs


def sha(trained: Trained) -> str:
    return weights_sha256(trained.model.state_dict())


def files(home: Home, key: str) -> list[str]:
    return sorted(p.name.removeprefix(key) for p in home.models.iterdir() if not p.name.endswith(".lock"))


def test_a_second_request_is_served_from_the_cache(home: Home) -> None:
    first, trained = get(home)
    second, again = get(home)
    assert (first.cached, trained) == (False, [1, 2, 3])
    assert (second.cached, again) == (True, [])
    assert (second.key, second.seconds, sha(second)) == (first.key, first.seconds, sha(first))
    assert not second.model.training
    assert second.model.trunk.layers[4].weight.is_contiguous(memory_format=torch.channels_last)
    assert files(home, first.key) == [".json", ".pt"]
    about = json.loads((home.models / f"{first.key}.json").read_text())
    assert about["weights_sha256"] == sha(first)


def test_what_the_training_took_of_the_processor_is_kept_with_it(home: Home) -> None:
    first, _ = get(home)
    assert first.cpu_seconds and first.cpu_seconds > 0
    assert get(home)[0].cpu_seconds == first.cpu_seconds
    path = home.models / f"{first.key}.json"
    about = json.loads(path.read_text())
    del about["cpu_seconds"]
    path.write_text(json.dumps(about))
    older, trained = get(home)
    assert (older.cached, older.cpu_seconds, trained) == (True, None, []), "a model of an earlier version is as good"


def test_names_and_unlearning_choices_share_one_base(home: Home) -> None:
    first, _ = get(home)
    other = dataclasses.replace(SPEC, name="another", group="g", reference=3, data=DataSpec(dataset="svhn"), seed=9)
    assert get(home, other)[0].cached
    assert get(home)[0].key == first.key


def key(
    spec: RunSpec = SPEC, data: str = "d", indices: np.ndarray = ALL, seed: int = 0, device: str = "cpu", **more
) -> str:
    return train_key(spec, data, indices, seed, device, **more)


def test_everything_that_decides_the_weights_changes_the_key() -> None:
    def model(**changes: object) -> RunSpec:
        return dataclasses.replace(SPEC, model=dataclasses.replace(SPEC.model, **changes))

    def recipe(**changes: object) -> RunSpec:
        return dataclasses.replace(SPEC, train=dataclasses.replace(SPEC.train, **changes))

    keys = [
        key(),
        key(model(backbone="resnet8")),
        key(model(head="plain")),
        key(model(embedding_dim=16)),
        key(model(pretrained=True)),
        key(recipe(epochs=4)),
        key(recipe(batch_size=8)),
        key(recipe(optimizer="adamw")),
        key(recipe(lr=0.04)),
        key(recipe(momentum=0.5)),
        key(recipe(weight_decay=0.1)),
        key(recipe(schedule="constant")),
        key(recipe(augment="crop")),
        key(recipe(nesterov=True)),
        key(recipe(label_smoothing=0.1)),
        key(recipe(lookahead=0.5)),
        key(data="e"),
        key(indices=ALL[:-1]),
        key(seed=1),
        key(device="cuda"),
        key(precision="bf16"),
    ]
    assert len(set(keys)) == len(keys)
    assert key(recipe(seed=5)) == key(), "the seed in force is an argument"
    assert key(indices=ALL.astype(np.int32)) == key()


def test_only_settings_that_the_objective_reads_change_the_key() -> None:
    def of(objective: str, **changes: object) -> str:
        return key(dataclasses.replace(SPEC, train=dataclasses.replace(SPEC.train, objective=objective, **changes)))

    changes: dict[str, object] = {
        "augment": "crop",
        "label_smoothing": 0.1,
        "smallest_crop": 0.5,
        "temperature": 0.3,
        "queue": 100,
        "key_momentum": 0.5,
    }
    read = {
        "supervised": {"augment", "label_smoothing"},
        "moco": {"smallest_crop", "temperature", "queue", "key_momentum"},
        "simclr": {"smallest_crop", "temperature"},
        "byol": {"smallest_crop", "key_momentum"},
    }
    for objective, fields in read.items():
        changed = {name for name, value in changes.items() if of(objective, **{name: value}) != of(objective)}
        assert changed == fields
    assert len({of(objective) for objective in read}) == 4
    assert of("moco", temperature=0.1) == of("moco"), "0 stands for the objective's own temperature"


@pytest.mark.parametrize("objective", ["moco", "simclr", "byol"])
def test_encoders_are_kept_with_all_of_their_parts(home: Home, objective: str) -> None:
    spec = dataclasses.replace(SPEC, train=TrainSpec(objective=objective, epochs=2, batch_size=16, lr=0.05))
    first, trained = get(home, spec)
    second, again = get(home, spec)
    assert (trained, again, second.cached) == ([1, 2], [], True)
    assert sha(second) == sha(first)
    names = set(second.model.state_dict())
    assert any(name.startswith("predictor.") for name in names) == (objective == "byol")
    assert not any(name.startswith("head.") for name in names)
    assert first.key != get(home)[0].key


def test_own_weights_count_by_content(tmp_path: Path) -> None:
    def with_weights(path: Path) -> RunSpec:
        return dataclasses.replace(SPEC, model=dataclasses.replace(SPEC.model, weights=str(path)))

    for name, content in (("a.pt", b"1"), ("copy.pt", b"1"), ("b.pt", b"2")):
        (tmp_path / name).write_bytes(content)
    a, copy, b = (key(with_weights(tmp_path / name)) for name in ("a.pt", "copy.pt", "b.pt"))
    assert a == copy != b
    with pytest.raises(CheckpointError, match=r"no file .*none\.pt"):
        key(with_weights(tmp_path / "none.pt"))


def damage_weights(home: Home, key: str) -> None:
    path = home.models / f"{key}.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "one bit": damage_weights,
    "truncated": lambda home, key: (home.models / f"{key}.pt").write_bytes(b"PK"),
    "no weights": lambda home, key: (home.models / f"{key}.pt").unlink(),
    "no description": lambda home, key: (home.models / f"{key}.json").unlink(),
    "torn description": lambda home, key: (home.models / f"{key}.json").write_text('{"sha256": "'),
    "binary description": lambda home, key: (home.models / f"{key}.json").write_bytes(b"\xff\xfe"),
    "empty description": lambda home, key: (home.models / f"{key}.json").write_text("{}"),
    "description of another kind": lambda home, key: (home.models / f"{key}.json").write_text("[]"),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_files_are_trained_again(home: Home, how: str) -> None:
    first, _ = get(home)
    DAMAGE[how](home, first.key)
    second, epochs = get(home)
    assert (second.cached, epochs, sha(second)) == (False, [1, 2, 3], sha(first))
    assert get(home)[0].cached


def test_an_interrupted_training_goes_on(home: Home, tmp_path: Path) -> None:
    whole, _ = get(Home(tmp_path / "other").create())

    def stop(report: EpochReport) -> None:
        if report.epoch == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        get(home, on_epoch=stop)
    assert files(home, whole.key) == [".partial.pt"]
    resumed, epochs = get(home)
    assert (resumed.cached, epochs, sha(resumed)) == (False, [3], sha(whole))
    assert files(home, whole.key) == [".json", ".pt"]


def test_a_damaged_partial_training_starts_over(home: Home) -> None:
    whole, _ = get(home)
    damage_weights(home, whole.key)
    (home.models / f"{whole.key}.partial.pt").write_bytes(b"torn")
    again, epochs = get(home)
    assert (epochs, sha(again)) == ([1, 2, 3], sha(whole))


def test_zero_epochs_take_own_weights_as_they_are(home: Home, tmp_path: Path) -> None:
    model = build_model(SPEC.model, 1, 8, 2, seed=77)
    save_weights(tmp_path / "w.safetensors", model)
    own = dataclasses.replace(SPEC.model, weights=str(tmp_path / "w.safetensors"))
    spec = dataclasses.replace(SPEC, model=own, train=TrainSpec(epochs=0))
    trained, epochs = get(home, spec)
    assert (sha(trained), epochs, trained.seconds) == (weights_sha256(model.state_dict()), [], 0.0)


def test_training_starts_from_own_weights(home: Home, tmp_path: Path) -> None:
    save_weights(tmp_path / "w.pt", build_model(SPEC.model, 1, 8, 2, seed=77))
    spec = dataclasses.replace(SPEC, model=dataclasses.replace(SPEC.model, weights=str(tmp_path / "w.pt")))
    assert sha(get(home, spec)[0]) != sha(get(home)[0])
    assert get(home, spec)[0].cached


def test_zero_epochs_without_weights_are_refused(home: Home) -> None:
    with pytest.raises(BadInput, match=r"train\.epochs: zero epochs need own weights"):
        get(home, dataclasses.replace(SPEC, train=TrainSpec(epochs=0)))


def test_waiting_for_another_process_can_be_stopped(home: Home) -> None:
    whole, _ = get(home)
    calls = iter((None, None, Cancelled()))

    def check() -> None:
        if error := next(calls):
            raise error

    with FileLock(home.models / f"{whole.key}.lock"), pytest.raises(Cancelled):
        get(home, check=check)


def weights_after(home: Home, epochs: int) -> str:
    """Hash of the weights of a training that was stopped after some epochs, from its own unfinished state."""

    def stop(report: EpochReport) -> None:
        if report.epoch == epochs:
            raise Cancelled

    with pytest.raises(Cancelled):
        get(home, on_epoch=stop)
    (partial,) = home.models.glob("*.partial.pt")
    state = read_sealed(partial)
    assert state is not None and state["epoch"] == epochs
    return weights_sha256(state["model"])


def test_earlier_weights_are_kept_on_request(home: Home, tmp_path: Path) -> None:
    wanted = weights_after(Home(tmp_path / "other").create(), 2)
    plain, _ = get(Home(tmp_path / "plain").create())
    kept, epochs = get(home, keep=(1, 2))
    assert epochs == [1, 2, 3] and (kept.key, sha(kept)) == (plain.key, sha(plain)), "they change nothing else"
    assert files(home, kept.key) == [".epoch1.pt", ".epoch2.pt", ".json", ".pt"]
    assert weights_sha256(kept.kept.weights(1)) == wanted
    assert weights_sha256(kept.kept.weights(2)) != wanted
    again, epochs = get(home, keep=(1, 2))
    assert again.cached and not epochs and weights_sha256(again.kept.weights(1)) == wanted
    with pytest.raises(CheckpointError, match=r"keep_every.*epoch 0"):
        again.kept.weights(3)
    assert get(home)[0].kept is None


@pytest.mark.parametrize("lacking", ["never kept", "damaged", "removed"])
def test_a_model_that_lacks_earlier_weights_is_trained_again_and_stays(home: Home, lacking: str) -> None:
    first, _ = get(home, keep=() if lacking == "never kept" else (2,))
    path = home.models / f"{first.key}.epoch2.pt"
    if lacking == "damaged":
        path.write_bytes(path.read_bytes()[:-10])
    elif lacking == "removed":
        path.unlink()
    stored, told = (home.models / f"{first.key}.pt").stat().st_mtime_ns, []
    again, epochs = get(home, keep=(2,), on_epoch=lambda report: told.append(report.where))
    assert (epochs, again.cached, sha(again)) == ([1, 2, 3], False, sha(first)) and told == [AGAIN] * 3
    assert (home.models / f"{first.key}.pt").stat().st_mtime_ns == stored
    assert files(home, first.key) == [".epoch2.pt", ".json", ".pt"]
    assert get(home, keep=(2,))[0].cached


def test_an_unfinished_training_past_a_wanted_epoch_starts_over(home: Home) -> None:
    weights_after(home, 2)
    trained, epochs = get(home, keep=(1,))
    assert epochs == [1, 2, 3] and not trained.kept.missing()


def test_an_unfinished_training_that_kept_its_epochs_goes_on(home: Home) -> None:
    def stop(report: EpochReport) -> None:
        if report.epoch == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        get(home, keep=(1,), on_epoch=stop)
    trained, epochs = get(home, keep=(1,))
    assert epochs == [3] and not trained.kept.missing()


def spec_of(method: str, **parts: object) -> RunSpec:
    return spec_from_json({"method": {"id": method}, "train": {"epochs": 10}} | parts)


@pytest.mark.parametrize(
    ("spec", "kept"),
    [
        (spec_of("finetune"), ()),
        (spec_of("finetune", train={"epochs": 10, "keep_every": 3}), (3, 6, 9)),
        (spec_of("finetune", train={"epochs": 10, "keep_every": 5}), (5,)),
        (spec_of("rewind_to_delete"), (5,)),
        (spec_of("rewind_to_delete", stop={"max_rounds": 3}), (7,)),
        (spec_of("rewind_to_delete", stop={"max_rounds": 3}, train={"epochs": 10, "keep_every": 4}), (4, 7, 8)),
    ],
)
def test_what_is_kept_follows_from_request_and_method(spec: RunSpec, kept: tuple[int, ...]) -> None:
    check(spec)
    assert spec.kept_epochs == kept


def test_keeping_changes_no_key() -> None:
    plain, keeping = (dataclasses.replace(SPEC, train=dataclasses.replace(SPEC.train, keep_every=n)) for n in (0, 1))
    assert train_key(plain, "d" * 64, ALL, 0, "cpu") == train_key(keeping, "d" * 64, ALL, 0, "cpu")


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"stop": {"max_rounds": 10}}, "stop.max_rounds: .*has 10.*1 to 9"),
        ({"train": {"epochs": 1}}, "train.epochs: .*2 or more"),
        ({"model": {"weights": "OWN"}}, "model.weights: .*a file's training.*train_on"),
        ({"train": {"epochs": 4, "keep_every": 1, "shards": 2}, "method": {"id": "sisa"}}, "train.keep_every: .*stage"),
        ({"model": {"weights": "OWN"}, "train": {"keep_every": 1}, "method": {"id": "finetune"}}, "train.keep_every"),
    ],
)
def test_what_cannot_go_back_is_refused(parts: dict, words: str, tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"weights")
    if "model" in parts:
        parts = parts | {"model": {"weights": str(tmp_path / "w.pt")}}
    with pytest.raises(Incompatible, match=words):
        check(spec_from_json({"method": {"id": "rewind_to_delete"}, "train": {"epochs": 10}} | parts))


def test_two_at_once_train_once(home: Home) -> None:
    results: list[tuple[Trained, list[int]]] = []
    threads = [threading.Thread(target=lambda: results.append(get(home))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(r.cached for r, _ in results) == [False, True]
    assert len({sha(r) for r, _ in results}) == 1
