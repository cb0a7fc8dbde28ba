"""Figures: pure builders, tables and arrays in, a Plotly figure out. They know neither files nor pages."""
