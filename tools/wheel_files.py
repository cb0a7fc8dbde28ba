"""Build hook: puts the dashboard inside the package, where a wheel is built.

`app` and `pages` are names that other projects use too, so they may not lie at the top of an environment
(`cu_core/base/installation.py` says where they are). An editable installation is left alone: it reads the source tree.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = ("app.py", "pages", "assets", ".streamlit/config.toml")


class WheelFiles(BuildHookInterface):
    """Called by hatchling for every wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the dashboard's files to what the wheel takes."""
        if version == "standard":
            build_data["force_include"] |= {file: f"cu_core/_dashboard/{file}" for file in FILES}
