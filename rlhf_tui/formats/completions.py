"""Our own file of completions that wait for judgement: a prompt and several completions a row."""

from __future__ import annotations

from typing import Any

from rlhf_tui.formats import values
from rlhf_tui.formats.base import BadRow, Format, Import, Records, Row
from rlhf_tui.formats.making import make_completion, make_prompt
from rlhf_tui.records import MAX_COMPLETIONS, Completion, Prompt, Task, Text, task_id

PARAMETERS = ("temperature", "top_p", "max_new_tokens", "seed")


def _texts(row: Row, prompt: Text) -> list[Text]:
    found = row.get("completions")
    if not isinstance(found, list) or not found:
        raise BadRow("completions is not a list of completions")
    texts: list[Text] = []
    for number, value in enumerate(found, 1):
        text = values.as_text(value, f"completion {number}")
        values.same_form(prompt, text, f"prompt and completion {number}")
        texts.append(text)
    return texts


def _parameters(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in PARAMETERS if row.get(name) is not None}


def _groups(ids: list[str]) -> list[list[str]]:
    """As few rankings as their greatest size allows, of nearly equal sizes."""
    count = -(-len(ids) // MAX_COMPLETIONS)
    size, longer = divmod(len(ids), count)
    groups: list[list[str]] = []
    start = 0
    for place in range(count):
        end = start + size + (place < longer)
        groups.append(ids[start:end])
        start = end
    return groups


def _tasks(prompt: Prompt, completions: list[Completion], context: Import) -> list[Task]:
    """Thumbs for each completion, and rankings of those that differ."""
    ids = [c.completion_id for c in completions]
    thumbs = [
        Task(task_id("thumbs", [i]), "thumbs", prompt.prompt_id, [i], context.thumbs_overlap)
        for i in ids
    ]
    ranks = [
        Task(task_id("rank", group), "rank", prompt.prompt_id, group, context.overlap)
        for group in _groups(ids)
        if len(group) > 1
    ]
    return ranks + thumbs


def _convert(row: Row, context: Import) -> Records:
    prompt = make_prompt(values.prompt(row), context)
    model = "" if row.get("model") is None else values.string(row, "model")
    made = [
        make_completion(prompt, text, model=model, parameters=_parameters(row))
        for text in _texts(row, prompt.prompt)
    ]
    different = list({c.completion_id: c for c in made}.values())
    return Records([prompt], different, _tasks(prompt, different, context))


FORMAT = Format(
    name="completions",
    about="Completions to judge: prompt, completions (a list), model and temperature if known",
    required=frozenset({"prompt", "completions"}),
    optional=frozenset({"model", *PARAMETERS}),
    convert=_convert,
)
