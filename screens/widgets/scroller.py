"""Regions that scroll by the screen's keys, alone or together, and say how much is below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual import events
from textual.containers import VerticalScroll
from textual.geometry import Size
from textual.reactive import Reactive

from rlhf_tui.screens.theme import Glyphs


class Scroller(VerticalScroll, can_focus=False, inherit_bindings=False):
    """A region that scrolls by the screen's keys; focus would repaint its whole border."""

    virtual_size = Reactive(Size(0, 0), repaint=False)
    """As a container has it, without a second layout and drawing of what was just drawn: the
    room for the scrollbar is kept free, so that nothing depends on its being there."""

    def __init__(self, *children: Any, **settings: Any) -> None:
        super().__init__(*children, **settings)
        self.wanted = 0
        """The line at the top, before it is held within the text: see `together`."""
        self.moved: Callable[[], None] | None = None
        """Called when what lies above or below has changed."""

    def go(self, line: int) -> None:
        """Put a line at the top, as far as the text allows."""
        self.wanted = line
        self.scroll_to(y=max(0, min(line, self.max_scroll_y)), animate=False, immediate=True)

    def turn(self, lines: int) -> None:
        """Scroll this region alone."""
        here = max(0, min(self.wanted, self.max_scroll_y))
        self.go(max(0, min(here + lines, self.max_scroll_y)))

    def more(self, glyphs: Glyphs, room: int = 80) -> str:
        """How much lies below, in words or as a sign with a number; empty for what fits.

        Args:
            room: cells that it may take.
        """
        if self.max_scroll_y <= 0:
            return ""
        below = round(self.max_scroll_y - self.scroll_y)
        if below <= 0:
            choices = ["end", ""]
        else:
            choices = [
                f"{glyphs.down} {below} {'line' if below == 1 else 'lines'} below",
                f"{glyphs.down} {below} below",
                f"{glyphs.down}{below}",
                glyphs.down,
                "",
            ]
        return next(words for words in choices if len(words) <= room)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(new_value) != max(0, min(self.wanted, self.max_scroll_y)):
            self.wanted = round(new_value)  # by the mouse
        self._tell()

    def watch_virtual_size(self, _size: Size) -> None:
        self._tell()

    def on_resize(self, _event: events.Resize) -> None:
        self._tell()

    def _tell(self) -> None:
        if self.moved is not None:
            self.moved()


def together(regions: Sequence[Scroller], lines: int) -> None:
    """Scroll regions by the same number of lines, until the longest is at its end.

    A shorter text waits at its own end and starts back at the line where the others passed it:
    what stood side by side stands side by side again. Regions that were scrolled apart keep
    their distance.
    """
    if lines > 0:
        room = max((region.max_scroll_y - region.wanted for region in regions), default=0)
    else:
        room = max((region.wanted for region in regions), default=0)
    step = max(0, min(abs(lines), room))
    for region in regions:
        region.go(region.wanted + (step if lines > 0 else -step))
