"""rich's Markdown made safe for untrusted text: nothing hides, nothing acts."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.markdown import Markdown

from rlhf_tui.screens.widgets.text import FORBIDDEN


class InertMarkdown(Markdown):
    """HTML stays text, links are written out, character references bring in no controls."""

    def __init__(self, text: str) -> None:
        super().__init__("", hyperlinks=False, code_theme="ansi_dark")
        parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
        self.markup = text
        self.parsed = parser.parse(text)
        _scrub(self.parsed)


def _scrub(tokens: list[Token]) -> None:
    """Take out what came in as character references: `&#8238;` is an override only now."""
    for token in tokens:
        token.content = FORBIDDEN.sub("", token.content)
        token.attrs = {
            name: FORBIDDEN.sub("", value) if isinstance(value, str) else value
            for name, value in token.attrs.items()
        }
        _scrub(token.children or [])
