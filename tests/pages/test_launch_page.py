"""The launch form: what it fills, what it refuses and where it says so, and that one click makes one run."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from cu_core.base.home import Home
from cu_core.base.parameters import describe
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.objective_record import OWN_SETTINGS
from cu_core.catalogue.presets import DEFAULT_PRESET, single_presets
from cu_core.catalogue.recipes import recipe
from cu_core.catalogue.spec import MethodSpec, RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec, ModelSpec, TrainSpec
from cu_core.catalogue.spec_recording import StopSpec
from cu_core.engine.estimate import EARLIER_RUN, Speed, remember_speed
from cu_core.jobs import dispatcher, submission
from cu_core.methods.contrastive import ContrastiveParams
from cu_core.runstore.reader import list_runs, open_run
from pages._launch import form_draft
from pages._launch.form_fields import label_of
from tests.madeup import write_dataset
from tests.pages.page_helpers import open_page, texts


@pytest.fixture(autouse=True)
def no_processes(monkeypatch: pytest.MonkeyPatch, home: Home) -> list[Home]:
    """Keeps the page from starting processes; lists the homes whose dispatcher was asked for."""
    asked: list[Home] = []
    monkeypatch.setattr(dispatcher, "ensure_dispatcher", lambda where: asked.append(where) or True)
    # The preview then finds its dataset and has nothing to prepare.
    write_dataset(home, DataSpec())
    return asked


def widget(app: AppTest, field: str) -> Any:
    return app.get_by_key(f"new:{field}")


def button(app: AppTest, start: str) -> Any:
    return next(b for b in app.button if b.label.startswith(start))


def use(app: AppTest, preset: str) -> None:
    app.get_by_key("preset").set_value(preset).run()


def launch(app: AppTest) -> AppTest:
    app = button(app, "Launch").click().run()
    assert not app.exception, app.exception
    return app


@pytest.mark.parametrize("preset", single_presets().values(), ids=lambda preset: preset.id)
def test_a_preset_passes_through_the_form_unchanged(preset: Any) -> None:
    assert form_draft.spec_of(form_draft.from_spec(preset.spec)) == preset.spec


@given(
    select=st.one_of(
        st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True).map(
            lambda picks: "class:" + ",".join(map(str, picks))
        ),
        st.integers(1, 1000).map(lambda n: f"random:{n}"),
        st.integers(1, 99).map(lambda n: f"fraction:{n / 100:g}"),
        st.just("mislabelled"),
        st.just("indices:/tmp/some.csv"),
        st.integers(1, 1000).map(lambda n: f"memorised:{n}"),
        st.tuples(st.integers(0, 999), st.integers(1, 99)).map(lambda pair: f"duplicates:{pair[0]}:{pair[1]}"),
    ),
    seed=st.integers(0, 2**31 - 1),
    temperature=st.floats(0.01, 10.0),
    rounds=st.integers(0, 1000),
    backbone=st.sampled_from(["tiny-cnn", "resnet18", "timm:resnet26"]),
)
def test_any_specification_passes_through_the_form_unchanged(
    select: str, seed: int, temperature: float, rounds: int, backbone: str
) -> None:
    spec = RunSpec(
        data=DataSpec(label_noise=0.1),
        model=ModelSpec(backbone),
        forget=ForgetSpec(select),
        method=MethodSpec("contrastive", ContrastiveParams(temperature=temperature)),
        stop=StopSpec(max_rounds=rounds),
        seed=seed,
    )
    assert form_draft.spec_of(form_draft.from_spec(spec)) == spec


def test_every_described_field_has_a_place_in_the_form() -> None:
    fields = set(form_draft.from_spec(RunSpec()))
    for part, cls in form_draft.PARTS.items():
        assert {f"{part}.{d.name}" for d in describe(cls)} <= fields
    assert {f"method.contrastive.{d.name}" for d in describe(ContrastiveParams)} <= fields


def test_several_wrong_fields_are_all_reported() -> None:
    draft = form_draft.from_spec(RunSpec()) | {
        "seed": -1,
        "train.lr": 99.0,
        "method.contrastive.temperature": 0.0,
        "data.label_noise": 0.9,
    }
    errors = form_draft.errors_of(draft)
    assert set(errors) == {"seed", "train.lr", "method.temperature", "data.label_noise"}
    assert "0.01 to 10" in errors["method.temperature"]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"data.dataset": "folder"}, "data.dataset", "name a folder"),
        ({"data.dataset": "folder", "data.path": "/no/such/place"}, "data.dataset", "does not exist"),
        ({"model.backbone": "timm"}, "model.backbone", "timm"),
        ({"model.backbone": "vit-small"}, "model.backbone", "16 px"),
        ({"forget.kind": "class", "forget.classes": []}, "forget.select", "at least one class"),
        ({"forget.kind": "indices"}, "forget.select", "upload"),
        ({"forget.kind": "mislabelled"}, "forget.select", "label noise"),
        ({"forget.kind": "random", "forget.count": 0}, "forget.select", "random:0"),
        ({"device": "tpu"}, "device", "cuda"),
        ({"train.epochs": 0, "reference": 0}, "train.epochs", "weights"),
        ({"stop.rule": "like-reference", "reference": 4}, "reference", "at least 5 retrained models"),
        ({"model.weights": "/no/such/file.pt"}, "model.weights", "not a file"),
        ({"data.train_limit": 5000}, "data.train_limit", "1297"),
        ({"forget.kind": "random", "stop.rule": "class"}, "stop.rule", "whole classes"),
    ],
)
def test_a_wrong_choice_is_said_at_its_field(change: dict[str, Any], field: str, words: str) -> None:
    errors = form_draft.errors_of(form_draft.from_spec(RunSpec()) | change)
    assert list(errors) == [field]
    assert words.lower() in errors[field].lower()


def test_class_picks_follow_the_names_of_a_dataset() -> None:
    names = ("cat", "dog", "frog")
    assert form_draft.class_names(["1", "frog", "dog", "7"], names) == ["dog", "frog"]
    assert form_draft.class_names(["1", "0"], ("0", "1")) == ["1", "0"]


def test_another_dataset_keeps_classes_by_name_and_no_numbers(home: Home) -> None:
    app = open_page("launch.py")
    use(app, "photos-dogs")
    assert widget(app, "forget.classes").value == ["dog"]
    widget(app, "data.dataset").set_value("folder").run()
    assert widget(app, "forget.classes").value == ["dog"], "the same photographs, from a folder"
    app.session_state["new:forget.classes"] = ["5"]
    widget(app, "data.dataset").set_value("cifar10").run()
    assert widget(app, "forget.classes").value == [], "class 5 of other images is another class"
    # Images that are known have no such class.
    app.session_state["new:forget.classes"] = ["dog"]
    widget(app, "data.dataset").set_value("digits").run()
    assert widget(app, "forget.classes").value == []


def test_the_form_starts_with_the_default_preset_and_shows_what_it_forgets(home: Home) -> None:
    app = open_page("launch.py")
    assert app.get_by_key("preset").value == DEFAULT_PRESET.id
    # By name, since the dataset is prepared: class 5 of the made-up digits is "five".
    assert widget(app, "forget.classes").value == ["five"]
    assert "60 of 600" in texts(app)
    table = next(d.value for d in app.dataframe if "Forget" in d.value)
    assert table[["Class", "Forget", "Of"]].values.tolist() == [["five", 60, 60]]
    assert len(app.get("image")) == 1


@pytest.mark.parametrize("preset", single_presets().values(), ids=lambda preset: preset.id)
def test_one_click_fills_in_a_preset(preset: Any) -> None:
    app = open_page("launch.py")
    use(app, preset.id)
    assert not app.exception
    values = {name: app.session_state[f"new:{name}"] for name in form_draft.from_spec(preset.spec)}
    shown = form_draft.spec_of(values)
    expected = dataclasses.replace(preset.spec, name="")
    if preset.spec.data.dataset == "digits" and preset.spec.data.label_noise == 0 and preset.spec.task == "class":
        expected = dataclasses.replace(expected, forget=ForgetSpec("class:five"))
    assert shown == expected


def test_an_error_stands_beside_its_field_and_nothing_typed_is_lost(home: Home) -> None:
    app = open_page("launch.py")
    widget(app, "name").set_value("my run").run()
    widget(app, "method.contrastive.temperature").set_value(0.33).run()
    widget(app, "model.backbone").set_value("vit-small").run()
    lines = [m.value for m in app.markdown if "16 px" in m.value]
    assert len(lines) == 2, "once below the field, once in the bar"
    assert button(app, "Launch").disabled
    widget(app, "model.backbone").set_value("tiny-cnn").run()
    assert not button(app, "Launch").disabled
    assert widget(app, "name").value == "my run"
    assert widget(app, "method.contrastive.temperature").value == 0.33
    assert not [m for m in app.markdown if "16 px" in m.value]


def test_what_was_typed_survives_a_visit_to_another_page() -> None:
    app = open_page("launch.py")
    widget(app, "seed").set_value(7).run()
    widget(app, "forget.kind").set_value("random").run()
    widget(app, "forget.count").set_value(33).run()
    app.switch_page("runs.py").run()
    app.switch_page("launch.py").run()
    assert widget(app, "seed").value == 7
    assert widget(app, "forget.count").value == 33
    assert "33 of 600" in texts(app)


def test_an_impossible_forget_set_is_said_before_launch() -> None:
    app = open_page("launch.py")
    widget(app, "forget.kind").set_value("random").run()
    widget(app, "forget.count").set_value(600).run()
    assert "nothing to retain" in texts(app)
    assert button(app, "Launch").disabled


def test_incompatible_choices_carry_their_reason() -> None:
    app = open_page("launch.py")
    assert any("16 px" in option for option in widget(app, "model.backbone").options)
    assert any("needs label noise" in option for option in widget(app, "forget.kind").options)
    widget(app, "data.label_noise").set_value(0.1).run()
    assert not any("needs label noise" in option for option in widget(app, "forget.kind").options)
    assert widget(app, "model.pretrained").disabled


def test_a_click_makes_a_run_and_leads_to_its_address(home: Home, no_processes: list[Home]) -> None:
    app = open_page("launch.py")
    widget(app, "seed").set_value(3).run()
    app = launch(app)
    [row] = list_runs(home)
    assert (row.state, row.seed, row.forget) == ("queued", 3, "class:five")
    assert app.query_params["run"] == row.run_id
    assert app.title[0].value == "Run"
    assert no_processes == [home]


def test_an_untouched_preset_keeps_its_name_and_a_changed_one_does_not(home: Home) -> None:
    app = open_page("launch.py")
    use(app, "random-digits")
    launch(app)
    app = open_page("launch.py")
    use(app, "random-digits")
    assert app.get_by_key("preset").value == "random-digits"
    widget(app, "forget.fraction").set_value(0.2).run()
    assert app.get_by_key("preset").value is None
    launch(app)
    titles = {row.forget: row.title for row in list_runs(home)}
    assert titles["fraction:0.1"] == single_presets()["random-digits"].spec.name
    assert titles["fraction:0.2"] == "contrastive · fraction:0.2 · digits · tiny-cnn"


def test_a_second_click_with_the_same_form_makes_no_second_run(home: Home) -> None:
    first = open_page("launch.py")
    token = first.session_state["token"]
    launch(first)
    again = open_page("launch.py")
    # As when the second click is on its way before the browser has left the form.
    again.session_state["token"] = token
    again.run()
    launch(again)
    assert len(list_runs(home)) == 1
    launch(open_page("launch.py"))
    assert len(list_runs(home)) == 2


def test_a_refusal_of_the_queue_is_shown(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_page("launch.py")
    monkeypatch.setenv("CU_DISK_FLOOR_MB", "1e12")
    app = launch(app)
    assert "must stay free" in texts(app)
    assert list_runs(home) == []


def test_clone_fills_the_form_with_the_run(home: Home) -> None:
    spec = dataclasses.replace(
        single_presets()["mislabelled-digits"].spec,
        seed=11,
        name="original",
        method=MethodSpec("contrastive", ContrastiveParams(temperature=0.25, queue=64)),
    )
    run_id = submission.submit(spec, home)
    app = open_page("launch.py", clone=run_id)
    assert widget(app, "seed").value == 11
    assert widget(app, "method.contrastive.temperature").value == 0.25
    assert widget(app, "forget.kind").value == "mislabelled"
    launch(app)
    clones = [row.run_id for row in list_runs(home) if row.run_id != run_id]
    assert len(clones) == 1
    assert open_run(home, clones[0]).spec == spec


def test_a_clone_of_nothing_says_so() -> None:
    app = open_page("launch.py", clone="nosuch")
    assert any("does not exist" in toast.value for toast in app.toast)
    assert app.get_by_key("preset").value == DEFAULT_PRESET.id


def test_the_recipe_follows_the_backbone_until_it_is_changed_by_hand() -> None:
    app = open_page("launch.py")
    use(app, "paper-class")
    paper, laptop = (recipe("cifar10", name).epochs for name in ("resnet18", "resnet8"))
    assert paper != laptop
    assert widget(app, "train.epochs").value == paper
    widget(app, "model.backbone").set_value("resnet8").run()
    assert widget(app, "train.epochs").value == laptop
    widget(app, "train.epochs").set_value(5).run()
    widget(app, "model.backbone").set_value("resnet18").run()
    assert widget(app, "train.epochs").value == 5
    app.button(key="use_recipe").click().run()
    assert widget(app, "train.epochs").value == paper


def test_a_backbone_with_two_recipes_offers_both() -> None:
    app = open_page("launch.py")
    use(app, "paper-class")
    assert not [b for b in app.button if b.key == "use_recipe"]
    app.button(key="use_recipe_modern").click().run()
    modern = recipe("cifar10", "resnet18", name="modern")
    assert widget(app, "train.epochs").value == modern.epochs
    assert widget(app, "train.augment").value == modern.augment == "crop-flip"
    assert any("modern recipe" in caption.value for caption in app.caption)
    app.button(key="use_recipe").click().run()
    assert widget(app, "train.epochs").value == recipe("cifar10", "resnet18").epochs
    use(app, "digit-5")
    assert not [b for b in app.button if str(b.key).startswith("use_recipe")], "digits have one"


def shown(app: AppTest) -> set[str]:
    """Which of the training's fields that only some objectives read are on the page."""
    titles = {d.name: label_of(d.param) for d in describe(TrainSpec)}
    drawn = {w.label for kind in (app.number_input, app.get("button_group"), app.selectbox) for w in kind}
    return {name for name in OWN_SETTINGS if titles[name] in drawn}


