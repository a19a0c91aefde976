"""`rlhf-tui` and `rlhf-tui label`, as people start them all day, without the tree of commands.

Importing and building the tree takes as long as all that the first screen needs. Only plain
forms of these two are read here; whatever else is typed, help and mistakes included, goes to the
tree, which knows the same options.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rlhf_tui.records import TaskKind

MODES: dict[str, TaskKind] = {"rank": "rank", "thumbs": "thumbs"}
OPTIONS = {"--mode": "mode", "--as": "as", "--workspace": "workspace", "-w": "workspace"}
"""Options of `label`; each takes a value."""


def quick(arguments: Sequence[str]) -> Callable[[], int] | None:
    """What opens the screen that is asked for; None for the tree to read the arguments."""
    if not arguments:
        return _home
    if arguments[0] != "label":
        return None
    given = _values(arguments[1:])
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


def _values(arguments: Sequence[str]) -> dict[str, str] | None:
    """Option → value; None where anything is not an option with its value."""
    values: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if not equals or not name.startswith("--"):
            name, value = argument, next(rest, "")
        if name not in OPTIONS or not value or value.startswith("-"):
            return None
        values[OPTIONS[name]] = value
    return values
