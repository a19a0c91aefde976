"""`rlhf-tui`, `label` and `dashboard`, as people start them all day, without the tree of commands.

Importing and building the tree takes as long as all that the first screen needs. Only plain
forms of these three are read here; whatever else is typed, help and mistakes included, goes to the
tree, which knows the same options.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rlhf_tui.records import TaskKind

COMPLETING = "_RLHF_TUI_COMPLETE"
"""Set by the shell that asks, without arguments, how a line may go on."""
MODES: dict[str, TaskKind] = {"rank": "rank", "thumbs": "thumbs"}
OPTIONS = {"--mode": "mode", "--as": "as", "--workspace": "workspace", "-w": "workspace"}
"""Options of `label`; each takes a value."""
SHOWN = {"--workspace": "workspace", "-w": "workspace", "--view": "view"}
"""Options of `dashboard`, likewise."""


def quick(arguments: Sequence[str]) -> Callable[[], int] | None:
    """What opens the screen that is asked for; None for the tree to read the arguments."""
    if not arguments:
        return None if COMPLETING in os.environ else _home
    if arguments[0] == "dashboard":
        return _dashboard(arguments[1:])
    if arguments[0] != "label":
        return None
    given = _values(arguments[1:], OPTIONS)
    mode = MODES.get(given.get("mode", "rank")) if given is not None else None
    if given is None or mode is None:
        return None

    def label() -> int:
        from rlhf_tui.cli.opening import open_label

        place = Path(given["workspace"]) if "workspace" in given else None
        return open_label(mode, given.get("as"), place)

    return label


def _home() -> int:
    from rlhf_tui.cli.opening import open_home

    return open_home(None)


def _dashboard(arguments: Sequence[str]) -> Callable[[], int] | None:
    """The dashboard of what is named before any option."""
    count = next((n for n, a in enumerate(arguments) if a.startswith("-")), len(arguments))
    targets, given = arguments[:count], _values(arguments[count:], SHOWN)
    if given is None:
        return None

    def dashboard() -> int:
        from rlhf_tui.cli.targets import open_dashboard

        place = Path(given["workspace"]) if "workspace" in given else None
        return open_dashboard(targets, place, given.get("view", ""))

    return dashboard


def _values(arguments: Sequence[str], options: Mapping[str, str]) -> dict[str, str] | None:
    """Option → value; None where anything is not an option with its value."""
    values: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if not equals or not name.startswith("--"):
            name, value = argument, next(rest, "")
        if name not in options or not value or value.startswith("-"):
            return None
        values[options[name]] = value
    return values
