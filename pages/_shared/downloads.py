"""A button beside a table that hands it out as a file."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from cu_core.base.csv_cells import csv_text
from cu_core.base.display_text import counted


def csv_bytes(table: pd.DataFrame) -> bytes:
    """The table as CSV."""
    return csv_text(table).encode()


def parquet_bytes(table: pd.DataFrame) -> bytes:
    """The table as Parquet."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def table_downloads(
    table: pd.DataFrame | Callable[[], pd.DataFrame], name: str, key: str, rows: int | None = None
) -> None:
    """A button that opens the choice between CSV and Parquet; the files are made when they are asked for.

    Args:
        table: what is handed out, or what makes it when it is asked for.
        name: of the files, without ending.
        key: unlike that of every other table on the page.
        rows: how many there are, for a table that is not made yet.
    """
    with st.popover("Download", icon=":material/download:", key=f"{key}_download"):
        if isinstance(table, pd.DataFrame):
            st.caption(f"{counted(len(table), 'row')}, {counted(len(table.columns), 'column')}")
        elif rows is not None:
            st.caption(counted(rows, "row"))
        for title, ending, mime, make in (
            ("CSV", "csv", "text/csv", csv_bytes),
            ("Parquet", "parquet", "application/vnd.apache.parquet", parquet_bytes),
        ):
            st.download_button(
                title,
                partial(_made, make, table),
                f"{name}.{ending}",
                mime,
                key=f"{key}_{ending}",
                icon=":material/download:",
                on_click="ignore",
                width="stretch",
            )


def _made(make: Callable[[pd.DataFrame], bytes], table: pd.DataFrame | Callable[[], pd.DataFrame]) -> bytes:
    return make(table if isinstance(table, pd.DataFrame) else table())
