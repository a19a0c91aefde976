"""Mathematics in Markdown stays as it was written: a terminal cannot set it, a person can read it.

Without this the Markdown parser would take `\\(` for an escaped bracket, the underscores of
`$a_1 b_1$` for emphasis, and a line of equals signs for a heading. Delimiters as pandoc and the
chat programs take them: `$…$`, `$$…$$`, `\\(…\\)`, `\\[…\\]`, `\\begin{x}…\\end{x}`. A bracket with
a backslash and without a partner is left as written too: an answer may end in mid-formula.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

LONGEST = 4_000
"""Characters of one formula: how far a closing delimiter is looked for."""
_ENVIRONMENT = re.compile(r"\\begin\{([A-Za-z*]{1,30})\}")
_CLOSED_BY = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}


def keep_maths(parser: MarkdownIt) -> MarkdownIt:
    """Add the two rules to a parser; returns the parser."""
    parser.inline.ruler.before("escape", "maths", _inline)
    parser.block.ruler.before(
        "table", "maths_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    return parser


def _end(text: str, start: int, limit: int) -> int | None:
    """Where the formula that begins at `start` ends; None if none begins there."""
    limit = min(limit, start + LONGEST)
    opener = text[start : start + 2]
    if opener in _CLOSED_BY:
        closer = _CLOSED_BY[opener]
        found = text.find(closer, start + 2, limit)
        return found + 2 if found > start + 2 else None
    if opener == "\\b":
        if match := _ENVIRONMENT.match(text, start, limit):
            closer = f"\\end{{{match[1]}}}"
            found = text.find(closer, match.end(), limit)
            return found + len(closer) if found >= 0 else None
        return None
    return _dollar_end(text, start, limit) if opener[:1] == "$" else None


def _dollar_end(text: str, start: int, limit: int) -> int | None:
    """pandoc's rule: no space inside of the dollars, no digit behind: `$5 and $6` is money."""
    if start + 1 >= limit or text[start + 1].isspace():
        return None
    at = start + 1
    while (at := text.find("$", at + 1, limit)) > 0:
        behind = text[at + 1 : at + 2]
        if not text[at - 1].isspace() and text[at - 1] != "\\" and not behind.isdigit():
            return at + 1
    return None


def _inline(state: StateInline, silent: bool) -> bool:
    start = state.pos
    if state.src[start] not in "\\$":
        return False
    end = _end(state.src, start, state.posMax)
    if end is None:
        if state.src[start : start + 2] not in ("\\(", "\\)", "\\[", "\\]"):
            return False
        end = start + 2
    if not silent:
        first, *others = state.src[start:end].split("\n")
        state.pending += first
        for line in others:
            state.push("softbreak", "br", 0)
            state.pending += line
    state.pos = end
    return True


def _block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A formula that begins a line and goes over several."""
    start = state.bMarks[first] + state.tShift[first]
    if state.is_code_block(first) or state.src[start : start + 2] not in ("$$", "\\[", "\\b"):
        return False
    end = _end(state.src, start, state.eMarks[last - 1])
    if end is None or end <= state.eMarks[first]:
        return False  # the inline rule keeps those of one line
    final = first
    while state.eMarks[final] < end:
        final += 1
    if state.src[end : state.eMarks[final]].strip():
        return False
    if silent:
        return True
    state.line = final + 1
    token = state.push("maths_block", "", 0)
    token.content = state.getLines(first, final + 1, state.blkIndent, False)
    token.map = [first, final + 1]
    return True
