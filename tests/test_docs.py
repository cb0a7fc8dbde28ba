"""The docs keep up with the code: everything that can be chosen, typed or opened is named in them."""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cu_core
from cu_core.analysis.sweeps.named import SWEEPS
from cu_core.base.heavy import HEAVY
from cu_core.base.parameters import describe
from cu_core.catalogue.attack_record import ATTACKS, NUMBERS, WAYS
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.presets import PRESETS
from cu_core.catalogue.spec import PARTS, top_level_fields
from cu_core.cli import build_parser
from cu_core.runstore.probe_table import COLUMNS as PROBE_COLUMNS
from cu_core.runstore.state import STATES
from pages._frame.page_records import pages
from tools import make_docs

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "benchmarks" / "README.md", *sorted(DOCS.glob("*.md"))]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def verbs() -> dict[str, argparse.ArgumentParser]:
    actions = build_parser()._actions
    return next(dict(a.choices) for a in actions if isinstance(a, argparse._SubParsersAction))


COMMANDS = re.findall(r"(?:-m cu_core|(?<![\w./])unlearnscope) ((?=[a-z])(?:.*\\\n)*.*)", "\n".join(map(read, PAGES)))
CHOICES = [
    *(m.id for m in METHODS.values()),
    *DATASETS,
    *BACKBONES,
    *METRICS,
    *PRESETS,
    *SWEEPS,
    *top_level_fields(),
    *(d.name for m in METHODS.values() for d in describe(m.params)),
    *(f"{part}.{d.name}" for part, cls in PARTS.items() for d in describe(cls)),
]


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice_and_setting_is_documented(name: str) -> None:
    assert re.search(rf"`{re.escape(name)}(:[A-Z]+)?`", read(DOCS / "methods.md")), f"{name} is not in docs/methods.md"


def test_what_is_written_from_records_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.make_docs", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_lists_every_page_and_nothing_else_of_it_is_touched() -> None:
    readme = read(ROOT / "README.md")
    for page in pages().values():
        assert f"| {page.title} | {page.purpose} |" in readme
    before, _, rest = readme.partition(make_docs.PAGES_BEGIN)
    stale = before + make_docs.PAGES_BEGIN + "\n\nanother table\n\n" + rest[rest.index(make_docs.PAGES_END) :]
    assert make_docs.with_pages(stale) == readme
    with pytest.raises(ValueError, match="two lines"):
        make_docs.with_pages("no marks")


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_and_option_is_documented(verb: str) -> None:
    text = read(DOCS / "cli.md")
    assert re.search(rf"`{verb}[ `]", text), f"the verb {verb} is not in docs/cli.md"
    if verb == "worker":
        return
    options = {o for a in verbs()[verb]._actions for o in a.option_strings if o.startswith("--") and o != "--help"}
    missing = {option for option in options if not re.search(rf"`[^`]*{option}\b", text)}
    assert missing == set(), f"options of {verb} that docs/cli.md does not name"


def test_no_verb_is_documented_that_does_not_exist() -> None:
    table = read(DOCS / "cli.md").split("| verb |")[1].split("\n\n")[0]
    named = re.findall(r"`([a-z-]+)[ `]", "\n".join(line.split("|")[1] for line in table.splitlines()[2:]))
    assert set(named) == set(verbs())


@pytest.mark.parametrize("command", COMMANDS)
def test_documented_commands_parse(command: str) -> None:
    words = command.replace("\\\n", " ").split("`")[0].split(";")[0].split(" > ")[0].split(" # ")[0].split()
    words = ["0" if word.startswith("$") else word for word in words]
    build_parser().parse_args(words)


def test_every_state_and_file_of_a_run_is_documented() -> None:
    text = read(DOCS / "run-format.md")
    for state in STATES:
        assert state in text
    layout = ast.parse(read(ROOT / "cu_core" / "runstore" / "layout.py"))
    for node in layout.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            assert node.value.value in text, f"{node.value.value} is not in docs/run-format.md"


def test_every_attack_is_documented() -> None:
    text = read(DOCS / "attacks.md")
    assert {name for name in [*ATTACKS, *WAYS, *NUMBERS] if f"| `{name}` |" not in text} == set()


