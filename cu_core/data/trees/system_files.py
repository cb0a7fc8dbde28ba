"""What operating systems, disks and network storage leave among pictures: passed over, and counted in words."""

from __future__ import annotations

from collections import Counter

SYSTEM = "files of disks, network storage and systems"
HIDDEN = "hidden files"
# Synology, QNAP, Windows, Linux, macOS and Jupyter, in that order. Lower case.
_NAMES = frozenset([
    "@eadir", "@syno", "@tmp", "@sharesnap", "#recycle", "#snapshot", "@recycle", "@recently-snapshot",
    "@__thumb", ".@__thumb", "recycler", "recycled", "$recycle.bin", "thumbs.db", "ehthumbs.db",
    "ehthumbs_vista.db", "desktop.ini", "lost+found", ".trash", ".directory", "__macosx", ".ds_store",
    ".trashes", ".fseventsd", ".appledouble", ".temporaryitems", ".apdisk", ".nomedia", ".picasa.ini",
    ".ipynb_checkpoints", "__pycache__", ".git", ".gitignore", ".gitattributes", ".gitkeep", ".keep", ".svn",
    ".hg", ".idea", ".vscode", ".dvc", ".cache",
])  # fmt: skip
_PHRASES = ("system volume information", "network trash folder", "icon\r")
_BEGINNINGS = ("._", ".spotlight-", ".trash-", ".documentrevisions-", ".nfs", "@eadir@", ".syncthing.", ".dropbox")
_MOST_SHOWN = 4


def system_name(name: str) -> str:
    """How the file or folder of this name is counted, or nothing where it is the user's own.

    Args:
        name: without its folders.

    Returns:
        `SYSTEM`, `HIDDEN` or an empty text.
    """
    lower = name.lower()
    if lower in _NAMES or lower in _PHRASES or lower.startswith(_BEGINNINGS):
        return SYSTEM
    return HIDDEN if name.startswith(".") else ""


class PassedOver:
    """Counts what was passed over, by its kind and name.

    Attributes:
        faulty: by name, what is wrong with each table that could not be read.
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self.faulty: dict[str, str] = {}

    def add(self, name: str, count: int = 1) -> None:
        """Counts files of a system's name, or inside a folder of such a name."""
        kind = system_name(name)
        shown = "._*" if name.startswith("._") else name
        self._counts[kind, shown if kind == SYSTEM else ""] += count

    def counted(self) -> tuple[tuple[str, int], ...]:
        """Words and number of each kind, with the names that were met most."""
        found = []
        for kind in (SYSTEM, HIDDEN):
            names = Counter({name: count for (of, name), count in self._counts.items() if of == kind and count})
            if not names:
                continue
            # Names of one count in their own order: that of a folder's entries differs from disk to disk.
            most = sorted(names, key=lambda name: (-names[name], name))[:_MOST_SHOWN]
            shown = sorted(name for name in most if name)
            more = ", …" if len(names) > _MOST_SHOWN else ""
            found.append((f"{kind} ({', '.join(shown)}{more})" if shown else kind, sum(names.values())))
        return tuple(found)
