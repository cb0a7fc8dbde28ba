"""Buttons that hand out a table as a file."""

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
    """A button for CSV and one for Parquet; the files are made when they are asked for.

    Args:
        table: what is handed out.
        name: of the files, without ending.
        key: unlike that of every other table on the page.
    """
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
        )
