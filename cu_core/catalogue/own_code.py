"""Networks of the user's own: which file and function ``python:MODULE:FUNCTION`` names. Nothing of it is run here.

Pages ask here before a launch, in the server's own process. So a module is found by looking for its file, and a
function by reading that file's syntax, without importing anything.
"""

from __future__ import annotations

import ast
import hashlib
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from cu_core.base.errors import BadInput
from cu_core.base.named_path import named_path

FIELD = "model.backbone"
KIND = "python"
SUFFIX = ".py"
FORMS = ("python:MODULE:FUNCTION", "python:PATH/TO/FILE.py:FUNCTION")
# A file beside others may import a whole project; what lies behind so many files decides no architecture.
MOST_SOURCES = 500
_OURS = "cu_core"


@dataclass(frozen=True)
class OwnCode:
    """A function that makes a network.

    Attributes:
        place: dotted name of a module, or path of a file.
        function: name of a function or class in it.
    """

    place: str
    function: str

    @property
    def is_file(self) -> bool:
        """Whether a path is named."""
        return self.place.endswith(SUFFIX)

    def source(self) -> Path:
        """The file that holds the function.

        Raises:
            BadInput: there is none.
        """
        if not self.is_file:
            return _module_file(self.place)
        path = named_path(self.place, FIELD, FORMS)
        if not path.is_file():
            raise BadInput(FIELD, f"{self.place} is not a file", FORMS)
        return path

    def root(self) -> tuple[Path, str]:
        """The folder from which the file is imported, and the dotted name that it has there."""
        path = self.source()
        parts = [path.stem] if path.name != "__init__.py" else []
        folder = path.parent
        while (folder / "__init__.py").is_file():
            parts.insert(0, folder.name)
            folder = folder.parent
        return folder, ".".join(parts)


def is_own_code(backbone: str) -> bool:
    """Whether a backbone is code of the user's own."""
    return backbone.strip().partition(":")[0].strip() == KIND


def own_code(backbone: str) -> OwnCode:
    """What a backbone ``python:…`` names.

    Raises:
        BadInput: it has no function, or no name where one belongs.
    """
    place, colon, function = backbone.strip().partition(":")[2].rpartition(":")
    place, function = place.strip(), function.strip()
    if not colon or not place:
        raise BadInput(FIELD, f"{backbone!r} names no function", FORMS)
    if not function.isidentifier():
        raise BadInput(FIELD, f"{function!r} is not the name of a function", FORMS)
    if not place.endswith(SUFFIX) and not all(part.isidentifier() for part in place.split(".")):
        raise BadInput(FIELD, f"{place!r} is neither a module nor a file that ends in {SUFFIX}", FORMS)
    return OwnCode(place, function)


def short_code(backbone: str) -> str:
    """A backbone for lists: of the user's own code the file's name instead of its path; others as they are."""
    kind, _, rest = backbone.partition(":")
    place, _, function = rest.rpartition(":")
    return f"{kind}:{Path(place).name}:{function}" if is_own_code(backbone) and place else backbone


def check_own_code(backbone: str) -> None:
    """Checks that file and function are there, without running them.

    Raises:
        BadInput: they are not, or the file is no Python.
    """
    code = own_code(backbone)
    path = code.source()
    names = set(_top_names(_tree(path)))
    # A star import may bring any name along; that is seen when the function is called.
    if "*" not in names and code.function not in names:
        raise BadInput(FIELD, f"{path.name} has no function {code.function}", sorted(names)[:20], given=code.function)


def absolute_code(backbone: str) -> str:
    """The same choice, independent of the present folder: a path, or the name of an installed module.

    Raises:
        BadInput: there is no such file or module.
    """
    code = own_code(backbone)
    path = code.source()
    place = code.place if not code.is_file and _installed(path) else str(path)
    return f"{KIND}:{place}:{code.function}"


def source_hash(backbone: str) -> str:
    """SHA-256 of the file and of the files beside it that it imports, so that a changed network is another one.

    Raises:
        BadInput: there is no such file or module.
    """
    code = own_code(backbone)
    start, (root, _) = code.source(), code.root()
    digest = hashlib.sha256(code.function.encode())
    # What is installed changes with its version, and imports half a library.
    sources = [start] if _installed(start) else sorted(_reached(start, root))
    for path in sources:
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _module_file(name: str) -> Path:
    """The file of a module, from the present folder or from where Python looks; parents are not imported."""
    search = [str(Path.cwd()), *(folder for folder in sys.path if folder)]
    origin = None
    for number, part in enumerate(name.split(".")):
        found = PathFinder.find_spec(part, search)
        if found is None:
            missing = ".".join(name.split(".")[: number + 1])
            raise BadInput(FIELD, f"no module {missing} is found in this folder or where Python looks", FORMS)
        search, origin = list(found.submodule_search_locations or ()), found.origin
    if not origin or not origin.endswith(SUFFIX):
        raise BadInput(FIELD, f"{name} is no module written in Python", FORMS)
    return Path(origin).resolve()


def _installed(path: Path) -> bool:
    """Whether a file belongs to Python or to an installed package, which every process finds by name."""
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return any(path.is_relative_to(Path(place).resolve()) for place in places if place)


def _tree(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), filename=path.name)
    except OSError as error:
        raise BadInput(FIELD, f"{path.name} cannot be read: {error.strerror}") from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        where = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise BadInput(FIELD, f"{path.name} is not Python{where}") from error


def _top_names(tree: ast.Module) -> Iterator[str]:
    """Names that a module defines or imports at its top, also below a condition."""
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        pending.extend(ast.iter_child_nodes(node))


def _reached(start: Path, root: Path) -> set[Path]:
    """The file and those below its root that it imports, at any depth."""
    reached, pending = {start}, [start]
    while pending and len(reached) < MOST_SOURCES:
        path = pending.pop()
        try:
            tree = _tree(path)
        except BadInput:
            continue
        for name in _imported(tree, path, root):
            new = {found for found in _files_of(name, root) if not _installed(found)} - reached
            reached |= new
            pending += new
    return reached


def _imported(tree: ast.Module, path: Path, root: Path) -> Iterator[str]:
    package = list(path.relative_to(root).parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}".lstrip(".") for alias in node.names)


def _files_of(name: str, root: Path) -> Iterator[Path]:
    """Files below a folder that importing a dotted name runs."""
    parts = [part for part in name.split(".") if part.isidentifier()]
    if not parts or parts[0] == _OURS:
        return
    for depth in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:depth])
        for path in (place / "__init__.py", place.with_suffix(SUFFIX)):
            if path.is_file():
                yield path.resolve()
