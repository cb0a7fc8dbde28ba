"""Networks of the user's own, made by a function that ``python:MODULE:FUNCTION`` names.

The function returns a trunk (``width`` says how many features it gives) or a whole classifier. Of a classifier the last
linear layer becomes the head, and what stands before it the trunk: what that layer reads are the features.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from cu_core.base.errors import BadInput, Incompatible
from cu_core.catalogue.own_code import FIELD, FORMS, OwnCode, own_code, source_hash
from cu_core.learning.weight_names import HEADS, OURS

ARGUMENTS = {
    "num_classes": ("num_classes", "n_classes", "nclasses", "classes", "num_labels", "out_features"),
    "channels": ("channels", "in_channels", "in_chans", "input_channels", "num_channels"),
    "size": ("size", "image_size", "img_size", "input_size", "resolution"),
}
"""What a function may ask for, by the names under which it is given."""


class _Reached(Exception):
    """Ends a pass where the features are known."""

    def __init__(self, features: Tensor) -> None:
        super().__init__("the last layer was reached")
        self.features = features


class _Door(nn.Module):
    """Stands where the last linear layer stood, and ends the pass with what that would have read."""

    def forward(self, features: Tensor) -> Tensor:
        raise _Reached(features)


class OwnTrunk(nn.Module):
    """A network of the user's own up to its last linear layer, or all of it where it is a trunk already.

    Attributes:
        model: the network; of a classifier without its last layer.
        width: number of features.
        last: dotted name of the last layer; empty of a trunk.
        biased: whether that had a bias.
    """

    def __init__(self, model: nn.Module, width: int, last: str = "", layer: nn.Linear | None = None) -> None:
        super().__init__()
        self.model = model
        self.width = width
        self.last = last
        self.biased = layer is not None and layer.bias is not None
        # As the function made it, until a head of the same shape takes it over; not one of the trunk's own weights.
        self._layer = [layer]

    def forward(self, images: Tensor) -> Tensor:
        """Features (n, width) of images (n, channels, size, size)."""
        if not self.last:
            return self.model(images)
        try:
            self.model(images)
        except _Reached as reached:
            return reached.features
        raise Incompatible(FIELD, "the network did not reach its last linear layer")

    def start_head(self, network: nn.Module) -> None:
        """Gives the head of a network the values of the function's last layer, where it has the same shape."""
        layer, head = self._layer[0], getattr(network, "head", None)
        self._layer = [None]
        if layer is None or not isinstance(head, nn.Linear) or layer.weight.shape != head.weight.shape:
            return
        with torch.no_grad():
            head.weight.copy_(layer.weight)
            head.bias.zero_() if layer.bias is None else head.bias.copy_(layer.bias)

    def named_as_ours(self, state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weights of the function's network under the names that they have here.

        Args:
            state: as the file has them; what this program wrote stays as it is.
            wanted: of the network around this trunk.
        """
        if any(name.startswith(OURS) for name in state):
            return dict(state)
        own = {*self.model.state_dict(), *(f"{self.last}.{part}" for part in ("weight", "bias") if self.last)}
        prefixes = {"": None} | {name[: dot.end()]: None for name in state for dot in re.finditer(r"\.", name)}
        # Of as many fits the shortest, which takes off least.
        prefix = max(prefixes, key=lambda p: sum(n.removeprefix(p) in own for n in state if n.startswith(p)))
        named = {}
        for full, value in state.items():
            name = full.removeprefix(prefix)
            layer, _, part = name.rpartition(".")
            is_last = layer == self.last if self.last else name not in own and layer in HEADS
            named[f"head.{part}" if is_last else f"trunk.model.{name}"] = value
        if "head.weight" in named and "head.bias" not in named and not self.biased:
            named["head.bias"] = torch.zeros(len(named["head.weight"]))
        if "head.weight" not in wanted:  # of an encoder
            kept = {name: value for name, value in wanted.items() if not name.startswith("trunk.")}
            named = kept | {name: value for name, value in named.items() if not name.startswith("head.")}
        return named


def build(name: str, channels: int, size: int, pretrained: bool, num_classes: int) -> nn.Module:
    """The trunk named ``python:MODULE:FUNCTION`` or ``python:PATH/TO/FILE.py:FUNCTION``.

    Raises:
        BadInput: there is no such module or function, or it cannot be called.
        Incompatible: what it returns is no network for these images and classes.
    """
    code = own_code(name)
    with _folder_first(code.root()[0]):
        function = _function(code)
        given = {"num_classes": num_classes, "channels": channels, "size": size}
        model = _called(code, function, given)
    if not isinstance(model, nn.Module):
        raise Incompatible(FIELD, f"{code.function} returns a {type(model).__name__}, not a torch.nn.Module")
    if not any(True for _ in model.parameters()):
        raise Incompatible(FIELD, f"the network of {code.function} has no weights to train")
    return _trunk_of(model.float().cpu(), code.function, (2, channels, size, size), num_classes)


def _trunk_of(model: nn.Module, name: str, shape: tuple[int, ...], classes: int) -> OwnTrunk:
    model.eval()
    ran: list[tuple[str, nn.Linear, Tensor]] = []

    def note(layer_name: str, layer: nn.Linear) -> Callable[..., None]:
        return lambda module, inputs, output: ran.append((layer_name, layer, output))

    hooks = [
        layer.register_forward_hook(note(layer_name, layer))
        for layer_name, layer in model.named_modules()
        if isinstance(layer, nn.Linear)
    ]
    try:
        with torch.no_grad():
            answer = model(torch.rand(shape, generator=torch.Generator().manual_seed(0)))
    except (Exception, SystemExit) as error:  # the user's own code, which may also end the program
        raise Incompatible(
            FIELD, f"the network of {name} fails on {shape[1]}×{shape[2]}×{shape[3]} images: {_said(error)}"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
        model.train()
    if not isinstance(answer, Tensor) or answer.ndim != 2 or len(answer) != shape[0]:
        got = f"a tensor of shape {tuple(answer.shape)}" if isinstance(answer, Tensor) else f"a {type(answer).__name__}"
        raise Incompatible(
            FIELD, f"the network of {name} gives {got} for {shape[0]} images, not one row of numbers for each"
        )
    width = getattr(model, "width", None)
    if isinstance(width, int) and answer.shape[1] == width:
        return OwnTrunk(model, width)
    if answer.shape[1] != classes:
        raise Incompatible(
            FIELD,
            f"the network of {name} gives {answer.shape[1]} numbers for an image, and there are {classes} classes; "
            "a trunk says with an attribute width how many features it gives",
        )
    for layer_name, layer, output in reversed(ran):
        if layer.out_features == classes and _answers(output, answer):
            if output.ndim != 2 or not layer_name:
                break
            parent, _, own = layer_name.rpartition(".")
            setattr(model.get_submodule(parent), own, _Door())
            return OwnTrunk(model, layer.in_features, layer_name, layer)
    raise Incompatible(
        FIELD,
        f"the answers of {name} do not come from a linear layer inside of it; return logits of a torch.nn.Linear, or a "
        "trunk with an attribute width",
    )


def _answers(output: Tensor, answer: Tensor) -> bool:
    """Whether a network's answers are those of a layer, as logits, probabilities or their logarithms."""
    if output.shape != answer.shape:
        return False
    return any(torch.allclose(form, answer, atol=1e-5) for form in (output, output.log_softmax(1), output.softmax(1)))


def _called(code: OwnCode, function: Callable[..., Any], given: dict[str, int]) -> Any:
    try:
        asked = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        asked = []
    known = {name: given[what] for what, names in ARGUMENTS.items() for name in names}
    named = [p for p in asked if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY, p.POSITIONAL_ONLY)]
    if lacking := [p.name for p in named if p.default is p.empty and p.name not in known]:
        raise BadInput(
            FIELD,
            f"{code.function} asks for {', '.join(lacking)}, which nobody knows; it may ask for",
            [names[0] for names in ARGUMENTS.values()],
        )
    positional = [known[p.name] for p in named if p.kind is p.POSITIONAL_ONLY and p.name in known]
    words = {p.name: known[p.name] for p in named if p.kind is not p.POSITIONAL_ONLY and p.name in known}
    if any(p.kind is p.VAR_KEYWORD for p in asked):
        # What torchvision's functions pass on to their class.
        words.setdefault("num_classes", given["num_classes"])
    try:
        return function(*positional, **words)
    except (Exception, SystemExit) as error:  # the user's own code, which may also end the program
        raise BadInput(FIELD, f"{code.function} fails: {_said(error)}") from error


