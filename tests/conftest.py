"""Shared by all tests: one thread per process, homes in temporary folders, things a machine may lack."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Before numpy or torch load: several test processes share few cores, and one thread gives one result.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"
# A test that forgets to name its home must not touch the user's runs.
_FALLBACK_HOME = tempfile.mkdtemp(prefix="unlearnscope-tests-")
os.environ["CU_HOME"] = _FALLBACK_HOME

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from cu_core.base.home import Home  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

# The same examples in every run, however slow the machine; --hypothesis-profile=search looks for new ones.
settings.register_profile("search", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("project", settings.get_profile("search"), derandomize=True)
settings.load_profile("project")


def pytest_unconfigure() -> None:
    shutil.rmtree(_FALLBACK_HOME, ignore_errors=True)


THOROUGH = ("browser", "chaos", "fuzz", "cluster")
"""Folders whose tests `make test` leaves to `make test-all`, but for those marked `always`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(ROOT / "tests").parts[0] if item.path.is_relative_to(ROOT / "tests") else ""
        if folder in THOROUGH and not item.get_closest_marker("always"):
            item.add_marker(pytest.mark.thorough)
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and not _has_cuda():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="this machine has no CUDA device"))


def _has_cuda() -> bool:
    import torch  # noqa: PLC0415 - seconds, and only where a test asks for a GPU

    return torch.cuda.is_available()


@pytest.fixture(autouse=True)
def _own_main() -> Iterator[None]:
    """A page that is run in a test takes the place of the main module; processes that are spawned later import it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture
def root() -> Path:
    """The repository's folder."""
    return ROOT


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home of its own, also for processes that the test starts."""
    made = Home(tmp_path / "home").create()
    monkeypatch.setenv("CU_HOME", str(made.root))
    return made


@pytest.fixture(scope="session")
def cifar_zip() -> Path:
    """CIFAR-10 as a zip of PNG files, where this machine has one."""
    named = os.environ.get("CU_TEST_CIFAR_ZIP")
    path = Path(named) if named else ROOT.parent / "shared" / "data" / "cifar10.zip"
    if not path.is_file():
        pytest.skip("CIFAR-10 is not on this machine; CU_TEST_CIFAR_ZIP may name a zip with train/<class>/*.png")
    return path


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium, where this machine has one."""
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if found is None:
        pytest.skip(f"no browser on this machine: none of {', '.join(BROWSERS)} is installed")
    return found


@pytest.fixture
def python_env() -> dict[str, str]:
    """Environment for a fresh Python process that finds the project without being installed."""
    return dict(os.environ, PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1")