def test_every_environment_variable_is_documented() -> None:
    code = "\n".join(read(path) for path in (ROOT / "cu_core").rglob("*.py"))
    named = set(re.findall(r"\bCU_[A-Z_]+\b", code))
    assert {"CU_HOME", "CU_SLOTS"} <= named
    assert {name for name in named if f"`{name}`" not in read(DOCS / "cli.md")} == set()


def test_every_reason_to_stop_is_documented() -> None:
    rules = next(d.param.choices for d in describe(PARTS["stop"]) if d.name == "rule")
    text = read(DOCS / "run-format.md")
    assert [rule for rule in rules if rule not in ("auto", "none") and f"`{rule}_rule`" not in text] == []


def test_every_key_of_a_result_and_column_of_the_probe_is_documented() -> None:
    text = read(DOCS / "run-format.md")
    build = next(
        n for n in ast.walk(ast.parse(read(ROOT / "cu_core" / "engine" / "result.py"))) if isinstance(n, ast.Return)
    )
    assert isinstance(build.value, ast.Dict)
    keys = [key.value for key in build.value.keys if isinstance(key, ast.Constant)]
    assert len(keys) > 10
    assert [key for key in [*keys, *PROBE_COLUMNS] if not re.search(rf"\b{key}\b", text)] == []


def requirements(name: str) -> set[str]:
    lines = [line.split("#")[0].strip() for line in read(ROOT / name).splitlines()]
    return {re.split(r"[<>=!~ ]", line)[0] for line in lines if line and not line.startswith("-r")}


def test_every_dependency_has_its_reason_and_its_range() -> None:
    named = re.findall(r"^\| ([A-Za-z_-]+) \|", read(DOCS / "dependencies.md"), re.MULTILINE)
    wanted = requirements("requirements.txt") | requirements("requirements-dev.txt")
    assert set(named) - {"package"} == wanted
    for line in (read(ROOT / "requirements.txt") + read(ROOT / "requirements-dev.txt")).splitlines():
        assert line.startswith(("#", "-r")) or ">=" in line, f"{line} has no lower bound"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", read(page)):
        if target.startswith(("http:", "https:")):
            continue
        file, _, anchor = target.partition("#")
        goal = (page.parent / file).resolve() if file else page
        assert goal.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", read(goal), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in headings}


def recipe(heading: str) -> list[tuple[str, str]]:
    """Language and text of the code blocks below a heading of docs/extending.md."""
    section = re.split(r"^## ", read(DOCS / "extending.md"), flags=re.MULTILINE)
    (text,) = [part for part in section if part.startswith(f"{heading}\n")]
    return re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)


def plug_in(folder: Path, heading: str) -> str:
    """Installs the one-file recipe below a heading as a plug-in into a folder; returns the entry point's name."""
    (code,) = [text for language, text in recipe(heading) if language == "python"]
    (entry,) = [text for language, text in recipe(heading) if language == "toml"]
    group, name, module, record = re.findall(r'"([\w.]+)"\]\n([\w-]+) = "(\w+):(\w+)"', entry)[0]
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    metadata = folder / f"{module}-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 0\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}:{record}\n")
    return str(name)


@pytest.mark.thorough
def test_the_recipes_of_one_file_work_as_plug_ins(tmp_path: Path, python_env: dict[str, str]) -> None:
    """A dataset, a backbone, a forget set, a metric and an attack, all made by the docs, in one run."""
    lists = {
        "datasets": "A dataset",
        "models": "A backbone",
        "forget-sets": "A kind of forget set",
        "metrics": "A metric",
        "attacks": "A membership attack",
    }
    made = {what: plug_in(tmp_path, heading) for what, heading in lists.items()}
    env = python_env | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "CU_HOME": str(tmp_path / "home")}

    def cu(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "cu_core", *words],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    for what, name in made.items():
        found = json.loads(cu("list", what, "--json"))
        assert name in [entry["id"] for entry in found] and not any("broken" in entry for entry in found)
    choices = ["--dataset", made["datasets"], "--model", made["models"], "--forget", f"{made['forget-sets']}:40"]
    settings = ["train.epochs=4", "train.lr=0.05", "stop.max_rounds=2", "probe.tsne=false", "audit.views=2"]
    settings = [word for s in settings for word in ("--set", s)]
    result = json.loads(
        cu("run", *choices, "--method", "finetune", "--reference", "2", *settings, "--json").splitlines()[-1]
    )
    assert 0 <= result["metrics"]["after"][made["metrics"]] <= 1 and result["forget_count"] == 40
    assert result["attacks"][made["attacks"]]["after"]["refitted"]["auc"][0] is not None
    compared = cu("compare", result["run_id"], "--columns", made["metrics"], "--attack", made["attacks"], "--json")
    assert made["metrics"] in compared


