"""transformers' and TRL's trainer_state.json, written anew at every checkpoint and at the end.

Of an output directory, the newest of trainer_state.json and `checkpoint-*/trainer_state.json`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rlhf_tui.runs.tail import open_plain
from rlhf_tui.tracking.foreign.reader import Piece, Telling
from rlhf_tui.tracking.foreign.values import Places, decode, flatten, number_in

NAME = "trainer_state.json"
PREFIXES = ("checkpoint-", "step-")
"""How directories of checkpoints are called: by transformers, and in our runs."""
LARGEST = 128 * 1024 * 1024
"""Bytes of a file that is decoded whole: half a million logged steps."""
COPIED_S = 60.0
A_TIME = 2000
"""Rows handed out by one read, so that a screen stays alive."""
END = "train_runtime"
"""What only the entry at the end of a training holds; its means are no points of curves."""


def states(directory: Path) -> list[Path]:
    """The trainer_state.json files of an output directory, newest first.

    Of those written within `COPIED_S` of the newest the one of the latest step comes first: a copy
    of a directory dates all of them alike.
    """
    found = []
    try:
        names = [entry.name for entry in os.scandir(directory)]
    except OSError:
        return []
    for name in names:
        if name == NAME:
            found.append(directory / name)
        elif name.startswith(PREFIXES):
            found.append(directory / name / NAME)
    dated = _dated(found)
    newest = dated[0][0] if dated else 0.0
    together = [path for when, path in dated if newest - when <= COPIED_S]
    # The one right in the directory was written at the end.
    together.sort(key=lambda path: (path.parent == directory, _number(path.parent)), reverse=True)
    return together + [path for when, path in dated if newest - when > COPIED_S]


def newest_first(paths: Iterable[Path]) -> list[Path]:
    """By their last change; what is gone meanwhile is left out."""
    return [path for _, path in _dated(paths)]


def _dated(paths: Iterable[Path]) -> list[tuple[float, Path]]:
    dated = []
    for path in paths:
        try:
            dated.append((path.stat().st_mtime, path))
        except OSError:
            continue
    return sorted(dated, reverse=True)


def _number(checkpoint: Path) -> int:
    digits = checkpoint.name.rpartition("-")[2]
    return int(digits) if digits.isdecimal() and len(digits) < 19 else -1


class TrainerStateReader(Telling):
    """Reads the newest state of a file or an output directory whenever it has changed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._seen: tuple[str, int, int, int] | None = None
        self._history: list[dict[str, Any]] = []
        self._given = 0
        self._places = Places()

    def read(self, limit: int) -> Piece:
        """Rows that are new; a change of those that were given begins anew."""
        piece = Piece()
        if self._given >= len(self._history):
            piece.restarted = self._look()
        rows = self._history[self._given : self._given + A_TIME]
        self._given += len(rows)
        piece.rows = [self._places.row(flatten(row)) for row in rows]
        piece.more = self._given < len(self._history)
        return piece

    def _look(self) -> bool:
        """Read the file if it is another one, or has changed; whether its past has changed."""
        found = states(self._path) if self._path.is_dir() else [self._path]
        if not found:
            return False
        try:
            facts = found[0].stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        seen = (str(found[0]), facts.st_ino, facts.st_mtime_ns, facts.st_size)
        if seen == self._seen:
            return False
        self._seen = seen
        if facts.st_size > LARGEST:
            self.problem = f"{NAME} has more than {LARGEST >> 20} MiB: not read."
            return False
        try:
            with open_plain(found[0]) as file:
                state = decode(file.read())
        except FileNotFoundError:
            return False
        except ValueError:
            # Written at this very moment: looked at again, as its time changes then.
            self.problem = f"{found[0].name} is no whole JSON."
            return False
        logged = state.get("log_history") if isinstance(state, dict) else None
        if not isinstance(logged, list):
            self.problem = f"{found[0].name} has no log_history."
            return False
        self.problem = ""
        self._take_facts(state, logged)
        history = [row for row in logged if isinstance(row, dict) and END not in row]
        begins_anew = history[: self._given] != self._history[: self._given]
        if begins_anew:
            self._given, self._places = 0, Places()
        self._history = history
        return begins_anew

    def _take_facts(self, state: dict[str, Any], logged: list[Any]) -> None:
        facts = {k: v for k, v in state.items() if isinstance(v, str | int | float) and v != ""}
        self.facts = {NAME: facts}
        last = logged[-1] if logged else None
        if isinstance(last, dict) and END in last:
            self.facts = {"result": flatten(last), **self.facts}
            self.over = "finished"
        else:
            self.over = ""
        total = number_in(state.get("max_steps")) or 0
        self.total = int(total) if 0 < total < 1e15 else 0
