"""Reading the cells of a row: texts, messages, flags, with a reason when they are not that."""

from __future__ import annotations

from typing import Any, get_args

from rlhf_tui.formats.base import BadRow, Row
from rlhf_tui.records import Message, Role, Text

ROLES: tuple[str, ...] = get_args(Role)
TRUE, FALSE = {"true", "1", "yes"}, {"false", "0", "no"}
"""How CSV files write a flag, in lower case."""


def _kind(value: Any) -> str:
    """A value's type in JSON's words."""
    names = {str: "text", bool: "true or false", dict: "an object", list: "a list"}
    if value is None:
        return "nothing"
    return names.get(type(value), "a number")


def string(row: Row, column: str) -> str:
    value = row.get(column)
    if not isinstance(value, str):
        raise BadRow(f"{column} is {_kind(value)}, not text")
    return value


def text(row: Row, column: str) -> Text:
    """A prompt or completion: text, kept exactly, or a list of messages."""
    return as_text(row.get(column), column)


def as_text(value: Any, where: str) -> Text:
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise BadRow(f"{where} is {_kind(value)}, neither text nor a list of messages")
    if not value:
        raise BadRow(f"{where} is an empty list of messages")
    return [_message(item, where) for item in value]


def _message(item: Any, where: str) -> Message:
    if not isinstance(item, dict):
        raise BadRow(f"{where} holds {_kind(item)} where a message should be")
    role, content = item.get("role"), item.get("content")
    if role not in ROLES:
        known = ", ".join(ROLES)
        raise BadRow(f"{where} has a message of role {role!r}; known roles: {known}")
    if not isinstance(content, str):
        raise BadRow(f"{where} has a message whose content is {_kind(content)}, not text")
    # Parquet gives every message the keys of all, filled with nulls.
    more = sorted(k for k, v in item.items() if k not in ("role", "content") and v is not None)
    if more:
        raise BadRow(f"{where} has a message with {', '.join(more)}, which is not read")
    return Message(role, content)


def prompt(row: Row, column: str = "prompt") -> Text:
    """A prompt, which must hold something."""
    value = text(row, column)
    if not value:
        raise BadRow(f"{column} is empty")
    return value


def same_form(one: Text, other: Text, names: str) -> None:
    """Refuse text beside messages: no template joins them."""
    if isinstance(one, str) != isinstance(other, str):
        raise BadRow(f"{names} mix text and messages")


def flag(row: Row, column: str) -> bool:
    value = row.get(column)
    if isinstance(value, str) and value.strip().lower() in TRUE | FALSE:
        return value.strip().lower() in TRUE
    if isinstance(value, bool | int) and value in (0, 1):
        return bool(value)
    raise BadRow(f"{column} is {value!r:.40}, neither true nor false")


def shared_start(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
