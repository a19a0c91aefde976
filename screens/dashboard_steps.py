"""Which of a run's steps a pane shows: the newest one as they come, until another is chosen."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

FAR = 10
"""A turn by so much goes to the first or the last step."""


class StepCursor:
    """A step among those there are, which grow; at the last one it follows them."""

    def __init__(self) -> None:
        self.chosen: int | None = None
        """None: the newest."""

    def place(self, steps: Sequence[int]) -> int:
        """Index of the step that is shown, the last one not after the chosen; 0 without any."""
        if self.chosen is None:
            return max(0, len(steps) - 1)
        return max(0, bisect_right(steps, self.chosen) - 1)

    def go(self, place: int, steps: Sequence[int]) -> None:
        """To a step by its index, or to the nearest end."""
        place = max(0, min(len(steps) - 1, place))
        self.chosen = None if place >= len(steps) - 1 else steps[place]

    def turn(self, by: int, steps: Sequence[int]) -> None:
        """On by a step, or back; far is the first or the last one."""
        if abs(by) >= FAR:
            self.go(len(steps) - 1 if by > 0 else 0, steps)
        else:
            self.go(self.place(steps) + by, steps)
