"""Whether a record is as it was made and signed, and if not, what was changed."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from html.parser import HTMLParser
from typing import Any

from cu_core.analysis.erasure.canonical_json import canonical, digest_of
from cu_core.analysis.erasure.record_page import page_of
from cu_core.analysis.erasure.sealed_record import page_digest, signature_text
from cu_core.analysis.erasure.signing_keys import ALGORITHM, is_signed, key_id
from cu_core.base.display_text import CELL, cut, one_line
from cu_core.base.version import __version__

MOST_LINES = 10
"""Changes of a page that are told one by one."""
MOST_TEXTS = 20_000
"""Of a page; comparing takes time with the square of their number."""
_SIGNATURE = {"algorithm", "key_id", "public_key", "value"}
_SILENT = ("script", "style")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        ok: whether it is as it should be; None where that cannot be told, which is no failure.
        what: ``section``, ``seal``, ``signature``, ``key``, ``page`` or ``weights``.
        words: what was found.
    """

    ok: bool | None
    what: str
    words: str


def check_record(envelope: Mapping[str, Any], html: str = "", public: bytes | None = None) -> list[Finding]:
    """Everything that can be said of a record.

    Args:
        envelope: as `cu_core.analysis.erasure.sealed_record.read_envelope` gives it.
        html: the page that it was read from; empty where it was JSON.
        public: 32 bytes of the key that it should be signed with; None takes the one in the file at its word.
    """
    found = [*_sections(envelope), *_signature(envelope, public)]
    if unknown := sorted(set(envelope) - {"record", "seal", "signature"}):
        found.append(Finding(False, "seal", f"Beside the record stands what nobody signed: {_listed(unknown)}."))
    if html:
        found += _page(envelope, html)
    return found


def check_weights(envelope: Mapping[str, Any], sha256: str) -> Finding:
    """Whether weights are those of the model after unlearning.

    Args:
        envelope: the record.
        sha256: `cu_core.learning.weights.weights_sha256` of the weights at hand.
    """
    model = envelope["record"].get("model")
    model = model if isinstance(model, Mapping) else {}
    if sha256 == model.get("after_sha256"):
        return Finding(True, "weights", "The weights are those of the model after unlearning.")
    if sha256 == model.get("before_sha256"):
        return Finding(False, "weights", "These are the weights of the model BEFORE unlearning.")
    return Finding(False, "weights", f"The weights are others than those of the record: their hash is {sha256}.")


def _sections(envelope: Mapping[str, Any]) -> Iterator[Finding]:
    record, seal = envelope["record"], envelope["seal"]
    hashes = seal.get("sections")
    hashes = hashes if isinstance(hashes, Mapping) else {}
    wrong = False
    for name in sorted({*record, *hashes}):
        if name not in record:
            wrong, words = True, f"The section {name} was taken out."
        elif name not in hashes:
            wrong, words = True, f"The section {name} was added."
        elif _digest(record[name]) != hashes[name]:
            wrong, words = True, f"The section {name} was changed."
        else:
            continue
        yield Finding(False, "section", _short(words))
    if not wrong and _digest(record) != seal.get("record_sha256"):
        yield Finding(False, "seal", "The hash of the whole record is not that of its sections.")
    elif not wrong:
        yield Finding(True, "section", f"All {len(record)} sections have the hashes of the seal.")


