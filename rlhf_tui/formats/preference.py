"""TRL's preference type with an explicit prompt."""

from __future__ import annotations

from rlhf_tui.formats import making, values
from rlhf_tui.formats.base import Format, Import, Records, Row


def _convert(row: Row, context: Import) -> Records:
    prompt = values.prompt(row)
    chosen, rejected = values.text(row, "chosen"), values.text(row, "rejected")
    values.same_form(chosen, rejected, "chosen and rejected")
    values.same_form(prompt, chosen, "prompt and chosen")
    return making.preference(prompt, chosen, rejected, context)


FORMAT = Format(
    name="preference",
    about="Pairs with their prompt (TRL preference)",
    required=frozenset({"prompt", "chosen", "rejected"}),
    convert=_convert,
)
