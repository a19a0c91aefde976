"""How a log of another program stands, by a glance: alive, how far, without reading all of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from rlhf_tui.runs.tail import open_plain
from rlhf_tui.tracking.foreign import csv_table, values
from rlhf_tui.tracking.foreign.json_lines import total_in
from rlhf_tui.tracking.foreign.scan import Found
from rlhf_tui.tracking.foreign.trainer_state import LARGEST

RUNNING_S = 90.0
"""A log that has not grown for so long is taken to have ended: an evaluation fits in between."""
LONGEST_S = 6 * 3600.0
"""… and a trainer_state.json, which comes with the checkpoints, after twice the time between the
last two of them, at most after this."""
END = 64 * 1024
"""Bytes of the end of a file in which the last row is looked for."""
State = Literal["running", "finished", "failed"]


@dataclass(frozen=True)
class Progress:
    """As far as it was told; 0 for what was not."""

    step: int = 0
    total: int = 0


@dataclass(frozen=True)
class Standing:
    """How a log stands."""

    state: State
    changed: float
    """Seconds since 1970; 0 where nothing is there."""
    progress: Progress


class _States(msgspec.Struct):
    global_step: float = 0
    max_steps: float = 0


class Witness:
    """Looks at a log now and then, and remembers when it changed."""

    def __init__(self) -> None:
        self._signature: tuple[Any, ...] | None = None
        self._grown = 0.0
        """By the monotonic clock; 0 before any change was seen."""
        self._progress = Progress()

    def look(self, found: Found, over: str = "") -> Standing:
        """
        Args:
            over: how it ended, where its reader knows.
        """
        dated = []
        for path in found.files:
            try:
                facts = path.stat()
            except OSError:
                continue
            dated.append((facts.st_mtime, facts.st_size, str(path), facts.st_ino))
        dated.sort(reverse=True)
        changed = dated[0][0] if dated else 0.0
        if tuple(dated) != self._signature:
            if self._signature is not None:
                self._grown = time.monotonic()
            self._signature = tuple(dated)
            self._progress = glance(found)
        return Standing(self._state(found, dated, over), changed, self._progress)

    def _state(self, found: Found, dated: list[Any], over: str) -> State:
        if over == "failed":
            return "failed"
        progress = self._progress
        if over or not dated or 0 < progress.total <= progress.step:
            return "finished"
        patience = RUNNING_S
        if found.format == "trainer_state" and len(dated) > 1:
            patience = min(LONGEST_S, max(patience, 2 * (dated[0][0] - dated[1][0])))
        # By what was seen here, too: the clock of another machine, or a changed one, may be off.
        if self._grown and time.monotonic() - self._grown < patience:
            return "running"
        return "running" if -patience < time.time() - dated[0][0] < patience else "finished"


def glance(found: Found) -> Progress:
    """How far a log has come, by its last row; nothing for formats that are read from the front."""
    try:
        if found.format == "trainer_state":
            return _of_state(found.files[0])
        if found.format in ("jsonl", "llamafactory"):
            return _of_objects(found.path)
        if found.format == "csv":
            return _of_table(found.path)
    except (OSError, IndexError):
        pass
    return Progress()


def _of_state(path: Path) -> Progress:
    if path.stat().st_size > LARGEST:
        return Progress()
    try:
        with open_plain(path) as file:
            state = msgspec.json.decode(file.read(), type=_States)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # NaN among the numbers, or half a file: its reader knows better.
        return Progress()
    return Progress(_whole(state.global_step), _whole(state.max_steps))


def _of_objects(path: Path) -> Progress:
    for line in reversed(_last_lines(path)):
        try:
            row = values.decode(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            return _progress(values.flatten(row))
    return Progress()


def _of_table(path: Path) -> Progress:
    with open_plain(path) as file:
        first = csv_table.text_of(file.readline(END).rstrip(b"\r\n"))
    delimiter = csv_table.delimiter_of(first)
    lines = _last_lines(path)
    if not delimiter or not lines:
        return Progress()
    names = [name.strip() for name in csv_table.fields(first, delimiter)]
    last = csv_table.fields(csv_table.text_of(lines[-1].rstrip(b"\r")), delimiter)
    return _progress(dict(zip(names, last, strict=False)))


def _last_lines(path: Path) -> list[bytes]:
    """The whole lines of the end of a file."""
    with open_plain(path) as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - END))
        lines = file.read(END).split(b"\n")
    return [line for line in lines[bool(size > END) : -1] if line.strip()]


def _progress(flat: dict[str, Any]) -> Progress:
    for name in values.STEPS:
        number = values.number_in(flat.get(name))
        if number is not None:
            return Progress(_whole(number), total_in(flat))
    return Progress(0, total_in(flat))


def _whole(number: float) -> int:
    return int(number) if 0 < number < 1e15 else 0
