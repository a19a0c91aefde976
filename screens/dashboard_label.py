"""Samples of a run as an item: two to be ranked, or one to be rated.

They join the store as imported completions do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from rlhf_tui.errors import InputError, RlhfError
from rlhf_tui.hub.messages import Ingest, Ingested
from rlhf_tui.records import (
    Completion,
    Prompt,
    Task,
    TaskKind,
    Text,
    imported_completion_id,
    prompt_id,
    task_id,
)
from rlhf_tui.runs.layout import SampleRow
from rlhf_tui.screens.link import Link

if TYPE_CHECKING:
    from rlhf_tui.screens.room import Room


async def judge(room: Room, run_id: str, rows: Sequence[SampleRow]) -> None:
    """Put answers up and open them; the person is told where that cannot be."""
    if room.program.link is None:
        room.notify("Judging needs a workspace.", severity="warning")
        return
    try:
        task = await put_up(room.link, run_id, rows)
    except RlhfError as error:
        room.notify(str(error), title="Not put up", severity="error")
        return
    room.program.go(f"label:{task.kind}:{task.task_id}")


async def put_up(link: Link, run_id: str, rows: Sequence[SampleRow]) -> Task:
    """Put answers to one prompt up; what is there already is not added again.

    Args:
        rows: two answers to be ranked, or one to be rated.

    Raises:
        InputError: the samples hold neither texts nor messages.
        RlhfError: the hub is away, or this person may not add items.
    """
    prompt = _text(rows[0].prompt)
    place = prompt_id(prompt)
    completions = []
    for row in rows:
        made_by = f"{run_id} {row.by}" if row.by else f"{run_id} step {row.step}"
        text = _text(row.completion)
        ident = imported_completion_id(place, text, "model", made_by)
        completions.append(Completion(ident, place, text, model=made_by))
    ids = sorted(completion.completion_id for completion in completions)
    kind: TaskKind = "rank" if len(ids) > 1 else "thumbs"
    task = Task(task_id(kind, ids), kind, place, ids)
    request = Ingest(prompts=[Prompt(place, prompt)], completions=completions, tasks=[task])
    await link.call(request, Ingested)
    return task


def _text(value: Any) -> Text:
    try:
        text: Text = msgspec.convert(value, Text)
    except msgspec.ValidationError:
        raise InputError("This sample holds neither a text nor messages.") from None
    return text
