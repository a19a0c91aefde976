"""The JSON Lines of Vertex AI's RLHF pipeline, as the well-known course uses them.

Column names: input_text; input_text, output_text; input_text, candidate_0, candidate_1, choice.
"""

from __future__ import annotations

from rlhf_tui.formats import making, values
from rlhf_tui.formats.base import BadRow, Format, Import, Records, Row


def _prompt(row: Row) -> str:
    text = values.string(row, "input_text")
    if not text:
        raise BadRow("input_text is empty")
    return text


def _preference(row: Row, context: Import) -> Records:
    shown = [values.string(row, "candidate_0"), values.string(row, "candidate_1")]
    choice = str(row.get("choice")).strip()
    if choice not in ("0", "1"):
        raise BadRow(f"choice is {choice[:40]!r}; it must be 0 or 1")
    best = int(choice)
    return making.preference(_prompt(row), shown[best], shown[1 - best], context, [*shown])


def _demonstration(row: Row, context: Import) -> Records:
    return making.demonstration(_prompt(row), values.string(row, "output_text"), context)


def _prompt_only(row: Row, context: Import) -> Records:
    return Records([making.make_prompt(_prompt(row), context)])


PREFERENCE = Format(
    name="course-preference",
    about="Pairs as JSON Lines: input_text, candidate_0, candidate_1, choice",
    required=frozenset({"input_text", "candidate_0", "candidate_1", "choice"}),
    convert=_preference,
)
DEMONSTRATION = Format(
    name="course-sft",
    about="Demonstrations as JSON Lines: input_text, output_text",
    required=frozenset({"input_text", "output_text"}),
    convert=_demonstration,
)
PROMPT = Format(
    name="course-prompts",
    about="Prompts as JSON Lines: input_text",
    required=frozenset({"input_text"}),
    convert=_prompt_only,
)
