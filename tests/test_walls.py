"""The two walls: the core never loads Streamlit, and nothing that a page loads brings the heavy packages."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "torchvision", "sklearn", "umap", "timm", "open_clip")
PAGE_FILES = sorted((ROOT / "pages").glob("*.py")) + [ROOT / "app.py"]
CORE_FILES = sorted((ROOT / "cu_core").rglob("*.py"))
# What a page reads; each must load without the heavy packages even where no page imports it yet.
LIGHT_PACKAGES = (
    "cu_core.runs",
    "cu_core.drift",
    "cu_core.figures",
    "cu_core.sweeps",
    "cu_core.papers",
    "cu_core.compare",
    "cu_core.report",
)
LIGHT_MODULES = (
    "cu_core.spec",
    "cu_core.records",
    "cu_core.compat",
    "cu_core.presets",
    "cu_core.recipes",
    "cu_core.demo",
    "cu_core.home",
    "cu_core.errors",
    "cu_core.data",
    "cu_core.data.forget",
    "cu_core.data.store",
    "cu_core.data.thumbnails",
    "cu_core.models",
    "cu_core.methods",
    "cu_core.metrics",
    "cu_core.metrics.boundary",
)
# The worker's entry point runs the engine: it belongs to the heavy side although it lives beside the reader.
WORKER_SIDE = {"cu_core.runs.worker"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


OWN_FILES = {module_name(path): path for path in [*CORE_FILES, *PAGE_FILES]}


def imported(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, at any depth, but for those that only a type checker sees."""
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        pending.extend(ast.iter_child_nodes(node))


def closure(starts: list[Path]) -> dict[str, str]:
    """Modules reached from some files through the project's own modules, each with who imports it."""
    reached: dict[str, str] = {}
    pending = list(starts)
    while pending:
        path = pending.pop()
        for name in imported(path):
            parents = [name.rsplit(".", i)[0] for i in range(name.count(".") + 1)]
            for module in parents:
                if module in reached:
                    continue
                reached[module] = str(path.relative_to(ROOT))
                if module in OWN_FILES:
                    pending.append(OWN_FILES[module])
    return reached


def fresh(code: str, *arguments: str, env: dict[str, str]) -> dict[str, str]:
    """Runs code in a fresh process; its last line of output is a JSON object."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return answer


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


@pytest.mark.slow
def test_no_core_module_loads_streamlit(python_env: dict[str, str]) -> None:
    names = [name for name in map(module_name, CORE_FILES) if not name.endswith("__main__")]
    assert len(names) > 20
    assert fresh(IMPORT_ALL, "streamlit", *names, env=python_env) == {}


def test_no_core_module_names_streamlit() -> None:
    guilty = [str(path) for path in CORE_FILES if any(name.split(".")[0] == "streamlit" for name in imported(path))]
    assert guilty == []


def test_pages_reach_no_heavy_package() -> None:
    reached = closure(PAGE_FILES)
    assert "cu_core.runs.reader" in reached and "streamlit" in reached, "the search itself must work"
    assert {name: reached[name] for name in HEAVY if name in reached} == {}


def test_light_modules_load_no_heavy_package(python_env: dict[str, str]) -> None:
    light = [
        name
        for name in map(module_name, CORE_FILES)
        if name in LIGHT_MODULES or (name.startswith(LIGHT_PACKAGES) and name not in WORKER_SIDE)
    ]
    assert set(LIGHT_MODULES) <= set(light)
    reached = [name for name in closure(PAGE_FILES) if name in OWN_FILES and name.startswith("cu_core")]
    assert fresh(IMPORT_ALL, ",".join(HEAVY), *sorted({*light, *reached}), env=python_env) == {}


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


@pytest.mark.slow
def test_drawing_every_page_loads_no_heavy_package(python_env: dict[str, str], tmp_path: Path) -> None:
    assert fresh(DRAW_PAGES, ",".join(HEAVY), env=python_env | {"CU_HOME": str(tmp_path)}) == {}


def test_the_search_sees_an_import_behind_a_function(tmp_path: Path) -> None:
    file = tmp_path / "lazy.py"
    file.write_text("def f():\n    from torch.nn import functional\n")
    assert list(imported(file)) == ["torch.nn", "torch.nn.functional"]
    file.write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\nelse:\n    import json\n")
    assert {"json"} <= set(imported(file)) and "torch" not in set(imported(file))
