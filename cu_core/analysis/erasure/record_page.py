"""The record as a page to read and to print, made of nothing but its JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cu_core.analysis.erasure.measured_results import STATES
from cu_core.analysis.erasure.stated_fields import NOT_STATED, Stated
from cu_core.analysis.report.document import Block, Document, Headline, PictureBlock, Section, TableBlock, html_of
from cu_core.base.display_text import CELL
from cu_core.base.parameters import describe

SIGNATURE = "Signature"
LINE = "_" * 40
_LABELS = {d.name: d.param.label for d in describe(Stated)}


def page_of(envelope: Mapping[str, Any]) -> str:
    """The HTML of a record.

    Args:
        envelope: ``record``, and where it is sealed and signed ``seal`` and ``signature``; as JSON gives them.

    Raises:
        KeyError, TypeError, ValueError: it is not what `cu_core.analysis.erasure.sealed_record` makes.
    """
    record = envelope["record"]
    about = record["about"]
    facts = [
        f"Of one {about['kind']}: {about['run']}, which ended {about['ended'] or 'at an unknown time'}; record made "
        f"{about['made']} by {about['program']} {about['version']}.",
        f"Included on request: {', '.join(about['included']) or 'nothing'}. Left out unless asked for: names of "
        "classes and files, paths, single samples, images.",
    ]
    if about["title"]:
        facts.insert(0, f"Title of the run: {about['title']}.")
    sections = [
        Section("Verdict", list(_verdict(record["verdict"]))),
        Section("Questions", list(_questions(record["verdict"]))),
        Section("Request", list(_stated(record["request"]))),
        Section("Scope", list(_scope(record["scope"]))),
        Section("Copies", list(_copies(record["copies"]))),
        Section("Model before and after", list(_model(record["model"]))),
        Section("Method", list(_method(record["method"]))),
        Section("References", list(_references(record["references"]))),
        Section("Results", list(_results(record["results"]))),
        Section("Limits and what remains", list(_limits(record["limits"]))),
        Section("Review", list(_review(record["review"]))),
        Section("Repeat it", list(_commands(record["commands"]))),
        Section(SIGNATURE, list(_signature(envelope))),
    ]
    return html_of(Document("Erasure record", facts, sections, dict(envelope), sized=False))


def _verdict(verdict: Mapping[str, Any]) -> Iterator[Block]:
    yield Headline(verdict["headline"])
    yield from filter(None, (verdict["sentence"], verdict["statistician"]))


def _questions(verdict: Mapping[str, Any]) -> Iterator[Block]:
    if not verdict["claims"]:
        yield "No question was tested."
        return
    head = ["Question", "State", "Value", "95 % of one more retrained model", "p", "Detectable", "n", "Control"]
    yield TableBlock(head, [_claim(claim) for claim in verdict["claims"]])
    yield (
        "p is corrected over the questions. Detectable: the smallest difference that would have been called one. "
        "Control: the model before unlearning, or planted harm, and whether the same tests tell it from retrained "
        "models; where they do not, finding nothing says nothing."
    )
    for claim in verdict["claims"]:
        yield f"{claim['title']}. {claim['question']} {claim['sentence']}"
        yield from claim["notes"]
    tests = [row for claim in verdict["claims"] for row in _tests(claim)]
    if tests:
        yield TableBlock(["Test", "Value", "Control", "95 % of one more", "p (raw)", "Detectable"], tests)


def _claim(claim: Mapping[str, Any]) -> list[str]:
    unit = claim["unit"]
    state = STATES[claim["state"]] if claim["applies"] else "does not apply"
    control = {True: "told apart", False: "not told apart", None: "needs none"}[claim["control"]]
    numbers = [_number(claim["statistic"], unit), _range(claim["null"]), _p(claim["p"]), _number(claim["detectable"])]
    return [claim["title"], _upper(state), *numbers, _count(claim["n"]), control]


def _tests(claim: Mapping[str, Any]) -> Iterator[list[str]]:
    for test in claim["tests"]:
        name = f"{claim['title']}: {test['title']}" + (f" ({test['unit'].strip('()')})" if test["unit"] else "")
        numbers = [_number(test["value"]), _number(test["base"]), _range(test["null"])]
        yield [name, *numbers, _p(test["p"]), _number(test["detectable"])]


def _stated(values: Mapping[str, str]) -> Iterator[Block]:
    yield from _pairs([[label, values[name] or NOT_STATED] for name, label in _LABELS.items() if name in values])


def _pairs(rows: Sequence[Sequence[str]]) -> Iterator[Block]:
    """A table of names and values; what is too long for a cell, of which print would show a part, stands below it."""
    short = [row for row in rows if len(row[1]) <= CELL]
    if short:
        yield TableBlock(["", ""], short)
    yield from (f"{row[0]}: {row[1]}" for row in rows if len(row[1]) > CELL)


def _scope(scope: Mapping[str, Any]) -> Iterator[Block]:
    classes = f"{_count(scope['classes_touched'])} of {_count(scope['classes'])}"
    yield from _pairs(
        [
            ["Samples to forget", _count(scope["samples"])],
            ["What they are", "whole classes" if scope["task"] == "class" else "single samples"],
            ["Classes with such a sample", classes],
            ["Dataset (SHA-256)", scope["dataset_sha256"] or "not known"],
            ["Salt", scope["salt"]],
            ["Salted hash of the samples (SHA-256)", scope["indices_sha256"] or f"not known: {scope['why_not']}"],
            ["Retained images with the same pixels", _count(scope["exact_copies"])],
            ["Other retained images that look the same", _count(scope["near_copies"])],
            ["Unseen images with the same pixels", _count(scope["unseen_copies"])],
        ]
    )
    yield "The hash is that of the text SALT:I,J,… with the numbers of the samples ascending: a list can be checked."
    for name, what in (("forgotten_classes", "Classes"), ("indices", "Samples"), ("sample_names", "Names")):
        if scope[name] is not None:
            yield f"{what}: {', '.join(map(str, scope[name]))}."
    if scope["images"]:
        yield PictureBlock(scope["images"], "a forgotten sample")


def _copies(copies: Mapping[str, Any]) -> Iterator[Block]:
    yield "As stated by the operator:"
    yield from _stated(copies["stated"])
    yield "As found in the home of the run when this record was made; unlearning removes none of it:"
    rows = [[c["what"], c["holds"], _count(c["files"]), _size(c["bytes"])] for c in copies["here"]]
    yield TableBlock(["What", "Holds", "Found", "Size"], rows)
    yield "Small pictures on pages are drawn from the prepared images; a server keeps them in memory until it ends."
    for copy in copies["here"]:
        if copy["places"]:
            yield f"{_upper(copy['what'])}: {', '.join(copy['places'])}."


def _model(model: Mapping[str, Any]) -> Iterator[Block]:
    after = "not known" if model["round"] is None else f"after round {model['round']}"
    yield from _pairs(
        [
            ["Weights before (SHA-256)", model["before_sha256"] or "not in this home"],
            ["Weights after (SHA-256)", model["after_sha256"] or "not known"],
            ["Parent of the model before", model["parent"]],
            ["Parent of the model after", model["parent_after"]],
            ["Round", after],
            ["Why this round", model["why_round"]],
            *([name.replace("_", " "), _plain(value)] for name, value in model["architecture"].items()),
        ]
    )
    yield f"The hashes: {model['hash_of']}."
    if model["files"]:
        rows = [[file["role"], str(file["name"]), str(file["sha256"])] for file in model["files"]]
        yield TableBlock(["File of the user", "Name", "SHA-256"], rows)


def _method(method: Mapping[str, Any]) -> Iterator[Block]:
    rows = [
        ["Method", f"{method['title']} ({method['id']})"],
        ["Rounds", _plain(method["rounds"])],
        ["Why it ended", method["why_stopped"]],
        ["Specification (SHA-256)", method["specification_sha256"]],
    ]
    for part in ("seeds", "images_drawn", "versions", "hardware"):
        rows += [[f"{_upper(part.replace('_', ' '))}: {k}", _plain(v)] for k, v in (method[part] or {}).items()]
    for kind, what in (("seconds", "Duration"), ("cpu_seconds", "Processor or device")):
        for phase, spent in method[kind].items():
            rows.append([f"{what}: {phase}", "not known" if spent is None else f"{spent:.1f} s"])
    rows += [[f"Setting: {path}", _plain(value)] for path, value in method["settings"].items()]
    yield from _pairs(rows)


def _references(references: Mapping[str, Any]) -> Iterator[Block]:
    yield f"{references['number']} of {references['asked']} that were asked for. Recipe: {references['recipe']}."
    if references["models"]:
        rows = [
            [
                f"the user's own{': ' + model['file'] if model['file'] else ''}" if model["own"] else "trained here",
                _plain(model["seed"]),
                model["weights_sha256"] or "not in this home",
                "from the cache" if model["cached"] else "made for this run",
            ]
            for model in references["models"]
        ]
        yield TableBlock(["Model", "Seed", "Weights (SHA-256)", "Made"], rows)


def _results(results: Sequence[Mapping[str, Any]]) -> Iterator[Block]:
    head = ["Number", "State", "After", "95 % interval", "Retrained", "95 % band", "Before", "n"]
    yield TableBlock(head, [_result(one) for one in results])
    yield (
        "Difference found: outside the band, which is where one more retrained model would lie in 19 of 20 cases. No "
        "difference found: inside it, where a small difference could hide. The interval is how exactly the number is "
        "known from its own samples. n: samples behind it, of an attack those of the forget set."
    )
    why = dict.fromkeys(one["why"] for one in results if one["why"])
    for reason in why:
        names = [one["title"] for one in results if one["why"] == reason]
        yield f"Cannot tell, because {reason}: {', '.join(names)}."


def _result(one: Mapping[str, Any]) -> list[str]:
    unit = one["unit"]
    band = _range(one["band"], unit) + (f" (of {one['references']})" if one["band"] else "")
    own = [_number(one["value"], unit), _range(one["interval"], unit), _number(one["reference"], unit), band]
    return [one["title"], _upper(STATES[one["state"]]), *own, _number(one["before"], unit), _count(one["n"])]


def _limits(limits: Mapping[str, Any]) -> Iterator[Block]:
    yield from limits["sentences"]
    yield from limits["notes"]
    yield from _stated({name: limits[name] for name in ("residual_risk", "retest")})


def _review(review: Mapping[str, str]) -> Iterator[Block]:
    yield from _stated(review)
    yield TableBlock(["Name", "Date", SIGNATURE], [[LINE, LINE[:16], LINE]])


def _commands(commands: Mapping[str, Any]) -> Iterator[Block]:
    yield f"The run again: {commands['repeat']}"
    if not commands["complete"]:
        yield "What is left out of this command stands in the run itself."
    yield f"Its files against their checksums: {commands['check_files']}"
    yield f"Its numbers: {commands['show_numbers']}"
    yield f"This record: {commands['check_record']}"


def _signature(envelope: Mapping[str, Any]) -> Iterator[Block]:
    seal, signature = envelope.get("seal"), envelope.get("signature")
    if seal:
        yield f"SHA-256 of the record as canonical JSON: {seal['record_sha256']}."
    if not signature:
        yield "Not signed: nothing shows who made this file, or that it is unchanged."
        return
    yield from _pairs(
        [
            ["Algorithm", signature["algorithm"]],
            ["Key", signature["key_id"]],
            ["Public key (base64)", signature["public_key"]],
            ["Signature (base64)", signature["value"]],
        ]
    )
    yield (
        "The signature says that whoever holds this key made the file and that it is unchanged. It does not say that "
        "anything was forgotten."
    )


def _number(value: float | None, unit: str = "") -> str:
    if value is None:
        return "n/a"
    if unit == "%":
        return f"{100 * value:.1f} %"
    # Smaller numbers are what rounding leaves of nothing.
    return f"{value if abs(value) >= 1e-12 else 0:.4g} {unit.strip('()')}".rstrip()


def _range(ends: Sequence[float | None] | None, unit: str = "") -> str:
    if ends is None or ends[1] is None:
        return "n/a"
    limit = f"limit {_number(ends[1], unit)}"
    return limit if ends[0] is None else f"{_number(ends[0], unit)} to {_number(ends[1], unit)}"


def _p(value: float | None) -> str:
    return "n/a" if value is None else "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def _count(value: float | None) -> str:
    return "not known" if value is None else f"{value:,}"


def _size(value: float | None) -> str:
    return "not known" if value is None else f"{value / 1e6:,.1f} MB"


def _plain(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "not known"}[value]
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
