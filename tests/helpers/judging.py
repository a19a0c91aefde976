"""A small world to judge and review in, events on it, and who sends them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from helpers.inside import ask, person
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.identity import Identity
from rlhf_tui.hub.messages import Ingest, Submit, Submitted
from rlhf_tui.records import (
    Completion,
    Event,
    Prompt,
    Task,
    Written,
    imported_completion_id,
    new_event_id,
)

EVE = person("eve", "reviewer")
OWNER = person("owner", "owner")

IDS = ["ca", "cb", "cc"]


def world(overlap: int = 9) -> Ingest:
    """Rankings r0 to r3 of three completions each, and a thumb h0."""
    batch = Ingest()
    for number in range(4):
        prompt = f"p{number}"
        batch.prompts.append(Prompt(prompt, f"Q{number}", split="train"))
        ids = [f"{name}{number}" for name in IDS]
        batch.completions += [Completion(i, prompt, f" text {i}") for i in ids]
        batch.tasks.append(Task(f"r{number}", "rank", prompt, ids, overlap))
    batch.tasks.append(Task("h0", "thumbs", "p0", ["ca0"], overlap))
    batch.split = "train"
    return batch


def ranking(task: str, tiers: Sequence[int | None], kind: str = "judge", **fields: object) -> Event:
    shown = [f"{name}{task[1:]}" for name in IDS] if task[0] == "r" else ["ca0"]
    named = {"event_id": new_event_id(), "kind": kind, "task_id": task, "shown": shown}
    return msgspec.convert({**named, "tiers": list(tiers), **fields}, Event)


def thumb(up: bool, kind: str = "judge") -> Event:
    return msgspec.structs.replace(ranking("h0", [], kind), thumbs=[up])


async def submit(hub: Hub, who: str | Identity, *events: Event) -> list[str]:
    identity = person(who) if isinstance(who, str) else who
    answer = await ask(hub, identity, Submit(list(events)), Submitted)
    return [result.outcome for result in answer.results]


def writing(text: str = "Better.", parent: str | None = "ca0", prompt: str = "p0") -> Written:
    origin = "human" if parent is None else "edit"
    return Written(imported_completion_id(prompt, text, origin, ""), text, parent)  # type: ignore[arg-type]


def edit(*written: Written, tiers: Sequence[int | None], **fields: object) -> Event:
    """A judgement of r0 in which these were written; they stand behind the three."""
    event = ranking("r0", tiers, **fields)  # type: ignore[arg-type]
    shown = [*event.shown, *(one.completion_id for one in written)]
    return msgspec.structs.replace(event, shown=shown, written=list(written))
