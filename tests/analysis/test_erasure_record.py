"""The erasure record: what it holds, what it leaves out, and which words it never says."""

from __future__ import annotations

import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from cu_core.analysis.compare.measures import metric_measure
from cu_core.analysis.compare.reading import read_run
from cu_core.analysis.erasure.deep_results import deep_results
from cu_core.analysis.erasure.erasure_record import SECTIONS, record_of
from cu_core.analysis.erasure.left_out import LEFT_OUT, Included, included
from cu_core.analysis.erasure.lineage import stored_sha256
from cu_core.analysis.erasure.sealed_record import SealedRecord, sealed
from cu_core.analysis.erasure.stated_fields import Stated, read_stated
from cu_core.analysis.erasure.verdict_claims import WHOLE
from cu_core.base.errors import BadInput
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.metric_record import METRICS
from cu_core.runstore import layout
from cu_core.runstore.reader import open_run
from tests.analysis.erasure_cases import ANIMALS, KINDS, SECRETS, key_in, record, write_kind
from tests.madeup import MadeUp, write_run

ALL = Included(names=True, indices=True, images=True)
FORBIDDEN = re.compile(
    r"\b(delet\w*|erased|prov(?:e|es|ed|en|ing)|proofs?|guarant\w*|anonym\w*|complian\w*|certif\w*|safe|safely|safety)\b",
    re.IGNORECASE,
)


class _Reader(HTMLParser):
    """Texts of a page with their tag and class."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self._open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append((tag, str(dict(attrs).get("class"))))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][0] not in ("script", "style") and data.strip():
            self.found.append((*self._open[-1], data.strip()))


def read(made: SealedRecord) -> list[tuple[str, str, str]]:
    reader = _Reader()
    reader.feed(made.html())
    return reader.found


def everything(made: SealedRecord) -> str:
    """All that a record says, on its page and as JSON; its style and its program are the report's."""
    return "\n".join(text for _, _, text in read(made)) + "\n" + made.json().decode()


def test_the_search_for_words_finds_them() -> None:
    assert FORBIDDEN.findall("Deleted, provably? Proved; a certificate of safe, anonymised, compliant guarantees.") == [
        "Deleted", "Proved", "certificate", "safe", "anonymised", "compliant", "guarantees",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_no_record_says_more_than_tests_can_or_than_is_asked_for(home: Home, kind: str) -> None:
    view = open_run(home, write_kind(home, kind))
    made, whole = sealed(record_of(home, view)), sealed(record_of(home, view, asked=ALL))
    assert FORBIDDEN.findall(everything(made)) == FORBIDDEN.findall(everything(whole)) == []
    said = made.html() + made.json().decode()
    leaked = [word for word in (*ANIMALS, *SECRETS, "wish-of", "after.pt", "data:image") if word in said]
    assert leaked == []
    scope = made.envelope["record"]["scope"]
    assert [scope[name] for name in ("indices", "sample_names", "images", "forgotten_classes")] == [None] * 4
    # No list of three or more whole numbers stands anywhere but the size of the images.
    lists = re.findall(r"\[(?:\d+,){2,}\d+\]", made.json().decode())
    assert lists in ([], ["[1,8,8]"])
    assert not re.search(r"\b(?:\d+, ){3,}\d+\b", "\n".join(text for _, _, text in read(made)))


def test_what_is_asked_for_is_told(home: Home) -> None:
    made = record(home, "class-differs", asked=ALL)
    said = made.html()
    for word in ("ferret", "Wish of Mustermann", "/srv/private/retrained_two.pt", "Index 17", "data:image/png;base64,"):
        assert word in said, word
    scope = made.envelope["record"]["scope"]
    assert scope["indices"] == list(range(5, 600, 10)) and scope["forgotten_classes"] == ["ferret"]
    assert len(scope["images"]) == 24 and LEFT_OUT not in said
    names = record(home, "class-differs", asked=Included(names=True)).envelope["record"]
    assert names["scope"]["indices"] is None and "Index 17" not in json.dumps(names)
    with pytest.raises(BadInput, match="did you mean names"):
        included("indices,name")


def test_whoever_has_the_list_can_check_it(home: Home) -> None:
    scope = record(home, "class-differs").envelope["record"]["scope"]
    listed = ",".join(map(str, range(5, 600, 10)))
    assert scope["indices_sha256"] == hashlib.sha256(f"{scope['salt']}:{listed}".encode()).hexdigest()
    again = record(home, "class-differs").envelope["record"]["scope"]
    assert again["salt"] != scope["salt"] and again["indices_sha256"] != scope["indices_sha256"]
    assert (scope["samples"], scope["classes_touched"], scope["classes"]) == (60, 1, 10)


def test_without_images_the_recorded_samples_give_the_list_where_they_are_all(home: Home) -> None:
    write_run(home, "all-recorded", MadeUp(images=False, rounds=0, audited=0))
    view = open_run(home, "all-recorded")
    scope = record_of(home, view, salt="00").scope
    samples = np.sort(view.probe().query("group == 'forget'")["sample"])
    assert scope.indices_sha256 == hashlib.sha256(f"00:{','.join(map(str, samples))}".encode()).hexdigest()
    assert scope.classes is None and "not prepared" in scope.why_not
    path = home.runs / "all-recorded" / layout.RESULT
    write_json(path, read_json(path) | {"forget_count": 41})
    assert record_of(home, open_run(home, "all-recorded")).scope.indices_sha256 is None


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("class-differs", "differs"),
        ("no-difference", "no-difference-found"),
        ("cannot-tell", "cannot-tell"),
        ("no-references", "not-tested"),
        ("switched-off", "not-tested"),
        ("older", "not-tested"),
    ],
)
def test_every_state_is_printed_as_large_as_the_others(home: Home, kind: str, state: str) -> None:
    made = record(home, kind)
    assert made.envelope["record"]["verdict"]["state"] == state
    headlines = [text for tag, cls, text in read(made) if (tag, cls) == ("p", "headline")]
    assert len(headlines) == 1 and headlines[0].startswith(WHOLE[state])
    if state not in ("not-tested", "cannot-tell"):
        n = "60" if kind != "cannot-tell" else "40"
        assert f"n = {n} samples to forget, 5 retrained models; the smallest difference" in headlines[0]


