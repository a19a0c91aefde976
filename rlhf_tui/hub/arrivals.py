"""What a run writes and the store wants: completions and their tasks, and scores, as they come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from rlhf_tui.errors import HubError, InputError, RlhfError
from rlhf_tui.hub.intake import take_in
from rlhf_tui.records import Completion, Score, Task, task_id
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import RunArguments
from rlhf_tui.runs.tail import JsonlTail
from rlhf_tui.store.read import prompts_by_id
from rlhf_tui.store.write import RunRow, save_scores

if TYPE_CHECKING:
    from rlhf_tui.hub.hub import Hub

log = logging.getLogger("rlhf_tui.hub")

PIECE = 2 * 1024 * 1024
"""Bytes of one batch: a few thousand completions, so that people's saves wait little for it."""

T = TypeVar("T", bound=msgspec.Struct)


class Arrivals:
    """Takes in what one run appends to its files; a hub that starts again begins anew with them,
    since what is in the store already adds nothing."""

    def __init__(self, hub: Hub, directory: Path, arguments: dict[str, Any]) -> None:
        self._hub = hub
        self._completions = JsonlTail(directory / layout.COMPLETIONS)
        self._scores = JsonlTail(directory / layout.SCORES)
        self._run_id = directory.name
        self._k = int(arguments.get("k", 0))
        self._with_tasks = bool(arguments.get("tasks", False))
        self._by_prompt: dict[str, list[str]] = {}

    async def take(self) -> None:
        """Store everything that was written since the last call.

        Raises:
            RlhfError: the store could not take it; a later call does not see it again.
        """
        while rows := await asyncio.to_thread(self._completions.read, PIECE):
            await self._take_completions(_typed(rows, Completion))
        while rows := await asyncio.to_thread(self._scores.read, PIECE):
            scores = _typed(rows, Score)
            await self._hub.writer.do(save_scores, self._hub.store, scores)
            self._hub.informing.tell()

    async def _take_completions(self, completions: list[Completion]) -> None:
        tasks = await self._tasks(completions) if self._with_tasks else []
        await take_in(self._hub, completions=completions, tasks=tasks)

    async def _tasks(self, completions: Sequence[Completion]) -> list[Task]:
        """A thumbs task for each completion, and a ranking for each prompt that has all of its
        own now; nothing for prompts of the test split, which are for evaluation alone."""
        wanted = {completion.prompt_id for completion in completions}
        prompts = await self._hub.read(prompts_by_id, list(wanted))
        label = self._hub.settings.label
        tasks: list[Task] = []
        for completion in completions:
            prompt = prompts.get(completion.prompt_id)
            if prompt is None or prompt.split == "test":
                continue
            ids = self._by_prompt.setdefault(prompt.prompt_id, [])
            if completion.completion_id in ids:
                continue
            ids.append(completion.completion_id)
            found: list[tuple[Any, list[str], int]] = [
                ("thumbs", [completion.completion_id], label.thumbs_overlap)
            ]
            if len(ids) == self._k >= 2:
                found.append(("rank", list(ids), label.overlap))
            tasks += [
                Task(task_id(kind, shown), kind, prompt.prompt_id, shown, overlap, 0, self._run_id)
                for kind, shown, overlap in found
            ]
        return tasks


def _typed(rows: Sequence[dict[str, Any]], kind: type[T]) -> list[T]:
    try:
        return [msgspec.convert(row, kind) for row in rows]
    except msgspec.ValidationError as error:
        raise InputError(f"The run wrote what is no {kind.__name__}: {error}.") from None


class Intake:
    """Takes in what all runs write that are alive."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._arrivals: dict[str, Arrivals] = {}

    def forget(self, run_id: str) -> None:
        """The run is over, and all of it is stored."""
        self._arrivals.pop(run_id, None)

    async def take(self, row: RunRow) -> str | None:
        """Store what the run has written; a sentence when that is not possible, None when it may
        be later: a full disk must not cost what a run wrote."""
        if row.kind not in ("generate", "score"):
            return ""
        directory = Path(row.directory)
        if row.run_id not in self._arrivals:
            arguments = layout.read(directory / layout.ARGS, RunArguments)
            chosen = arguments.arguments if arguments else {}
            self._arrivals[row.run_id] = Arrivals(self._hub, directory, chosen)
        try:
            await self._arrivals[row.run_id].take()
        except RlhfError as error:
            log.error("%s: %s", row.run_id, error)
            # Read again from the start next time: what is stored already adds nothing.
            del self._arrivals[row.run_id]
            if isinstance(error, HubError):
                return None
            return f"Not everything it wrote could be stored: {error}"
        return ""
