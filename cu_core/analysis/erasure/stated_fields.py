"""What only people know of a request to erase: typed in on the command line, in a file or on the page."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.files import read_json
from cu_core.base.parameters import describe, param, parse

NOT_STATED = "not stated"
PREFIX = "request."


@dataclass(frozen=True)
class Stated:
    """The typed-in fields of a record; an empty one is printed as `NOT_STATED`."""

    request_id: str = param("", "Request", "Number or mark of the request, as your own books hold it.")
    request_date: str = param("", "Date of the request", "When it came in, e.g. 2026-11-30.")
    basis: str = param("", "Basis", "Why the samples are to be forgotten: an article of a law, a contract, a defect.")
    subject: str = param("", "Subject", "Who asked, as a pseudonym; no name of a person belongs into a record.")
    operator: str = param("", "Operator", "Who carried it out: an organisation, a team or a role.")
    backups: str = param("", "Backups", "What became of copies of the samples and of earlier models in backups.")
    caches: str = param("", "Caches", "What became of copies in caches, exports and other places of work.")
    derived_models: str = param("", "Derived models", "What became of models that were made from the model before.")
    residual_risk: str = param("", "Residual risk", "What remains, in the operator's judgement.")
    retest: str = param("", "New test", "When it is to be tested again, e.g. 2027-05-31.")
    reviewer: str = param("", "Reviewer", "Who has read the record; a name or a role.")
    sign_off: str = param("", "Sign-off", "What the reviewer decided, and when; empty leaves lines to sign on.")


def read_stated(file: Path | None, typed: dict[str, Any]) -> Stated:
    """The fields of a JSON file, with what was typed in place of them where it is not empty.

    Args:
        file: an object with some of the fields of `Stated`; None for no file.
        typed: field name to text.

    Raises:
        BadInput: the file cannot be read, or names a field that there is none.
    """
    kept: Any = {}
    if file is not None:
        try:
            kept = read_json(file)
        except (OSError, ValueError) as error:
            raise BadInput("--request", f"{file.name} cannot be read: {error}", ("a JSON object",)) from error
        if not isinstance(kept, dict):
            raise BadInput("--request", f"{file.name} holds no JSON object", [d.name for d in describe(Stated)])
    found: Stated = parse(Stated, kept | {name: text for name, text in typed.items() if text}, PREFIX)
    return dataclasses.replace(found, **{name: str(text).strip() for name, text in dataclasses.asdict(found).items()})