def test_the_verdict_is_told_number_by_number(home: Home) -> None:
    verdict = record(home, "class-differs").envelope["record"]["verdict"]
    claim, hidden = verdict["claims"]
    assert claim["title"] == "Remembers" and claim["question"].endswith("?")
    assert (claim["statistic"], claim["null"], claim["p"], claim["detectable"], claim["n"]) == (
        3.25, [-1, 1], 0.004, 1.5, 40,
    )  # fmt: skip
    assert claim["sentence"] == f"Margin is 3.25 in class {LEFT_OUT}, see {LEFT_OUT}"
    assert claim["notes"] == [f"Samples {LEFT_OUT} stand out."]
    assert claim["tests"][0]["base"] == 8.5 and claim["tests"][0]["null"] == [-1, 1]
    assert hidden["applies"] is False and hidden["state"] == "cannot-tell"


@pytest.mark.parametrize("broken", [{}, {"state": "fine"}, {"state": "differs", "claims": [{}, {"state": "differs"}]}])
def test_a_verdict_that_lacks_much_makes_a_record(home: Home, broken: dict) -> None:
    run_id = write_kind(home, "switched-off")
    path = home.runs / run_id / layout.RESULT
    write_json(path, read_json(path) | {"verdict": broken})
    verdict = sealed(record_of(home, open_run(home, run_id))).envelope["record"]["verdict"]
    assert "smallest difference" not in verdict["headline"], "where none is listed"
    assert verdict["state"] == ("differs" if "claims" in broken else "not-tested")


def test_results_have_the_numbers_of_the_run_and_a_state_each(home: Home) -> None:
    run_id = write_kind(home, "class-differs")
    view = open_run(home, run_id)
    run = read_run(view)
    results = {one.id: one for one in record_of(home, view).results}
    for name in ("forget_acc", "retain_acc", "forget_loss"):
        found, told = metric_measure(run, name), results[name]
        assert (told.value, told.reference, told.title) == (found.value, found.reference, METRICS[name].title)
        assert found.band is not None and told.band == found.band.ends(*METRICS[name].ends)
        outside = not found.band.low <= (found.value or 0.0) <= found.band.high
        assert told.state == ("differs" if outside else "no-difference-found") and told.references == 5
    attacks = [one for name, one in results.items() if name.startswith("attack.loss.")]
    assert attacks and all(one.n == (view.audit() or {})["members"] and one.interval for one in attacks)
    assert results["forget_acc"].interval and results["mia_auc"].interval and not results["forget_loss"].interval
    assert {one.state for one in results.values()} <= {"differs", "no-difference-found", "cannot-tell"}
    assert all(bool(one.why) == (one.state == "cannot-tell") for one in results.values())
    alone = record_of(home, open_run(home, write_kind(home, "no-references"))).results
    assert {one.state for one in alone} == {"cannot-tell"}


