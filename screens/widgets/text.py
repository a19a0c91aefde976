"""Untrusted text made fit for the screen: nothing in it can act on terminal or program.

Completions come from a model and prompts from a file. What is stored stays as it came; what is
shown has lost its control characters, and says so. Nothing here is ever read as Textual or rich
markup, and links are text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from rich._unicode_data import load as load_cell_table
from rich.console import Group, RenderableType
from rich.text import Text as RichText

MAX_SHOWN = 400_000
"""Characters of one text that are drawn: laying them out takes a quarter of a second, once."""
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
INVISIBLE = re.compile(
    "["
    "\u00ad\u180e\u200b\u2060-\u2064\u206a-\u206f\ufeff\u3164\uffa0"  # no width, no picture
    "\U000e0100-\U000e01ef"  # variation selectors that can carry a hidden message
    "]|(?<=[\u200c\u200d])[\u200c\u200d]+"  # one joiner joins; a row of them hides
)
"""What nobody sees and what therefore only ever hides something from who judges."""
MOST_MARKS = 6
"""Marks that a character may carry; more than four are unknown to any orthography, and a hundred
of them are drawn over the lines above and below."""
TAB = 4
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
    invisible: int = 0
    """Characters without width and picture that were taken out."""
    piled: int = 0
    """Combining marks beyond MOST_MARKS on one character, taken out."""

    @property
    def marks(self) -> list[str]:
        """What was done to the text, as short sentences for the person who judges it."""
        marks = [
            f"{number:,} {kind}{'' if number == 1 else 's'} removed"
            for number, kind in (
                (self.removed, "control character"),
                (self.invisible, "invisible character"),
                (self.piled, "piled-up mark"),
            )
            if number
        ]
        if self.cut:
            marks.append(f"{self.cut:,} more characters not shown")
        return marks


@cache
def _piles() -> re.Pattern[str]:
    """Rows of marks, by the table of widths with which the text is laid out."""
    marks = "".join(
        f"{re.escape(chr(start))}-{re.escape(chr(end))}"
        for start, end, width in load_cell_table("auto").widths
        if width == 0 and start >= 0x300 and not start <= 0x200D <= end
    )
    return re.compile(f"(?<=[{marks}]{{{MOST_MARKS}}})[{marks}]+")


def clean(text: str, *, encoding: str = "utf-8") -> Shown:
    """A text without the characters that act on a terminal.

    Args:
        encoding: of the terminal; what it cannot write becomes `?`, so that widths stay true.
    """
    cut = max(0, len(text) - MAX_SHOWN)
    text = text[:MAX_SHOWN].replace("\r\n", "\n")
    cleaned, removed = FORBIDDEN.subn("", text)
    invisible = piled = 0
    if not cleaned.isascii():
        visible = INVISIBLE.sub("", cleaned)
        invisible = len(cleaned) - len(visible)
        cleaned = _piles().sub("", visible)
        piled = len(visible) - len(cleaned)
    if "\t" in cleaned:
        cleaned = cleaned.expandtabs(TAB)
    if encoding != "utf-8":
        cleaned = cleaned.encode(encoding, "replace").decode(encoding)
    return Shown(cleaned, removed, cut, invisible, piled)


def looks_like_markdown(text: str) -> bool:
    """Whether a text uses Markdown: plain prose would lose its line breaks when rendered."""
    return len(text) <= MAX_MARKDOWN and _MARKDOWN.search(text) is not None


def renderable(
    text: str,
    *,
    markdown: bool,
    encoding: str = "utf-8",
    code_theme: str = "ansi_dark",
    flow: bool = False,
) -> RenderableType:
    """An untrusted text as something to draw, with the marks of what was done to it.

    Args:
        markdown: render Markdown where the text looks like it; False draws it as written, and
            so does a terminal without UTF-8, which cannot draw rich's tables and bullets.
        code_theme: Pygments or rich theme of highlighted code.
        flow: join the lines of a Markdown paragraph, as Markdown has it.
    """
    shown = clean(text, encoding=encoding)
    if not shown.text.strip():
        body: RenderableType = RichText("(empty)" if not text else "(blank)", style="dim italic")
    elif markdown and encoding == "utf-8" and looks_like_markdown(shown.text):
        # Imported here: Markdown and its lexers would double the time to the first paint.
        from rlhf_tui.screens.widgets.markdown import InertMarkdown

        body = InertMarkdown(shown.text, code_theme=code_theme, flow=flow)
    else:
        body = RichText(shown.text.strip("\n").removeprefix(" "))
    if not shown.marks:
        return body
    return Group(*(RichText(f"[{mark}]", style="bold reverse") for mark in shown.marks), body)
