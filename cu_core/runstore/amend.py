"""Keys of a finished run's result that are worked out anew, put in place under the run's lock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from filelock import Timeout

from cu_core.base.errors import BadInput
from cu_core.base.files import plain, sha256_of, write_atomically
from cu_core.base.home import Home
from cu_core.runstore import layout
from cu_core.runstore.checksums import damage_of, note
from cu_core.runstore.reader import open_run


def amend_result(home: Home, run_id: str, changes: Mapping[str, Any]) -> None:
    """Replaces some keys of ``result.json``, whole or not at all, and its checksum with them.

    Args:
        home: where the run lives.
        run_id: of the run.
        changes: the keys with their new content; numbers that are not finite become null.

    Raises:
        BadInput: no such run, it has no sound result, or another process holds it.
        OSError: the home cannot be written.
    """
    path = layout.run_dir(home, run_id) / layout.RESULT
    try:
        with layout.run_lock(home, run_id):
            result = open_run(home, run_id).result()
            reason = "is not there" if result is None else damage_of(path.parent, layout.RESULT, again=True)
            if result is None or reason is not None:
                raise BadInput("run", f"the result of {run_id} {reason}")
            content = json.dumps(plain({**result, **changes}), indent=1, allow_nan=False).encode()
            # First the list, with both contents: whoever is killed between the two leaves nothing like damage.
            note(path.parent, layout.RESULT, hashlib.sha256(content).hexdigest(), sha256_of(path))
            write_atomically(path, lambda file: file.write(content))
    except Timeout:
        raise BadInput("run", f"{run_id} is held by another process; try again") from None