def _function(code: OwnCode) -> Callable[..., Any]:
    try:
        # What a file draws when it is imported, once, must not decide the weights of the first network alone.
        with torch.random.fork_rng(devices=[]):
            module = _module(code)
    except BadInput:
        raise
    except BaseException as error:  # the user's own code; one that ends the program at its import included
        if isinstance(error, KeyboardInterrupt):
            raise
        raise BadInput(FIELD, f"{code.place} cannot be imported: {_said(error)}") from error
    found = getattr(module, code.function, None)
    if found is None:
        known = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise BadInput(FIELD, f"{code.place} has no function {code.function}", known[:20], given=code.function)
    if isinstance(found, nn.Module) or not callable(found):
        raise BadInput(FIELD, f"{code.function} is not a function that makes a network", FORMS)
    function: Callable[..., Any] = found
    return function


def _module(code: OwnCode) -> ModuleType:
    """The module, imported once for each content of its file."""
    if not code.is_file:
        return importlib.import_module(code.place)
    folder, dotted = code.root()
    if "." in dotted:
        return importlib.import_module(dotted)
    # Under a name of its own: a file may be called like a module that is there already.
    own = f"unlearnscope_own_{source_hash(f'python:{code.place}:_')[:16]}"
    if own in sys.modules:
        return sys.modules[own]
    found = importlib.util.spec_from_file_location(own, code.source())
    if found is None or found.loader is None:
        raise BadInput(FIELD, f"{code.place} cannot be imported", FORMS)
    module = importlib.util.module_from_spec(found)
    sys.modules[own] = module
    try:
        found.loader.exec_module(module)
    except BaseException:
        del sys.modules[own]
        raise
    return module


@contextmanager
def _folder_first(folder: Path) -> Iterator[None]:
    """Lets a file import those beside it; the folder stays on the path, behind all others, for later imports."""
    place = str(folder)
    sys.path.insert(0, place)
    try:
        yield
    finally:
        sys.path.remove(place)
        if place not in sys.path:
            sys.path.append(place)


def _said(error: BaseException) -> str:
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}".rstrip(": ")
