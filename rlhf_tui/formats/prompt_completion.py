"""TRL's prompt-completion type: demonstrations that SFT learns from."""

from __future__ import annotations

from rlhf_tui.formats import values
from rlhf_tui.formats.base import Format, Import, Records, Row
from rlhf_tui.formats.making import demonstration


def _convert(row: Row, context: Import) -> Records:
    prompt, completion = values.prompt(row), values.text(row, "completion")
    values.same_form(prompt, completion, "prompt and completion")
    return demonstration(prompt, completion, context)


FORMAT = Format(
    name="prompt-completion",
    about="Demonstrations for SFT (TRL prompt-completion)",
    required=frozenset({"prompt", "completion"}),
    convert=_convert,
)