def test_an_objective_brings_its_recipe_and_its_settings(home: Home) -> None:
    app = open_page("launch.py")
    widget(app, "method.id").set_value("gradient_penalty").run()
    assert shown(app) == {"augment", "label_smoothing"}
    widget(app, "train.objective").set_value("moco").run()
    want = recipe("digits", "tiny-cnn", objective="moco")
    assert (widget(app, "train.epochs").value, widget(app, "train.queue").value) == (want.epochs, want.queue)
    assert shown(app) == {"smallest_crop", "temperature", "queue", "key_momentum"}
    widget(app, "train.objective").set_value("simclr").run()
    assert shown(app) == {"smallest_crop", "temperature"}
    widget(app, "train.epochs").set_value(7).run()
    widget(app, "train.objective").set_value("byol").run()
    assert shown(app) == {"smallest_crop", "key_momentum"}
    assert widget(app, "train.epochs").value == 7, "changed by hand"
    launch(app)
    (row,) = list_runs(home)
    assert open_run(home, row.run_id).spec.train == dataclasses.replace(
        recipe("digits", "tiny-cnn", objective="simclr"), objective="byol", epochs=7
    )


def test_back_to_labels_the_form_is_the_preset_again(home: Home) -> None:
    app = open_page("launch.py")
    for name in ("moco", "supervised"):
        widget(app, "train.objective").set_value(name).run()
    assert app.get_by_key("preset").value == DEFAULT_PRESET.id


