"""Reading an item: what scrolls, one completion on the whole screen, Markdown or as written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from rlhf_tui.records import Completion, Text
from rlhf_tui.screens.room import Room
from rlhf_tui.screens.widgets.conversation import prompt_view
from rlhf_tui.screens.widgets.pane import PaneGrid, Scroller


class Reading(Room):
    """A prompt above completions, and the keys that read them. Subclasses say what is read."""

    PANES: ClassVar[int]
    """The most completions of an item."""

    def __init__(self) -> None:
        super().__init__()
        self.markdown = True
        self.target: int | None = None
        """What scrolls: None all panes, 0 the prompt, 1… one pane."""

    def compose_reading(self) -> ComposeResult:
        """The widgets of prompt and completions."""
        self.prompt_text = Static(markup=False, id="prompt-text")
        self.prompt = Scroller(self.prompt_text, id="prompt")
        self.prompt_title = Static(markup=False, id="prompt-title")
        self.panes = PaneGrid(self.PANES, self.glyphs)
        with Vertical(id="work"):
            yield self.prompt_title
            yield self.prompt
            yield self.panes

    # --- what subclasses say -------------------------------------------------------------------

    def touched(self) -> None:
        """A reading key was pressed: whoever counts time at work goes on counting."""

    def tell(self, notice: str) -> None:
        """Show a short notice."""
        raise NotImplementedError

    def redraw_texts(self) -> None:
        """Call `show_texts` for the item that is on the screen, if there is one."""
        raise NotImplementedError

    # --- drawing -------------------------------------------------------------------------------

    @property
    def chosen(self) -> int | None:
        """The number of the pane chosen by Tab or alone on the screen; None for no one pane."""
        if self.panes.alone is not None:
            return self.panes.alone + 1
        return self.target if self.target and 0 < self.target <= self.panes.count else None

    def show_texts(self, prompt: Text, completions: Iterable[Completion]) -> None:
        """Put these texts in the place of the ones before."""
        encoding = self.glyphs.encoding
        self.prompt_text.update(prompt_view(prompt, markdown=self.markdown, encoding=encoding))
        self.panes.put(completions, markdown=self.markdown)
        if isinstance(prompt, str):
            self.prompt.scroll_to(y=0, animate=False, immediate=True)
        else:
            # The turn to be answered is the last one.
            self.call_after_refresh(self.prompt.scroll_end, animate=False)

    def draw_title(self) -> None:
        scrolls = f"  {self.glyphs.marker} scrolls" if self.target == 0 else ""
        self.prompt_title.update(
            Content.assemble((" Prompt ", "bold reverse"), (scrolls, "bold $accent")),
            layout=False,
        )

    # --- keys ----------------------------------------------------------------------------------

    def action_markdown(self) -> None:
        self.markdown = not self.markdown
        self.redraw_texts()
        self.tell("Markdown rendered." if self.markdown else "Text as written.")

    def scrollers(self) -> list[Scroller]:
        """What the scroll keys move."""
        if self.target == 0:
            return [self.prompt]
        if self.target is not None:
            return [self.panes.panes[self.target - 1].body]
        if self.panes.max_scroll_y:
            return [self.panes]
        return [pane.body for pane in self.panes.shown]

    def action_scroll(self, lines: int) -> None:
        self.touched()
        for region in self.scrollers():
            region.scroll_relative(y=lines, animate=False)

    def action_page(self, direction: int) -> None:
        self.touched()
        for region in self.scrollers():
            rows = max(1, region.size.height - 1)
            region.scroll_relative(y=direction * rows, animate=False)

    def action_pane(self, step: int) -> None:
        """Choose what scrolls; with one completion on the whole screen, the next one."""
        count = self.panes.count
        if self.panes.alone is not None:
            self.panes.only((self.panes.alone + step) % max(1, count))
            self.mark_target(self.panes.alone + 1)
            return
        places: list[int | None] = [None, 0, *range(1, count + 1)]
        at = places.index(self.target) if self.target in places else 0
        self.mark_target(places[(at + step) % len(places)])

    def mark_target(self, target: int | None) -> None:
        self.target = target
        for pane in self.panes.panes:
            pane.head.rule.activate(pane.number == target)
        self.draw_title()
        if target:
            self.panes.scroll_to_widget(self.panes.panes[target - 1], animate=False)

    def action_full(self) -> None:
        if self.panes.alone is None:
            self.mark_target(self.target or 1)
            self.panes.only((self.target or 1) - 1)
        else:
            self.panes.only(None)
            self.mark_target(None)
