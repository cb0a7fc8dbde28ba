"""Values that ship: every entry can be taken, says how it was found, and is the start of the setting it is for."""

from __future__ import annotations

import dataclasses
import json

import pytest

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.base.parameters import parse
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.named_recipes import (
    NamedRecipe,
    keep_recipe,
    made_for,
    recipe_cautions,
    recipe_named,
    recipes_of,
    refuse_where_tuned,
    tuned_on,
)
from cu_core.catalogue.objective_record import OBJECTIVES
from cu_core.catalogue.recipes import unlearning_recipe
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec, ModelSpec, TrainSpec
from cu_core.catalogue.tuned_values import FOLDER, found_words, tuned_entry, tuned_files
from tools import make_tuned

ENTRIES = [(file, entry) for file in tuned_files() for entry in file.recipes]


@pytest.mark.parametrize(("file", "entry"), ENTRIES, ids=[f"{f.name}-{e['method']}-{e['task']}" for f, e in ENTRIES])
def test_every_entry_can_be_taken_and_says_how_it_was_found(file, entry):
    record = METHODS[entry["method"]]
    assert entry["task"] in ("", *record.tasks)
    parse(record.params, entry["values"])
    assert isinstance(entry["found"]["seed"], int) and found_words(entry["found"])
    if entry["found"]["how"] == "tuned":
        assert len(entry["found"]["table"]) == entry["found"]["made"]
        assert len({len(row) for row in entry["found"]["table"]} | {len(entry["found"]["columns"])}) == 1


def test_a_method_starts_from_every_entry_of_its_network():
    for file, entry in ENTRIES:
        images, network = (*file.datasets, "cifar10")[0], (*file.backbones, "resnet18")[0]
        if next(f for f in tuned_files() if f.suits(images, network)) is not file:
            continue
        kind = entry.get("objective", "supervised")
        trained = next(one.id for one in OBJECTIVES.values() if one.kind == kind)
        for task in [entry["task"]] if entry["task"] else METHODS[entry["method"]].tasks:
            if file.recipe(entry["method"], task, kind) is entry:
                start = unlearning_recipe(entry["method"], images, network, task, trained)
                assert start == METHODS[entry["method"]].params(**entry["values"]), (file.name, entry["method"], task)


def test_what_was_tuned_on_classifiers_says_nothing_of_encoders():
    usual = METHODS["finetune"].params()
    assert unlearning_recipe("finetune", "cifar10", "airbench-s", "sample", "moco") == usual
    assert unlearning_recipe("finetune", "cifar10", "airbench-s", "sample").lr != usual.lr
    encoder = recipe(objective="moco")
    (entry,) = make_tuned.merged([], [encoder])
    assert entry["objective"] == "self-supervised"
    assert len(make_tuned.merged([entry], [recipe()])) == 2, "an encoder's entry replaces no classifier's"


def test_no_shipped_trial_kept_the_base_model():
    for file, entry in ENTRIES:
        if "table" in entry["found"]:
            rounds, distance = (entry["found"]["columns"].index(name) for name in ("rounds", "distance"))
            untouched = [row for row in entry["found"]["table"] if row[rounds] == 0 and row[distance] is not None]
            assert not untouched, (file.name, entry["method"], entry["task"])


def test_files_are_as_the_tool_writes_them():
    for path in FOLDER.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert make_tuned.text_of(json.loads(text)) == text


def test_the_first_file_that_suits_counts_alone():
    assert unlearning_recipe("contrastive", "digits", "resnet8", "class").lr == 0.003
    assert unlearning_recipe("scrub", "digits", "resnet8", "class") == METHODS["scrub"].params()
    assert unlearning_recipe("scrub", "cifar10", "resnet8", "class").lr == 0.002
    assert tuned_entry("scrub", "cifar10", "resnet18", "class") is None
    # Emoji on the tiny CNN are emoji.
    assert tuned_entry("ssd", "emoji", "tiny-cnn", "class") is None


