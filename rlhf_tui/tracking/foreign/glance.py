"""How far a log of another program has come, by its last bytes, without reading all of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.runs.tail import open_plain
from rlhf_tui.tracking.foreign import csv_table, tensorboard_tail, trainer_state, values, wandb_tail
from rlhf_tui.tracking.foreign.json_lines import total_in
from rlhf_tui.tracking.foreign.scan import Found

END = 64 * 1024
"""Bytes of the end of a file in which the last row is looked for."""
MOST_EVENTS = 4
"""Event files of a run whose ends are looked at, newest first: one may hold only settings."""


@dataclass(frozen=True)
class Progress:
    """As far as it was told; 0 for what was not."""

    step: int = 0
    total: int = 0
    over: str = ""
    """`finished` or `failed`, where the log says how it ended."""


class _States(msgspec.Struct):
    global_step: float = 0
    max_steps: float = 0
    log_history: list[msgspec.Raw] = []


def glance(found: Found) -> Progress:
    """How far a log has come, by its last row."""
    try:
        if found.format == "trainer_state":
            return _of_state(found.files[0])
        if found.format in ("jsonl", "llamafactory"):
            return _of_objects(found.path)
        if found.format == "csv":
            return _of_table(found.path)
        if found.format == "tensorboard":
            ends = map(tensorboard_tail.last_step, found.files[:MOST_EVENTS])
            return Progress(_whole(next(filter(None, ends), 0)))
        if found.format == "wandb":
            step, over = wandb_tail.last_row(found.path)
            return Progress(_whole(step), 0, over)
    except (OSError, IndexError):
        pass
    return Progress()


def _of_state(path: Path) -> Progress:
    if path.stat().st_size > trainer_state.LARGEST:
        return Progress()
    try:
        with open_plain(path) as file:
            state = msgspec.json.decode(file.read(), type=_States)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # NaN among the numbers, or half a file: its reader knows better.
        return Progress()
    last = bytes(state.log_history[-1]) if state.log_history else b""
    over = "finished" if f'"{trainer_state.END}"'.encode() in last else ""
    return Progress(_whole(state.global_step), _whole(state.max_steps), over)


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
