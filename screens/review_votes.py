"""Everything that people said of one item, over the review screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from rlhf_tui.records import Event, plain
from rlhf_tui.screens import keys
from rlhf_tui.screens.history_text import judged, plain_row
from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.scroller import Scroller
from rlhf_tui.screens.widgets.text import clean


def told(vote: Event, shown: Sequence[str], glyphs: Glyphs) -> Content:
    """One person's judgement with all that they added to it.

    Args:
        shown: the panes as the reviewer sees them; numbers are theirs.
    """
    parts: list[tuple[str, str]] = [
        (plain_row(vote.annotator, glyphs), "bold"),
        (f"   {judged(vote, glyphs, shown)}\n", ""),
    ]
    pane_of = {one: pane for pane, one in enumerate(shown, 1)}
    aspects = [
        f"{pane_of[one]}: " + ", ".join(f"{name} {point}" for name, point in points.items())
        for one, points in vote.aspects.items()
        if one in pane_of
    ]
    for name, text in (
        ("aspects", "   ".join(plain_row(line, glyphs) for line in aspects)),
        ("tags", plain_row(", ".join(vote.tags), glyphs)),
        ("critique", clean(vote.critique, encoding=glyphs.encoding).text),
    ):
        if text:
            parts += [(f"  {name}  ", "$quiet"), (f"{text}\n", "")]
    for own in vote.written:
        what = f"edit of {pane_of[own.parent]}" if own.parent in pane_of else "own answer"
        text = clean(plain(own.text), encoding=glyphs.encoding).text
        parts += [(f"  {what}\n", "$quiet"), (f"{text}\n", "")]
    seconds = vote.active_ms / 1000
    if seconds >= 1:
        parts.append((f"  {seconds:.0f} s at work\n", "$quiet"))
    return Content.assemble(*parts)


class VotesPanel(ModalScreen[None]):
    """Closes with the key that opened it, and with those that leave."""

    CSS_PATH = Path(__file__).with_name("review.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.borrowed(
            {
                "review.votes": "dismiss",
                "leave": "dismiss",
                "quit": "dismiss",
                "label.down": "scroll(1)",
                "label.up": "scroll(-1)",
                "label.page-down": "scroll(10)",
                "label.page-up": "scroll(-10)",
            }
        ),
        ("enter,escape", "dismiss", "Close"),
    ]

    def __init__(self, votes: Sequence[Event], shown: Sequence[str], glyphs: Glyphs) -> None:
        super().__init__()
        self.text = Content("\n").join([told(vote, shown, glyphs) for vote in votes])

    def compose(self) -> ComposeResult:
        with Vertical(id="all-votes"):
            yield Static(
                Content.assemble((" What people said ", "bold"), ("  v closes", "$quiet")),
                markup=False,
                id="all-votes-title",
            )
            yield Scroller(Static(self.text, markup=False), id="all-votes-text")

    def action_scroll(self, lines: int) -> None:
        self.query_one("#all-votes-text", Scroller).scroll_relative(y=lines, animate=False)
