"""TRL's language-modelling types, `text` and `messages`, as demonstrations.

A demonstration needs a prompt, since rows are split into train and validation by their prompts.
Of messages it is everything before the last answer. Of a text it is the first words: joined
again nothing is lost, and `train sft --loss-on all` learns from every token, as TRL does.
"""

from __future__ import annotations

import re

from rlhf_tui.formats import values
from rlhf_tui.formats.base import BadRow, Format, Import, Records, Row
from rlhf_tui.formats.making import demonstration

PROMPT_WORDS = 8
"""Enough words to tell texts apart; a shorter text gives half of its words."""
WORD = re.compile(r"\S+")


def _from_text(row: Row, context: Import) -> Records:
    text = values.string(row, "text")
    words = list(WORD.finditer(text))
    if len(words) < 2:
        raise BadRow("text has fewer than two words: nothing to continue")
    cut = words[min(PROMPT_WORDS, len(words) // 2) - 1].end()
    return demonstration(text[:cut], text[cut:], context)


def _from_messages(row: Row, context: Import) -> Records:
    messages = values.text(row, "messages")
    if isinstance(messages, str):
        raise BadRow("messages is text, not a list of messages")
    answers = [place for place, message in enumerate(messages) if message.role == "assistant"]
    if not answers:
        raise BadRow("messages hold no turn of the assistant")
    last = answers[-1]
    if last == 0:
        raise BadRow("messages begin with their only answer: there is no prompt")
    return demonstration(messages[:last], messages[last : last + 1], context)


TEXT = Format(
    name="text",
    about="Texts to learn from (TRL language modelling); the first words become the prompt",
    required=frozenset({"text"}),
    convert=_from_text,
)
MESSAGES = Format(
    name="messages",
    about="Conversations to learn from (TRL language modelling); the last answer is learnt",
    required=frozenset({"messages"}),
    convert=_from_messages,
)
