"""Records to rows and back: Arrow batches on the way in, tuples on the way out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from rlhf_tui.errors import InputError
from rlhf_tui.records import Completion, Event, Message, Prompt, Score, Task, Text, Written
from rlhf_tui.store.database import Connection

_STRING = pa.string()
_MESSAGES = pa.list_(pa.struct([("role", _STRING), ("content", _STRING)]))
_WRITTEN = pa.list_(
    pa.struct(
        [
            ("completion_id", _STRING),
            ("text", _STRING),
            ("messages", _MESSAGES),
            ("parent", _STRING),
        ]
    )
)

SCHEMAS: dict[str, pa.Schema] = {
    "prompts": pa.schema(
        [
            ("position", pa.int64()),
            ("prompt_id", _STRING),
            ("text", _STRING),
            ("messages", _MESSAGES),
            ("source", _STRING),
            ("split", _STRING),
            ("meta", _STRING),
        ]
    ),
    "completions": pa.schema(
        [
            ("position", pa.int64()),
            ("completion_id", _STRING),
            ("prompt_id", _STRING),
            ("text", _STRING),
            ("messages", _MESSAGES),
            ("origin", _STRING),
            ("model", _STRING),
            ("run_id", _STRING),
            ("parameters", _STRING),
            ("tokens", pa.int32()),
            ("finish_reason", _STRING),
            ("parent", _STRING),
            ("demonstration", pa.bool_()),
        ]
    ),
    "tasks": pa.schema(
        [
            ("position", pa.int64()),
            ("task_id", _STRING),
            ("kind", _STRING),
            ("prompt_id", _STRING),
            ("completion_ids", pa.list_(_STRING)),
            ("overlap", pa.int32()),
            ("priority", pa.int32()),
            ("run_id", _STRING),
            ("gold", _STRING),
            ("repeat_of", _STRING),
            ("assignee", _STRING),
        ]
    ),
    "events": pa.schema(
        [
            ("seq", pa.int64()),
            ("event_id", _STRING),
            ("kind", _STRING),
            ("task_id", _STRING),
            ("annotator", _STRING),
            ("shown", pa.list_(_STRING)),
            ("tiers", pa.list_(pa.int32())),
            ("thumbs", pa.list_(pa.bool_())),
            ("both_bad", pa.bool_()),
            ("unsure", pa.bool_()),
            ("strength", pa.int32()),
            ("aspects", _STRING),
            ("critique", _STRING),
            ("tags", pa.list_(_STRING)),
            ("guidelines", _STRING),
            ("selection", _STRING),
            ("reason", _STRING),
            ("written", _WRITTEN),
            ("active_ms", pa.int64()),
            ("wall_ms", pa.int64()),
            ("supersedes", _STRING),
            ("client", _STRING),
            ("created_ms", pa.int64()),
            ("expires_ms", pa.int64()),
            ("surplus", pa.bool_()),
            ("acting_uid", pa.int64()),
        ]
    ),
    "scores": pa.schema(
        [
            ("completion_id", _STRING),
            ("run_id", _STRING),
            ("model", _STRING),
            ("mean", pa.float64()),
            ("spread", pa.float64()),
            ("kl", pa.float64()),
        ]
    ),
}
"""Table → its columns in order, as the migrations make them."""

PROMPT = ", ".join(SCHEMAS["prompts"].names[1:])
COMPLETION = ", ".join(SCHEMAS["completions"].names[1:])
TASK = ", ".join(SCHEMAS["tasks"].names[1:])
EVENT = ", ".join(SCHEMAS["events"].names)
SCORE = ", ".join(SCHEMAS["scores"].names)
"""Columns for SELECT, in the order in which the functions below read them."""


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _text(value: Text) -> tuple[str | None, list[dict[str, str]] | None]:
    if isinstance(value, str):
        return value, None
    return None, [{"role": m.role, "content": m.content} for m in value]


def _prompt_row(position: int, p: Prompt) -> tuple[Any, ...]:
    return (position, p.prompt_id, *_text(p.prompt), p.source, p.split, _json(p.meta))


def _completion_row(position: int, c: Completion) -> tuple[Any, ...]:
    return (
        position,
        c.completion_id,
        c.prompt_id,
        *_text(c.completion),
        c.origin,
        c.model,
        c.run_id,
        _json(c.parameters),
        c.tokens,
        c.finish_reason,
        c.parent,
        c.demonstration,
    )


def _task_row(position: int, t: Task) -> tuple[Any, ...]:
    values = msgspec.structs.asdict(t) | {"position": position, "gold": _json(t.gold)}
    return tuple(values[name] for name in SCHEMAS["tasks"].names)


def _written_row(w: Written) -> dict[str, Any]:
    text, messages = _text(w.text)
    return {
        "completion_id": w.completion_id,
        "text": text,
        "messages": messages,
        "parent": w.parent,
    }


def _event_row(seq: int, e: Event) -> tuple[Any, ...]:
    values = msgspec.structs.asdict(e) | {
        "seq": seq,
        "aspects": _json(e.aspects),
        "written": [_written_row(w) for w in e.written],
    }
    return tuple(values[name] for name in SCHEMAS["events"].names)


def _score_row(_: int, s: Score) -> tuple[Any, ...]:
    return (s.completion_id, s.run_id, s.model, s.mean, s.spread, s.kl)


_ROWS: dict[str, Any] = {
    "prompts": _prompt_row,
    "completions": _completion_row,
    "tasks": _task_row,
    "events": _event_row,
    "scores": _score_row,
}


@contextlib.contextmanager
def batch(con: Connection, table: str, records: Sequence[Any], first: int) -> Iterator[str]:
    """The records as a view on `con` with the table's columns, numbered from `first`.

    Yields the view's name. Numbers stand in `position` (or `seq`).

    Raises:
        InputError: a text holds what UTF-8 cannot.
    """
    to_row = _ROWS[table]
    rows = [to_row(first + i, record) for i, record in enumerate(records)]
    schema = SCHEMAS[table]
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    try:
        arrays = [pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)]
    except UnicodeEncodeError as error:
        raise InputError(
            f"A text among these {table} holds {error.object[error.start : error.end]!r}, which"
            " is no character and cannot be stored.",
            hint="Remove the lone surrogate from the source.",
        ) from error
    except (OverflowError, pa.ArrowInvalid) as error:
        raise InputError(f"A number among these {table} is too large to be stored.") from error
    name = f"batch_{table}"
    con.register(name, pa.table(arrays, schema=schema))
    try:
        yield name
    finally:
        con.unregister(name)


def _join(text: str | None, messages: list[dict[str, Any]] | None) -> Text:
    if messages is None:
        return text or ""
    return [Message(m["role"], m["content"]) for m in messages]


def _value(text: str | None) -> Any:
    return msgspec.json.decode(text) if text else {}


def prompt(row: tuple[Any, ...]) -> Prompt:
    """From a row of PROMPT."""
    prompt_id, text, messages, source, split, meta = row
    return Prompt(prompt_id, _join(text, messages), source, split, _value(meta))


def completion(row: tuple[Any, ...]) -> Completion:
    """From a row of COMPLETION."""
    completion_id, prompt_id, text, messages, origin, model, run_id, parameters, *rest = row
    return Completion(
        completion_id,
        prompt_id,
        _join(text, messages),
        origin,
        model,
        run_id,
        _value(parameters),
        *rest,
    )


def task(row: tuple[Any, ...]) -> Task:
    """From a row of TASK."""
    values = dict(zip(SCHEMAS["tasks"].names[1:], row, strict=True))
    gold = values.pop("gold")
    return Task(**values, gold=msgspec.json.decode(gold) if gold else None)


def event(row: tuple[Any, ...]) -> Event:
    """From a row of EVENT."""
    values = dict(zip(SCHEMAS["events"].names, row, strict=True))
    values["aspects"] = _value(values["aspects"])
    values["written"] = [
        Written(w["completion_id"], _join(w["text"], w["messages"]), w["parent"])
        for w in values["written"]
    ]
    return Event(**values)


def score(row: tuple[Any, ...]) -> Score:
    """From a row of SCORE."""
    return Score(*row)
