"""A button beside a table that hands it out as a file."""

from __future__ import annotations

import io
from functools import partial

import pandas as pd
import streamlit as st


def csv_bytes(table: pd.DataFrame) -> bytes:
    """The table as CSV."""
    return table.to_csv(index=False).encode()


def parquet_bytes(table: pd.DataFrame) -> bytes:
    """The table as Parquet."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def table_downloads(table: pd.DataFrame, name: str, key: str) -> None:
    """A button that opens the choice between CSV and Parquet; the files are made when they are asked for.

    Args:
        table: what is handed out.
        name: of the files, without ending.
        key: unlike that of every other table on the page.
    """
    with st.popover("Download", icon=":material/download:", key=f"{key}_download"):
        st.caption(f"{len(table):,} rows, {len(table.columns):,} columns")
        for title, ending, mime, make in (
            ("CSV", "csv", "text/csv", csv_bytes),
            ("Parquet", "parquet", "application/vnd.apache.parquet", parquet_bytes),
        ):
            st.download_button(
                title,
                partial(make, table),
                f"{name}.{ending}",
                mime,
                key=f"{key}_{ending}",
                icon=":material/download:",
                on_click="ignore",
                width="stretch",
            )
