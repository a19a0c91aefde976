"""TRL's prompt-only type, plain text files (one prompt a line) and CSV with a `prompt` column."""

from __future__ import annotations

from rlhf_tui.formats import values
from rlhf_tui.formats.base import Format, Import, Records, Row
from rlhf_tui.formats.making import make_prompt


def _convert(row: Row, context: Import) -> Records:
    return Records([make_prompt(values.prompt(row), context)])


FORMAT = Format(
    name="prompt-only",
    about="Prompts (TRL prompt-only; .txt with one a line; .csv)",
    required=frozenset({"prompt"}),
    convert=_convert,
)
