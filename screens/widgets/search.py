"""Search in what is shown: literal text, found across the ends of wrapped lines."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from rich.cells import cell_len

_WRAPPED = "\x01"
"""Stands for the end of a wrapped line; shown texts hold no control characters."""


@dataclass(frozen=True)
class Hit:
    """A match: (line, start, end) of each line that it touches, in characters of the line."""

    spans: tuple[tuple[int, int, int], ...]

    @property
    def line(self) -> int:
        return self.spans[0][0]


def find(lines: list[str], width: int, query: str) -> list[Hit]:
    """The matches of a text in lines that were wrapped at `width` cells.

    White space in the query matches any white space, line ends included. Lower case matches
    upper case too; a query with a capital letter is matched as it is written.
    """
    pattern = _pattern(query)
    if pattern is None:
        return []
    flat: list[str] = []
    starts: list[int] = []
    firsts: list[int] = []
    at = indent = 0
    for number, line in enumerate(lines):
        text = line.rstrip()
        starts.append(at)
        firsts.append(indent)
        follower = lines[number + 1] if number + 1 < len(lines) else ""
        wrapped = _continues(text, follower, width)
        flat += [text[indent:], _WRAPPED if wrapped else "\n"]
        at += len(text[indent:]) + 1
        indent = len(follower) - len(follower.lstrip()) if wrapped else 0
    hits = []
    for match in pattern.finditer("".join(flat)):
        spans = []
        first = bisect_right(starts, match.start()) - 1
        last = bisect_right(starts, max(match.start(), match.end() - 1)) - 1
        for number in range(first, last + 1):
            end = starts[number + 1] - 1 if number + 1 < len(starts) else at - 1
            start = max(match.start(), starts[number]) - starts[number] + firsts[number]
            stop = min(match.end(), end) - starts[number] + firsts[number]
            if stop > start:
                spans.append((number, start, stop))
        if spans:
            hits.append(Hit(tuple(spans)))
    return hits


def _pattern(query: str) -> re.Pattern[str] | None:
    words = query.split()
    if not words:
        return None
    spelled = (f"{_WRAPPED}?".join(map(re.escape, word)) for word in words)
    flags = re.IGNORECASE if query == query.lower() else re.NOFLAG
    return re.compile(f"[\\s{_WRAPPED}]+".join(spelled), flags)


def _continues(line: str, follower: str, width: int) -> bool:
    """Whether the next line holds what did not fit: its first word had no room on this one."""
    words = follower.split(maxsplit=1)
    if not line.strip() or not words:
        return False
    return cell_len(line) + 1 + cell_len(words[0]) > width
