"""Where runs, datasets and caches live."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """Folder layout below `root` (environment variable ``CU_HOME``)."""

    root: Path

    @property
    def runs(self) -> Path:
        """One folder per run: the truth about it."""
        return self.root / "runs"

    @property
    def bin(self) -> Path:
        """Deleted runs, kept until the bin is emptied."""
        return self.root / "bin"

    @property
    def datasets(self) -> Path:
        """Prepared datasets as memory-mappable uint8 arrays."""
        return self.root / "datasets"

    @property
    def models(self) -> Path:
        """Trained base models and references, named by content hash."""
        return self.root / "models"

    @property
    def uploads(self) -> Path:
        """Files that users handed in through the browser."""
        return self.root / "uploads"

    @property
    def index(self) -> Path:
        """SQLite index of the runs; `reindex` rebuilds it."""
        return self.root / "index.sqlite"

    def create(self) -> Home:
        """Makes the folders and returns itself."""
        for folder in (self.runs, self.bin, self.datasets, self.models, self.uploads):
            folder.mkdir(parents=True, exist_ok=True)
        return self


def default_home() -> Home:
    """The home named by ``CU_HOME``, or ``.unlearnscope`` beside the package."""
    configured = os.environ.get("CU_HOME")
    root = Path(configured) if configured else Path(__file__).resolve().parent.parent / ".unlearnscope"
    return Home(root.expanduser().resolve())
