"""Names of weights as the usual codebases write them, turned into ours.

A bare backbone is called as torchvision calls it (``conv1.``, ``layer1.0.downsample.0.``), its last layer ``head.``
and a projector that ours can be ``projector.``. What this program wrote (``trunk.``, ``members.``) stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from cu_core.learning.checkpoint_parts import AVERAGED, WRAPPERS

OURS = ("trunk.", "members.")
WRAPPED = re.compile(r"(^|\.)(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_module)\.")
"""What compilers and sharding put into names, at any depth."""
COUNTERS = re.compile(r"(^|\.)(total_ops|total_params|n_averaged|queue\w*)$")
"""What profilers, averages and MoCo's queue keep beside the weights."""
PREFIXES = (
    "module.", "model.", "net.", "network.", "backbone.", "encoder.", "resnet.", "base_encoder.", "encoder_q.",
    "online_encoder.", "student.", "classifier_model.", "feature_extractor.", "vit.", "base.", "f.", "0.", "1.",
)  # fmt: skip
HEADS = (
    "fc", "linear", "head", "classifier", "heads.head", "heads.0", "head.fc", "last_linear", "last", "output", "logits",
    "classifier_head", "classification_head", "fc_layer", "cls_head", "final", "out",
)  # fmt: skip
PROJECTOR = re.compile(r"project|proj\b|proj_|mlp|contrast|^g$|predict|prototype|queue", re.IGNORECASE)

NO_BIAS = "biases of the last layer are 0"

_STAGE = re.compile(r"^(.*?)layer1(?:\.0)?\.conv1\.weight$")
_NUMBERED = re.compile(r"^((?:.*\.)?)(\d+)\.0\.conv1\.weight$")
_PATCHES = re.compile(r"^(.*?)(?:conv_proj|patch_embed\.proj)\.weight$")
_CONVOLUTION = re.compile(r"layer(\d+)\.(?:(\d+)\.)?conv(\d)\.weight$")
_BODY = re.compile(r"^(conv1|bn1|layer\d+)\.")
_QUERY = re.compile(r"encoder_q|online|student|base_encoder", re.IGNORECASE)


@dataclass
class Names:
    """Weights under our names, and what was done to them.

    Attributes:
        state: tensors by name.
        told: what was done, phrase by phrase.
        others: prefixes of other networks in the same file.
    """

    state: dict[str, Tensor]
    told: list[str] = field(default_factory=list)
    others: tuple[str, ...] = ()


def as_ours(state: Mapping[str, Tensor], chosen: str = "") -> Names:
    """Finds the network among the names, takes off what stands before it, and calls its last layers as ours.

    Args:
        state: as it was stored.
        chosen: prefix of the network to take where there are several; by default the one that is no averaged copy.
    """
    names = Names(plain_names(state))
    bare = _without_prefixes(names.state, ("module.", "model.", "net."))
    if any(name.startswith(OURS) for name in bare):
        if len(taken := _taken(names.state, bare)):
            names.told.append(f"prefix {taken} removed")
        names.state = bare
        if "head.weight" in bare and "head.bias" not in bare:
            names.state = bare | _layer(bare, "head", "head")
            names.told.append(NO_BIAS)
        return names
    queued = any(re.search(r"(^|\.)queue", name) for name in state)
    _number_stages(names)
    prefix, names.others = _network(names.state, chosen)
    if prefix is None:
        _other_family(names)
    else:
        _split(names, prefix, encoder=queued or bool(_QUERY.search(prefix)))
    return names