def test_a_deep_audit_is_told_by_its_numbers(home: Home) -> None:
    made = record(home, "deep-audit")
    results = {one["id"]: one for one in made.envelope["record"]["results"] if one["id"].startswith("deep.")}
    assert set(results) == {
        "deep.over_shadows", "deep.ulira", "deep.ulira.tpr", "deep.ruli.privacy", "deep.ruli.efficacy", "deep.klom",
    }  # fmt: skip
    over = results["deep.over_shadows"]
    assert (over["value"], over["before"], over["band"], over["reference"]) == (0.61, 0.93, None, None)
    assert "chance: 0.450 to 0.550, p = " in over["title"], "exchanged roles are no band of retrained models"
    assert over["state"] == "differs" and results["deep.ulira"]["interval"] == [0.5, 0.7]
    assert (results["deep.ulira"]["before"], results["deep.ulira"]["reference"]) == (0.9, 0.52)
    assert results["deep.ruli.efficacy"]["value"] is None and results["deep.ruli.efficacy"]["why"] == "too few"
    assert "at_risk" not in made.json().decode() and "No attack with shadow models" not in made.html()
    assert "No attack with shadow models" in record(home, "no-references").html()


@pytest.mark.parametrize(
    ("after", "before", "state"),
    [
        (0.01, 0.01, "differs"),
        (0.5, 0.01, "no-difference-found"),
        (0.5, 0.5, "cannot-tell"),
        (None, 0.01, "cannot-tell"),
    ],
)
def test_shadow_models_find_nothing_only_where_they_find_the_model_before(
    after: float | None, before: float, state: str
) -> None:
    over = {"ulira": {"area": 0.5, "p": after}, "before": {"area": 0.9, "p": before}, "models": 64}
    (row,) = deep_results({"over_shadows": over})
    assert row.state == state and bool(row.why) == (state == "cannot-tell")


@pytest.mark.parametrize(
    "lacking", [None, {}, {"notes": []}, {"over_shadows": {"ulira": None}, "ulira": {"auc": [None]}}]
)
def test_a_deep_audit_that_lacks_much_makes_rows(lacking: dict | None) -> None:
    assert all(row.state == "cannot-tell" and row.why for row in deep_results(lacking))


def test_what_people_typed_in_is_told_and_the_rest_is_not_stated(home: Home) -> None:
    stated = Stated(request_id="4711", basis="Contract, section 3", residual_risk="low", sign_off="")
    made = record(home, "class-differs", stated)
    content = made.envelope["record"]
    assert content["request"] == {
        "request_id": "4711", "request_date": "", "basis": "Contract, section 3", "subject": "", "operator": "",
    }  # fmt: skip
    texts = [text for _, _, text in read(made)]
    assert "4711" in texts and texts[texts.index("Subject") + 1] == "not stated"
    assert texts[texts.index("Residual risk") + 1] == "low" and texts[texts.index("New test") + 1] == "not stated"
    assert sum("____" in text for text in texts) == 3, "lines to sign on"
    assert set(content) == set(SECTIONS)


def test_fields_come_from_a_file_and_what_is_typed_wins(tmp_path) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"request_id": "1", "operator": " Lab "}))
    assert read_stated(file, {"request_id": "2", "basis": ""}) == Stated(request_id="2", operator="Lab")
    file.write_text(json.dumps({"requestid": "1"}))
    with pytest.raises(BadInput, match="request_id"):
        read_stated(file, {})
    for wrong in ("[]", "{", '{"basis": 3}'):
        file.write_text(wrong)
        with pytest.raises(BadInput):
            read_stated(file, {})
    with pytest.raises(BadInput):
        read_stated(tmp_path / "none.json", {})


def test_copies_in_this_home_are_counted(home: Home) -> None:
    run_id = write_kind(home, "class-differs")
    result = home.runs / run_id / layout.RESULT
    base = "ab" * 32
    write_json(result, read_json(result) | {"base_key": base})
    (home.models / f"{base}.pt").write_bytes(b"0" * 1000)
    write_json(home.models / f"{base}.json", {"weights_sha256": "cd" * 32})
    for name, key in (("other-base", "ef" * 32), ("same-base", base)):
        folder = write_run(home, name, MadeUp(rounds=0, audited=0))
        write_json(folder / layout.RESULT, read_json(folder / layout.RESULT) | {"base_key": key})
    for folder in home.runs.iterdir():
        write_json(folder / layout.DATASET, {"key": None, "sha256": hashlib.sha256(b"madeup").hexdigest()})
    (home.runs / "same-base").rename(home.bin / "same-base")
    made = record_of(home, open_run(home, run_id))
    found = {copy["what"]: copy for copy in made.to_json()["copies"]["here"]}
    cached = found["the model before unlearning in the cache of trained models"]
    assert (cached["files"], cached["bytes"], cached["places"]) == (1, 1000, None)
    assert found["other runs, with those in the bin, that start from the same model"]["files"] == 1
    assert found["other runs, with those in the bin, on the same images"]["files"] == 1
    assert made.model.before_sha256 == "cd" * 32
    named = record_of(home, open_run(home, run_id), asked=Included(names=True)).to_json()["copies"]["here"]
    assert [f"models/{base}.pt"] in [copy["places"] for copy in named]


