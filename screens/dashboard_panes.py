"""The panes of the dashboard in order, each made when it is first looked at, or a little later.

Only the first one is there at the first paint: importing and mounting the others would take longer
than all else that is done before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import cast, overload

from textual.widget import Widget

from rlhf_tui.screens.dashboard_pane import Pane
from rlhf_tui.screens.theme import Glyphs

PANES = (
    ("charts", "ChartsPane"),
    ("samples", "SamplesPane"),
    ("distributions", "DistributionsPane"),
    ("warnings", "WarningsPane"),
    ("machine", "MachinePane"),
    ("log", "LogPane"),
    ("arguments", "ArgumentsPane"),
    ("data", "DataPane"),
)
"""Title, which is also the end of the module's name, and class."""
PAUSE_S = 0.02
"""Between two panes that are made beforehand: keys go first."""


class Panes(Sequence[Pane]):
    """The panes by number; asking for one makes it."""

    def __init__(self, glyphs: Glyphs) -> None:
        self._glyphs = glyphs
        self._made: dict[int, Pane] = {}
        self._place: Widget | None = None
        self.furnished: Callable[[str, Pane], None] = lambda title, pane: None
        """Told of every pane that is made, with its title, before it shows anything."""

    def __len__(self) -> int:
        return len(PANES)

    @overload
    def __getitem__(self, index: int) -> Pane: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pane]: ...
    def __getitem__(self, index: int | slice) -> Pane | list[Pane]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        index = index % len(PANES)
        if index not in self._made:
            title, kind = PANES[index]
            module = import_module(f"rlhf_tui.screens.dashboard_{title}")
            pane = self._made[index] = getattr(module, kind)(self._glyphs)
            self.furnished(title, pane)
            pane.display = self._place is None
            if self._place is not None:
                self._place.mount(pane)
        return self._made[index]

    def mounted_in(self, place: Widget) -> None:
        """Mount panes here from now on."""
        self._place = place

    @property
    def there(self) -> list[Pane]:
        """Those that are made and mounted."""
        return [pane for pane in self._made.values() if cast(Widget, pane).is_mounted]

    def at(self, index: int) -> Pane | None:
        """The pane with this number, if it is there already."""
        return self._made.get(index)

    def show(self, index: int) -> None:
        """Show this pane and hide all others."""
        chosen = self[index]
        for pane in self._made.values():
            cast(Widget, pane).display = pane is chosen

    async def make_all(self) -> None:
        """Make those that are not there yet."""
        for index, (title, _) in enumerate(PANES):
            if index not in self._made:
                await asyncio.to_thread(import_module, f"rlhf_tui.screens.dashboard_{title}")
                await asyncio.sleep(PAUSE_S)
                if self._place is None or not self._place.is_attached:
                    # The screen has gone meanwhile.
                    return
                self[index]
