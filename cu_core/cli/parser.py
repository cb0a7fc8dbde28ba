"""An argument parser that suggests close names, and shows an example below each help."""

from __future__ import annotations

import argparse
import re
from typing import Any

from cu_core.base.errors import did_you_mean


class Parser(argparse.ArgumentParser):
    """Argparse's own with two more sentences; the parsers of its commands are of the same class.

    Args:
        example: command lines without the program's name, one a line.
    """

    def __init__(self, *args: Any, example: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.formatter_class = argparse.RawDescriptionHelpFormatter
        if example:
            program = self.prog.split()[0]
            self.epilog = "\n".join(["example:", *(f"  {program} {line}" for line in example.splitlines())])

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Complains about unknown words itself: the outermost parser, to which argparse leaves that, knows fewer."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            options = re.findall(r"--[a-z][a-z-]*", self.format_usage())
            wrong = next((word for word in unknown if word.startswith("-")), "").partition("=")[0]
            self.error(f"unrecognized arguments: {' '.join(unknown)}{did_you_mean(wrong, options)}")
        return found, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += did_you_mean(str(value), map(str, action.choices or ()))
            raise