def recipe(name="r", method_id="ssd", **base):
    spec = RunSpec(
        data=DataSpec("digits"), model=ModelSpec("tiny-cnn"), forget=ForgetSpec(base.get("forget", "class:6")), seed=10
    )
    spec = dataclasses.replace(spec, train=TrainSpec(objective=base.get("objective", "supervised")))
    trial = {"number": 1, "values": {"alpha": 30.0, "dampening": 1.0}, "distance": 0.1, "rounds": 1, "seconds": 0.5}
    return NamedRecipe(
        name=name,
        method=method_id,
        values=vars(METHODS[method_id].params(alpha=20.0)),
        made_for=made_for(spec),
        tuned_on=tuned_on(spec),
        reported={"forget": "class:5", "seed": 0},
        distance={"before": 0.2, "after": 0.1, "among_references": [0.01]},
        budget={"trials": 1, "minutes": 0.0, "made": 1, "failed": 0},
        trials=[trial],
        version="0",
        made=1.0,
    )


def test_recipes_are_kept_and_named_and_damage_is_left_out(tmp_path):
    home = Home(tmp_path)
    keep_recipe(recipe("one"), home)
    keep_recipe(recipe("two"), home)
    (tmp_path / "recipes" / "two.json").write_text('{"name": "two"}')
    assert list(recipes_of(home)) == ["one"] and recipe_named(home, "one") == recipe("one")
    assert recipe_named(home, "one").params.alpha == 20.0
    with pytest.raises(BadInput, match="one"):
        recipe_named(home, "on")
    with pytest.raises(BadInput, match="no name"):
        keep_recipe(recipe("../evil"), home)


def test_a_recipe_is_refused_on_the_samples_and_the_seed_it_was_tuned_on():
    def spec(forget, seed, drawn_with=-1):
        return RunSpec(forget=ForgetSpec(forget, drawn_with), seed=seed)

    on_class, drawn = recipe(), recipe(forget="random:100")
    with pytest.raises(BadInput, match="best of its trials"):
        refuse_where_tuned(on_class, spec("class:6", 10))
    with pytest.raises(BadInput, match="best of its trials"):
        refuse_where_tuned(drawn, spec("random:100", 10))
    digits = tuple(["zero", "one", "two", "three", "four", "five", "six"])
    with pytest.raises(BadInput, match="best of its trials"):
        refuse_where_tuned(on_class, spec("class:six", 10), digits)
    refuse_where_tuned(on_class, spec("class:five", 10), digits)
    for other in (spec("class:5", 10), spec("class:6", 0)):
        refuse_where_tuned(on_class, other)
        assert len(recipe_cautions(on_class, other)) == 1
    # Other samples are drawn there.
    refuse_where_tuned(drawn, spec("random:100", 0))
    assert recipe_cautions(drawn, spec("random:100", 0)) == []
    assert "these samples" in recipe_cautions(drawn, spec("random:100", 0, 10))[0]
    elsewhere = RunSpec(model=ModelSpec("resnet8"), forget=ForgetSpec("class:5"))
    assert recipe_cautions(on_class, elsewhere) == ["r was tuned for backbone tiny-cnn"]


def test_the_tool_replaces_entries_by_method_and_task():
    old = [{"method": m, "task": t, "values": {}, "found": {}} for m, t in (("ssd", ""), ("ssd", "class"), ("a", ""))]
    new = make_tuned.merged(old, [recipe()])
    assert [(e["method"], e["task"]) for e in new] == [("a", ""), ("ssd", ""), ("ssd", "class")]
    assert new[2]["values"] == {"alpha": 20.0} and new[2]["found"]["table"] == [[30.0, 1.0, 0.1, 1, 0.5]]
    assert json.loads(make_tuned.text_of({"schema": 1, "recipes": new}))["recipes"] == new
    assert "1 trials on class:6" in found_words(new[2]["found"])