def test_what_does_not_fit_an_encoder_says_why() -> None:
    app = open_page("launch.py")
    use(app, "mislabelled-digits")
    widget(app, "train.objective").set_value("moco").run()
    assert "an encoder is trained without labels" in texts(app).lower()
    assert button(app, "Launch").disabled


def test_a_grid_counts_its_runs_and_queues_them(home: Home) -> None:
    app = open_page("launch.py")
    widget(app, "grid").set_value(True).run()
    widget(app, "axes").set_value(["temperature", "seed"]).run()
    assert "give at least one value" in texts(app).lower()
    widget(app, "grid.temperature").set_value("0.3, 0.7").run()
    widget(app, "grid.seed").set_value("0-2").run()
    assert button(app, "Launch").label == "Launch 6 runs"
    app = launch(app)
    rows = list_runs(home)
    found = {(open_run(home, row.run_id).spec.method.params.temperature, row.seed) for row in rows}
    assert found == {(t, s) for t in (0.3, 0.7) for s in (0, 1, 2)}
    assert len({row.group for row in rows}) == 1 and rows[0].group
    assert app.title[0].value == "Runs"


def test_a_wrong_value_in_a_grid_is_said_at_its_list(home: Home) -> None:
    app = open_page("launch.py")
    widget(app, "grid").set_value(True).run()
    widget(app, "axes").set_value(["temperature"]).run()
    widget(app, "grid.temperature").set_value("0.3, hot").run()
    assert sum("'hot' is not a number" in m.value for m in app.markdown) == 2
    assert button(app, "Launch").disabled


