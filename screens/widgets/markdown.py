"""rich's Markdown made safe for untrusted text: nothing hides, nothing acts, maths stays text."""

from __future__ import annotations

from functools import cache
from typing import ClassVar

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement, TextElement
from rich.padding import Padding
from rich.style import Style
from rich.syntax import Syntax
from rich.text import Span
from rich.text import Text as RichText

from rlhf_tui.screens.widgets.maths import keep_maths
from rlhf_tui.screens.widgets.text import FORBIDDEN

_NAMED = (
    "bash c c++ cpp css diff go haskell html java javascript js json jsx julia kotlin latex lua "
    "markdown matlab md ocaml perl php powershell py python python3 r rb ruby rust rs scala sh "
    "shell sql swift tex toml ts tsx typescript xml yaml yml zig"
)
LEXERS = frozenset(_NAMED.split())
"""Languages that are highlighted. A fence may name any of Pygments' five hundred lexers: each
costs an import, and some take exponential time on hostile text."""
COLOURLESS = "bw"
"""The theme of code on a terminal without colours."""
MAX_HIGHLIGHTED = 5_000
"""Characters of code that are highlighted: about 8 ms of lexing."""


class Code(CodeBlock):
    """A code block, highlighted where its language is known, indented in any case."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = str(self.text).strip("\n")
        name = self.lexer_name.lower()
        text = RichText(code)
        if name in LEXERS and len(code) <= MAX_HIGHLIGHTED:
            # Without the theme's background: it would be a box of its own on every screen theme.
            spans = Syntax("", name, theme=self.theme).highlight(code).spans
            text.spans = [
                Span(start, min(end, len(code)), self.styled(style))
                for start, end, style in spans
                if start < len(code)  # highlighting puts a newline behind it
            ]
        yield Padding(text, (0, 0, 0, 2))

    def styled(self, style: str | Style) -> str | Style:
        """Without colours the style's weight and slant alone."""
        if self.theme != COLOURLESS or isinstance(style, str):
            return style
        return Style(bold=style.bold, italic=style.italic)


class LeftHeading(Heading):
    """rich centres a first-level heading, which in a narrow column reads like a stray line."""

    LEVEL_ALIGN: ClassVar = {}


class Maths(TextElement):
    """A formula of several lines, as written."""

    @classmethod
    def create(cls, markdown: Markdown, token: Token) -> Maths:
        return cls()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield RichText(str(self.text).strip("\n"))


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 12})
    return keep_maths(parser.enable(["strikethrough", "table"]))


class InertMarkdown(Markdown):
    """HTML stays text, links and images are written out, character references bring in no controls.

    Line breaks stay: models and people break lines because they mean it. Only a document that was
    written in an editor flows.
    """

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": LeftHeading,
        "fence": Code,
        "code_block": Code,
        "maths_block": Maths,
    }

    def __init__(self, text: str, *, code_theme: str = "ansi_dark", flow: bool = False) -> None:
        super().__init__("", hyperlinks=False, code_theme=code_theme)
        self.markup = text
        self.parsed = _parser().parse(text)
        _scrub(self.parsed, flow=flow)


def _scrub(tokens: list[Token], *, flow: bool) -> None:
    """Take out what came in as character references: `&#8238;` is an override only now."""
    for token in tokens:
        if token.type == "image":
            address = str(token.attrs.get("src", ""))
            token.type, token.tag = "text", ""
            token.content = f"![{token.content}]({address})"
            token.children = None
        elif token.type == "softbreak" and not flow:
            token.type = "hardbreak"
        token.content = FORBIDDEN.sub("", token.content)
        token.attrs = {
            name: FORBIDDEN.sub("", value) if isinstance(value, str) else value
            for name, value in token.attrs.items()
        }
        _scrub(token.children or [], flow=flow)
