"""Prompts and completions as something to draw: plain text, or turns under their roles."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text as RichText

from rlhf_tui.records import Message, Text
from rlhf_tui.screens.widgets.page import Page
from rlhf_tui.screens.widgets.text import renderable

ROLES = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}
TO_ANSWER = ", to be answered"
HEADING = "bold underline"


def turns(
    messages: list[Message],
    *,
    markdown: bool,
    encoding: str,
    code_theme: str = "ansi_dark",
    answer_last: bool = False,
) -> RenderableType:
    """A conversation: each turn under its number and role, a blank line between turns.

    Args:
        answer_last: say of the last turn that the completions answer it.
    """
    parts: list[RenderableType] = []
    for number, message in enumerate(messages, 1):
        last = number == len(messages)
        end = TO_ANSWER if answer_last and last else ""
        body = renderable(
            message.content, markdown=markdown, encoding=encoding, code_theme=code_theme
        )
        heading = RichText(f"[{number}] {ROLES[message.role]}{end}", style=HEADING)
        parts += [heading, body] if last else [heading, body, RichText("")]
    return Group(*parts)


def prompt_view(
    prompt: Text, *, markdown: bool, encoding: str = "utf-8", code_theme: str = "ansi_dark"
) -> RenderableType:
    """What is continued: a text, or all turns of a conversation."""
    if isinstance(prompt, str):
        return renderable(prompt, markdown=markdown, encoding=encoding, code_theme=code_theme)
    if not prompt:
        return RichText("(no turns)", style="dim italic")
    return turns(
        prompt, markdown=markdown, encoding=encoding, code_theme=code_theme, answer_last=True
    )


def completion_view(
    completion: Text, *, markdown: bool, encoding: str = "utf-8", code_theme: str = "ansi_dark"
) -> RenderableType:
    """A completion. Its one assistant turn needs no heading; several turns have theirs."""
    if isinstance(completion, list) and len(completion) == 1 and completion[0].role == "assistant":
        completion = completion[0].content
    if isinstance(completion, str):
        return renderable(completion, markdown=markdown, encoding=encoding, code_theme=code_theme)
    return turns(completion, markdown=markdown, encoding=encoding, code_theme=code_theme)


def answer_line(page: Page, width: int) -> int:
    """The line with which the turn to be answered begins; 0 without turns."""
    for part, line in zip(reversed(page.parts), reversed(page.starts(width)), strict=True):
        if isinstance(part, RichText) and part.style == HEADING:
            return line
    return 0
