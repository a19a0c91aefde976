"""The stretch of the x axis that a page of charts shows, and the crosshair on it.

Both are places on the axis that all charts share: zooming and panning one moves all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rlhf_tui.screens.widgets.chart_data import Curve
from rlhf_tui.tracking.views import Stretch

Extent = tuple[float, float]
AHEAD = 0.25
"""Of a window that follows a live run: how far it jumps, so that it rarely has to."""
FEWEST = 4.0
"""Points of the longest curve that stay in view, however far one zooms in."""
PAN = 0.25
"""Of a window, that one key moves it."""


class Window:
    """What is seen of the x axis. An extent is where the points of a page begin and end."""

    def __init__(self) -> None:
        self.seen: Extent | None = None
        """None: all there is."""
        self.cross: float | None = None
        """The crosshair's place; None: off."""
        self.follows: bool = False
        """The window moves along with the newest point."""

    def reset(self) -> None:
        """All of it again; the crosshair stays."""
        self.seen, self.follows = None, False

    def zoom(self, by: int, whole: Extent, points: int) -> None:
        """Half as much (1), twice as much (-1), or all (0).

        Around the crosshair, else with the newest end staying where it is, if it is seen.

        Args:
            points: of the longest curve.
        """
        first, last = self.seen or whole
        span = (last - first) * (0.5 if by > 0 else 2.0)
        least = (whole[1] - whole[0]) * FEWEST / max(points, FEWEST)
        if by == 0 or span >= whole[1] - whole[0]:
            self.reset()
            return
        if span < least:
            return
        anchor = (first + last) / 2
        if self.cross is not None and first <= self.cross <= last:
            anchor = self.cross
        elif first <= whole[1] <= last:
            anchor = min(last, whole[1])
        share = (anchor - first) / (last - first)
        begin = anchor - share * span
        self._show(begin, begin + span, whole)
        self.follows = self._at_end(whole)

    def pan(self, by: int, whole: Extent) -> None:
        """Show what is later or earlier."""
        if self.seen is None:
            return
        first, last = self.seen
        way = by * PAN * (last - first)
        self._show(first + way, last + way, whole)
        self.follows = by > 0 and self._at_end(whole)
        if self.cross is not None:
            self.cross = min(max(self.cross, self.seen[0]), self.seen[1])

    def follow(self, whole: Extent) -> None:
        """Move along with a run that has grown."""
        if self.seen is None or not self.follows or whole[1] <= self.seen[1]:
            return
        span = self.seen[1] - self.seen[0]
        end = whole[1] + AHEAD * span
        self.seen = end - span, end

    def fits(self, whole: Extent) -> bool:
        """Whether the window shows anything of this extent."""
        return self.seen is None or (self.seen[0] < whole[1] and self.seen[1] > whole[0])

    def take(self, stretch: Stretch, whole: Extent) -> bool:
        """Show a stretch on the same axis again; whether there is that much of it to show."""
        first, last = whole
        seen = stretch.seen
        if stretch.newest:
            seen = last - stretch.newest, last
            if stretch.newest > last - first:
                return False
        if seen is not None and not first < seen[1] > seen[0] < last:
            return False
        if stretch.cross is not None and stretch.cross > last:
            return False
        self.seen, self.follows, self.cross = seen, stretch.newest > 0, stretch.cross
        return True

    def convert(self, change: Callable[[float], float]) -> None:
        """Take the same stretch and place on another axis."""
        if self.seen is not None:
            self.seen = change(self.seen[0]), change(self.seen[1])
            if self.seen[0] >= self.seen[1]:
                self.reset()
        if self.cross is not None:
            self.cross = change(self.cross)

    def move(self, by: int, whole: Extent, dots: int, curves: Sequence[Curve]) -> None:
        """Move the crosshair by dot columns or points, whichever is farther, from point to point.

        Args:
            dots: columns of a plot.
        """
        first, last = self.seen or whole
        dot = 0.999 * (last - first) / max(1, dots - 1)
        for _ in range(abs(by)):
            at = self.cross if self.cross is not None else whole[1]
            self.cross = next_point(curves, at, dot if by > 0 else -dot)
        if self.seen is not None and self.cross is not None:
            span = last - first
            if self.cross < first:
                self._show(self.cross, self.cross + span, whole)
            elif self.cross > last:
                self._show(self.cross - span, self.cross, whole)

    def _show(self, first: float, last: float, whole: Extent) -> None:
        """Show this stretch, moved so that it does not leave what there is."""
        span = last - first
        end = max(whole[1], self.seen[1] if self.seen is not None and self.follows else whole[1])
        first = max(whole[0], min(first, end - span))
        self.seen = first, first + span

    def _at_end(self, whole: Extent) -> bool:
        return self.seen is not None and self.seen[1] >= whole[1]


def next_point(curves: Sequence[Curve], at: float, way: float) -> float:
    """The nearest point of any curve at least `way` behind (or, below 0, before) a place.

    Where there is none, the last (or first) point of all.
    """
    found: list[float] = []
    ends: list[float] = []
    for one in curves:
        steps = one.series.steps
        if not len(steps):
            continue
        if way > 0:
            index = one.before(at + way)
            ends.append(one.at(steps[-1]))
        else:
            index = one.until(at + way) - 1
            ends.append(one.at(steps[0]))
        if 0 <= index < len(steps):
            found.append(one.at(steps[index]))
    choose = min if way > 0 else max
    if found:
        return choose(found)
    return (max if way > 0 else min)(ends, default=at)