def test_the_method_recipe_works_as_a_plug_in(tmp_path: Path, python_env: dict[str, str]) -> None:
    blocks = recipe("A method")
    (code,) = (text for language, text in blocks if language == "python")
    assert len(code.splitlines()) <= 60, "a simple method is a short file"
    entry = next(text for language, text in blocks if language == "toml").splitlines()[1]
    name, target = (word.strip(' "') for word in entry.split("="))
    module = target.partition(":")[0]
    package = tmp_path / module.split(".")[0]
    package.mkdir()
    (package / "__init__.py").touch()
    (tmp_path / f"{module.replace('.', os.sep)}.py").write_text(code)
    metadata = tmp_path / f"{package.name}-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package.name}\nVersion: 0\n")
    (metadata / "entry_points.txt").write_text(f"[unlearnscope.methods]\n{name} = {target}\nlame = nowhere:METHOD\n")
    choices = ["--dataset", "digits", "--model", "tiny-cnn", "--method", name, "--forget", "class:5", "--json"]
    settings = ["lr=0.03", "train.epochs=3", "stop.max_rounds=2", "audit.attacks=none"]
    settings = [word for s in settings for word in ("--set", s)]
    command = [sys.executable, "-m", "cu_core", "run", *choices, *settings]
    env = python_env | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "CU_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    before, after = result["metrics"]["before"], result["metrics"]["after"]
    assert result["rounds"] in (1, 2)
    assert after["forget_acc"] < before["forget_acc"], "climbing the loss must hurt the forget samples"
    assert after["retain_acc"] > before["retain_acc"] - 0.1, "the distance to the base model must hold the others"
    light = f"import sys, {module}; print(sorted({set(HEAVY)} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", light], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
    listing = [sys.executable, "-m", "cu_core", "list", "methods", "--json"]
    done = subprocess.run(listing, cwd=tmp_path, env=env, capture_output=True, text=True)
    listed = {entry["id"]: entry for entry in json.loads(done.stdout)}
    assert listed[name]["implementation"] == f"{module}:unlearn"
    assert "No module named 'nowhere'" in listed["lame"]["broken"]


def test_make_targets_that_the_docs_name_exist() -> None:
    named = {t for page in PAGES for t in re.findall(r"`?\bmake ([a-z-]+)\b(?=[ `\n]|$)", read(page))}
    code = {t for page in PAGES for t in re.findall(r"^(?:`|\s*)make ([a-z-]+)", read(page), re.MULTILINE)}
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.MULTILINE))
    assert {"app", "test"} <= code
    assert {t for t in named if f"`make {t}" in "".join(map(read, PAGES))} | code <= targets


def test_changes_name_the_version() -> None:
    assert f"## {cu_core.__version__}" in read(ROOT / "CHANGELOG.md")


EXAMPLES = ("pages/mine.py", "pages/_mine/")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_names_of_the_code_exist(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        pytest.skip("it tells of what was")
    text = read(page)
    files = set(re.findall(r"\b(?:cu_core|pages|tests|tools|benchmarks)/[\w/]+(?:\.py\b|/)", text)) - {*EXAMPLES}
    assert [name for name in sorted(files) if not (ROOT / name).exists()] == []
    for dotted in set(re.findall(r"\bcu_core(?:\.\w+)+", text)):
        parts = dotted.split(".")
        # The longest part that is a module or package; what follows is a name in it.
        length = max(n for n in range(1, len(parts) + 1) if n == 1 or find_spec_of(parts[:n]))
        source = find_spec_of(parts[:length]) or ROOT / "cu_core" / "__init__.py"
        assert length == len(parts) or re.search(rf"\b{parts[length]}\b", read(source)), f"{dotted} is not there"


def find_spec_of(parts: list[str]) -> Path | None:
    """The file of a module or package in the source tree."""
    base = ROOT.joinpath(*parts)
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)
