"""The verb ``audit``: an ordinary run about a model that other code has unlearned."""

from __future__ import annotations

import argparse
import sys

from cu_core.base.home import Home
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.file_lists import REFERENCES, ROUNDS, file_lists, listed
from cu_core.catalogue.objective_record import OBJECTIVES
from cu_core.catalogue.selections import FORGET_KINDS, forms
from cu_core.catalogue.spec import RunSpec
from cu_core.cli.completion import FILES, offer, offer_found
from cu_core.jobs.foreign import audit_spec


def add_audit_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``audit``."""
    add = parser.add_argument
    dataset = f"images that the model was trained on: {', '.join(d.form for d in DATASETS.values())}"
    offer(add("--dataset", required=True, help=dataset), DATASETS)
    model = f"backbone of all the files: {', '.join(b.form for b in BACKBONES.values())}"
    offer(add("--model", required=True, help=model), BACKBONES)
    forget = f"which samples were to be forgotten: {' | '.join(forms())}"
    offer(
        add("--forget", required=True, help=forget),
        [kind.id + (":" if kind.forms[0] != kind.id else "") for kind in FORGET_KINDS.values()],
    )
    file = "file with the weights"
    offer_found(add("--before", required=True, metavar="FILE", help=f"{file} before unlearning"), FILES)
    rounds = f"{file} after a round, a folder of them, or a pattern ('epoch_*.pt', by number); repeatable, in order"
    offer_found(add("--round", action="append", default=[], metavar="FILE", dest="rounds", help=rounds), FILES)
    offer_found(add("--after", required=True, metavar="FILE", help=f"{file} after unlearning"), FILES)
    references = f"{file} of a model retrained without the forget set, a folder or a pattern; repeatable"
    offer_found(
        add("--reference", action="append", default=[], metavar="FILE", dest="references", help=references), FILES
    )
    add("--retrain", default="0", metavar="K", help="retrain K more references here; default %(default)s")
    recipe = "how they are retrained: standard (this program's for dataset and backbone), or epochs=30,lr=0.05 on it"
    add("--recipe", default="", help=recipe)
    objective = "how the model was trained; encoders need theirs; default supervised"
    offer(add("--objective", default="", help=objective), OBJECTIVES)
    more = "any other field of a run (model.normalisation=unit, probe.size=500); repeatable"
    add("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings", help=more)
    add("--seed", default="0", help="seed of draws and of retraining; default %(default)s")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps; default %(default)s")
    add("--method-name", default="", metavar="NAME", help="what unlearned the model, for tables: 'SCRUB (theirs)'")
    add("--name", default="", help="name shown in lists; made from the choices by default")
    add("--token", help="the same token never makes a second run")
    add("--queue", action="store_true", help="leave it to the dispatcher, and print its id")


def audit_of(options: argparse.Namespace, home: Home) -> RunSpec:
    """The run that the options of ``audit`` ask for; says on stderr which files patterns stand for.

    Raises:
        BadInput: see `cu_core.jobs.foreign.audit_spec`.
    """
    spec = audit_spec(
        dataset=options.dataset,
        model=options.model,
        forget=options.forget,
        before=options.before,
        rounds=options.rounds,
        after=options.after,
        references=options.references,
        retrain=options.retrain,
        recipe=options.recipe,
        objective=options.objective,
        settings=options.settings,
        seed=options.seed,
        device=options.device,
        name=options.name,
        method_name=options.method_name,
        home=home,
    )
    for field, what in ((ROUNDS, "rounds"), (REFERENCES, "own references")):
        if files := file_lists(spec).get(field):
            print(f"{what}: {listed(files)}", file=sys.stderr)
    return spec
