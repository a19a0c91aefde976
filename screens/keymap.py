"""Keys that people move: rlhf.toml's [keys], a person's own keys.toml over it, and the vim preset.

The result is the table of keys with other keys in it, checked: in every room a key has one
meaning, and help and leaving always have one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from rlhf_tui.config.keys import KeysTable, read_keys
from rlhf_tui.errors import UsageError, nearest
from rlhf_tui.screens import key_names, keys
from rlhf_tui.screens.key_row import Key
from rlhf_tui.screens.key_rows import DIALOGS, KEYS, ROOMS

NEVER = "never"
"""Textual's name of no key: what a binding is moved to that has been taken away."""
ALWAYS = ("help", "leave", *(row.id for row in KEYS if row.id.endswith(".leave")))
"""Rows that keep a key: without them nobody finds the others, or the way out."""

PRESETS: dict[str, dict[str, Sequence[str]]] = {
    "default": {},
    "vim": {
        "label.next-match": ("n", "."),
        "label.previous-match": ("N", ","),
        "label.page-down": ("ctrl+f", "pagedown", "space"),
        "label.top": ("g", "home"),
        "label.bottom": ("G", "end"),
        "label.guidelines": ("i",),
        "label.redo": ("ctrl+r", "U"),
        "rank.thumb-up": ("+", "y"),
        "rank.thumb-down": ("-",),
        "thumbs.up": ("+", "y"),
        "thumbs.down": ("-",),
        "dashboard.scroll-down": ("ctrl+d", "pagedown", "space"),
        "dashboard.scroll-up": ("ctrl+u", "pageup", "b"),
        "launch.down": ("j", "ctrl+n", "down", "tab"),
        "launch.up": ("k", "ctrl+p", "up", "shift+tab"),
    },
}
"""What a preset moves. In vim's, n and N search, so a thumb down is `-`."""


@dataclass(frozen=True)
class Keymap:
    """The table of keys as it holds for a person."""

    table: Sequence[Key] = KEYS

    def key(self, id: str) -> str:
        """How the first key of a row is shown; `(none)` for one that was taken away."""
        row = next(row for row in self.table if row.id == id)
        return keys.shown(row, first=True) or "(none)"

    def bindings(self) -> dict[str, str]:
        """For Textual's `App.set_keymap`: id of a moved binding → its keys, comma-separated."""
        moved: dict[str, str] = {}
        for before, now in zip(KEYS, self.table, strict=True):
            if before.keys == now.keys:
                continue
            old, new = keys.names_of(before), keys.names_of(now)
            if before.per_key:
                places = new or [NEVER] * len(old)
            else:
                # All of them do the same: the first binding takes all keys.
                places = [",".join(new) or NEVER, *[NEVER] * (len(old) - 1)]
            ids = [keys.binding_id(before, name) for name in old]
            moved |= dict(zip(ids, places, strict=True))
        return moved


def personal_keys() -> Path:
    """The person's own file: `preset` and ids as in rlhf.toml's [keys]."""
    return platformdirs.user_config_path("rlhf-tui") / "keys.toml"


def load_keymap(workspace: KeysTable, config: Path | None) -> Keymap:
    """The keys of this person in this workspace.

    Args:
        workspace: [keys] of rlhf.toml.
        config: where that stands; None without a workspace.

    Raises:
        UsageError: a file that cannot be read, an unknown id or key, or a key that would have
            two meanings in a room; named by file, id and key.
    """
    path = personal_keys()
    own = _own(path) if path.is_file() else KeysTable()
    layers = [(own, str(path))]
    if not own.preset and config is not None:
        # Who chooses a preset chooses a whole set of keys: those of the workspace, which are
        # made for another one, are left out.
        layers.insert(0, (workspace, f"[keys] of {config}"))
    preset = own.preset or workspace.preset or "default"
    moves = {id: ([*written], f"the preset {preset!r}") for id, written in PRESETS[preset].items()}
    for layer, where in layers:
        moves |= {id: (written, where) for id, written in layer.moves.items()}
    return moved(moves)


def _own(path: Path) -> KeysTable:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}.") from None
    inner = document.get("keys")
    return read_keys(inner if isinstance(inner, dict) else document, str(path))


def moved(moves: Mapping[str, tuple[list[str], str]]) -> Keymap:
    """The table with these rows moved.

    Args:
        moves: id → its keys as written, and the place where that stands, for errors.

    Raises:
        UsageError: as `load_keymap`.
    """
    rows = {row.id: row for row in KEYS}
    places: dict[str, str] = {}
    for id, (written, where) in moves.items():
        if id not in rows:
            raise UsageError(f"There is no key with the id {id!r} in {where}.", hint=_near(id))
        names = [key_names.parse(text, where) for text in written if text.strip() or text == " "]
        row = rows[id]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"{id!r} in {where} names {key_names.shown(twice)} twice.")
        if not names and id in ALWAYS:
            raise UsageError(f"{id!r} in {where} must keep a key.")
        wanted = len(keys.names_of(row))
        if row.per_key and names and len(names) != wanted:
            raise UsageError(
                f"{id!r} in {where} needs {wanted} keys, one for each of {row.keys}.",
                hint=f"They are {len(names)}.",
            )
        rows[id] = replace(row, keys=",".join(names))
        places[id] = where
    keymap = Keymap(tuple(rows.values()))
    _check(keymap, places)
    return keymap


def _check(keymap: Keymap, places: Mapping[str, str]) -> None:
    """Raises UsageError where a key has two meanings in a room."""
    rooms = {room: (*screens, "everywhere") for room, screens in ROOMS.items()} | DIALOGS
    for room, screens in rooms.items():
        owner: dict[str, str] = {}
        for row in keys.of(*screens, table=keymap.table):
            for name in keys.names_of(row):
                other = owner.setdefault(name, row.id)
                if other == row.id:
                    continue
                where = places.get(row.id) or places.get(other) or "the table of keys"
                raise UsageError(
                    f"{key_names.shown(name)} stands for both {other!r} and {row.id!r} in the "
                    f"room {room} ({where}).",
                    hint="Give one of them another key there.",
                )


def _near(id: str) -> str:
    """The nearest id; there are too many to list them all."""
    close = nearest(id, [row.id for row in KEYS]).partition(" Known:")[0]
    return close if close.startswith("Did") else "The README and docs/annotators.md list them."
