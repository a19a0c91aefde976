"""The DuckDB store: one process opens it, everything else asks that process."""
