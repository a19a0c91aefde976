"""The [keys] table: a preset, and ids of rows with the keys that they move to.

Which ids and keys there are is known where the screens are; here is only the form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

import msgspec

from rlhf_tui.errors import UsageError, nearest

Preset = Literal["", "default", "vim"]


class KeysTable(msgspec.Struct, frozen=True):
    preset: Preset = ""
    """Empty: nothing is said."""
    moves: dict[str, list[str]] = {}
    """Id of a row → its keys as written, in place of those it had; none takes them away."""


def read_keys(values: Mapping[str, Any], where: str) -> KeysTable:
    """A table of keys, whose ids may be quoted (`"rank.submit" = …`) or not.

    Args:
        where: names the place in errors.

    Raises:
        UsageError: an unknown preset, or a value that is neither text nor a list of texts.
    """
    preset = values.get("preset", "")
    presets = get_args(Preset)
    if preset not in presets:
        raise UsageError(
            f"preset = {preset!r} in {where} is none.", hint=nearest(str(preset), presets[1:])
        )
    moves: dict[str, list[str]] = {}
    for id, value in _flat({name: value for name, value in values.items() if name != "preset"}):
        written = [value] if isinstance(value, str) else value
        if not isinstance(written, list) or not all(isinstance(text, str) for text in written):
            raise UsageError(
                f"{id} = {value!r} in {where} is no key.",
                hint='Write one key, or a list of them, as in: "rank.submit" = ["enter", "ctrl+n"]',
            )
        moves[id] = written
    return KeysTable(preset, moves)


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, value
