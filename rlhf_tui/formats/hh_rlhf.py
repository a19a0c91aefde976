"""Anthropic's hh-rlhf: two whole conversations as text, which part at the last answer.

Source: github.com/anthropics/hh-rlhf. The prompt is the common beginning up to its last
`\\n\\nAssistant:`, and becomes messages.
"""

from __future__ import annotations

import re

from rlhf_tui.formats import making, values
from rlhf_tui.formats.base import BadRow, Format, Import, Records, Row
from rlhf_tui.records import Message, Role

FIRST = "\n\nHuman:"
ANSWER = "\n\nAssistant:"
TURN = re.compile(r"\n\n(Human|Assistant):")
ROLES: dict[str, Role] = {"Human": "user", "Assistant": "assistant"}


def looks_right(row: Row) -> bool:
    chosen = row.get("chosen")
    return isinstance(chosen, str) and chosen.startswith(FIRST)


def _turns(text: str) -> list[Message]:
    """The turns of a conversation in its text form."""
    parts = TURN.split(text)
    return [
        Message(ROLES[speaker], content.strip())
        for speaker, content in zip(parts[1::2], parts[2::2], strict=True)
    ]


def _convert(row: Row, context: Import) -> Records:
    chosen, rejected = values.string(row, "chosen"), values.string(row, "rejected")
    if chosen == rejected:
        raise BadRow("both sides are the same")
    if not chosen.startswith(FIRST):
        raise BadRow(f"chosen does not begin with {FIRST!r}")
    common = chosen[: values.shared_start(chosen, rejected)]
    cut = common.rfind(ANSWER)
    answers = [side[cut + len(ANSWER) :] for side in (chosen, rejected)]
    if cut < 0 or any(TURN.search(answer) for answer in answers):
        raise BadRow("chosen and rejected part before their last turn")
    best, worst = ([Message("assistant", answer.strip())] for answer in answers)
    return making.preference(_turns(common[:cut]), best, worst, context)


FORMAT = Format(
    name="hh-rlhf",
    about="Anthropic hh-rlhf: two conversations as text that part at the last answer",
    required=frozenset({"chosen", "rejected"}),
    convert=_convert,
    looks_right=looks_right,
)
