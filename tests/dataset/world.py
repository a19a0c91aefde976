"""A small world to judge in, in text form or in message form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rlhf_tui.records import Annotator, Completion, Event, Message, Prompt, Split, Task, Text
from rlhf_tui.store.database import Store
from rlhf_tui.store.write import ingest

SPLITS: list[Split] = ["train", "train", "validation", "test"]

Judge = Callable[..., Event]
"""`judge("rank0", tiers=…)` stores a judgement; keyword arguments are the event's fields."""


def said(text: str, chat: bool, role: Any = "assistant") -> Text:
    return [Message(role, text)] if chat else text


def fill(store: Store, *, chat: bool = False, name: str = "") -> None:
    """Prompts 0 to 3 (splits train, train, validation, test) with a ranking of a, b, c each, a
    thumbs task on `a`, and a demonstration for 0 and 2. Nothing is judged yet."""
    prompts, completions, tasks = [], [], []
    for number, split in enumerate(SPLITS):
        prompt = f"{name}p{number}"
        prompts.append(Prompt(prompt, said(f"Q{number}", chat, "user"), split=split))
        ids = [f"{name}{letter}{number}" for letter in "abc"]
        completions += [
            Completion(i, prompt, said(f" answer {i}", chat), run_id=f"generate-{number % 2}")
            for i in ids
        ]
        tasks.append(Task(f"{name}rank{number}", "rank", prompt, ids))
        tasks.append(Task(f"{name}thumb{number}", "thumbs", prompt, ids[:1]))
    for number in (0, 2):
        text = said(f" shown {number}", chat)
        completions.append(
            Completion(f"{name}demo{number}", f"{name}p{number}", text, "human", demonstration=True)
        )
    ingest(
        store,
        prompts=prompts,
        completions=completions,
        tasks=tasks,
        annotators=[Annotator("ann"), Annotator("bot", "ai")],
    )
