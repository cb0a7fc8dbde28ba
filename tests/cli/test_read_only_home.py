"""A home that may be read and not written: what can be shown is, what cannot be done is said in words."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home, home_in_words
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.prepared import prepare
from tests.madeup import MadeUp, write_run

ROOT = Path(__file__).resolve().parents[2]
READS = ["status", "show one", "compare one", "report one --out OUT", "verify one", "export one OUT", "list methods"]
READS += ["estimate --dataset digits", "prepare --dataset digits"]
WRITES = ["submit --dataset digits", "run --dataset digits", "delete one", "cancel one", "reindex", "dispatch --drain"]
WRITES += ["map one"]


def test_words_name_the_home_and_only_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    refused = OSError(errno.EROFS, os.strerror(errno.EROFS), str(home.root / "locks" / "x"))
    said = str(home_in_words(refused, home))
    assert f"the home {home.root} cannot be written (Read-only file system)" in said
    elsewhere = PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(tmp_path / "out.zip"))
    assert "the home" not in str(home_in_words(elsewhere, home)) and "out.zip" in str(home_in_words(elsewhere, home))
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(home.root / "x"))
    assert isinstance(home_in_words(full, home), UnlearnscopeError) and "disk is full" in str(home_in_words(full, home))


@pytest.fixture(scope="module")
def read_only(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The start of a command line whose process may read the home in CU_HOME and not write it."""
    home = Home(tmp_path_factory.mktemp("read-only") / "home").create()
    write_run(home, "one", MadeUp(references=(0, 1)))
    prepare(DataSpec(dataset="digits"), home)
    env = ["env", f"CU_HOME={home.root}", f"PYTHONPATH={ROOT}", sys.executable, "-m", "cu_core"]
    if os.getuid() == 0:
        # Root writes anywhere unless it gives that up, and owns what it made.
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv is not installed, without which root writes everywhere")
        subprocess.run(["chown", "-R", "nobody", str(home.root)], check=True)
        env = ["setpriv", "--bounding-set=-dac_override,-fowner", *env]
    for path in [home.root, *home.root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return env


@pytest.mark.thorough
@pytest.mark.parametrize("words", [*READS, *WRITES])
def test_a_home_that_can_only_be_read(words: str, read_only: list[str], tmp_path: Path) -> None:
    command = [*read_only, *words.replace("OUT", str(tmp_path / "out")).split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "Traceback" not in done.stderr
    if words in READS:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode == 1 and "cannot be written" in done.stderr
