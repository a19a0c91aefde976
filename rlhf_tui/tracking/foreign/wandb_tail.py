"""The last step of a W&B run file, and how the run ended, found from the file's end."""

from __future__ import annotations

from pathlib import Path

from rlhf_tui.tracking.foreign.protobuf import fields
from rlhf_tui.tracking.foreign.values import decode, number_in
from rlhf_tui.tracking.foreign.wandb_file import BLOCK, HEADER, Records

BLOCKS = 4
"""Blocks of the end that are looked at."""
HISTORY, EXIT = 2, 18
"""Numbers of the fields of a `Record`; those of what is in them stand beside their use."""
KEY, VALUE = 1, 16


def last_row(path: Path) -> tuple[float, str]:
    """The furthest step of the last rows, 0 for none; `finished` or `failed` where it ended.

    Raises:
        OSError: the file cannot be read.
    """
    start = max(0, path.stat().st_size // BLOCK - BLOCKS + 1) * BLOCK
    furthest, over = 0.0, ""
    for data in Records(path, start or HEADER).read(BLOCKS * BLOCK):
        for number, value in fields(data):
            if not isinstance(value, bytes):
                continue
            if number == HISTORY:
                furthest = max(furthest, _step(value))
            elif number == EXIT:
                # exit_code = 1: left out for 0.
                over = "failed" if dict(fields(value)).get(1) else "finished"
    return furthest, over


def _step(history: bytes) -> float:
    """`_step` among the items, as W&B writes it, else the step of the row itself."""
    step = 0.0
    for number, value in fields(history):
        if not isinstance(value, bytes):
            continue
        inner = dict(fields(value))
        if number == 2:  # step: num = 1
            told = inner.get(1, 0)
            step = max(step, float(told) if isinstance(told, int) and told < 1 << 63 else 0.0)
        elif number == 1 and b"_step" in (inner.get(KEY), inner.get(2)):  # item: or nested_key = 2
            text = inner.get(VALUE, b"")
            try:
                told_number = number_in(decode(text)) if isinstance(text, bytes) else None
            except ValueError:
                continue
            step = max(step, told_number or 0.0)
    return step
