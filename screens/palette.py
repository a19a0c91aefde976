"""The palette: everything that can be done here, found by typing some letters of its name.

Its entries are the rows of the table of keys that hold in the room, the rooms that one can go to
from the home screen, and what the room adds. Textual's own entries are left out: one of them
writes a file on the machine that the program runs on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from rich.markup import escape
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from rlhf_tui.screens import keys
from rlhf_tui.screens.widgets.text import clean

if TYPE_CHECKING:
    from rlhf_tui.screens.room import Room


LETTERS = 4
"""So many letters of a query may fall apart once more than it has words."""


@dataclass(frozen=True)
class Entry:
    """One line of the palette."""

    name: str
    """May hold what people and models wrote: it is shown as text."""
    more: str
    """What stands below it: the key."""
    act: Callable[[], Any]


class Entries(Provider):
    """Hands the entries of the room below to the palette."""

    async def discover(self) -> Hits:
        for entry in self._entries():
            name = _line(entry.name)
            yield DiscoveryHit(Content(name), entry.act, name, escape(entry.more))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        words = query.split()
        most = len(words) + sum(map(len, words)) // LETTERS
        near: list[Hit] = []
        far: list[Hit] = []
        for entry in self._entries():
            name = _line(entry.name)
            score, places = matcher.fuzzy_search.match(query, name)
            if score > 0:
                # Not the matcher's own: it reads a title as markup.
                shown = Content(name)
                for place in places:
                    shown = shown.stylize(matcher.match_style, place, place + 1)
                hit = Hit(score, shown, entry.act, name, escape(entry.more))
                (near if pieces(places) <= most else far).append(hit)
        # The letters of a short word stand somewhere in most sentences: that finds nothing.
        for hit in near or far:
            yield hit

    def _entries(self) -> Iterator[Entry]:
        room = cast("Room", self.screen)
        table = room.program.keymap.table
        seen: set[str] = set()
        for row in keys.of(*room.ROOMS, "everywhere", table=table):
            if row.id == "palette":
                continue
            if row.per_key:
                # What each of the keys means is for the room to say.
                continue
            seen.add(row.action)
            yield Entry(row.description, keys.shown(row), partial(room.run_action, row.action))
        yield from room.palette_entries()
        # The other rooms need a workspace, which files of other programs do without.
        if room.program.workspace is not None and not room.program.guest:
            for row in keys.of("home", table=table):
                if row.action.startswith("go(") and row.action not in seen:
                    where = row.action.removeprefix("go('").removesuffix("')")
                    yield Entry(f"Go to: {row.description}", "", partial(room.program.go, where))


def pieces(places: Sequence[int]) -> int:
    """Into how many pieces the letters of a query fall, by where they were found."""
    return sum(place - 1 != before for before, place in zip([-2, *places], places, strict=False))


def open_palette(room: Room) -> None:
    """Open the palette over a room."""
    room.app.push_screen(CommandPalette([Entries], placeholder="Type what you look for"))


def _line(text: str) -> str:
    return clean(text).text.replace("\n", " ")
