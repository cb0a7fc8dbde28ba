"""Rows of a text with columns, for whoever reads a user's table."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator


def csv_rows(
    content: bytes,
    name: str,
    refused: Callable[[str], Exception],
    *,
    delimiter: str,
    encoding: str = "utf-8-sig",
    strict: bool = False,
) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line that is not blank; cells without blanks around them.

    Args:
        content: of the file.
        name: of the file, for messages.
        refused: makes the exception of a message.
        delimiter: between columns.
        encoding: of the text.
        strict: whether faults of quoting are errors.

    Raises:
        Exception: what `refused` makes, of a content that is no such text.
    """
    text = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=strict)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except UnicodeDecodeError:
        raise refused(f"{name} is not a text in UTF-8; save it as that") from None
    except csv.Error as error:
        raise refused(f"{name} line {reader.line_num}: {error}") from None
