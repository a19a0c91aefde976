"""Reading an item: what is shown of its texts, and the keys that show it otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.theme import Theme
from textual.widgets import Static

from rlhf_tui.errors import RlhfError
from rlhf_tui.hub.messages import GetGuidelines, Guidelines
from rlhf_tui.records import Completion, Text, plain
from rlhf_tui.screens.label_scrolling import GUIDELINES, Scrolling
from rlhf_tui.screens.theme import code_theme
from rlhf_tui.screens.widgets.conversation import answer_line, completion_view, prompt_view
from rlhf_tui.screens.widgets.guidelines import GuidelinesPanel
from rlhf_tui.screens.widgets.page import Page, Pages
from rlhf_tui.screens.widgets.page_view import PageView
from rlhf_tui.screens.widgets.pane import PaneGrid
from rlhf_tui.screens.widgets.scroller import Scroller

BESIDE = 110
"""Columns in which the guidelines stand beside the completions, not over them."""
TOLD_S = 15
"""How long it is told that the guidelines have changed."""
PREPARE_AFTER_S = 0.02
"""After an item is on the screen: its keys come first, then the items behind it are laid out."""


class Reading(Scrolling):
    """A prompt above completions. Subclasses say what is read, and hear of the reading keys."""

    PANES: ClassVar[int]
    """The most completions of an item."""

    def __init__(self) -> None:
        super().__init__()
        self.markdown = True
        self.pages = Pages()
        self.diff = False
        self.query_text = ""
        self.match = -1
        self.guidelines: Guidelines | None = None
        self._told_guidelines = False
        self._shown: tuple[Text, list[Completion]] = ("", [])
        self._preparing = False
        self._top_of_prompt = 0

    def compose_reading(self) -> ComposeResult:
        """The widgets of prompt and completions, and the guidelines beside them."""
        self.prompt_text = PageView(id="prompt-text")
        self.prompt = Scroller(self.prompt_text, id="prompt")
        self.prompt.moved = self.draw_title
        self.prompt_title = Static(markup=False, id="prompt-title")
        self.panes = PaneGrid(self.PANES, self.glyphs)
        self.panel = GuidelinesPanel(self.glyphs)
        with Horizontal(id="reading"):
            with Vertical(id="work"):
                yield self.prompt_title
                yield self.prompt
                yield self.panes
            yield self.panel

    def on_mount(self) -> None:
        self.markdown = self.program.personal.choices.markdown
        self.app.theme_changed_signal.subscribe(self, self._theme_changed)

    def on_resize(self, event: events.Resize) -> None:
        if self.has_class("-guided"):
            self.set_class(event.size.width >= BESIDE, "-beside")
        self.keep_the_turn_to_answer()

    # --- what subclasses say -------------------------------------------------------------------

    def tell(self, notice: str) -> None:
        """Show a short notice."""
        raise NotImplementedError

    def best_so_far(self) -> int | None:
        """The number of the pane that is judged best so far; None while none is."""
        return None

    def upcoming(self) -> Iterable[tuple[Text, Sequence[Completion]]]:
        """The items that will be shown next: their texts are laid out ahead."""
        return ()

    # --- drawing -------------------------------------------------------------------------------

    def show_texts(self, prompt: Text, completions: Iterable[Completion]) -> None:
        """Put these texts in the place of the ones before, each from its beginning."""
        self.diff = False
        self.query_text, self.match = "", -1
        self._shown = (prompt, list(completions))
        self.draw_texts()
        self._top_of_prompt = 0
        self.prompt.go(0)
        self.keep_the_turn_to_answer()
        self.prepare()

    def draw_texts(self) -> None:
        """Draw the texts of the item anew, as the person wants to see them now."""
        prompt, completions = self._shown
        self.prompt_text.show(self._page(prompt, prompt=True))
        base = self._diff_base()
        pages = []
        for number, completion in enumerate(completions, 1):
            if base is None or number == base or self.chosen not in (None, base, number):
                page = self._page(completion.completion, written=base is not None)
                note = "compared with" if number == base else ""
            else:
                page = self._diff_page(completions[base - 1].completion, completion.completion)
                note = f"against {base}"
            if not note and completion.finish_reason == "length":
                note = "cut at its length limit"
            pages.append((page, note))
        self.panes.put(pages)

    def keep_the_turn_to_answer(self) -> None:
        """Bring the turn to be answered to the top of the prompt, if nobody scrolled it away.

        It is the last one, and where it begins follows from the width after the next layout.
        """
        if not isinstance(self._shown[0], str):
            self.call_after_refresh(self._go_to_the_turn_to_answer)

    def _go_to_the_turn_to_answer(self) -> None:
        if self.prompt.wanted == self._top_of_prompt:
            self._top_of_prompt = answer_line(self.prompt_text.page, self.prompt_text.width)
            self.prompt.go(self._top_of_prompt)

    def _page(self, text: Text, *, prompt: bool = False, written: bool = False) -> Page:
        key = text if isinstance(text, str) else tuple((turn.role, turn.content) for turn in text)
        markdown = self.markdown and not written
        theme = code_theme(self.app.current_theme)
        encoding = self.glyphs.encoding
        view = prompt_view if prompt else completion_view
        return self.pages.get(
            (prompt, markdown, theme, key),
            lambda: view(text, markdown=markdown, encoding=encoding, code_theme=theme),
        )

    def prepare(self) -> None:
        """Lay the next items out while nobody types, a text at a time."""
        if not self._preparing:
            self._preparing = True
            self.set_timer(PREPARE_AFTER_S, self._prepare_one)

    def _prepare_one(self) -> None:
        self._preparing = False
        width = self.panes.panes[0].text.width
        if not width:
            self.prepare()  # nothing is laid out yet
            return
        for prompt, completions in self.upcoming():
            pages = [(self._page(prompt, prompt=True), self.prompt_text.width)]
            pages += [(self._page(one.completion), width) for one in completions]
            for page, cells in pages:
                if cells and not page.has(cells):
                    page.lines(cells)
                    self.prepare()
                    return

    def _theme_changed(self, _theme: Theme) -> None:
        self.draw_texts()
        self.panel.put(self.guidelines, code_theme=code_theme(self.app.current_theme))

    # --- Markdown and differences --------------------------------------------------------------

    def action_markdown(self) -> None:
        self.touched()
        self.markdown = not self.markdown
        self.program.personal.set(markdown=self.markdown)
        self.draw_texts()
        self.tell("Markdown rendered." if self.markdown else "Text as written.")

    def action_diff(self) -> None:
        """Show the chosen completion, or all, against the best so far, or the first shown."""
        self.touched()
        if self.panes.count < 2:
            self.tell("There is no other completion to compare with.")
            return
        self.diff = not self.diff
        self.draw_texts()
        base = self._diff_base()
        if base is None:
            self.tell("Differences are off.")
        else:
            back = self.key("label.diff")
            self.tell(
                f"Against {base}: {{+new+}} is only here, [-gone-] only in {base}; "
                f"{back} goes back."
            )

    def _diff_base(self) -> int | None:
        """The pane that the others are compared with; None while differences are off."""
        if not self.diff:
            return None
        base = self.best_so_far() or 1
        if base == self.chosen:
            base = 2 if base == 1 else 1
        return base

    def _diff_page(self, old: Text, new: Text) -> Page:
        from rlhf_tui.screens.widgets.diff import diff_view

        encoding = self.glyphs.encoding
        texts = plain_completion(old), plain_completion(new)
        return self.pages.get(("diff", *texts), lambda: diff_view(*texts, encoding=encoding))

    def target_changed(self) -> None:
        if self.diff:
            self.draw_texts()

    # --- search --------------------------------------------------------------------------------

    @work(exclusive=True, group="search")
    async def action_search(self) -> None:
        from rlhf_tui.screens.search import SearchAsk

        self.touched()
        query = await self.app.push_screen_wait(SearchAsk(self.query_text))
        if query is not None:
            self.search(query)

    def search(self, query: str) -> None:
        """Mark what matches in prompt and completions, and go to the first match."""
        self.query_text, self.match = query, -1
        for view in self._views():
            view.look_for(query)
        if not query.strip():
            self.tell("")
            return
        self.action_match(1)

    def action_match(self, step: int) -> None:
        """Go to the next match, or the one before; behind the last comes the first."""
        self.touched()
        if not self.query_text.strip():
            self.tell(f"Nothing is searched for: {self.key('label.search')} does.")
            return
        views = self._views()
        places = [
            (number, index) for number, view in enumerate(views) for index in range(len(view.hits))
        ]
        if not places:
            self.tell(f"Not found: {self.query_text}")
            return
        self.match = 0 if self.match < 0 else (self.match + step) % len(places)
        where, index = places[self.match]
        for number, view in enumerate(views):
            view.look_for(self.query_text, index if number == where else -1)
        self._bring_up(where, views[where].hits[index].line)
        place = "the prompt" if where == 0 else str(where)
        self.tell(f"Match {self.match + 1} of {len(places)}, in {place}: {self.query_text}")

    def _views(self) -> list[PageView]:
        return [self.prompt_text, *(pane.text for pane in self.panes.shown)]

    def _bring_up(self, where: int, line: int) -> None:
        """Scroll the prompt (0) or a pane so that a line can be read."""
        if where == 0:
            region = self.prompt
        else:
            if self.panes.alone not in (None, where - 1):
                self.panes.only(where - 1)
                self.mark_target(where)
            region = self.panes.panes[where - 1].body
            self.panes.scroll_to_widget(self.panes.panes[where - 1], animate=False)
        top, rows = round(region.scroll_y), region.size.height
        if not top <= line < top + rows:
            region.turn(line - rows // 3 - top)

    # --- guidelines ----------------------------------------------------------------------------

    def guidelines_are(self, version: str) -> None:
        """The hub named the version that holds now: fetch it when it is another one."""
        if version != (self.guidelines.version if self.guidelines else ""):
            self._fetch_guidelines()

    @work(exclusive=True, group="guidelines")
    async def _fetch_guidelines(self) -> None:
        try:
            found = await self.link.call(GetGuidelines(), Guidelines)
        except RlhfError:
            return  # said where labelling says it; they are asked for again with the next items
        self.guidelines = found
        self.panel.put(found, code_theme=code_theme(self.app.current_theme))
        personal = self.program.personal
        workspace = str(self.program.workspace.root) if self.program.workspace else ""
        seen = personal.choices.guidelines.get(workspace, "")
        if found.version and found.version != seen:
            new = "The guidelines have changed" if seen else "There are guidelines"
            # Not in the row of notices: the next key may come before it was read.
            told = f"{new}: {self.key('label.guidelines')} shows them."
            self.notify(told, title="Guidelines", timeout=TOLD_S, markup=False)
            self._told_guidelines = True
            personal.set(guidelines={workspace: found.version})

    def action_guidelines(self) -> None:
        self.touched()
        opened = not self.has_class("-guided")
        if opened and self._told_guidelines:
            self._told_guidelines = False
            self.app.clear_notifications()  # they are before the eyes now
        self.set_class(opened and self.size.width >= BESIDE, "-beside")
        self.set_class(opened, "-guided")
        if opened and self.guidelines is None:
            self.panel.put(None, code_theme=code_theme(self.app.current_theme))
        self.mark_target(GUIDELINES if opened else None)
        self.keep_the_turn_to_answer()
        down, up, back = map(self.key, ("label.down", "label.up", "label.guidelines"))
        self.tell(f"{down} and {up} scroll the guidelines, {back} goes back." if opened else "")


def plain_completion(text: Text) -> str:
    """A completion as one text: its only assistant turn needs no role."""
    if isinstance(text, list) and len(text) == 1 and text[0].role == "assistant":
        return text[0].content
    return plain(text)