def test_near_copies_among_the_retained_are_counted(home: Home) -> None:
    run_id = write_kind(home, "class-differs")
    (folder,) = home.datasets.glob("digits-*")
    images = np.load(folder / "train_images.npy")
    images[6] = images[5]  # 5 is forgotten, 6 stays
    np.save(folder / "train_images.npy", images)
    made = record_of(home, open_run(home, run_id))
    assert made.scope.exact_copies == 1
    (said,) = [sentence for sentence in made.limits["sentences"] if "exact cop" in sentence]
    path = home.runs / run_id / layout.RESULT
    write_json(path, read_json(path) | {"notes": [said, "Another note."]})
    assert record_of(home, open_run(home, run_id)).limits["notes"] == ["Another note."]


def test_the_hash_of_stored_weights_is_that_of_torch(tmp_path) -> None:
    torch = pytest.importorskip("torch")
    from cu_core.learning.weights import save_weights, weights_sha256  # noqa: PLC0415 - loads torch

    model = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Linear(4, 2).half())
    save_weights(tmp_path / "w.safetensors", model)
    assert stored_sha256(tmp_path / "w.safetensors") == weights_sha256(model.state_dict())
    (tmp_path / "w.safetensors").write_bytes(b"nonsense")
    assert stored_sha256(tmp_path / "w.safetensors") is None


def test_limits_are_those_of_the_run(home: Home) -> None:
    def sentences(kind: str) -> str:
        return " ".join(record_of(home, open_run(home, write_kind(home, kind))).limits["sentences"])

    assert "No model was retrained" in sentences("no-references")
    assert "older than their single numbers" in sentences("older") and "no verdict" in sentences("older")
    assert "One model was retrained" in sentences("switched-off")
    assert "cannot tell: remembers" in sentences("cannot-tell")
    assert "no verdict" not in sentences("no-difference")
    assert "do not exist for this run" in sentences("no-difference")
    run_id = write_kind(home, "no-difference")
    (home.runs / run_id / "rounds" / "1" / "logits.npy").write_bytes(b"changed")
    said = " ".join(record_of(home, open_run(home, run_id)).limits["sentences"])
    assert "of the run's files" in said and "of the run's files" not in sentences("older")


def test_notes_are_left_out_where_names_in_them_cannot_be_told(home: Home) -> None:
    limits = record_of(home, open_run(home, write_kind(home, "images-gone"))).limits
    assert limits["notes"] == [] and any("3 notes of the run are left out" in said for said in limits["sentences"])


def test_where_a_run_came_from_is_said(home: Home) -> None:
    run_id = write_kind(home, "no-references")
    path = home.runs / run_id / layout.INFO
    for told, said in (({"imported": {"t": 1}}, "from another home"), ({"demo": True}, "as a demonstration")):
        write_json(path, read_json(path) | told)
        assert any(said in s for s in record_of(home, open_run(home, run_id)).limits["sentences"])


def test_a_run_that_has_not_ended_has_no_record(home: Home) -> None:
    write_run(home, "running", MadeUp(state="failed", rounds=1))
    with pytest.raises(BadInput, match="only a finished run"):
        record_of(home, open_run(home, "running"))


def test_the_command_repeats_the_run_without_what_is_left_out(home: Home) -> None:
    view = open_run(home, write_kind(home, "audit"))
    hidden = record_of(home, view).commands
    assert hidden["complete"] is False and "--forget 'class:[left out]'" in hidden["repeat"]
    named = record_of(home, view, asked=Included(names=True)).commands
    assert (
        named["complete"] is True and "--forget class:ferret" in named["repeat"] and view.run_id in named["check_files"]
    )


def test_a_signed_record_says_what_a_signature_means(home: Home, tmp_path) -> None:
    made = sealed(record_of(home, open_run(home, write_kind(home, "no-difference"))), key_in(tmp_path))
    texts = [text for _, _, text in read(made)]
    assert any("It does not say that anything was forgotten." in text for text in texts)
    assert any("unlearnscope verify-report" in text for text in texts)
    assert any(text.startswith("Not signed") for _, _, text in read(record(home, "class-differs")))
