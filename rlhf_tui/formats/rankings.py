"""Our own full ranking record (`export rankings`): every event with all that it refers to.

A row holds an event with its task, prompt and completions. Values that differ in shape from row
to row (parameters, aspects, meta, gold) are JSON texts in it, as a column has one type.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rlhf_tui.formats.base import BadRow, Format, Import, Records, Row
from rlhf_tui.records import (
    MAX_COMPLETIONS,
    Annotator,
    AnnotatorKind,
    Completion,
    Event,
    EventKind,
    Message,
    Origin,
    Prompt,
    Selection,
    Split,
    Task,
    TaskKind,
    Text,
    Written,
)


class _Completion(msgspec.Struct):
    completion_id: str
    text: str | None = None
    messages: list[Message] | None = None
    origin: Origin = "model"
    model: str = ""
    run_id: str = ""
    parameters: str = "{}"
    tokens: int | None = None
    finish_reason: Any = None
    parent: str | None = None
    demonstration: bool = False


class _Task(msgspec.Struct):
    kind: TaskKind
    completion_ids: list[str]
    overlap: int = 1
    priority: int = 0
    run_id: str = ""
    gold: str | None = None
    repeat_of: str | None = None
    assignee: str = ""


class _Written(msgspec.Struct):
    completion_id: str
    text: str | None = None
    messages: list[Message] | None = None
    parent: str | None = None


class _Ranking(msgspec.Struct):
    event_id: str
    kind: EventKind
    task_id: str
    annotator: str
    task: _Task
    prompt_id: str
    split: Split
    completions: list[_Completion]
    seq: int = 0
    annotator_kind: AnnotatorKind | None = None
    shown: list[str] = []
    tiers: list[int | None] = []
    thumbs: list[bool | None] = []
    both_bad: bool = False
    unsure: bool = False
    strength: int | None = None
    aspects: str = "{}"
    critique: str = ""
    tags: list[str] = []
    guidelines: str = ""
    selection: Selection = ""
    reason: str = ""
    written: list[_Written] = []
    active_ms: int = 0
    wall_ms: int = 0
    supersedes: str | None = None
    client: str = ""
    created_ms: int = 0
    expires_ms: int = 0
    surplus: bool = False
    acting_uid: int = -1
    prompt_text: str | None = None
    prompt_messages: list[Message] | None = None
    source: str = ""
    meta: str = "{}"


def _text(text: str | None, messages: list[Message] | None) -> Text:
    return messages if messages is not None else text or ""


def _completion(found: _Completion, prompt_id: str) -> Completion:
    return Completion(
        found.completion_id,
        prompt_id,
        _text(found.text, found.messages),
        origin=found.origin,
        model=found.model,
        run_id=found.run_id,
        parameters=msgspec.json.decode(found.parameters, type=dict[str, Any]),
        tokens=found.tokens,
        finish_reason=found.finish_reason,
        parent=found.parent,
        demonstration=found.demonstration,
    )


def _task(found: _Ranking) -> Task:
    told = msgspec.structs.asdict(found.task)
    told["gold"] = found.task.gold and msgspec.json.decode(found.task.gold, type=dict[str, int])
    return Task(found.task_id, prompt_id=found.prompt_id, **told)


def _event(found: _Ranking) -> Event:
    told: dict[str, Any] = {n: getattr(found, n, None) for n in Event.__struct_fields__}
    told["aspects"] = msgspec.json.decode(found.aspects, type=dict[str, dict[str, int]])
    told["written"] = [
        Written(w.completion_id, _text(w.text, w.messages), w.parent) for w in found.written
    ]
    return Event(**told)


def _records(found: _Ranking) -> Records:
    meta = msgspec.json.decode(found.meta, type=dict[str, Any])
    prompt = _text(found.prompt_text, found.prompt_messages)
    return Records(
        [Prompt(found.prompt_id, prompt, found.source, found.split, meta)],
        [_completion(completion, found.prompt_id) for completion in found.completions],
        [_task(found)],
        [_event(found)],
        [Annotator(found.annotator, found.annotator_kind or "human")],
        split=found.split,
    )


def _check(found: _Ranking) -> None:
    """Refuse what could not have been judged: a pair of it would be nobody's."""
    if found.kind == "lease":
        raise BadRow("a lease is no judgement")
    ids, shown = found.task.completion_ids, found.shown
    fewest, most = (2, MAX_COMPLETIONS) if found.task.kind == "rank" else (1, 1)
    if not fewest <= len(set(ids)) == len(ids) <= most:
        raise BadRow(f"a task of kind {found.task.kind} cannot have {len(ids)} completions")
    if set(ids) != {completion.completion_id for completion in found.completions}:
        raise BadRow("completions are not those of the task")
    known = {*ids, *(written.completion_id for written in found.written)}
    if not set(shown) <= known or len(set(shown)) != len(shown):
        raise BadRow("shown names a completion twice, or one that is not of the task")
    for name, values in (("tiers", found.tiers), ("thumbs", found.thumbs)):
        if len(values) not in (0, len(shown)):
            raise BadRow(f"there are {len(values)} {name} for {len(shown)} completions shown")
    last = MAX_COMPLETIONS + len(found.written)
    if any(tier is not None and not 1 <= tier <= last for tier in found.tiers):
        raise BadRow(f"tiers go from 1 (best) to {last}")


def _convert(row: Row, _context: Import) -> Records:
    try:
        found = msgspec.convert(row, _Ranking)
        _check(found)
        return _records(found)
    except msgspec.DecodeError as error:
        raise BadRow(f"not a row of a rankings export: {error}") from error


REQUIRED = {"event_id", "kind", "task_id", "annotator", "task", "prompt_id", "split", "completions"}
FORMAT = Format(
    name="rankings",
    about="Every judgement with all that it refers to, as `export rankings` writes it",
    required=frozenset(REQUIRED),
    optional=frozenset(_Ranking.__struct_fields__),
    convert=_convert,
)
