"""Pickles read as data: no name in them is looked up, nothing in them is called.

Files of training scripts hold more than tensors: settings, dates, paths, whole modules. Python's own reader would
import what they name and call it. The reader here is a small machine of its own for the same language. It knows the
instructions that put numbers, texts and containers together; for a global it keeps the two words of its name
(`PickledName`), and for whatever would be made or called with one it keeps what it would have been given
(`PickledObject`). There is no instruction by which a file could reach `import`, `getattr` or a call, so safety does not
rest on a list of forbidden names. That list serves people: nobody saves ``os.system`` by accident, so a file that names
it is refused as a whole instead of being read in part.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

MOST_STEPS = 5_000_000
"""Instructions of one pickle; a checkpoint has some ten thousand."""
_MODULES = """
    os posix nt subprocess sys shutil socket runpy importlib imp ctypes pty code codeop webbrowser commands popen2
    marshal pickle _pickle cPickle dill cloudpickle types operator timeit pdb bdb trace cProfile profile pip
    multiprocessing asyncio urllib http requests tempfile signal threading atexit gc inspect
"""
_FUNCTIONS = """
    eval exec compile open __import__ getattr setattr delattr input breakpoint globals locals vars apply execfile file
    exit quit
"""
_PLAIN = """
    INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES
    BINBYTES8 BYTEARRAY8 UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
"""
HARMFUL_MODULES = frozenset(_MODULES.split())
HARMFUL_BUILTINS = frozenset(_FUNCTIONS.split())
BUILTINS = ("builtins", "__builtin__")

_VALUES = frozenset(_PLAIN.split())
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_SET": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
}
_MARK = object()


class Unreadable(ValueError):
    """The file is no such file, or says what data never says; in words."""


class HoldsCode(Unreadable):
    """The pickle names something that only code that is to be run would name."""


@dataclass(frozen=True)
class PickledName:
    """A global that a pickle names; it is never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class PickledObject:
    """What a pickle would have made of a global: never made, only what it would have been given.

    Attributes:
        kind: what would have been called, or the class; anything where the pickle is odd.
        arguments: for the call.
        state: its attributes, where the pickle sets some.
    """

    kind: Any
    arguments: tuple[Any, ...]
    state: Any = None


class InertPickle:
    """Reads one pickle after another; a subclass says what stands for stored tensors.

    Sets are read as lists, and keys of dicts are single values or flat tuples: comparing nested ones could take
    forever.
    """

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def made(self, kind: PickledName, arguments: tuple[Any, ...]) -> Any:
        """What stands for an object of a global's."""
        return PickledObject(kind, arguments)

    def built(self, thing: Any, state: Any) -> Any:
        """What stands for an object after its attributes are set."""
        if isinstance(thing, PickledObject):
            thing.state = state
        return thing

    def stored(self, key: Any) -> Any:
        """What stands for something that lies outside the pickle."""
        raise Unreadable("it refers to something outside")

    def load(self, file: IO[bytes]) -> Any:
        """The next object of a file.

        Raises:
            HoldsCode: it names what can do harm.
            Unreadable: it is no pickle, or has instructions that data never needs.
            Exception: damaged bytes fail in other ways, too.
        """
        self._stack, self._memo = [], {}
        for step, (instruction, value, _) in enumerate(pickletools.genops(file)):
            if step > MOST_STEPS:
                raise Unreadable("it has too many parts")
            name = instruction.name
            if name in _VALUES:
                self._stack.append(value)
            elif name in _CONSTANTS:
                self._stack.append(_CONSTANTS[name]())
            elif name == "STOP":
                return self._stack.pop()
            elif name not in ("PROTO", "FRAME"):
                self._do(name, value)
        raise Unreadable("it has no end")

    def _do(self, name: str, value: Any) -> None:
        stack = self._stack
        if name == "MARK":
            stack.append(_MARK)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[value] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self._memo[value])
        elif name == "POP":
            stack.pop()
        elif name == "POP_MARK":
            self._marked()
        elif name == "DUP":
            stack.append(stack[-1])
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            parts = [stack.pop() for _ in range(int(name[-1]))]
            stack.append(tuple(reversed(parts)))
        elif name in ("TUPLE", "LIST", "FROZENSET"):
            items = self._marked()
            stack.append(tuple(items) if name == "TUPLE" else items)
        elif name == "DICT":
            stack.append(_paired(self._marked()))
        elif name in ("APPEND", "APPENDS", "ADDITEMS", "SETITEM", "SETITEMS"):
            self._fill(name)
        elif name in ("PERSID", "BINPERSID"):
            stack.append(self.stored(value if name == "PERSID" else stack.pop()))
        else:
            self._make(name, value)

    def _fill(self, name: str) -> None:
        if name in ("APPENDS", "ADDITEMS", "SETITEMS"):
            items = self._marked()
        else:
            items = [self._stack.pop() for _ in range(1 if name == "APPEND" else 2)][::-1]
        target = self._stack[-1]
        if isinstance(target, dict) and name.startswith("SETITEM"):
            target.update(_paired(items))
        elif isinstance(target, list) and not name.startswith("SETITEM"):
            target.extend(items)
        elif not isinstance(target, PickledObject):
            raise Unreadable("it fills what is no container")

    def _make(self, name: str, value: Any) -> None:
        stack = self._stack
        if name == "GLOBAL":
            stack.append(_named(*value.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            last = stack.pop()
            stack.append(_named(stack.pop(), last))
        elif name in ("REDUCE", "NEWOBJ"):
            arguments = stack.pop()
            stack.append(self._of(stack.pop(), arguments))
        elif name == "NEWOBJ_EX":
            stack.pop()
            arguments = stack.pop()
            stack.append(self._of(stack.pop(), arguments))
        elif name == "INST":
            stack.append(self._of(_named(*value.split(" ", 1)), tuple(self._marked())))
        elif name == "OBJ":
            kind, *arguments = self._marked()
            stack.append(self._of(kind, tuple(arguments)))
        elif name == "BUILD":
            state = stack.pop()
            stack.append(self.built(stack.pop(), state))
        else:
            raise Unreadable(f"it has an instruction that data never needs: {name}")

    def _of(self, kind: Any, arguments: Any) -> Any:
        if not isinstance(arguments, tuple):
            raise Unreadable("it calls something with what are no arguments")
        return self.made(kind, arguments) if isinstance(kind, PickledName) else PickledObject(kind, arguments)

    def _marked(self) -> list[Any]:
        items = []
        while (item := self._stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]


def _named(module: Any, name: Any) -> PickledName:
    if not (isinstance(module, str) and isinstance(name, str)):
        raise Unreadable("it names a global by what is no text")
    first = name.partition(".")[0]
    if module.partition(".")[0] in HARMFUL_MODULES or (module in BUILTINS and first in HARMFUL_BUILTINS):
        raise HoldsCode(f"{module}.{name}")
    return PickledName(module, name)


def _paired(items: list[Any]) -> Mapping[Any, Any]:
    if len(items) % 2:
        raise Unreadable("it has a key without a value")
    return {_key(key): value for key, value in zip(items[::2], items[1::2], strict=True)}


def _key(key: Any) -> Any:
    single = (str, int, float, bytes, type(None), PickledName, PickledObject)
    if isinstance(key, single) or (isinstance(key, tuple) and all(isinstance(part, single) for part in key)):
        return key
    raise Unreadable("it has a key that is no single value")
