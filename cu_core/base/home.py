"""Where runs, datasets and caches live."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from cu_core.base.errors import BadInput, UnlearnscopeError, in_words
from cu_core.base.installation import dashboard_folder, from_wheel
from cu_core.base.named_path import named_path

NOT_WRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM)
"""What a file system says where somebody may read and not write."""


@dataclass(frozen=True)
class Home:
    """Folder layout below `root` (environment variable ``CU_HOME``)."""

    root: Path

    def __post_init__(self) -> None:
        given: object = self.root
        if isinstance(given, str):
            object.__setattr__(self, "root", named_path(given, "home"))
        elif not isinstance(given, Path):
            raise BadInput("home", f"{given!r} names no folder", ("a path", "a text"))

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
    def evaluations(self) -> Path:
        """Evaluations of trained models, named by content hash; made again where they are missing."""
        return self.root / "evaluations"

    @property
    def maps(self) -> Path:
        """Pictures of embeddings over rounds; made again where they are missing."""
        return self.root / "maps"

    @property
    def scores(self) -> Path:
        """Scores of training samples, named by the content of their dataset; made again where they are missing."""
        return self.root / "scores"

    @property
    def shadows(self) -> Path:
        """What shadow models of deep audits answered, named by content hash; made again where they are missing."""
        return self.root / "shadows"

    @property
    def uploads(self) -> Path:
        """Files that users handed in through the browser."""
        return self.root / "uploads"

    @property
    def selections(self) -> Path:
        """Long selections of samples that links name, by the hash of their content."""
        return self.root / "selections"

    @property
    def logouts(self) -> Path:
        """Logins to a shared dashboard that were ended, named by the content of their cookies."""
        return self.root / "logouts"

    @property
    def index(self) -> Path:
        """SQLite index of the runs; `reindex` rebuilds it."""
        return self.root / "index.sqlite"

    def create(self) -> Home:
        """Makes the folders and returns itself.

        Raises:
            BadInput: they cannot be made there.
        """
        for folder in (self.runs, self.bin, self.datasets, self.models, self.uploads):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise BadInput("CU_HOME", f"{folder} cannot be made: {error.strerror}") from error
        return self


def usual_root() -> Path:
    """Where the home is unless ``CU_HOME`` names another: in the source tree, or of a wheel in the user's folder."""
    return (Path("~") if from_wheel() else dashboard_folder()) / ".unlearnscope"


def default_home() -> Home:
    """The home named by ``CU_HOME``, or else the usual one.

    Raises:
        BadInput: ``CU_HOME`` is blank or names something that is no folder, or is missing where this user has none.
    """
    return home_at(os.environ.get("CU_HOME") or str(usual_root()), "CU_HOME")


def home_at(text: str, field: str) -> Home:
    """The home in a folder that a text names, which need not exist yet.

    Args:
        text: as it was typed.
        field: named in the error.

    Raises:
        BadInput: blank, or something that is no folder.
    """
    root = named_path(text, field)
    nearest = next(folder for folder in (root, *root.parents) if folder.exists())
    if not nearest.is_dir():
        raise BadInput(field, f"{nearest} is not a folder")
    return Home(root)


def home_in_words(error: OSError, home: Home) -> UnlearnscopeError:
    """What the machine refused, for people; of a home that may be read and not written it says that.

    See `cu_core.base.errors.in_words`.
    """
    named = error.filename if isinstance(error.filename, str) else ""
    below = not named or Path(os.path.abspath(named)).is_relative_to(home.root)
    if error.errno in NOT_WRITABLE and below:
        return UnlearnscopeError(
            f"the home {home.root} cannot be written ({error.strerror}); what is there can still be shown, and CU_HOME "
            "names another one"
        )
    return in_words(error)
