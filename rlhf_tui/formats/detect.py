"""Which format a file is in, from the columns of its first rows."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence

from rlhf_tui.errors import InputError, UsageError, nearest
from rlhf_tui.formats.base import Format, Row


def columns_of(row: Row) -> frozenset[str]:
    """The columns that hold something: Parquet and CSV carry empty ones along."""
    return frozenset(name for name, value in row.items() if value is not None)


def candidates(row: Row, formats: Sequence[Format]) -> list[Format]:
    """The formats that a row can be in, without those of which another asks for more."""
    columns = columns_of(row)
    fitting = [f for f in formats if f.required <= columns and f.looks_right(row)]
    return [f for f in fitting if not any(f.required < other.required for other in fitting)]


def detect(name: str, sample: Sequence[Row], formats: Sequence[Format]) -> Format:
    """The format of which at least half of the rows are; others are rejected one by one later.

    Args:
        name: the file's, for the sentence.
        sample: the first rows, at least one.

    Raises:
        InputError: no format fits, or more than one; the sentence lists columns and formats.
    """
    votes: Counter[tuple[str, ...]] = Counter()
    for row in sample:
        votes[tuple(sorted(f.name for f in candidates(row, formats)))] += 1
    names, count = max(votes.items(), key=lambda vote: (vote[1], vote[0]))
    if len(names) == 1 and 2 * count >= len(sample):
        return next(f for f in formats if f.name == names[0])
    columns = sorted(frozenset[str]().union(*map(columns_of, sample)))
    found = f"Columns found: {', '.join(columns) or 'none'}."
    if len(votes) > 1:
        several = sorted({name for vote in votes for name in vote} | {"none of the known ones"})
        if all(votes):
            several.remove("none of the known ones")
        raise InputError(
            f"The rows of {name} are in several formats: {', '.join(several)}. {found}",
            hint="Name one with --format; the rows that it does not fit are rejected.",
        )
    if names:
        raise InputError(
            f"{name} could be {' or '.join(names)}. {found}", hint="Say which with --format."
        )
    raise InputError(
        f"The format of {name} is not known. {found}",
        hint=f"{_nearest_columns(columns, formats)}Known formats: {listed(formats)}.",
    )


def _nearest_columns(columns: Sequence[str], formats: Sequence[Format]) -> str:
    """Which columns may be misspelt ones."""
    known = sorted(frozenset[str]().union(*(f.required for f in formats)))
    close = {
        name: match[0]
        for name in columns
        if name not in known and (match := difflib.get_close_matches(name, known, 1, 0.7))
    }
    return "".join(f"Is {name!r} meant to be {match!r}? " for name, match in close.items())


def listed(formats: Sequence[Format]) -> str:
    """The formats with the columns that they ask for."""
    return "; ".join(f"{f.name} ({', '.join(sorted(f.required))})" for f in formats)


def by_name(name: str, formats: Sequence[Format]) -> Format:
    """
    Raises:
        UsageError: no format has this name.
    """
    for known in formats:
        if known.name == name:
            return known
    hint = nearest(name, ["auto", *(f.name for f in formats)])
    raise UsageError(f"There is no format {name!r}.", hint=hint)
