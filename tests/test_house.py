"""The rules of the house: floors, no loose modules, one list of heavy packages, nothing private, every name once."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from cu_core.base.heavy import HEAVY

ROOT = Path(__file__).resolve().parent.parent
FLOORS = (
    "cu_core.base",
    "cu_core.catalogue",
    "cu_core.data",
    "cu_core.metrics",
    "cu_core.runstore",
    "cu_core.learning",
    "cu_core.figures",
    "cu_core.methods",
    "cu_core.projections",
    "cu_core.engine",
    "cu_core.analysis",
    "cu_core.jobs",
    "cu_core.sharing",
    "cu_core.python",
    "cu_core.cli",
    "pages",
)
"""From the ground up. A package imports from itself and from those before it."""

CORE_FILES = sorted((ROOT / "cu_core").rglob("*.py"))
PAGE_FILES = sorted((ROOT / "pages").rglob("*.py"))
PUBLIC = (ROOT / "cu_core" / "__init__.py", ROOT / "cu_core" / "__main__.py")
_DOTTED = re.compile(r"(?:cu_core|pages)(?:\.\w+)+(?::\w+)?")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in [*CORE_FILES, *PAGE_FILES]}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(module: ast.AST, *, at_once: bool = False) -> Iterator[str]:
    """Every name that is imported, at any depth; of our own modules also those named in a string.

    Args:
        module: syntax tree of a file.
        at_once: leaves out what only a type checker sees, and what a string names for later.
    """
    pending: list[ast.AST] = [module]
    while pending:
        node = pending.pop()
        if at_once and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, "imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif (
            not at_once
            and isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and _DOTTED.fullmatch(node.value)
        ):
            yield node.value.partition(":")[0]
        pending.extend(ast.iter_child_nodes(node))


def floor(name: str) -> int | None:
    """Number of the floor that a dotted name lies on; None for what is not ours, or public."""
    found = [i for i, package in enumerate(FLOORS) if f"{name}.".startswith(f"{package}.")]
    return found[0] if found else None


def climbs(name: str, module: ast.AST) -> list[str]:
    """What a module imports from a floor above its own; the public face stands above all floors."""
    own = floor(name)
    above = []
    for target in imported(module):
        public = target == "cu_core" or (target.startswith("cu_core.") and floor(target) is None)
        other = len(FLOORS) if public else floor(target)
        if own is not None and other is not None and other > own:
            above.append(f"{name} -> {target}")
    return above


def test_imports_go_down() -> None:
    assert [up for name, path in FILES.items() for up in climbs(name, tree(path))] == []


def test_a_climbing_import_is_seen() -> None:
    hidden = 'from importlib import import_module\n\n\ndef f():\n    import_module("cu_core.cli.commands")\n'
    assert climbs("cu_core.data.x", ast.parse(hidden)) == ["cu_core.data.x -> cu_core.cli.commands"]
    assert climbs("cu_core.data.x", ast.parse("from cu_core.cli import commands")) != []
    assert climbs("cu_core.data.x", ast.parse("import cu_core")) != []
    assert climbs("cu_core.cli.x", ast.parse("from cu_core.data import forget, x")) == []


def test_every_module_has_a_floor() -> None:
    assert [name for name, path in FILES.items() if floor(name) is None and path not in PUBLIC] == []


def package(name: str) -> str:
    """The package that a module lies in; a package lies in itself."""
    return name if FILES.get(name, Path()).name == "__init__.py" else name.rpartition(".")[0]


def private(name: str, module: ast.AST) -> list[str]:
    """Private names that a module imports from another package."""
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in ("cu_core", "pages"):
            names = [f"{node.module}.{a.name}" for a in node.names if a.name.startswith("_") and a.name[:2] != "__"]
            # Files and folders of pages/ begin with an underscore, because Streamlit serves those that do not.
            names = [n for n in names if n not in FILES and n not in map(package, FILES)]
            found += [f"{name}: {n}" for n in names if package(str(node.module)) != package(name)]
    return found


def test_nothing_private_is_imported_from_another_package() -> None:
    assert [p for name, path in FILES.items() for p in private(name, tree(path))] == []


def test_a_private_import_is_seen() -> None:
    assert private("cu_core.cli.x", ast.parse("from cu_core.data.forget import _draw, resolve")) != []
    assert private("cu_core.data.x", ast.parse("from cu_core.data.forget import _draw, resolve")) == []


def test_every_module_name_occurs_once() -> None:
    for files in (CORE_FILES, PAGE_FILES):
        names = Counter(path.stem for path in files if path.stem not in ("__init__", "__main__"))
        assert {name: n for name, n in names.items() if n > 1} == {}


def test_every_public_class_name_occurs_once() -> None:
    names = Counter(
        node.name
        for path in CORE_FILES
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name: n for name, n in names.items() if n > 1} == {}


IMPORT_ALL = """
import importlib, json, sys
forbidden, guilty = sys.argv[1].split(","), {}
for name in sys.argv[2:]:
    importlib.import_module(name)
    for package in forbidden:
        if package in sys.modules:
            guilty.setdefault(package, name)
print(json.dumps(guilty))
"""

DRAW_PAGES = """
import json, sys
from pathlib import Path
from streamlit.testing.v1 import AppTest
guilty = {}
app = AppTest.from_file("pages/_shell.py", default_timeout=200).run()
for page in [None, *sorted(p.name for p in Path("pages").glob("[!_]*.py"))]:
    if page:
        app.switch_page(page).run()
    for error in app.exception:
        guilty[f"{page}: exception"] = error.value
    for package in sys.argv[1].split(","):
        if package in sys.modules:
            guilty.setdefault(package, str(page))
print(json.dumps(guilty))
"""


def fresh(code: str, *arguments: str, env: dict[str, str]) -> dict[str, str]:
    """Runs code in a fresh process; its last line of output is a JSON object."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return answer


def closure(starts: list[Path]) -> set[str]:
    """Modules of ours, and first names of others, that are reached from some files."""
    reached: set[str] = set()
    pending = list(starts)
    while pending:
        for name in imported(tree(pending.pop()), at_once=True):
            parents = [name.rsplit(".", i)[0] for i in range(name.count(".") + 1)]
            new = {module for module in parents if module in FILES or "." not in module} - reached
            reached |= new
            pending += [FILES[module] for module in new if module in FILES]
    return reached


def test_the_core_never_names_streamlit() -> None:
    assert [path for path in CORE_FILES for name in imported(tree(path)) if name.split(".")[0] == "streamlit"] == []


def test_what_pages_reach_loads_nothing_heavy(python_env: dict[str, str]) -> None:
    reached = sorted(name for name in closure([*PAGE_FILES, ROOT / "app.py"]) if name.split(".")[0] == "cu_core")
    assert "cu_core.runstore.reader" in reached, "the search itself must work"
    assert fresh(IMPORT_ALL, ",".join(HEAVY), *reached, env=python_env) == {}


def test_drawing_every_page_loads_nothing_heavy(python_env: dict[str, str], tmp_path: Path) -> None:
    assert fresh(DRAW_PAGES, ",".join(HEAVY), env=python_env | {"CU_HOME": str(tmp_path)}) == {}