def plain_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights without what compilers, sharding and profilers put between and beside their names."""
    plain = {}
    for name, value in state.items():
        while (shorter := WRAPPED.sub(r"\1", name)) != name:
            name = shorter
        if not COUNTERS.search(name):
            plain[name] = value
    return plain


def _taken(before: Iterable[str], after: Iterable[str]) -> str:
    first, last = next(iter(before), ""), next(iter(after), "")
    return first.removesuffix(last)


def _without_prefixes(state: dict[str, Tensor], prefixes: Iterable[str]) -> dict[str, Tensor]:
    while common := next((p for p in prefixes if state and all(name.startswith(p) for name in state)), None):
        state = {name.removeprefix(common): value for name, value in state.items()}
    return state


def _number_stages(names: Names) -> None:
    """Stages of a residual network that was taken apart into `nn.Sequential` are numbers: 0 is the first layer."""
    found: dict[str, list[int]] = {}
    for name in names.state:
        if match := _NUMBERED.match(name):
            found.setdefault(match[1], []).append(int(match[2]))
    for prefix, stages in found.items():
        if len(stages) < 3:
            continue
        new = {f"{prefix}{stage}": f"{prefix}layer{i}" for i, stage in enumerate(sorted(stages), 1)}
        for name, value in names.state.items():
            number = name.removeprefix(prefix).split(".")[0]
            if not name.startswith(prefix) or not number.isdigit() or int(number) in stages:
                continue
            kinds = {"weight4": "conv1", "running_mean1": "bn1", "weight2": "fc"}
            if kind := kinds.get(f"{name.rpartition('.')[2]}{value.ndim}"):
                new[f"{prefix}{number}"] = f"{prefix}{kind}"
        names.state = {_replaced(name, new): value for name, value in names.state.items()}
        names.told.append("numbered stages named")


def _replaced(name: str, new: Mapping[str, str]) -> str:
    old = next((old for old in new if name.startswith(f"{old}.")), None)
    return name if old is None else new[old] + name.removeprefix(old)


def _network(state: Mapping[str, Tensor], chosen: str) -> tuple[str | None, tuple[str, ...]]:
    """The prefix of the network to take, None where no known family is found, and those of others beside it."""
    found = [match[1] for name in state for kind in (_STAGE, _PATCHES) if (match := kind.match(name))]
    if not found:
        return None, ()
    ranked = sorted(dict.fromkeys(found), key=lambda p: (p.rstrip(".") != chosen, *_rank(p)))
    return ranked[0], tuple(p.rstrip(".") for p in ranked[1:] if p)


def _rank(prefix: str) -> tuple[bool, int]:
    places = [WRAPPERS.index(word) for word in prefix.split(".") if word in WRAPPERS]
    return bool(AVERAGED.search(prefix)), places[-1] if places else len(WRAPPERS)


def _split(names: Names, prefix: str, *, encoder: bool) -> None:
    """Body and last layers of the network under a prefix."""
    parent = prefix.rstrip(".").rpartition(".")[0]
    body: dict[str, Tensor] = {}
    rest: dict[str, Tensor] = {}
    other = [f"{p}." for p in names.others if len(p) >= len(prefix)]
    for name, value in names.state.items():
        if any(name.startswith(p) for p in other):
            continue
        if not name.startswith(prefix):
            rest[name.removeprefix(f"{parent}.") if parent else name] = value
        elif _BODY.match(inner := name.removeprefix(prefix)):
            body[inner.replace(".shortcut.", ".downsample.")] = value
        else:
            rest[inner] = value
    if prefix:
        names.told.append(f"prefix {prefix} removed")
    if any(".shortcut." in name for name in names.state):
        names.told.append("shortcut called downsample")
    if body:
        names.state = body | _last_layers(names, rest, _width(body), encoder)
    else:  # a transformer: its blocks are called in several ways
        names.state = {name: value for name, value in rest.items() if not AVERAGED.search(name)}
        _head_by_name(names)


def _width(body: Mapping[str, Tensor]) -> int:
    """Features of a residual network: what its last convolution delivers."""
    found = [(match, value) for name, value in body.items() if (match := _CONVOLUTION.match(name)) and value.ndim]
    last = max(found, key=lambda pair: [int(number or 0) for number in pair[0].groups()], default=None)
    return last[1].shape[0] if last else 0


def _last_layers(names: Names, rest: Mapping[str, Tensor], width: int, encoder: bool) -> dict[str, Tensor]:
    groups: dict[str, list[str]] = {}
    for name, value in rest.items():
        if name.endswith(".weight") and value.ndim == 2 and not AVERAGED.search(name):
            groups.setdefault(name.split(".")[0], []).append(name.removesuffix(".weight"))
    head: dict[str, Tensor] = {}
    projector: dict[str, Tensor] = {}
    used: set[str] = set()
    order = sorted(groups, key=lambda name: HEADS.index(name) if name in HEADS else len(HEADS))
    for group in order:
        layers = groups[group]
        single = len(layers) == 1 and rest[f"{layers[0]}.weight"].shape[1] == width
        if single and not head and not encoder and not PROJECTOR.search(group):
            head = _layer(rest, layers[0], "head")
            _tell_head(names, layers[0], head)
            used.add(group)
        elif not projector and _is_projector(rest, group, layers, width):
            projector = _layer(rest, layers[0], "projector.0") | _layer(rest, layers[1], "projector.2")
            names.told.append(f"{layers[0]} and {layers[1]} taken as projector")
            used.add(group)
    if left := sorted({name.split(".")[0] for name in rest} - used):
        names.told.append(f"left out: {', '.join(left[:4])}{' and more' if len(left) > 4 else ''}")
    return head | projector


def _is_projector(rest: Mapping[str, Tensor], group: str, layers: list[str], width: int) -> bool:
    """Whether layers are the projector of our networks: Linear(w, w), ReLU, Linear(w, d), and nothing else."""
    weights = [rest[f"{layer}.weight"] for layer in layers]
    return (
        [tuple(weight.shape)[-1] for weight in weights] == [width, width]
        and weights[0].shape[0] == width
        and all(f"{layer}.bias" in rest for layer in layers)
        and sum(name.split(".")[0] == group for name in rest) == 4
    )


def _layer(rest: Mapping[str, Tensor], name: str, new: str) -> dict[str, Tensor]:
    weight = rest[f"{name}.weight"]
    # A last layer without bias is one whose biases are zero.
    return {f"{new}.weight": weight, f"{new}.bias": rest.get(f"{name}.bias", weight.new_zeros(weight.shape[0]))}


def _tell_head(names: Names, name: str, head: Mapping[str, Tensor]) -> None:
    if name not in ("head", "fc"):
        names.told.append(f"last layer {name}")
    bias = head["head.bias"]
    if bias.device.type == "cpu" and not bool(bias.any()):
        names.told.append(NO_BIAS)


def _other_family(names: Names) -> None:
    """Networks of unknown names: what stands before all of them, but for last layers, is taken off."""
    state, before = names.state, next(iter(names.state), "")
    while prefix := next((p for p in PREFIXES if _covers(p, state)), None):
        state = {name.removeprefix(prefix): value for name, value in state.items()}
    if taken := _taken([before], state):
        names.told.append(f"prefix {taken} removed")
    names.state = state
    _head_by_name(names)


def _covers(prefix: str, state: Mapping[str, Tensor]) -> bool:
    """Whether a prefix stands before all names but those of last layers, and before more than one layer."""
    inner = {name.removeprefix(prefix) for name in state if name.startswith(prefix)}
    outer = [name for name in state if not name.startswith(prefix)]
    several = len({name.rpartition(".")[0] for name in inner}) > 1 and all("." in name for name in inner)
    nested = not prefix[0].isdigit() or not any(name.split(".")[0].isdigit() for name in outer)
    return several and nested and all(name.split(".")[0] in (*HEADS, "heads") for name in outer)


def _head_by_name(names: Names) -> None:
    """Calls the last layer ``head``: one with a usual name, or the last in the file if it is a dense one."""
    state = names.state
    dense = [n.removesuffix(".weight") for n, v in state.items() if n.endswith(".weight") and v.ndim == 2]
    known = [name for name in HEADS if name in dense]
    modules = [name.rpartition(".")[0] for name in state]
    last = modules[-1] if modules and modules[-1] in dense and f"{modules[-1]}.bias" in state else None
    name = known[0] if known else last
    if name is None:
        return
    head = _layer(state, name, "head")
    names.state = {n: v for n, v in state.items() if n.rpartition(".")[0] != name} | head
    _tell_head(names, name, head)
