"""The record of a run on the command line: ``report --erasure``, and the verbs that make keys, sign and check."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

from cu_core.analysis.erasure.erasure_record import record_of
from cu_core.analysis.erasure.left_out import WHAT, included
from cu_core.analysis.erasure.record_check import Finding, check_record, check_weights
from cu_core.analysis.erasure.sealed_record import SealedRecord, read_envelope, sealed, signed
from cu_core.analysis.erasure.signing_keys import key_id, make_keys, read_private, read_public
from cu_core.analysis.erasure.stated_fields import Stated, read_stated
from cu_core.base.errors import BadInput
from cu_core.base.files import read_plain, write_atomically
from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.base.parameters import describe
from cu_core.cli.completion import FILES, offer_found
from cu_core.cli.output import print_json
from cu_core.cli.overwrite import target
from cu_core.runstore.reader import open_run

_MARKS = {True: "ok", False: "WRONG", None: "open"}
_ENDINGS = (".html", ".json")


def add_record_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what a record is made with to ``report``."""
    group = parser.add_argument_group("erasure record", "of one run that has ended; see docs/erasure-record.md")
    add = group.add_argument
    out = "write the record of the run as OUT.html and OUT.json"
    offer_found(add("--erasure", metavar="OUT", help=out), FILES)
    offer_found(add("--sign", metavar="KEY", help="sign it with this private key, as keygen makes it"), FILES)
    what = f"what is left out otherwise: {', '.join(WHAT)}, separated by commas"
    add("--include", metavar="WHAT", default="", help=what)
    offer_found(add("--request", metavar="FILE", help="the next fields as a JSON object"), FILES)
    for field in describe(Stated):
        add(f"--{_option(field.name)}", metavar="TEXT", default="", dest=field.name, help=field.param.help)
    add("--force", action="store_true", help="replace OUT.html and OUT.json without asking")


def add_keygen_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the file that is made."""
    text = "the private key to make; the public one gets the ending .pub; neither may exist"
    offer_found(parser.add_argument("file", metavar="FILE", help=text), FILES)


def add_sign_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the record that is signed, and the key."""
    text = "a record in HTML or JSON; it is replaced by the signed one"
    offer_found(parser.add_argument("file", metavar="FILE", help=text), FILES)
    offer_found(parser.add_argument("--key", required=True, metavar="KEY", help="the private key"), FILES)


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the record that is checked, and what against."""
    add = parser.add_argument
    offer_found(add("file", metavar="FILE", help="a record in HTML or JSON"), FILES)
    offer_found(add("--key", metavar="PUB", help="the public key that it has to be signed with"), FILES)
    offer_found(add("--weights", metavar="FILE", help="weights that have to be those after unlearning"), FILES)


def write_record(options: argparse.Namespace, home: Home) -> int:
    """``report --erasure``: writes the record of one run."""
    if len(options.run_ids) != 1 or options.group:
        raise BadInput("run", "a record is that of one run; name one, and no group")
    typed = {field.name: getattr(options, field.name) for field in describe(Stated)}
    stated = read_stated(named_path(options.request, "--request") if options.request else None, typed)
    asked = included(options.include)
    key = read_private(named_path(options.sign, "--sign")) if options.sign else None
    stem = options.erasure
    stem = next((stem.removesuffix(end) for end in _ENDINGS if stem.endswith(end)), stem)
    if not stem or stem.endswith(("/", "\\")):
        raise BadInput("--erasure", f"{stem!r} names no file", ("a name without its ending",))
    page, data = (target(f"{stem}{ending}", options.force, "--erasure") for ending in _ENDINGS)
    made = sealed(record_of(home, open_run(home, options.run_ids[0]), stated, asked), key)
    _write(page, made.html().encode())
    _write(data, made.json())
    told = {
        "html": str(page),
        "json": str(data),
        "record_sha256": made.envelope["seal"]["record_sha256"],
        "state": made.envelope["record"]["verdict"]["state"],
        "key_id": None if key is None else made.envelope["signature"]["key_id"],
    }
    if options.json:
        print_json(told)
        return 0
    print(made.envelope["record"]["verdict"]["headline"])
    by = f"signed with the key {told['key_id']}" if key is not None else "not signed"
    print(f"{page.name} and {data.name}: {by}; sha256 of the record {told['record_sha256']}")
    return 0


def keygen(options: argparse.Namespace, home: Home) -> int:
    """Makes a key pair."""
    private = named_path(options.file, "file")
    public = make_keys(private)
    print(f"{private}: the private key; whoever has it signs in your name")
    print(f"{public}: the public key {key_id(read_public(public))}; give it to whoever checks")
    return 0


def sign_report(options: argparse.Namespace, home: Home) -> int:
    """Signs a record that was handed out without a signature."""
    file = named_path(options.file, "file")
    key = read_private(named_path(options.key, "--key"), "--key")
    envelope, html = read_envelope(_read(file))
    if wrong := [finding.words for finding in check_record(envelope, html) if finding.ok is False]:
        raise BadInput("file", f"is not as it was made, and so is not signed: {wrong[0]}")
    made = signed(SealedRecord(envelope), key)
    _write(file, made.html().encode() if html else made.json())
    print(f"{file.name}: signed with the key {made.envelope['signature']['key_id']}")
    return 0


def verify_report(options: argparse.Namespace, home: Home) -> int:
    """Checks a record, and says what was changed."""
    envelope, html = read_envelope(_read(named_path(options.file, "file")))
    public = read_public(named_path(options.key, "--key")) if options.key else None
    found = check_record(envelope, html, public)
    if options.weights:
        found.append(check_weights(envelope, _weights_hash(named_path(options.weights, "--weights"))))
    failed = any(finding.ok is False for finding in found)
    if options.json:
        print_json({"unchanged": not failed, "findings": [vars(finding) for finding in found]})
    else:
        print("\n".join(map(_line, found)))
    return 1 if failed else 0


def _line(finding: Finding) -> str:
    return f"{_MARKS[finding.ok]:<6}{finding.what:<10}{finding.words}"


def _option(name: str) -> str:
    return name.replace("_", "-")


def _weights_hash(file: Path) -> str:
    """The hash of the tensors in a file of any kind that holds weights; loads torch."""
    weights: Any = importlib.import_module("cu_core.learning.weights")
    found: str = weights.weights_sha256(weights.read_state_dict(file))
    return found


def _read(file: Path) -> bytes:
    try:
        return read_plain(file)
    except (OSError, ValueError) as error:
        raise BadInput("file", f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _write(file: Path, content: bytes) -> None:
    write_atomically(file, lambda raw: raw.write(content))
    file.chmod(0o644)
