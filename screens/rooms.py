"""The rooms of the program by name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, cast

from rlhf_tui.errors import UsageError, nearest
from rlhf_tui.screens.room import Room

FILES = "files"
"""The room that shows what other programs wrote, and needs no workspace."""
ROOMS: dict[str, tuple[str, str]] = {
    "home": ("home", "HomeScreen"),
    "label:rank": ("rank", "RankScreen"),
    "label:thumbs": ("thumbs", "ThumbsScreen"),
    "history": ("history", "HistoryScreen"),
    "review:rank": ("review", "ReviewRankScreen"),
    "review:thumbs": ("review", "ReviewThumbsScreen"),
    "statistics": ("statistics", "StatisticsScreen"),
    "launch": ("launch", "LaunchScreen"),
    "dashboard": ("dashboard", "DashboardScreen"),
    FILES: ("dashboard_opened", "FilesScreen"),
}
"""Name of a room → its module and class. Modules are imported when a room is opened, so that the
first paint waits for one of them only."""


def room(where: str) -> Room:
    """The room of a name of ROOMS; what stands behind it (`dashboard:RUN`, `launch:KIND`,
    `label:rank:TASK` for the revision of one item of the past) is handed to it.

    Raises:
        UsageError: there is no such room.
    """
    screen, argument = _found(where)
    return cast(Room, screen(argument) if argument else screen())


def style_of(where: str) -> Path:
    """The style sheet of a room; raises like `room`."""
    return cast(Path, _found(where)[0].CSS_PATH)


def _found(where: str) -> tuple[type[Any], str]:
    first, _, rest = where.partition(":")
    second, _, rest_of_two = rest.partition(":")
    for name, argument in ((f"{first}:{second}", rest_of_two), (first, rest)):
        if name in ROOMS:
            module, screen = ROOMS[name]
            return getattr(import_module(f"rlhf_tui.screens.{module}"), screen), argument
    raise UsageError(f"There is no screen {where!r}.", hint=nearest(where, ROOMS))
