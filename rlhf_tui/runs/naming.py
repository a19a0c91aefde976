"""What people may write on a run: a title of one line, a note, and tags of one word."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from rlhf_tui.errors import UsageError

LONGEST_TITLE = 200
LONGEST_NOTE = 4_000
LONGEST_TAG = 32
MOST_TAGS = 20
HIGHEST_PRIORITY = 1_000_000


def check_title(text: str) -> str:
    """The title as it is kept: without space around it; empty for none.

    Raises:
        UsageError: more than one line, something that cannot be shown, or too long.
    """
    title = text.strip()
    if _unshown(title):
        raise UsageError("A title is one line of plain text.")
    if len(title) > LONGEST_TITLE:
        raise UsageError(
            f"A title has {LONGEST_TITLE} characters at most; this one has {len(title)}."
        )
    return title


def check_note(text: str) -> str:
    """The note as it is kept: without space around it; empty for none.

    Raises:
        UsageError: something that cannot be shown, or too long.
    """
    note = text.replace("\r\n", "\n").strip()
    if _unshown(note.replace("\n", "").replace("\t", "")):
        raise UsageError("A note is plain text.")
    if len(note) > LONGEST_NOTE:
        raise UsageError(f"A note has {LONGEST_NOTE} characters at most; this one has {len(note)}.")
    return note


def check_tag(text: str) -> str:
    """One tag.

    Raises:
        UsageError: no word, begins like an option, or too long.
    """
    if not text or any(character.isspace() or character == "," for character in text):
        raise UsageError(f"A tag is one word; {text!r} is not.")
    if _unshown(text):
        raise UsageError(f"A tag is plain text; {text!r} is not.")
    if text[0] in "+-":
        raise UsageError(f"A tag does not begin with {text[0]!r}, as {text!r} does.")
    if len(text) > LONGEST_TAG:
        raise UsageError(f"A tag has {LONGEST_TAG} characters at most; {text!r} has {len(text)}.")
    return text


def tagged(tags: Sequence[str], add: Iterable[str], drop: Iterable[str]) -> list[str]:
    """A run's tags after a change, in the order in which they came.

    Raises:
        UsageError: a new one is no tag, or they are too many.
    """
    dropped = set(drop)
    found = [tag for tag in tags if tag not in dropped]
    found += [check_tag(tag) for tag in dict.fromkeys(add) if tag not in found]
    if len(found) > MOST_TAGS and len(found) > len(tags):
        raise UsageError(f"A run has {MOST_TAGS} tags at most; these are {len(found)}.")
    return found


def check_priority(number: int) -> int:
    """
    Raises:
        UsageError: out of all proportion.
    """
    if abs(number) > HIGHEST_PRIORITY:
        raise UsageError(f"A priority lies between {-HIGHEST_PRIORITY} and {HIGHEST_PRIORITY}.")
    return number


def _unshown(text: str) -> bool:
    """Whether a text holds what no terminal shows: control, bidi and line-breaking characters."""
    return any(
        unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") for character in text
    ) or any(
        character in "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        for character in text
    )
