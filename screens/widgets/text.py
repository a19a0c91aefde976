"""Untrusted text made fit for the screen: nothing in it can act on terminal or program.

Completions come from a model and prompts from a file. What is stored stays as it came; what is
shown has lost its control characters, and says so. Nothing here is ever read as Textual or rich
markup, and links are text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text as RichText

MAX_SHOWN = 100_000
"""Characters of one text that are drawn: laying out more holds up the keys."""
MAX_MARKDOWN = 20_000
"""Longer texts are shown as written: parsing them takes longer than a person waits for a key."""

FORBIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f"  # C0 without tab and newline: ESC, BEL, BS, CR …
    "\x7f-\x9f"  # DEL and C1, which holds the one-byte CSI and OSC
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidi marks, embeddings, overrides, isolates
    "\u2028\u2029"  # separators that some terminals take for a new line
    "\ufff9-\ufffb\U000e0000-\U000e007f"  # annotation and tag characters: text nobody sees
    "\ud800-\udfff"  # halves of surrogate pairs: cannot be written at all
    "]"
)
_MARKDOWN = re.compile(
    r"^(#{1,6} \S|```|~~~|[-*+] \S|\d+[.)] \S|> |\|.+\|\s*$)|\*\*\S|`[^`\n]+`|\]\(\S", re.MULTILINE
)


@dataclass(frozen=True)
class Shown:
    """A text as it may be drawn."""

    text: str
    removed: int
    """Control characters that were taken out."""
    cut: int
    """Characters at the end that are not drawn."""

    @property
    def marks(self) -> list[str]:
        """What was done to the text, as short sentences for the person who judges it."""
        marks = []
        if self.removed:
            noun = "character" if self.removed == 1 else "characters"
            marks.append(f"{self.removed} control {noun} removed")
        if self.cut:
            marks.append(f"{self.cut:,} more characters not shown")
        return marks


def clean(text: str, *, encoding: str = "utf-8") -> Shown:
    """A text without the characters that act on a terminal.

    Args:
        encoding: of the terminal; what it cannot write becomes `?`, so that widths stay true.
    """
    cut = max(0, len(text) - MAX_SHOWN)
    text = text[:MAX_SHOWN].replace("\r\n", "\n")
    cleaned, removed = FORBIDDEN.subn("", text)
    if encoding != "utf-8":
        cleaned = cleaned.encode(encoding, "replace").decode(encoding)
    return Shown(cleaned, removed, cut)


def looks_like_markdown(text: str) -> bool:
    """Whether a text uses Markdown: plain prose would lose its line breaks when rendered."""
    return len(text) <= MAX_MARKDOWN and _MARKDOWN.search(text) is not None


def renderable(text: str, *, markdown: bool, encoding: str = "utf-8") -> RenderableType:
    """An untrusted text as something to draw, with the marks of what was done to it.

    Args:
        markdown: render Markdown where the text looks like it; False draws it as written, and
            so does a terminal without UTF-8, which cannot draw rich's tables and bullets.
    """
    shown = clean(text, encoding=encoding)
    if not shown.text.strip():
        body: RenderableType = RichText("(empty)" if not text else "(blank)", style="dim italic")
    elif markdown and encoding == "utf-8" and looks_like_markdown(shown.text):
        # Imported here: Markdown and its lexers would double the time to the first paint.
        from rlhf_tui.screens.widgets.markdown import InertMarkdown

        body = InertMarkdown(shown.text)
    else:
        body = RichText(shown.text.strip("\n").removeprefix(" "))
    if not shown.marks:
        return body
    return Group(*(RichText(f"[{mark}]", style="bold reverse") for mark in shown.marks), body)
