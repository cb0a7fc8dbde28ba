"""One run as one zip file, to be kept or handed on."""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.runstore import layout


def export_run(home: Home, run_id: str, file: Path) -> int:
    """Writes a run directory into a zip file, whole or not at all.

    Logs, rounds, references and weights go along; the checkpoint, which only a resume needs, does not, nor do links.

    Args:
        home: where the run lives.
        run_id: of the run.
        file: the zip to write; replaced if it exists.

    Returns:
        Its size in bytes.

    Raises:
        BadInput: no such run, or the file cannot be written.
    """
    folder = layout.run_dir(home, run_id)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "wb") as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                # A link may lead to any file of this machine, and the zip is handed on.
                inside = path.relative_to(folder)
                left_out = inside.name == layout.CHECKPOINT or layout.STAGING in inside.parts
                if path.is_file() and not path.is_symlink() and not left_out:
                    archive.write(path, run_id / inside)
        os.replace(temporary, file)
    except OSError as error:
        Path(temporary or file.with_name(f".{file.name}.none")).unlink(missing_ok=True)
        raise BadInput("file", f"{file} cannot be written: {error.strerror}") from error
    return file.stat().st_size
