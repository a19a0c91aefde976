"""Answers that take data out: exports in chunks, pages of prompts, completions and scores."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

from rlhf_tui.dataset.export import write_export
from rlhf_tui.errors import UsageError
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.identity import Identity
from rlhf_tui.hub.messages import (
    Chunk,
    ChunkAnswer,
    CompletionsAnswer,
    Export,
    Exported,
    PromptPage,
    ReadPrompts,
    RunCompletions,
    Scores,
    ScoresAnswer,
)
from rlhf_tui.store.read import prompts_page, run_completions, run_scores
from rlhf_tui.workspace import Workspace

CHUNK = 4 * 1024 * 1024
"""Bytes of one piece of an export; on the wire a third more."""
LARGEST_PAGE = 5_000
"""Prompts of one answer."""


def waiting_room(workspace: Workspace) -> Path:
    """Where exports lie until they have been fetched."""
    return workspace.exports / ".fetching"


def clear_waiting_room(workspace: Workspace) -> None:
    """Remove exports that nobody fetched from the hub before."""
    shutil.rmtree(waiting_room(workspace), ignore_errors=True)


async def export(hub: Hub, _who: Identity, request: Export) -> Exported:
    directory = waiting_room(hub.workspace)
    directory.mkdir(parents=True, exist_ok=True)
    made = await hub.read_at_length(write_export, request.spec, request.format, directory)
    hub.exports[made.path.name] = made.path
    return Exported(
        export_id=made.path.name, rows=made.rows, size=made.path.stat().st_size, note=made.note
    )


async def chunk(hub: Hub, _who: Identity, request: Chunk) -> ChunkAnswer:
    path = hub.exports.get(request.export_id)
    if path is None or request.offset < 0:
        raise UsageError(
            "The hub has no such export any more.", hint="Give the export command again."
        )
    data, last = await asyncio.to_thread(_piece, path, request.offset)
    if last:
        del hub.exports[request.export_id]
        path.unlink(missing_ok=True)
    return ChunkAnswer(data=data, last=last)


def _piece(path: Path, offset: int) -> tuple[bytes, bool]:
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(CHUNK)
        return data, offset + len(data) >= path.stat().st_size


async def read_prompts(hub: Hub, _who: Identity, request: ReadPrompts) -> PromptPage:
    limit = min(max(request.limit, 1), LARGEST_PAGE)
    prompts, completions, place = await hub.read(
        prompts_page, after=request.after, limit=limit, splits=request.splits
    )
    return PromptPage(prompts=prompts, completions=completions, next=place)


async def completions_of(hub: Hub, _who: Identity, request: RunCompletions) -> CompletionsAnswer:
    run_id = hub.jobs.find(request.run_id).run_id
    return CompletionsAnswer(completions=await hub.read_at_length(run_completions, run_id))


async def scores_of(hub: Hub, _who: Identity, request: Scores) -> ScoresAnswer:
    run_id = hub.jobs.find(request.run_id).run_id
    scores, completions = await hub.read_at_length(run_scores, run_id)
    return ScoresAnswer(scores=scores, completions=completions)


HANDLERS: dict[Any, Any] = {
    Export: export,
    Chunk: chunk,
    ReadPrompts: read_prompts,
    RunCompletions: completions_of,
    Scores: scores_of,
}
