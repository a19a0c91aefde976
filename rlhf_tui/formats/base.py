"""What a format is: the columns that tell it, and how a row of it becomes records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rlhf_tui.records import Annotator, Completion, Event, Prompt, Split, Task

Row = dict[str, Any]
"""A row of a file: column → JSON value."""


class BadRow(Exception):
    """A row that cannot be taken; the message is the reason, without a full stop."""


@dataclass(frozen=True)
class Import:
    """What a conversion knows beside the row."""

    source: str
    """The file's name, kept with new prompts."""
    annotator: Annotator
    """Whose judgements the preferences of the file are."""
    overlap: int = 1
    """Judgements wanted of completions that are put up for ranking."""
    thumbs_overlap: int = 1
    judged_overlap: int = 1
    """Judgements wanted of what the file brings a judgement of; that one is counted."""


@dataclass
class Records:
    """What one row gives."""

    prompts: list[Prompt] = field(default_factory=list)
    completions: list[Completion] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    annotators: list[Annotator] = field(default_factory=list)
    split: Split | None = None
    """The split that new prompts get, where the file keeps it; None: by the workspace's rule."""


def _any_row(_row: Row) -> bool:
    return True


@dataclass(frozen=True)
class Format:
    """One public format. A new one is a small file with one of these, named in registry.py."""

    name: str
    """What people write behind `--format`."""
    about: str
    """A line of help."""
    required: frozenset[str]
    """Columns without which a row is rejected; they also tell the format."""
    convert: Callable[[Row, Import], Records]
    """Raises BadRow."""
    optional: frozenset[str] = frozenset()
    """Further columns that are read."""
    looks_right: Callable[[Row], bool] = _any_row
    """Tells the format from another one of the same columns, by a row's values."""
