"""Numbers of things in sentences."""

from __future__ import annotations


def count(number: int, singular: str, plural: str = "") -> str:
    """`1 row`, `1,204 rows`; the plural is given where it takes no s."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
