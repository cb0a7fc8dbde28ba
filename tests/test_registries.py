"""Every entry of every registry does what its record promises, from its text to a picture or a run."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from importlib import metadata
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cu_core.analysis.compare.measures import metric_measure
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.base.parameters import describe
from cu_core.base.registry import Registry, broken_plug_ins
from cu_core.catalogue.dataset_record import DATASETS, Dataset
from cu_core.catalogue.metric_record import METRICS, Evidence, Metric
from cu_core.catalogue.presets import PRESETS, Preset
from cu_core.catalogue.projection_record import PROJECTIONS, Projection
from cu_core.catalogue.selections import FORGET_KINDS, ForgetKind, forms, parse_selection
from cu_core.catalogue.spec import PARTS, RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec
from cu_core.catalogue.stopping import STOPPING_RULES, StoppingRule, judge, judge_distance, rule_for
from cu_core.cli import main
from cu_core.cli.listing import REGISTRIES
from cu_core.data.forget import resolve
from cu_core.data.images import ImageData
from cu_core.data.prepared import prepare
from cu_core.data.sample_names import write_names
from cu_core.engine.estimate import EARLIER_RUN, Speed, estimate, remember_speed
from cu_core.engine.evaluation import metrics_of
from cu_core.engine.signals import Forward
from cu_core.figures.curves import RunCurves, curves, curves_alt
from cu_core.projections.project import project
from pages._launch import form_draft
from tests.analysis.runs_in_memory import run_of
from tests.real_runs import submit_changed, work_to_the_end

NOISY = DataSpec(label_noise=0.1)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One home for all: digits with wrong labels are prepared, and their base model is trained, once."""
    return Home(tmp_path_factory.mktemp("registries") / "home").create()


@pytest.fixture(scope="module")
def digits(home: Home) -> ImageData:
    data = prepare(NOISY, home)
    assert data.folder
    count = len(data.train_labels)
    # Some of them in pairs.
    names = [f"{'cat' if n < 7 else 'dog'}/{n}.png" if n < 1000 else f"pair{n // 2}/{n}.png" for n in range(count)]
    write_names(data.folder, "train", names)
    return data


def look(seed: int, n: int = 60) -> Forward:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 4
    logits = (rng.normal(size=(n, 4)) + np.eye(4)[labels]).astype(np.float32)
    cosine = rng.uniform(0, 1, n).astype(np.float32)
    return Forward(rng.normal(size=(n, 5)).astype(np.float32), logits, labels, two_view=cosine)


def evidence(metric: Metric) -> Evidence:
    """A look of the kind of run that has the metric."""
    return Evidence(
        *(look(seed) for seed in range(3)),
        forgotten=(2,) if "class" in metric.tasks else (),
        true_labels=np.arange(60)[::-1] % 4,
        fitted={"linear_acc": 0.5, "probe_recovery": 0.25},
        kind=metric.objectives[0],
    )


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_every_metric_is_computed_and_drawn(metric: Metric) -> None:
    value = metrics_of(evidence(metric))[metric.id]
    assert value is not None and np.isfinite(value)
    assert not metric.bounded or -1 <= value <= 1
    rounds = [
        {"round": k, "metrics": {metric.id: value / (1 + k)}, "counts": {"forget": 9, "retain": 90, "unseen": 40}}
        for k in range(3)
    ]
    run = RunCurves.from_manifests("a run", rounds, [{"metrics": {metric.id: v * value}} for v in (0.9, 1.0, 1.1)])
    figure = curves([run], [metric.id])
    (line,) = [trace for trace in figure.data if trace.name == metric.title]
    assert list(line.y) == [value, value / 2, value / 3]
    title = re.sub("<[^>]+>", " ", figure.layout.annotations[0].text)
    assert title.strip().startswith(metric.title[:6])
    assert f"{metric.title[1:]} from " in curves_alt([run], [metric.id])
    references = [{metric.id: v * value} for v in (0.9, 1.0, 1.1)]
    found = metric_measure(run_of(after={metric.id: value}, references=references), metric.id)
    assert found.value == value and found.band is not None and found.band.mean == pytest.approx(value)


def selection_of(kind: ForgetKind, file: Path) -> str:
    file.write_text("index\n3\n5\n8\n3\n")
    return kind.forms[-1].replace("FILE.csv", str(file)).replace("500", "40")


@pytest.mark.parametrize("kind", FORGET_KINDS.values(), ids=FORGET_KINDS)
def test_every_kind_of_forget_set_is_previewed_and_forgotten(
    kind: ForgetKind, home: Home, digits: ImageData, tmp_path: Path
) -> None:
    text = selection_of(kind, tmp_path / "some.csv")
    assert parse_selection(text).task == kind.task and forms().count(kind.forms[0]) == 1
    spec = dataclasses.replace(RunSpec(), data=NOISY, forget=ForgetSpec(text))
    # The launch page: the form holds the text, checks it and shows the samples.
    draft = form_draft.from_spec(spec)
    assert form_draft.select_text(draft) == text and form_draft.errors_of(draft) == {}
    if kind.ready:
        assert not kind.ready(digits, home.scores) and kind.prepare
        assert kind.prepare(digits, home.scores, lambda *_: None) and kind.ready(digits, home.scores)
    chosen = resolve(text, digits, 0, scores=home.scores)
    told = kind.tell(parse_selection(text).values, digits, chosen.indices, home.scores) if kind.tell else None
    assert told is None or (told.words.endswith(".") and sorted(told.order) == list(chosen.indices))
    remember_speed(spec, home, Speed(1.0, 1000, EARLIER_RUN))
    assert estimate(spec, home).seconds is not None
    # A run.
    usual: dict[str, Any] = {
        "data": {"label_noise": 0.1},
        "train": {"epochs": 1},
        "forget": {"select": text},
        "probe": {"size": 90, "tsne": False},
        "stop": {"max_rounds": 1, "collapse_drop": 1.0},
        "audit": {"attacks": "none"},
        "device": "cpu",
    }
    view, result = work_to_the_end(home, submit_changed(home, usual, {}))
    assert result["forget_count"] == len(chosen.indices)
    assert view.spec.task == kind.task and rule_for("auto", kind.id) == kind.rule