def test_numbers_out_of_range_reach_the_form_and_are_said_at_their_field(home: Home) -> None:
    app = open_page("launch.py")
    for name in ("method.contrastive.temperature", "train.epochs", "forget.count"):
        if name == "forget.count":
            widget(app, "forget.kind").set_value("random").run()
        # Bounds would keep the value in the browser, and the one before would be launched.
        assert widget(app, name).proto.has_min is False and widget(app, name).proto.has_max is False
    widget(app, "method.contrastive.temperature").set_value(99.0).run()
    assert "Temperature τ: " in texts(app) and "0.01 to 10" in texts(app)
    assert button(app, "Launch").disabled


def test_an_uploaded_index_file_becomes_the_forget_set(home: Home) -> None:
    app = open_page("launch.py")
    widget(app, "forget.kind").set_value("indices").run()
    app.file_uploader(key="upload_forget.file").upload("picks.csv", b"index\n5\n17\n5\n").run()
    assert "2 of 600" in texts(app)
    assert "1 repeated" in texts(app)
    launch(app)
    [row] = list_runs(home)
    stored = row.forget.partition(":")[2]
    assert stored.startswith(str(home.uploads))


def test_a_wrong_index_file_is_said_at_the_field() -> None:
    app = open_page("launch.py")
    widget(app, "forget.kind").set_value("indices").run()
    app.file_uploader(key="upload_forget.file").upload("picks.csv", b"index\n5\n600\n").run()
    # With the user's name of the file, and the field by its label.
    assert "Forget set: picks.csv line 3" in texts(app) and "out of range" in texts(app)
    assert button(app, "Launch").disabled


def test_the_estimate_says_where_it_comes_from(home: Home) -> None:
    app = open_page("launch.py")
    assert "nothing like it ran here yet" in texts(app)
    remember_speed(DEFAULT_PRESET.spec, home, Speed(1e-4, 1000, EARLIER_RUN))
    app.run()
    assert "Judged by an earlier run" in texts(app) and "8 references; about " in texts(app)


def test_a_broken_plug_in_is_named_and_the_form_works_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METRICS.broken, "lost", "nowhere:METRIC cannot be imported: ModuleNotFoundError")
    app = open_page("launch.py")
    assert not app.exception
    (said,) = [warning.value for warning in app.warning if "lost" in warning.value]
    assert "metric" in said and "ModuleNotFoundError" in said and not button(app, "Launch").disabled
