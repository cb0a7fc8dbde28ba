"""Writes docs/methods.md from the registries, docs/glossary.md, and the README's table of pages from their records.

.venv/bin/python -m tools.make_docs            writes the files
.venv/bin/python -m tools.make_docs --check    fails if one is out of date
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cu_core.analysis.sweeps.named import SWEEPS
from cu_core.base.parameters import Described, describe
from cu_core.catalogue.attack_record import ATTACKS
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.glossary import FAMILIES, TERMS
from cu_core.catalogue.glossary.misconceptions import MISCONCEPTIONS
from cu_core.catalogue.glossary.term import Term
from cu_core.catalogue.method_record import METHODS, PER_EPOCH, PER_FILE, PER_HALF, PER_SHARD, Method
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.objective_record import OBJECTIVES
from cu_core.catalogue.presets import PRESETS
from cu_core.catalogue.projection_record import PROJECTIONS
from cu_core.catalogue.recipes import recipes, unlearning_recipe
from cu_core.catalogue.search_space import axes_of
from cu_core.catalogue.selections import FORGET_KINDS
from cu_core.catalogue.spec import PARTS, RunSpec
from cu_core.catalogue.stopping import STOPPING_RULES
from cu_core.catalogue.tuned_values import SUPERVISED, tuned_files
from cu_core.figures.glossary_sketches import SKETCHES
from cu_core.methods.absent import ABSENT
from pages._frame.page_records import pages

ROOT = Path(__file__).resolve().parent.parent
METHODS_PAGE, README = ROOT / "docs" / "methods.md", ROOT / "README.md"
GLOSSARY_PAGE = ROOT / "docs" / "glossary.md"
PAGES_BEGIN = '<!-- Pages: written by tools/make_docs.py; change the records in pages/, then run "make docs". -->'
PAGES_END = "<!-- End of pages. -->"
HEAD = """# What can be chosen

<!-- Written by tools/make_docs.py from the registries; change the records, then run "make docs". -->

The launch page, the command line and this page are made from the same records.
`unlearnscope list methods` (or `datasets`, `models`, `metrics`) prints them too.
How to add one: [extending.md](extending.md).
"""
GLOSSARY_HEAD = """# Terms

<!-- Written by tools/make_docs.py from cu_core/catalogue/glossary/; change the entries, then run "make docs". -->

