"""What scrolls on a reading screen: all panes together, the prompt, one pane, the guidelines."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.widgets import Static

from rlhf_tui.screens.room import Room
from rlhf_tui.screens.widgets.guidelines import GuidelinesPanel
from rlhf_tui.screens.widgets.pane import Pane, PaneGrid
from rlhf_tui.screens.widgets.scroller import Scroller, together

GUIDELINES = -1
"""The target that is the guidelines."""
FAR = 1_000_000
"""More lines than any text has."""


class Scrolling(Room):
    """The scroll keys, and Tab, which chooses what they move."""

    prompt: Scroller
    prompt_title: Static
    panes: PaneGrid
    panel: GuidelinesPanel

    def __init__(self) -> None:
        super().__init__()
        self.target: int | None = None
        """What scrolls: None all panes together, 0 the prompt, 1… one pane, or GUIDELINES."""
        self._chosen_before: int | None = None

    # --- what subclasses say -------------------------------------------------------------------

    def touched(self) -> None:
        """A reading key was pressed: whoever counts time at work goes on counting."""

    def target_changed(self) -> None:
        """Another pane was chosen."""

    # --- what scrolls --------------------------------------------------------------------------

    @property
    def chosen(self) -> int | None:
        """The number of the pane chosen by Tab or alone on the screen; None for no one pane."""
        if self.panes.alone is not None:
            return self.panes.alone + 1
        return self.target if self.target and 0 < self.target <= self.panes.count else None

    @property
    def covered(self) -> bool:
        """The guidelines stand over the item, not beside it."""
        return self.has_class("-guided") and not self.has_class("-beside")

    def scrollers(self) -> list[Scroller]:
        """What the scroll keys move."""
        if self.target == GUIDELINES:
            return [self.panel.body]
        if self.target == 0:
            return [self.prompt]
        if self.chosen is not None:
            return [self.panes.panes[self.chosen - 1].body]
        if self.panes.max_scroll_y:
            return [self.panes]
        return [pane.body for pane in self.panes.shown]

    def _scroll(self, regions: list[Scroller], lines: int) -> None:
        if len(regions) == 1:
            regions[0].turn(lines)
        else:
            together(regions, lines)

    def draw_title(self) -> None:
        """The row above the prompt: whether it scrolls, and how much lies below."""
        scrolls = f"  {self.glyphs.marker} scrolls" if self.target == 0 else ""
        more = self.prompt.more(self.glyphs)
        self.prompt_title.update(
            Content.assemble(
                (" Prompt ", "bold reverse"),
                (scrolls, "bold $accent"),
                (f"  {more}" if more else "", "bold"),
            ),
            layout=False,
        )

    def mark_target(self, target: int | None) -> None:
        """Choose what scrolls, and show it."""
        before = self._chosen_before
        self.target = target
        self.set_class(self.panes.alone is not None, "-alone")
        for pane in self.panes.panes:
            pane.head.rule.activate(pane.number == target)
        self.panel.activate(target == GUIDELINES)
        self.draw_title()
        if target is not None and target > 0:
            self.panes.scroll_to_widget(self.panes.panes[target - 1], animate=False)
        self._chosen_before = self.chosen
        if self.chosen != before:
            self.target_changed()

    # --- keys ----------------------------------------------------------------------------------

    def action_scroll(self, lines: int) -> None:
        self.touched()
        self._scroll(self.scrollers(), lines)

    def action_page(self, direction: int) -> None:
        self.touched()
        regions = self.scrollers()
        rows = min((region.size.height for region in regions), default=1)
        self._scroll(regions, direction * max(1, rows - 1))

    def action_half(self, direction: int) -> None:
        self.touched()
        regions = self.scrollers()
        rows = min((region.size.height for region in regions), default=1)
        self._scroll(regions, direction * max(1, rows // 2))

    def action_jump(self, direction: int) -> None:
        """To the beginning or the end."""
        self.touched()
        self._scroll(self.scrollers(), direction * FAR)

    def action_pane(self, step: int) -> None:
        """Choose what scrolls; with one completion on the whole screen, the next one."""
        self.touched()
        count = self.panes.count
        if self.panes.alone is not None:
            self.panes.only((self.panes.alone + step) % max(1, count))
            self.mark_target(self.panes.alone + 1)
            return
        guided = [GUIDELINES] if self.has_class("-guided") else []
        places: list[int | None] = [None, 0, *range(1, count + 1), *guided]
        at = places.index(self.target) if self.target in places else 0
        self.mark_target(places[(at + step) % len(places)])

    def on_click(self, event: events.Click) -> None:
        """A click chooses what is under it, as Tab would."""
        self.touched()
        for node in event.widget.ancestors_with_self if event.widget else ():
            if isinstance(node, Pane) and node.number <= self.panes.count:
                self.mark_target(node.number)
            elif node is self.prompt or node is self.prompt_title:
                self.mark_target(0)
            elif node is self.panel:
                self.mark_target(GUIDELINES)

    def action_full(self) -> None:
        self.touched()
        if not self.panes.count:
            return
        if self.panes.alone is None:
            number = self.chosen or 1
            self.panes.only(number - 1)
            self.mark_target(number)
        else:
            self.panes.only(None)
            self.mark_target(None)