def _signature(envelope: Mapping[str, Any], public: bytes | None) -> Iterator[Finding]:
    signature = envelope.get("signature")
    if signature is None:
        ok = None if public is None else False
        yield Finding(ok, "signature", "Not signed: whoever changed it could have made its hashes anew.")
        return
    signature = signature if isinstance(signature, Mapping) else {}
    if unknown := sorted(set(signature) - _SIGNATURE):
        yield Finding(False, "signature", f"Beside the signature stands what nobody signed: {_listed(unknown)}.")
    own = _decoded(signature.get("public_key"))
    if signature.get("algorithm") != ALGORITHM or len(own) != 32 or signature.get("key_id") != key_id(own):
        yield Finding(False, "signature", "What the file says of its key does not fit together.")
    try:
        content = canonical(envelope["seal"])
    except ValueError:
        content = b""
    if not is_signed(content, str(signature.get("value")), public or own):
        if public is not None and public != own and is_signed(content, str(signature.get("value")), own):
            words = f"Signed with another key than the one given: {key_id(own)}, not {key_id(public)}."
            yield Finding(False, "key", words)
            return
        yield Finding(False, "signature", "The signature is wrong: the seal, the key or the signature was changed.")
        return
    yield Finding(True, "signature", f"The signature is that of the key {key_id(public or own)} over this seal.")
    if public is None:
        words = "The key is unknown: it comes from the file itself. Name the signer's with --key to be sure who signed."
        yield Finding(None, "key", words)


def _page(envelope: Mapping[str, Any], html: str) -> Iterator[Finding]:
    """Whether people read what the JSON says."""
    try:
        again = page_of(envelope)
    except Exception:
        yield Finding(False, "page", "The page cannot be made again from the JSON in it.")
        return
    same = html == again
    if page_digest(html) == envelope["seal"].get("page_sha256") and (
        same or signature_text(html) == signature_text(again)
    ):
        yield Finding(True, "page", "The page is as it was made; its text is that of the JSON.")
        return
    changes = list(_changes(_texts(again), _texts(html)))
    version = (envelope["record"].get("about") or {}).get("version")
    other = f" (made by version {version}, this is {__version__}: wording may differ)" if version != __version__ else ""
    if not changes:
        if same:
            yield Finding(False, "page", "The page fits the JSON in it, and not the hash in the seal.")
        else:
            yield Finding(False, "page", f"Order, style or script of the page was changed; its texts are not{other}.")
        return
    yield from (Finding(False, "page", _short(f"{words}{other}.")) for words in changes[:MOST_LINES])
    if len(changes) > MOST_LINES:
        yield Finding(False, "page", f"The page differs from the JSON in {len(changes) - MOST_LINES} more places.")


def _changes(meant: list[str], shown: list[str]) -> Iterator[str]:
    """Where the texts of a page differ from what they should be, in order, each with the text before it."""
    if max(len(meant), len(shown)) > MOST_TEXTS:
        yield "The page has too many texts to compare"
        return
    for kind, a, b, c, d in SequenceMatcher(None, meant, shown, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        after = f" after {_cell(meant[a - 1 : a])}" if a else ""
        was, now = _cell(meant[a:b]), _cell(shown[c:d])
        yield {
            "replace": f"The page says {now} where the JSON says {was}{after}",
            "delete": f"The page lacks what the JSON says: {was}{after}",
            "insert": f"The page says what the JSON does not: {now}{after}",
        }[kind]


class _Reader(HTMLParser):
    """Collects the texts that people read, with those under the pointer."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes whether what follows is shown, and texts of attributes."""
        self._silent += tag in _SILENT
        self.texts += [value for name, value in attrs if name in ("title", "alt", "aria-label") and value]

    def handle_endtag(self, tag: str) -> None:
        """Notes whether what follows is shown."""
        self._silent -= tag in _SILENT

    def handle_data(self, data: str) -> None:
        """Keeps a text that is shown."""
        if not self._silent and data.strip():
            self.texts.append(data.strip())


def _texts(html: str) -> list[str]:
    reader = _Reader()
    reader.feed(html)
    return reader.texts


def _digest(content: Any) -> str:
    try:
        return digest_of(content)
    except ValueError:
        return "none"


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except ValueError:
        return b""


def _listed(names: list[str]) -> str:
    return cut(one_line(", ".join(map(str, names))), CELL)


def _cell(texts: list[str]) -> str:
    return repr(cut(one_line(" | ".join(texts)), 60))


def _short(words: str) -> str:
    return cut(one_line(words), 2 * CELL)