Every word that the program uses in a sense of its own, with what it is easily mistaken for. The page **Terms** shows
the same entries with their drawings; a row of terms at a section leads there. What people commonly believe of
unlearning, and where it is answered, stands [at the end](#misconceptions-and-where-each-is-answered).
"""


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def value(described: Described) -> str:
    """A default as one would type it."""
    default = described.default
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, float):
        return f"`{default:g}`"
    return f"`{default}`" if default != "" else "(empty)"


def allowed(described: Described) -> str:
    """What a setting may be, in words and exact numbers."""
    param = described.param
    if described.type is bool:
        return "true, false"
    if param.choices:
        return ", ".join(param.choices)
    if param.low is None or param.high is None:
        return ", ".join(param.allowed()) or "text"
    low, high = (f"{n:,}" if described.type is int else f"{n:g}" for n in (param.low, param.high))
    return f"{low} to {high} {param.unit}".strip()


def settings(cls: type, prefix: str = "") -> str:
    """The table of a parameter dataclass; the paper's values only where a paper names any."""
    described = describe(cls)
    cited = any(d.param.paper for d in described)
    rows = [
        (
            f"`{prefix}{d.name}`",
            value(d),
            allowed(d),
            *([d.param.paper or "–"] if cited else []),
            f"{d.param.label}: {d.param.help}",
        )
        for d in described
    ]
    return table(("setting", "default", "allowed", *(["in the paper"] if cited else []), "meaning"), rows)


PLURAL = {"class": "classes", "sample": "samples"}
MODELS = {"supervised": "classifiers", "self-supervised": "encoders", "image-text": "image-text models"}
COUNTED = {
    PER_EPOCH: "as many as training epochs",
    PER_HALF: "half as many as training epochs",
    PER_SHARD: "as many as shards",
    PER_FILE: "as many as files",
}


def overview(methods: Iterable[Method]) -> str:
    """One row per method."""

    def mark(said: bool) -> str:
        return "yes" if said else "–"

    rows = (
        (
            f"`{m.id}`",
            m.title,
            *(mark(task in m.tasks) for task in PLURAL),
            ", ".join(MODELS[kind] for kind in m.objectives),
            mark(m.needs_forget),
            m.retain_data,
            mark(m.needs_unseen),
            mark(m.needs_labels),
            "one shot"
            if m.one_shot
            else "rounds, from a new start"
            if m.starts_anew
            else "files"
            if m.from_files
            else "rounds",
        )
        for m in methods
    )
    header = ("id", "name", "classes", "samples", "from", "reads forget", "retain", "unseen", "labels", "goes by")
    return table(header, rows)


def divided(method: Method) -> str:
    """Who takes a method's steps where several processes work on a run."""
    by_all = method.divided(method.params())
    return "steps are divided" if by_all else "training and references are divided, unlearning is not"


def method_section(method: Method) -> str:
    """One method: where it comes from, what it can do, its hyper-parameters."""
    rounds = ", ".join(f"{COUNTED.get(n := method.rounds[task], n)} ({task})" for task in method.tasks)
    facts = table(
        ("", ""),
        (
            ("id", f"`{method.id}`"),
            ("source", method.paper),
            ("forgets", " and ".join(PLURAL[task] for task in method.tasks)),
            ("unlearns from", " and ".join(MODELS[kind] for kind in method.objectives)),
            ("reads", method.reads),
            ("needs", method.needs),
            ("fails", method.fails),
            ("rounds", "one shot" if method.one_shot else f"at most, unless told otherwise: {rounds}"),
            ("on several processes", divided(method)),
            ("tuning draws", drawn(method)),
        ),
    )
    return f"### {method.title}\n\n{method.summary}\n\n{facts}\n\n{settings(method.params)}"


def drawn(method: Method) -> str:
    """What tuning draws of a method, and from where."""
    return "; ".join(f"`{axis.name}` {axis.words}" for axis in axes_of(method)) or "nothing"


def recipe_rows() -> Iterable[tuple[object, ...]]:
    """Recipes of digits, of noisy digits, and of every backbone on other images; then those of encoders."""
    plain = "supervised"
    cases = [
        ("digits", "digits", "tiny-cnn", 0.0, plain),
        ("digits with label noise", "digits", "tiny-cnn", 0.1, plain),
        ("emoji, Airbench networks", "emoji", "airbench-s", 0.0, plain),
        ("emoji, other networks", "emoji", "wide-cnn", 0.0, plain),
    ]
    cases += [
        (f"`{b}` on other images", "cifar10", b, 0.0, plain) for b, record in BACKBONES.items() if not record.image_text
    ]
    cases += [(f"CLIP, `{b}`", "cifar10", b, 0.0, "clip") for b in ("open_clip:tiny", "open_clip:ViT-B-32")]
    for objective in (o for o in OBJECTIVES.values() if o.self_supervised):
        cases += [
            (f"{objective.title} on digits", "digits", "tiny-cnn", 0.0, objective.id),
            (f"{objective.title} on other images", "cifar10", "resnet18", 0.0, objective.id),
        ]
    for title, dataset, backbone, noise, trained in cases:
        offered = recipes(dataset, backbone, noise, trained)
        for name, used in offered.items():
            steps = f"{used.optimizer}, {used.schedule}"
            steps += ", Nesterov" * used.nesterov + ", averaged" * bool(used.lookahead)
            named = f"{title}, `{name}`" if len(offered) > 1 else title
            yield named, used.epochs, used.batch_size, f"{used.lr:g}", f"{used.weight_decay:g}", steps, used.augment


def tuned() -> str:
    """Hyper-parameters that start elsewhere than in the tables above, as a list; empty if there are none."""
    lines = []
    for method in METHODS.values():
        for place, starts in _starts(method):
            # One line where all that a method can forget starts alike.
            alike = len(set(starts.values())) == 1 and set(starts) == set(method.tasks)
            for task, listed in [("", next(iter(starts.values())))] if alike else starts.items():
                forgetting = f", {task} forgetting," if task else ""
                lines.append(f"- {method.title} {place}{forgetting} starts from {listed}.")
    return "\n".join(lines)


def _starts(method: Method) -> Iterator[tuple[str, dict[str, str]]]:
    """Where a method starts from values of its own: the place, and by task the values in words."""
    usual = vars(method.params())
    tuned_for_none = ("cifar10", "resnet18")
    cases = [
        ("on encoders", *tuned_for_none, "moco"),
        ("on BYOL encoders", *tuned_for_none, "byol"),
        ("on classifiers that nothing was tuned for", *tuned_for_none, "supervised"),
    ]
    for file in tuned_files():
        images, network = (*file.datasets, "cifar10")[0], (*file.backbones, "resnet18")[0]
        place = f"on {' or '.join(f'`{name}`' for name in (*file.datasets, *file.backbones))}"
        for kind in dict.fromkeys(entry.get("objective", SUPERVISED) for entry in file.recipes):
            trained = next(one.id for one in OBJECTIVES.values() if one.kind == kind)
            if any(file.recipe(method.id, task, kind) for task in method.tasks):
                cases.append((place, images, network, trained))
    for place, images, network, trained in cases:
        found = {}
        for task in method.tasks:
            start = vars(unlearning_recipe(method.id, images, network, task, trained))
            found[task] = ", ".join(f"`{name}={value}`" for name, value in start.items() if value != usual[name])
        if any(found.values()):
            yield place, {task: listed or "its defaults" for task, listed in found.items()}


def number(count: int | float) -> str:
    """A count for people; a dash where it depends on the files."""
    return f"{count:,}" if count else "–"


def text() -> str:
    """The whole page."""
    sections = [
        HEAD,
        "## Methods",
        overview(METHODS.values()),
        *(method_section(method) for method in METHODS.values()),
    ]
    sections += [
        "### Not implemented",
        "Methods that papers compare with and that are not here.",
        table(
            ("id", "name", "source", "what it does", "what it would take"),
            ((f"`{a.id}`", a.title, a.paper, a.summary, a.missing) for a in ABSENT),
        ),
    ]
    sections += [
        "## Datasets",
        table(
            ("id", "name", "size", "channels", "classes", "train", "unseen", "what it is"),
            (
                (
                    f"`{d.form}`",
                    d.title,
                    f"{d.size} px" if d.size else "–",
                    number(d.channels),
                    number(d.classes),
                    number(d.train),
                    number(d.test),
                    " ".join(filter(None, [d.summary, "Downloaded on first use." if d.download else "", d.licence])),
                )
                for d in DATASETS.values()
            ),
        ),
        "## Backbones",
        table(
            ("id", "name", "multiply-adds", "smallest image", "published weights", "what it is"),
            (
                (
                    f"`{b.form}`",
                    b.title,
                    f"{b.mflops:g} M" if b.mflops else "–",
                    f"{b.min_size} px",
                    "yes" if b.pretrained else "no",
                    b.summary,
                )
                for b in BACKBONES.values()
            ),
        ),
        "Multiply-adds are for one 32-pixel colour image (`tiny-cnn`: one 8-pixel grey one).",
        "## Training objectives",
        "`train.objective` or `--objective`. Encoders are trained without labels; their time is that of a training "
        "image as a multiple of a supervised one's. A view of a self-supervised objective is a random crop of "
        "`train.smallest_crop` to all of the area, mirrored half of the time, with brightness, contrast and saturation "
        "changed by up to 40 % and hue by up to a tenth of the circle (four views of five), and grey (one of five). "
        "One-channel images are neither mirrored nor recoloured: mirrored digits are other signs.",
        table(
            ("id", "name", "what it does", "source", "own settings", "time"),
            (
                (
                    f"`{o.id}`",
                    o.title,
                    o.summary,
                    o.paper or "–",
                    ", ".join(f"`train.{name}`" for name in o.settings),
                    f"{o.cost:.2g}",
                )
                for o in OBJECTIVES.values()
            ),
        ),
        "## Metrics",
        table(
            ("id", "name", "for forgetting", "counted on", "target", "unit", "what it says"),
            (
                (
                    f"`{m.id}`",
                    m.title,
                    " and ".join(m.tasks),
                    f"{m.counted_on.replace('_', ', ')} samples",
                    m.target or "–",
                    m.unit or ("share" if m.percent else "–"),
                    m.summary,
                )
                for m in METRICS.values()
            ),
        ),
        "## Membership attacks",
        "What they are made on, and in which ways: [attacks.md](attacks.md).",
        table(
            ("id", "name", "score", "source", "on", "what it does"),
            (
                (f"`{a.id}`", a.title, a.score, a.paper or "–", ", ".join(MODELS[k] for k in a.objectives), a.summary)
                for a in ATTACKS.values()
            ),
        ),
        "## Forget sets",
        "`--forget` or `forget.select`.",
        table(
            ("id", "name", "for example", "forgets", "`auto` stops by", "which samples"),
            (
                (f"`{k.id}`", k.title, ", ".join(f"`{f}`" for f in k.forms), PLURAL[k.task], f"`{k.rule}`", k.summary)
                for k in FORGET_KINDS.values()
            ),
        ),
        "## Stopping rules",
        "`stop.rule`; `auto` picks by the forget set, and `none` for encoders and methods that train anew.",
        table(("id", "name", "ends when"), ((f"`{r.id}`", r.title, r.summary) for r in STOPPING_RULES.values())),
        "## Projections",
        table(
            ("id", "name", "what it shows", "what it gets wrong"),
            ((f"`{p.id}`", p.title, p.summary, p.warning or "see its fidelity") for p in PROJECTIONS.values()),
        ),
        "## Settings of a run",
        "Any of them can be given as `--set NAME=VALUE`; a method's own settings are in its table above.",
        settings(RunSpec),
    ]
    for part, cls in PARTS.items():
        sections += [f"### {part}", str(cls.__doc__).strip().splitlines()[0], settings(cls, f"{part}.")]
    sections += [
        "## Recipes",
        "Values that nobody names. How a base model and its references are trained; where there are two recipes, the "
        "first is taken unless `--recipe` names the other:",
        table(("for", "epochs", "batch", "learning rate", "weight decay", "optimizer", "augmentation"), recipe_rows()),
        "No recipe smooths labels, and no accuracy is measured on mirrored or shifted test images: both raise it, "
        "and both blur what a network knows of a single image, which unlearning is about. `--set "
        "train.label_smoothing=0.2` asks for the first all the same.",
        tuned(),
        "## Presets",
        table(("id", "name", "what it shows"), ((f"`{p.id}`", p.title, p.summary) for p in PRESETS.values())),
        "## Sweeps",
        table(("id", "name", "what it compares"), ((f"`{s.id}`", s.title, s.summary) for s in SWEEPS.values())),
    ]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


def entry(term: Term) -> str:
    """One entry of the glossary."""
    titles = {page.id: page.title for page in pages().values()}
    parts = [f"### {term.title}", marked(term.sentence)]
    if term.formula:
        parts.append(f"$$\n{term.formula}\n$$")
    lines = [f"**Careful:** {marked(term.means_not)}", f"**Where:** {marked(term.where)}"]
    shown = ", ".join(titles[page_id] for page_id in term.pages)
    lines.append(f"**Pages:** {shown}")
    if term.picture:
        lines.append(f"**Drawing on the page Terms:** {SKETCHES[term.picture].words}")
    if term.aliases:
        lines.append(f"**Also:** {'; '.join(map(marked, term.aliases))}")
    if term.related:
        lines.append(
            f"**See also:** {', '.join(f'[{TERMS[name].title}](#{slug(TERMS[name].title)})' for name in term.related)}"
        )
    return "\n\n".join([*parts, "  \n".join(lines)])


def slug(title: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")


def marked(text: str) -> str:
    """Plain text in Markdown: an underscore of λ_UL is none of Markdown's."""
    return text.replace("_", "\\_").replace("*", "\\*")


LESSONS_PAGE = "lessons.md"


def answered_at(kind: str, name: str) -> str:
    """A link to what answers a misconception, as it stands in the glossary."""
    if kind == "term":
        return f"[{TERMS[name].title}](#{slug(TERMS[name].title)}){', with a drawing' if TERMS[name].picture else ''}"
    return f"[lesson step `{name}`]({LESSONS_PAGE})"


def glossary() -> str:
    """The whole page of terms."""
    sections = [GLOSSARY_HEAD]
    for family in FAMILIES:
        sections += [f"## {family.title}", *map(entry, family.terms)]
    sections += [
        "## Misconceptions, and where each is answered",
        table(
            ("belief", "answered by"),
            ((m.belief, ", ".join(answered_at(kind, name) for kind, name in m.answers)) for m in MISCONCEPTIONS),
        ),
    ]
    return "\n\n".join(section.strip() for section in sections) + "\n"


def with_pages(readme: str) -> str:
    """A README with the table of pages between its two marks.

    Raises:
        ValueError: one of the marks is missing.
    """
    before, begin, rest = readme.partition(PAGES_BEGIN)
    _, end, after = rest.partition(PAGES_END)
    if not begin or not end:
        raise ValueError(f"README.md needs two lines around its table of pages:\n{PAGES_BEGIN}\n{PAGES_END}")
    rows = table(("page", "what it is for"), ((page.title, page.purpose) for page in pages().values()))
    return f"{before}{begin}\n\n{rows}\n\n{end}{after}"


def main() -> int:
    """Writes or checks the files; returns the exit code."""
    parser = argparse.ArgumentParser(description="Writes what the docs and the README say of records.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is out of date")
    options = parser.parse_args()
    files = METHODS_PAGE, GLOSSARY_PAGE, README
    present = {path: path.read_text(encoding="utf-8") if path.exists() else "" for path in files}
    wanted = {METHODS_PAGE: text(), GLOSSARY_PAGE: glossary(), README: with_pages(present[README])}
    stale = [path for path in wanted if present[path] != wanted[path]]
    if not options.check:
        for path in stale:
            path.write_text(wanted[path], encoding="utf-8")
        return 0
    for path in stale:
        print(f"{path.relative_to(ROOT)} is out of date; run: make docs", file=sys.stderr)
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
