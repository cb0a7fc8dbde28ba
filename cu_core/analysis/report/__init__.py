"""A comparison as one HTML file that opens offline: charts to zoom into, tables, specifications and hashes."""
