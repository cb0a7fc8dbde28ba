"""Ed25519 keys: made as a pair of PEM files, read again, and named by the hash of their public half."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cu_core.base.errors import BadInput
from cu_core.base.files import read_plain
from cu_core.base.heavy import later

if TYPE_CHECKING:
    from cryptography import exceptions
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519
else:
    exceptions = later("cryptography.exceptions")
    serialization = later("cryptography.hazmat.primitives.serialization")
    ed25519 = later("cryptography.hazmat.primitives.asymmetric.ed25519")

ALGORITHM = "Ed25519"
PUBLIC_SUFFIX = ".pub"
_ID_LETTERS = 32
_OPEN_TO_OTHERS = 0o077


def make_keys(private: Path) -> Path:
    """Makes a key pair: the private half in PEM (PKCS #8) for its owner alone, the public half beside it.

    Args:
        private: the file to make.

    Returns:
        The file of the public half: the same name with `PUBLIC_SUFFIX`.

    Raises:
        BadInput: either file exists, or cannot be made.
    """
    public = private.with_name(private.name + PUBLIC_SUFFIX)
    for file in (private, public):
        if file.exists() or file.is_symlink():
            raise BadInput("file", f"{file} exists already; a key is never replaced", ("a name that is not taken",))
    key = ed25519.Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    shown = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _write_new(private, secret, 0o600)
    _write_new(public, shown, 0o644)
    return public


def read_private(file: Path, field: str = "--sign") -> ed25519.Ed25519PrivateKey:
    """A private key from its PEM file.

    Args:
        file: with the key.
        field: named in errors.

    Raises:
        BadInput: no such file, no such key, one that is protected by a passphrase, or one that others may read.
    """
    content = _content(file, field)
    if os.name == "posix" and file.stat().st_mode & _OPEN_TO_OTHERS:
        raise BadInput(field, f"{file.name} may be read by others; chmod 600 {file.name}")
    try:
        key: Any = serialization.load_pem_private_key(content, None)
    except TypeError as error:
        raise BadInput(field, f"{file.name} is protected by a passphrase, which is not asked for here") from error
    except exceptions.UnsupportedAlgorithm as error:
        raise BadInput(field, f"{file.name} holds a key of another kind", (ALGORITHM,)) from error
    except ValueError as error:
        raise BadInput(field, f"{file.name} holds no private key in PEM") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise BadInput(field, f"{file.name} holds a key of another kind", (ALGORITHM,))
    return key


def read_public(file: Path) -> bytes:
    """The 32 bytes of a public key from its PEM file; that of a private key gives its public half.

    Raises:
        BadInput: no such file, or no such key.
    """
    content = _content(file, "--key")
    try:
        try:
            key: Any = serialization.load_pem_public_key(content)
        except ValueError:
            key = serialization.load_pem_private_key(content, None).public_key()
    except exceptions.UnsupportedAlgorithm as error:
        raise BadInput("--key", f"{file.name} holds a key of another kind", (ALGORITHM,)) from error
    except (TypeError, ValueError) as error:
        raise BadInput("--key", f"{file.name} holds no public key in PEM") from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise BadInput("--key", f"{file.name} holds a key of another kind", (ALGORITHM,))
    return key.public_bytes_raw()


def key_id(public: bytes) -> str:
    """What a key is called: the beginning of the SHA-256 of its 32 public bytes."""
    return hashlib.sha256(public).hexdigest()[:_ID_LETTERS]


def signature_of(content: bytes, key: ed25519.Ed25519PrivateKey) -> dict[str, str]:
    """A detached signature with what it takes to check it."""
    public = key.public_key().public_bytes_raw()
    return {
        "algorithm": ALGORITHM,
        "key_id": key_id(public),
        "public_key": base64.b64encode(public).decode(),
        "value": base64.b64encode(key.sign(content)).decode(),
    }


def is_signed(content: bytes, value: str, public: bytes) -> bool:
    """Whether a signature in base64 is that of a key over some bytes."""
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(value, validate=True), content)
    except Exception:
        return False
    return True


def _content(file: Path, field: str) -> bytes:
    try:
        return read_plain(file)
    except (OSError, ValueError) as error:
        raise BadInput(field, f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _write_new(file: Path, content: bytes, mode: int) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as raw:
            raw.write(content)
    except OSError as error:
        raise BadInput("file", f"{file} cannot be made: {error.strerror}") from error
