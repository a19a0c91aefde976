"""One row of text of which a change sends no more than the text's own cells."""

from __future__ import annotations

from typing import Self

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Region
from textual.widgets import Static


class Row(Static):
    """A row as wide as its place. Textual sends all of a widget that changed: half of what a pick
    sends would be the spaces behind the words."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(markup=False, id=id, classes=classes)
        self._cells = 0
        self._spot: Region | None = None

    def put(self, content: Content) -> None:
        """Put a text in the place of the one before."""
        cells = cell_len(content.plain)
        longest, self._cells = max(cells, self._cells), cells
        width = self.size.width
        # Text that does not fit ends in an ellipsis: then all of it may have changed.
        self._spot = Region(0, 0, longest, 1) if 0 < longest < width else None
        self.update(content, layout=False)
        self._spot = None

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """As Textual's; while a text is put, of its cells alone."""
        if self._spot is not None and not regions:
            regions = (self._spot,)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
