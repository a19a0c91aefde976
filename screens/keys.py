"""What the one table of keys makes: bindings, footer, the `?` help and the README's section.

The rows stand in `key_rows`; `keymap` moves them for those who want other keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from rich.cells import cell_len
from textual.binding import Binding, BindingType

from rlhf_tui.screens import key_names
from rlhf_tui.screens.key_row import Key
from rlhf_tui.screens.key_rows import DIALOGS, KEYS, ROOMS, TITLES

__all__ = ["DIALOGS", "KEYS", "ROOMS", "TITLES", "Key"]
Table = Sequence[Key]


def shown(key: Key, *, first: bool = False) -> str:
    """The keys of a row as people know them: `1-9`, `j Down`; only the first with `first`."""
    names = [key_names.shown(name) for name in names_of(key)]
    if key.per_key and len(names) > 2:
        together = "".join(names)
        return f"{names[0]}-{names[-1]}" if together in "123456789" else together
    return names[0] if first and names else " ".join(names)


def names_of(key: Key) -> list[str]:
    """Textual's names of a row's keys; none for one that was taken away."""
    return [name for name in key.keys.split(",") if name]


def of(*screens: str, table: Table = KEYS) -> list[Key]:
    """The rows of these screens, in the table's order."""
    return [key for key in table if key.screen in screens]


def bindings(*screens: str) -> list[BindingType]:
    """Textual bindings of the rows of these screens.

    All have priority, so that Tab, Enter and the arrows reach the screen first; a screen with
    text inputs should ask for `plain_bindings`. Each has an id of `binding_id`, by which the
    program's keymap moves it.
    """
    return list(_bindings(of(*screens), priority=True))


def plain_bindings(*screens: str) -> list[BindingType]:
    """The same without priority: a focused input takes the letters it can use."""
    return list(_bindings(of(*screens), priority=False))


def borrowed(actions: Mapping[str, str]) -> list[BindingType]:
    """Bindings of single rows to other actions, for dialogs: `{"help": "dismiss"}`.

    Args:
        actions: id of the row → action.
    """
    rows = [replace(row, action=actions[row.id]) for row in KEYS if row.id in actions]
    return list(_bindings(rows, priority=False))


def _bindings(rows: Iterable[Key], *, priority: bool) -> Iterator[Binding]:
    for row in rows:
        for name in names_of(row):
            yield Binding(
                name,
                row.action.format(key=name),
                row.description,
                show=bool(row.footer),
                priority=priority,
                id=binding_id(row, name),
            )


def binding_id(row: Key, name: str) -> str:
    """The id of one binding of a row, by its key in the unmoved table: `rank.pick:3`."""
    return f"{row.id}:{name}"


def footer(
    width: int, *screens: str, table: Table = KEYS, words: Mapping[str, str] | None = None
) -> list[Hint]:
    """What fits into `width` cells; the first rows of the table stay longest.

    The way to the help is always there: with it every other key is found.

    Args:
        words: for rows, by id, other words than the table's; empty: not shown now.
    """
    words = words or {}
    ways = {row.id: row for row in of("everywhere", table=table)}
    last = [Hint(shown(ways[i], first=True), i, ways[i].action) for i in ("help", "leave")]
    free = width - sum(hint.width for hint in last)
    chosen: list[Hint] = []
    for row in of(*screens, table=table):
        word = words.get(row.id, row.footer)
        if not word or not row.keys:
            continue
        # What stands for several keys cannot be meant by one click.
        action = "" if row.per_key else row.action
        hint = Hint(shown(row, first=True), word, action)
        free -= hint.width
        if free < 0:
            break
        chosen.append(hint)
    return chosen + last


class Hint(NamedTuple):
    """A key and its word in the footer."""

    key: str
    word: str
    action: str
    """What a click on it does; empty: nothing."""

    @property
    def width(self) -> int:
        """Cells, with the spaces around."""
        return cell_len(self.key) + cell_len(self.word) + 3


def help_groups(*screens: str, table: Table = KEYS) -> dict[str, list[tuple[str, str]]]:
    """The help of a room: heading → (keys, description), its own rows first."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for row in of(*screens, "everywhere", table=table):
        if row.keys:
            groups.setdefault(row.group, []).append((shown(row), row.description))
    return groups


def markdown(*screens: str) -> str:
    """A Markdown table of the rows of these screens, or of all; README and docs hold it."""
    lines = ["| Screen | Key | Id | What it does |", "|---|---|---|---|"]
    for row in of(*screens) if screens else KEYS:
        names = [shown(row)] if row.per_key else shown(row).split(" ")
        keys = " ".join(f"`{name}`" for name in names)
        lines.append(f"| {TITLES[row.screen]} | {keys} | `{row.id}` | {row.description} |")
    return "\n".join(lines)
