"""Prompts and completions as something to draw: plain text, or turns under their roles."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text as RichText
from textual.content import Content
from textual.visual import VisualType

from rlhf_tui.records import Message, Text
from rlhf_tui.screens.widgets.text import renderable

ROLES = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}


def turns(messages: list[Message], *, markdown: bool, encoding: str) -> RenderableType:
    """A conversation: each turn under the name of its role, a blank line between turns."""
    parts: list[RenderableType] = []
    for number, message in enumerate(messages):
        if number:
            parts.append(RichText(""))
        parts.append(RichText(ROLES[message.role], style="bold underline"))
        parts.append(renderable(message.content, markdown=markdown, encoding=encoding))
    return Group(*parts)


def prompt_view(prompt: Text, *, markdown: bool, encoding: str = "utf-8") -> VisualType:
    """What is continued: a text, or all turns of a conversation."""
    if isinstance(prompt, str):
        return renderable(prompt, markdown=markdown, encoding=encoding)
    if not prompt:
        return Content.styled("(no turns)", "dim italic")
    return turns(prompt, markdown=markdown, encoding=encoding)


def completion_view(completion: Text, *, markdown: bool, encoding: str = "utf-8") -> VisualType:
    """A completion. Its one assistant turn needs no heading; several turns have theirs."""
    if isinstance(completion, str):
        return renderable(completion, markdown=markdown, encoding=encoding)
    if len(completion) == 1 and completion[0].role == "assistant":
        return renderable(completion[0].content, markdown=markdown, encoding=encoding)
    return turns(completion, markdown=markdown, encoding=encoding)
