"""Which of a run's steps a pane shows: the newest one as they come, until another is chosen."""

from __future__ import annotations

FAR = 10
"""A turn by so much goes to the first or the last step."""


class StepCursor:
    """A place among steps that grow; at the last one it follows them."""

    def __init__(self) -> None:
        self._chosen: int | None = None
        """None: the newest."""

    def place(self, count: int) -> int:
        """Index of the step that is shown, of so many; 0 without any."""
        last = max(0, count - 1)
        return last if self._chosen is None else min(self._chosen, last)

    def go(self, place: int, count: int) -> None:
        """To a step, or to the nearest end."""
        last = max(0, count - 1)
        place = max(0, min(last, place))
        self._chosen = None if place == last else place

    def turn(self, by: int, count: int) -> None:
        """On by a step, or back; far is the first or the last one."""
        if abs(by) >= FAR:
            self.go(count - 1 if by > 0 else 0, count)
        else:
            self.go(self.place(count) + by, count)

    def follow(self) -> None:
        """The newest again."""
        self._chosen = None
