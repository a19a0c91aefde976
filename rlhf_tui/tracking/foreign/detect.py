"""Recognises what another program wrote, by content and name; never by the ending alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rlhf_tui.runs.tail import open_plain
from rlhf_tui.tracking.foreign import csv_table, trainer_state, values, wandb_file
from rlhf_tui.tracking.foreign.tensorboard_events import begins_events

Format = Literal["run", "trainer_state", "tensorboard", "llamafactory", "wandb", "csv", "jsonl"]
NAMES: dict[Format, str] = {
    "run": "a run directory of rlhf-tui",
    "trainer_state": "transformers",
    "tensorboard": "TensorBoard",
    "llamafactory": "LLaMA-Factory",
    "wandb": "W&B",
    "csv": "CSV",
    "jsonl": "JSON Lines",
}
KNOWN = (
    "run directories of rlhf-tui, trainer_state.json (transformers, TRL), TensorBoard event files, "
    "LLaMA-Factory's trainer_log.jsonl, W&B run files (.wandb), CSV and JSON Lines"
)
"""The formats as a person is told them."""
HEAD = 64 * 1024
"""Bytes that are looked at first."""
LONG_HEAD = 1024 * 1024
"""Bytes that are looked at for the end of a first line."""
GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Look:
    """What a look at a file has shown."""

    format: Format | None
    why: str = ""
    """Why it is none of the formats, in words that follow its name."""
    placed: bool = True
    """Whether its rows tell their step or moment: a data set of numbers does not."""


EMPTY = "empty"


def look_at(path: Path) -> Look:
    """Which format a file has.

    Raises:
        OSError: it cannot be read.
    """
    with open_plain(path) as file:
        head = file.read(HEAD)
        if b"\n" not in head and len(head) == HEAD and head[:4] != wandb_file.MAGIC[:4]:
            head += file.read(LONG_HEAD)
    if not head.strip():
        return Look(None, EMPTY)
    if head.startswith(wandb_file.MAGIC):
        return Look("wandb")
    if begins_events(head):
        return Look("tensorboard")
    if head.startswith(GZIP):
        return Look(None, "compressed: unpack it with gunzip first")
    if b"\0" in head[:HEAD]:
        return Look(None, "binary")
    return _look_at_text(head, path)


def _look_at_text(head: bytes, path: Path) -> Look:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    lines = start.split(b"\n")
    if len(lines) == 1 and len(head) >= LONG_HEAD:
        return Look(None, "a first line of more than 1 MiB")
    if start.startswith(b"{"):
        if path.name == trainer_state.NAME or b'"log_history"' in head:
            return Look("trainer_state")
        return _look_at_objects(lines)
    if start.startswith(b"["):
        return Look(None, "a JSON array, not an object a line")
    texts = [csv_table.text_of(line.rstrip(b"\r")) for line in lines[:2]]
    second = texts[1] if len(texts) > 1 and texts[1] else None
    if csv_table.looks_like_table(texts[0], second):
        names = csv_table.fields(texts[0], csv_table.delimiter_of(texts[0]))
        known = (*values.STEPS, *values.TIMES)
        return Look("csv", placed=any(name.strip() in known for name in names))
    return Look(None, "text without columns of numbers")


def _look_at_objects(lines: list[bytes]) -> Look:
    """Of the first lines, the last of which may be half."""
    numbers = placed = objects = False
    for line in [line for line in lines[:20] if line.strip()]:
        try:
            row: Any = values.decode(line)
        except ValueError:
            continue
        if not isinstance(row, dict):
            continue
        objects = True
        if "current_steps" in row and "total_steps" in row:
            return Look("llamafactory")
        flat = values.flatten(row)
        # A time alone is what the lines of any program's own log have.
        placed = placed or any(name in flat for name in values.STEPS)
        numbers = numbers or any(values.number_in(value) is not None for value in flat.values())
    if numbers:
        return Look("jsonl", placed=placed)
    return Look(None, "JSON without a number" if objects else "text that is no JSON Lines")
