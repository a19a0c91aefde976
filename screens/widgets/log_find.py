"""What is searched for in a log: the places found, the one that is looked at, and how far it is."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from rlhf_tui.tracking.log_pieces import Search, matching
from rlhf_tui.tracking.log_window import LogWindow
from rlhf_tui.tracking.patterns import TooSlow, pattern


class LogFind:
    """One search: what lies before the log's end goes back through the file, piece by piece."""

    def __init__(self, query: str, window: LogWindow) -> None:
        """
        Raises:
            UsageError: the query is a broken regular expression.
        """
        self.problem = ""
        """Why the log's end is searched no more, as a sentence."""
        self.query = query
        self.sought = pattern(query)
        tail = window.tail
        self.border = tail[0].start if tail else 0
        """Where the log's end, which is told and not read, began."""
        self.earlier = Search(window.path, self.sought, self.border)
        self.later: list[int] = []
        self.here = -1
        """Where the line begins that is looked at; -1 for none."""
        self._next = self.border
        self.take(window)

    def take(self, window: LogWindow) -> None:
        """Search what the log has grown by; its last line may still have changed."""
        if self.problem:
            return
        tail = window.tail
        new = tail[bisect_left(tail, self._next, key=lambda line: line.start) :]
        while self.later and self.later[-1] >= self._next:
            self.later.pop()
        try:
            self.later += matching(new, self.sought)
        except TooSlow as error:
            self.problem = self.earlier.problem = str(error)
        if tail:
            self._next = tail[-1].start

    @property
    def found(self) -> list[int]:
        return [*self.earlier.found, *self.later]

    def has(self, start: int) -> bool:
        """Whether the line that begins there was found."""
        for found in (self.earlier.found, self.later):
            place = bisect_left(found, start)
            if place < len(found) and found[place] == start:
                return True
        return False

    def nearest(self, start: int) -> int:
        """The last place found at this place of the file or before it, else the first; -1: none."""
        found = self.found
        if not found:
            return -1
        return found[max(0, bisect_right(found, start) - 1)]

    def step(self, by: int) -> int:
        """The next place, or the one before; at the end of a whole search it begins again.

        Returns:
            -1 where the search has to go on first, or nothing was found.
        """
        found = self.found
        if not found:
            return -1
        place = bisect_left(found, self.here) + by
        if place < 0 and not self.earlier.over:
            return -1
        return found[place % len(found)]

    def told(self) -> tuple[str, str]:
        """How far it is: in full, and short."""
        found = self.found
        more = "" if self.earlier.over else "+"
        place = bisect_left(found, self.here) + 1 if self.here >= 0 else 0
        count = f"{place} of {len(found):,}{more}"
        if self.earlier.problem:
            return f"{count}, given up: too slow", f"{place}/{len(found)}, too slow"
        if not self.earlier.over:
            share = f"{100 * self.earlier.share:.0f} %"
            long = f"{count}, {share} of the earlier log searched"
            return long, f"{place}/{len(found)}{more}, {share}"
        return count, f"{place}/{len(found)}"
