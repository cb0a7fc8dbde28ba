"""Checks of a record: whatever is changed is found and named, and the signature is one that others can check."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from cu_core.analysis.erasure.canonical_json import canonical
from cu_core.analysis.erasure.erasure_record import SECTIONS
from cu_core.analysis.erasure.record_check import Finding, check_record, check_weights
from cu_core.analysis.erasure.sealed_record import SealedRecord, read_envelope, seal_of, signed
from cu_core.analysis.erasure.signing_keys import key_id, make_keys, read_private, read_public, signature_of
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from tests.analysis.erasure_cases import key_in, record


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def made(folder: Path) -> SealedRecord:
    """A signed record; nothing of its run is needed to check it."""
    return signed(record(Home(folder / "home").create(), "class-differs"), key_in(folder))


@pytest.fixture(scope="module")
def public(folder: Path, made: SealedRecord) -> bytes:
    return read_public(folder / "erasure.key.pub")


def bad(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.what, finding.words) for finding in findings if finding.ok is False]


def checked(content: bytes, public: bytes | None) -> list[tuple[str, str]]:
    return bad(check_record(*read_envelope(content), public))


def changed(made: SealedRecord) -> dict[str, Any]:
    return copy.deepcopy(dict(made.envelope))


def test_a_record_that_nobody_touched_is_fine(made: SealedRecord, public: bytes) -> None:
    for content in (made.json(), made.html().encode()):
        found = check_record(*read_envelope(content), public)
        assert [finding.ok for finding in found] == [True] * len(found)
        assert {"section", "signature"} <= {finding.what for finding in found}
    assert made.json() == canonical(json.loads(made.json()))


def test_without_a_known_key_it_is_said_that_the_key_is_not_known(made: SealedRecord) -> None:
    (last,) = [finding for finding in check_record(made.envelope) if finding.what == "key"]
    assert last.ok is None and "unknown" in last.words


@pytest.mark.parametrize("section", SECTIONS)
def test_a_changed_section_is_named(made: SealedRecord, public: bytes, section: str) -> None:
    content = changed(made)
    part = content["record"][section]
    if isinstance(part, list):
        part[0]["value"] = 0.123
    else:
        name = next(iter(part))
        part[name] = "something else"
    assert checked(canonical(content), public) == [("section", f"The section {section} was changed.")]


def test_sections_that_were_taken_out_or_added_are_named(made: SealedRecord, public: bytes) -> None:
    content = changed(made)
    del content["record"]["limits"]
    content["record"]["praise"] = {}
    content["seal_of_quality"] = 1
    content["signature"]["signed_for"] = "The Regulator"
    assert checked(canonical(content), public) == [
        ("section", "The section limits was taken out."),
        ("section", "The section praise was added."),
        ("signature", "Beside the signature stands what nobody signed: signed_for."),
        ("seal", "Beside the record stands what nobody signed: seal_of_quality."),
    ]


def test_who_changes_the_hashes_as_well_breaks_the_signature(made: SealedRecord, public: bytes) -> None:
    content = changed(made)
    content["record"]["verdict"]["state"] = "no-difference-found"
    content["seal"] = seal_of(content["record"])
    forged = SealedRecord(content)
    for file in (forged.json(), forged.html().encode()):
        assert [what for what, _ in checked(file, public)] == ["signature"]


def test_who_signs_a_changed_record_anew_has_another_key(made: SealedRecord, public: bytes, tmp_path: Path) -> None:
    content = changed(made)
    content["record"]["verdict"]["state"] = "no-difference-found"
    content["seal"], content["signature"] = seal_of(content["record"]), None
    other = key_in(tmp_path)
    forged = signed(SealedRecord(content), other)
    ((what, words),) = checked(forged.html().encode(), public)
    assert what == "key" and key_id(public) in words and key_id(read_public(tmp_path / "erasure.key.pub")) in words
    assert checked(forged.html().encode(), None) == [], "which is why a key has to be named"


@pytest.mark.parametrize("part", ["value", "public_key", "key_id", "algorithm"])
def test_a_changed_signature_is_wrong(made: SealedRecord, public: bytes, part: str) -> None:
    content = changed(made)
    text = content["signature"][part]
    content["signature"][part] = ("B" if text[0] != "B" else "C") + text[1:]
    assert "signature" in [what for what, _ in checked(canonical(content), public)]


def test_an_unsigned_record_fails_where_a_key_is_asked_for(made: SealedRecord, public: bytes) -> None:
    content = changed(made) | {"signature": None}
    assert checked(canonical(content), None) == []
    assert [what for what, _ in checked(canonical(content), public)] == ["signature"]


def test_every_number_that_is_changed_on_the_page_is_told(made: SealedRecord, public: bytes) -> None:
    page = made.html()
    cells = [found for found in re.finditer(r"<td>(\d+\.\d) %</td>", page)]
    assert len(cells) > 10
    for cell in cells[:: len(cells) // 8]:
        old = cell[1]
        new = f"{(float(old) + 50) % 100:.1f}"
        forged = page[: cell.start(1)] + new + page[cell.end(1) :]
        ((what, words),) = checked(forged.encode(), public)
        assert what == "page" and f"{new} %" in words and f"{old} %" in words


def test_a_failure_that_was_turned_into_a_pass_is_told(made: SealedRecord, public: bytes) -> None:
    page = made.html()
    assert page.count("<td>Difference found</td>") > 1
    forged = page.replace("<td>Difference found</td>", "<td>No difference found</td>", 1)
    ((_, words),) = checked(forged.encode(), public)
    assert "'No difference found' where the JSON says 'Difference found'" in words


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<h2>Limits and what remains</h2>", "<h2>Limits</h2>"),
        ("font: 15px/1.5", "font: 1px/1.5"),
        ("</body>", '<style>td { visibility: hidden; } td::after { content: "fine"; }</style></body>'),
        ("</body>", "<p>All is well.</p></body>"),
        ("It does not say that anything was forgotten", "It says that all was forgotten"),
        ("</section>", '</section><section id="s99"><h2>Signature</h2><p>All is well.</p></section>'),
        ("const camera", "document.body.textContent = 'fine'; const camera"),
    ],
)
def test_any_other_change_of_the_page_is_found(made: SealedRecord, public: bytes, old: str, new: str) -> None:
    page = made.html()
    assert old in page
    assert {what for what, _ in checked(page.replace(old, new, 1).encode(), public)} == {"page"}


@pytest.mark.parametrize(("ending", "flips"), [("html", 60), ("json", 300)])
def test_no_flipped_byte_goes_unseen(made: SealedRecord, public: bytes, ending: str, flips: int) -> None:
    whole = made.html().encode() if ending == "html" else made.json()
    rng = np.random.default_rng(0)
    seen = 0
    for place in rng.integers(0, len(whole), flips):
        other = bytes([rng.choice([letter for letter in range(32, 127) if letter != whole[place]])])
        content = whole[:place] + other + whole[place + 1 :]
        try:
            envelope, html = read_envelope(content)
        except BadInput:
            seen += 1
            continue
        assert bad(check_record(envelope, html, public)) or envelope == made.envelope, (place, other)
        seen += envelope != made.envelope or bool(html)
    assert seen > flips * 0.9


def test_a_page_of_another_version_is_checked_by_its_hash(
    made: SealedRecord, public: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = made.html().encode()
    monkeypatch.setattr("cu_core.analysis.erasure.record_page.LINE", "another style")
    assert checked(page, public) == []
    monkeypatch.setattr("cu_core.analysis.erasure.record_check.__version__", "9.9")
    assert "this is 9.9" in checked(page.replace(b"Erasure record", b"Record", 1), public)[0][1]


def test_json_that_readers_take_differently_is_refused(made: SealedRecord) -> None:
    twice = made.json().replace(b'"state":"differs"', b'"state":"no-difference-found","state":"differs"', 1)
    with pytest.raises(BadInput, match="twice"):
        read_envelope(twice)
    inside = made.html().replace('id="unlearnscope">{', 'id="unlearnscope">{"x":"<!--<script>",', 1)
    with pytest.raises(BadInput):
        read_envelope(inside.encode())


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[1]", b"<html></html>", b"\xff\xfe", b'{"record":{},"seal":{"format":"other"}}', b"{" * 99],
)
def test_what_is_no_record_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(BadInput):
        read_envelope(content)


@pytest.mark.parametrize("wrong", [None, 3, "x", [], {"a": 1}])
def test_records_of_any_shape_are_judged_without_an_exception(made: SealedRecord, wrong: object) -> None:
    for path in [("record", "model"), ("record", "about"), ("seal", "sections"), ("signature",)]:
        content = changed(made)
        part = content
        for name in path[:-1]:
            part = part[name]
        part[path[-1]] = wrong
        found = check_record(content, made.html(), None)
        assert any(finding.ok is not True for finding in found)
        check_weights(content, "0")


def test_weights_are_told_by_their_hash(made: SealedRecord) -> None:
    content = changed(made)
    content["record"]["model"] |= {"before_sha256": "b" * 64, "after_sha256": "a" * 64}
    assert check_weights(content, "a" * 64).ok is True
    before = check_weights(content, "b" * 64)
    assert before.ok is False and "BEFORE" in before.words
    assert check_weights(content, "c" * 64).ok is False


def test_a_record_is_signed_once(made: SealedRecord, folder: Path) -> None:
    with pytest.raises(BadInput, match="signed already"):
        signed(made, read_private(folder / "erasure.key"))


def test_what_the_docs_say_of_checking_works(
    made: SealedRecord, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    text = (root / "docs" / "erasure-record.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    shutil.copy(folder / "erasure.key.pub", tmp_path)
    (tmp_path / "record.json").write_bytes(made.json())
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    (tmp_path / "record.json").write_bytes(made.json().replace(b'"results":"', b'"results":"0', 1))
    with pytest.raises(InvalidSignature):
        exec(code, {})
    if shutil.which("jq") and shutil.which("openssl"):
        (shell,) = re.findall(r"```\n(jq .*?)```", text, re.DOTALL)
        assert subprocess.run(["sh", "-ec", shell], capture_output=True).returncode != 0
        (tmp_path / "record.json").write_bytes(made.json())
        done = subprocess.run(["sh", "-ec", shell], capture_output=True, text=True)
        assert done.returncode == 0 and "Success" in done.stdout, done.stderr


def test_others_can_check_the_signature(made: SealedRecord, folder: Path) -> None:
    content = json.loads(made.json())
    plain = json.dumps(content["seal"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    key = load_pem_public_key((folder / "erasure.key.pub").read_bytes())
    assert isinstance(key, ed25519.Ed25519PublicKey)
    value = base64.b64decode(content["signature"]["value"])
    key.verify(value, plain)
    with pytest.raises(InvalidSignature):
        key.verify(value, plain.replace(b"1", b"2", 1))
    assert base64.b64decode(content["signature"]["public_key"]) == key.public_bytes_raw()
    assert content["signature"]["key_id"] == hashlib.sha256(key.public_bytes_raw()).hexdigest()[:32]
    # Of a section without fractions Python's own JSON is canonical.
    request = json.dumps(content["record"]["request"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(request.encode()).hexdigest() == content["seal"]["sections"]["request"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_openssl_can_check_the_signature(made: SealedRecord, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "seal").write_bytes(canonical(made.envelope["seal"]))
    (tmp_path / "sig").write_bytes(base64.b64decode(made.envelope["signature"]["value"]))
    words = ["openssl", "pkeyutl", "-verify", "-pubin", "-rawin", "-inkey", str(folder / "erasure.key.pub")]
    words += ["-in", str(tmp_path / "seal"), "-sigfile", str(tmp_path / "sig")]
    assert subprocess.run(words, capture_output=True).returncode == 0
    (tmp_path / "seal").write_bytes(canonical(made.envelope["seal"]) + b" ")
    assert subprocess.run(words, capture_output=True).returncode != 0


def test_keys_are_made_for_their_owner_and_never_replaced(tmp_path: Path) -> None:
    private = tmp_path / "erasure.key"
    public = make_keys(private)
    assert public.name == "erasure.key.pub"
    if os.name == "posix":
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
    kept = private.read_bytes(), public.read_bytes()
    assert kept[0].startswith(b"-----BEGIN PRIVATE KEY-----") and b"PRIVATE" not in kept[1]
    for gone in (None, private):
        if gone:
            gone.unlink()
        with pytest.raises(BadInput, match="never replaced"):
            make_keys(private)
        assert public.read_bytes() == kept[1]
    assert not private.exists()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(BadInput):
        make_keys(tmp_path / "link")
    with pytest.raises(BadInput):
        make_keys(tmp_path / "no-folder" / "key")


def test_keys_that_cannot_be_used_are_refused_in_words(tmp_path: Path) -> None:
    def pem(key: Any, how: Any, name: str) -> Path:
        file = tmp_path / name
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
        file.chmod(0o600)
        return file

    locked = pem(ed25519.Ed25519PrivateKey.generate(), BestAvailableEncryption(b"x"), "locked")
    with pytest.raises(BadInput, match="passphrase"):
        read_private(locked)
    other = pem(ec.generate_private_key(ec.SECP256R1()), NoEncryption(), "other")
    for read in (read_private, read_public):
        with pytest.raises(BadInput, match="another kind"):
            read(other)
        with pytest.raises(BadInput, match="cannot be read"):
            read(tmp_path / "none")
    (tmp_path / "text").write_text("hello")
    (tmp_path / "text").chmod(0o600)
    for read in (read_private, read_public):
        with pytest.raises(BadInput, match="in PEM"):
            read(tmp_path / "text")


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_private_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    make_keys(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(BadInput, match="chmod 600"):
        read_private(tmp_path / "key")


def test_a_signature_is_over_the_bytes(folder: Path, made: SealedRecord) -> None:
    key = read_private(folder / "erasure.key")
    assert signature_of(b"a", key) == signature_of(b"a", key) != signature_of(b"b", key)