@pytest.mark.parametrize("kind", FORGET_KINDS.values(), ids=FORGET_KINDS)
def test_every_kind_of_forget_set_refuses_what_is_no_value_of_it(kind: ForgetKind) -> None:
    with pytest.raises(BadInput, match=rf"^{'forget.select'}"):
        parse_selection(f"{kind.id}:x" if kind.parse is None else f"{kind.id}:")


@pytest.mark.parametrize("record", [d for d in DATASETS.values() if not d.download], ids=lambda d: d.id)
def test_every_dataset_that_needs_no_network_is_prepared(record: Dataset, home: Home, tmp_path: Path) -> None:
    name = record.id
    if record.needs_path:
        for number in range(12):
            folder = tmp_path / "train" / "ab"[number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (9, 9), (20 * number, 0, 0)).save(folder / f"{number}.png")
        name = f"{record.id}:{tmp_path}"
    data = prepare(DataSpec(name), home)
    known = (record.train, record.test, record.classes, record.channels, record.size)
    found = (len(data.train_labels), len(data.test_labels), len(data.classes), *data.train_images.shape[1:3])
    assert all(said in (0, there) for said, there in zip(known, found, strict=True))


@pytest.mark.parametrize("rule", STOPPING_RULES.values(), ids=STOPPING_RULES)
def test_every_stopping_rule_is_judged(rule: StoppingRule) -> None:
    high, low = judge(rule.id, 0.9, 0.8, 10), judge(rule.id, 0.05, 0.07, 10)
    if rule.references:
        far, near = judge_distance(rule.id, 1.1), judge_distance(rule.id, 1.0)
        assert high is None and far is not None and near is not None and (far.met, near.met) == (False, True)
        assert judge_distance(rule.id, None) is None
    else:
        assert (high is None) == (low is None) == (rule.looks_at == ())
    assert high is None or low is None or (not high.met and low.met and high.name == rule.id)
    assert judge(rule.id, None, None, 10) is None
    assert rule.metric in ("", *METRICS) and rule.why_not("class", "supervised") is None


@pytest.mark.parametrize(
    "projection",
    [pytest.param(p, marks=[pytest.mark.thorough] * (p.id == "aligned-umap")) for p in PROJECTIONS.values()],
    ids=PROJECTIONS,
)
def test_every_projection_is_drawn(projection: Projection) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    start = (rng.normal(size=(60, 6)) + 8 * np.eye(6)[labels]).astype(np.float32)
    found = project([start, start + 0.1], method=projection.id, labels=labels)
    assert [place.shape for place in found.coordinates] == [(60, 2)] * 2
    assert all(np.isfinite(place).all() for place in found.coordinates)
    assert len(set(found.axes)) == 2 and (found.fitted is not None) == projection.placeable


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_every_preset_is_estimated(preset: Preset, home: Home) -> None:
    assert estimate(preset.spec, home).disk > 0


@pytest.mark.parametrize("what", REGISTRIES)
def test_every_list_is_printed(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", what, "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [e["id"] for e in entries] == list(REGISTRIES[what])
    assert all(e["title"] and e["summary"] for e in entries)
    assert main(["list", what]) == 0
    assert all(name in capsys.readouterr().out for name in list(REGISTRIES[what])[:1])


def test_choices_of_a_parameter_are_those_of_the_registry_at_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = next(d.param for d in describe(PARTS["stop"]) if d.name == "rule")
    assert rule.choices == ("auto", *STOPPING_RULES)
    monkeypatch.setitem(
        STOPPING_RULES._records, "never", dataclasses.replace(STOPPING_RULES["none"], id="never", title="Never")
    )
    assert rule.choices[-1] == "never" == rule.allowed()[-1]


@pytest.fixture
def broken_metric(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A plug-in whose module is not there, found at the next look at the metrics."""
    point = EntryPoint("lost", "nowhere.metric:METRIC", "unlearnscope.metrics")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point] if group == point.group else [])
    monkeypatch.setattr(METRICS, "_plugged", False)
    monkeypatch.setattr(METRICS, "_broken", {})
    yield


@pytest.mark.usefixtures("broken_metric")
def test_a_broken_plug_in_is_listed_with_its_reason_and_disturbs_nothing(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CU_HOME", str(home.root))
    assert main(["list", "metrics"]) == 0
    out = capsys.readouterr().out
    assert "forget_acc" in out and "lost is broken: nowhere.metric:METRIC cannot be imported" in out
    assert main(["list", "metrics", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[-1]["id"] == "lost"
    assert main(["status"]) == 0
    ((noun, name, reason),) = broken_plug_ins()
    assert (noun, name) == ("metric", "lost") and "ModuleNotFoundError" in reason
    with pytest.raises(BadInput, match="the plug-in 'lost' is broken"):
        METRICS.named("lost")


def test_entries_that_take_a_moment_are_made_at_the_first_look() -> None:
    made: list[str] = []
    late: Registry[Any] = Registry("rule", StoppingRule)
    late.add_later(lambda: made.append("now") or [STOPPING_RULES["none"]])
    assert made == []
    assert list(late) == ["none"] and list(late) == ["none"] and made == ["now"]
