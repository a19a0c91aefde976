"""TRL's preference type without a prompt: it is what both sides begin with.

Messages are shared whole. Of texts the shared beginning is cut back to before its last blank, so
that no word is torn; TRL's extract_prompt cuts at the first character that differs.
"""

from __future__ import annotations

from rlhf_tui.formats import hh_rlhf, making, values
from rlhf_tui.formats.base import BadRow, Format, Import, Records, Row
from rlhf_tui.records import Message, Text


def _shared_messages(one: list[Message], other: list[Message]) -> int:
    """How many messages both begin with, leaving each at least its last."""
    most = min(len(one), len(other)) - 1
    return next((n for n in range(most) if one[n] != other[n]), most)


def _shared_text(one: str, other: str) -> int:
    """Where the prompt of two texts ends: before the blank behind the last shared word."""
    length = values.shared_start(one, other)
    if length in (len(one), len(other)):
        # One side ends here: leave it its last word.
        length -= 1
    while length > 0 and not one[length].isspace():
        length -= 1
    return length


def _convert(row: Row, context: Import) -> Records:
    chosen, rejected = values.text(row, "chosen"), values.text(row, "rejected")
    values.same_form(chosen, rejected, "chosen and rejected")
    if chosen == rejected:
        raise BadRow("both sides are the same")
    sides: tuple[Text, Text, Text]
    if isinstance(chosen, str) and isinstance(rejected, str):
        cut = _shared_text(chosen, rejected)
        sides = chosen[:cut], chosen[cut:], rejected[cut:]
    elif isinstance(chosen, list) and isinstance(rejected, list):
        cut = _shared_messages(chosen, rejected)
        sides = chosen[:cut], chosen[cut:], rejected[cut:]
    if not sides[0]:
        raise BadRow("chosen and rejected share no beginning that could be their prompt")
    return making.preference(*sides, context)


def _looks_right(row: Row) -> bool:
    return not hh_rlhf.looks_right(row)


FORMAT = Format(
    name="preference-implicit",
    about="Pairs whose prompt is their shared beginning (TRL preference, implicit prompt)",
    required=frozenset({"chosen", "rejected"}),
    convert=_convert,
    looks_right=_looks_right,
)
