"""TRL's unpaired preference type: completions with thumbs."""

from __future__ import annotations

from rlhf_tui.formats import values
from rlhf_tui.formats.base import Format, Import, Records, Row
from rlhf_tui.formats.making import thumb


def _convert(row: Row, context: Import) -> Records:
    prompt, completion = values.prompt(row), values.text(row, "completion")
    values.same_form(prompt, completion, "prompt and completion")
    return thumb(prompt, completion, values.flag(row, "label"), context)


FORMAT = Format(
    name="unpaired-preference",
    about="Completions with thumbs, label true or false (TRL unpaired preference)",
    required=frozenset({"prompt", "completion", "label"}),
    convert=_convert,
)
