"""A record with its hashes and signature, as canonical JSON and as a page that holds the same JSON.

The seal has a hash of every section, of the whole record and of the page; the signature is over the canonical bytes of
the seal. So a change of any section is found and named, and the rest is known to be as it was signed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cu_core.analysis.erasure.canonical_json import canonical, digest_of
from cu_core.analysis.erasure.erasure_record import FORMAT, SCHEMA, ErasureRecord
from cu_core.analysis.erasure.record_page import SIGNATURE, page_of
from cu_core.analysis.erasure.signing_keys import signature_of
from cu_core.base.errors import BadInput
from cu_core.base.files import parse_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_DATA = re.compile(r'<script type="application/json" id="unlearnscope">([^<]*)</script>')
_SIGNED = re.compile(rf'<section id="s\d+"><h2>{SIGNATURE}</h2>.*?</section>', re.DOTALL)


@dataclass(frozen=True)
class SealedRecord:
    """A record as it is handed out.

    Attributes:
        envelope: ``record``, ``seal`` and ``signature``, which is null where it is not signed.
    """

    envelope: Mapping[str, Any]

    def json(self) -> bytes:
        """The whole as canonical JSON."""
        return canonical(self.envelope)

    def html(self) -> str:
        """The whole as a page."""
        return page_of(self.envelope)


def sealed(record: ErasureRecord, key: Ed25519PrivateKey | None = None) -> SealedRecord:
    """A record with its seal, signed where there is a key."""
    # As whoever reads the file has it: there a whole number has no fraction.
    content = json.loads(canonical(record.to_json()))
    seal = seal_of(content)
    return SealedRecord({"record": content, "seal": seal, "signature": None if key is None else _sign(seal, key)})


def seal_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The hashes that are signed: of each section, of the record, and of the page without its signature and JSON."""
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "sections": {name: digest_of(content) for name, content in record.items()},
        "record_sha256": digest_of(record),
        "page_sha256": page_digest(page_of({"record": record, "seal": None, "signature": None})),
    }


def signed(sealed_record: SealedRecord, key: Ed25519PrivateKey) -> SealedRecord:
    """The same record with a signature over its seal.

    Raises:
        BadInput: it is signed already.
    """
    envelope = sealed_record.envelope
    if envelope["signature"] is not None:
        raise BadInput("file", f"is signed already, with the key {envelope['signature'].get('key_id')}")
    return SealedRecord({**envelope, "signature": _sign(envelope["seal"], key)})


def page_digest(html: str) -> str:
    """SHA-256 of a page without its signature and the JSON in it; of a page that lacks either or has two, of it all."""
    shown = html
    for part in (_SIGNED, _DATA):
        if len(part.findall(html)) == 1:
            shown = part.sub("", shown)
    return hashlib.sha256(shown.encode()).hexdigest()


def signature_text(html: str) -> str:
    """The part of a page that tells of the signature; empty where it has none."""
    found = _SIGNED.findall(html)
    return str(found[0]) if len(found) == 1 else ""


def read_envelope(content: bytes) -> tuple[dict[str, Any], str]:
    """The envelope of a record, and the page that it was read from.

    Args:
        content: of a file that `SealedRecord.json` or `SealedRecord.html` has made, perhaps changed since.

    Returns:
        The envelope with ``record``, ``seal`` and ``signature``, and the page; empty where the file is JSON.

    Raises:
        BadInput: the file is neither, or of a newer schema.
    """
    html = ""
    try:
        if not content.lstrip().startswith(b"{"):
            html = content.decode()
            found = _DATA.findall(html)
            if len(found) != 1:
                raise BadInput("file", "holds no record, or more than one", ("a record in JSON or HTML",))
            content = found[0].encode()
        envelope = parse_json(content)
        json.loads(content, object_pairs_hook=_once)
    except ValueError as error:
        raise BadInput("file", f"is no record: {error}", ("a record in JSON or HTML",)) from error
    parts = [envelope.get(part) if isinstance(envelope, dict) else None for part in ("record", "seal")]
    if not all(isinstance(part, dict) for part in parts):
        raise BadInput("file", "is no record: it has no record and seal", ("a record in JSON or HTML",))
    seal = envelope["seal"]
    if seal.get("format") != FORMAT or seal.get("schema") != SCHEMA:
        raise BadInput("file", f"is of the format {seal.get('format')!r}, schema {seal.get('schema')!r}", [str(SCHEMA)])
    return envelope, html


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object none of whose fields is there twice: of two, one reader would take the first and another the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field of it is there twice")
    return found


def _sign(seal: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, str]:
    return signature_of(canonical(seal), key)
