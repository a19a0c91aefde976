"""One line of text that a screen asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input


async def caught_up(widget: Widget) -> None:
    """Wait until a widget has all that was typed before now.

    A key with priority is acted on at once and would overtake the letters before it, which
    wait in the widget's queue: on a slow line or a busy machine they would be lost.
    """
    taken = asyncio.Event()
    if widget.call_later(taken.set):
        await taken.wait()


class Line(Input):
    """Takes what was typed before Enter, and nothing of what is typed after it.

    Without priority Enter would wait behind the keys that come in one packet with it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Take it", show=False, priority=True)
    ]

    def __init__(self, take: Callable[[str], object], value: str = "", **others: Any) -> None:
        """
        Args:
            take: called with the text at Enter.
            others: as of Textual's `Input`.
        """
        super().__init__(value, **others)
        self._take = take
        self.cursor_blink = False  # a blinking cursor sends bytes twice a second

    async def action_submit(self) -> None:
        await caught_up(self)
        self._take(self.value)
