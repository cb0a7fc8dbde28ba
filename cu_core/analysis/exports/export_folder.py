"""A folder, or a zip of it, that appears whole: what an export writes goes aside first."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from cu_core.base.errors import BadInput
from cu_core.runstore.staging import appearing

ZIP = ".zip"


def write_folder(target: Path, write: Callable[[Path], None]) -> int:
    """Lets a folder of files appear, or a zip file where its name ends in ``.zip``.

    Files of a folder that is there already are replaced by those of the same name; others stay.

    Args:
        target: the folder or zip file.
        write: fills an empty folder with files, and with no folders.

    Returns:
        Bytes of all files, or of the zip.

    Raises:
        BadInput: it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix.lower() == ZIP:
            return _zipped(target, write)
        if not target.exists():
            with appearing(target, f".{target.name}.") as folder:
                write(folder)
        else:
            _into(target, write)
        return sum(path.stat().st_size for path in target.iterdir() if path.is_file())
    except OSError as error:
        raise BadInput("folder", f"{target} cannot be written: {error.strerror or error}") from error


def _into(target: Path, write: Callable[[Path], None]) -> None:
    if not target.is_dir():
        raise BadInput("folder", f"{target} is a file", ("a folder", f"a name that ends in {ZIP}"))
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as aside:
        write(Path(aside))
        for path in Path(aside).iterdir():
            os.replace(path, target / path.name)


def _zipped(target: Path, write: Callable[[Path], None]) -> int:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as aside:
        folder = Path(aside) / "files"
        folder.mkdir()
        write(folder)
        made = Path(aside) / "made.zip"
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.iterdir()):
                archive.write(path, f"{target.stem}/{path.name}")
        os.replace(made, target)
    return target.stat().st_size
