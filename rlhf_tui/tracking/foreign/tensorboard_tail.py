"""The last step of a TensorBoard event file, found from its end."""

from __future__ import annotations

import struct
from pathlib import Path

from rlhf_tui.runs.tail import open_plain
from rlhf_tui.tracking.foreign.protobuf import fields
from rlhf_tui.tracking.foreign.tensorboard_events import FOOTER, HEADER, masked_crc

END = 64 * 1024
"""Bytes of the end that are looked at: a picture in them hides the step until the file is read."""
MOST_TRIED = 1000
"""Places where a record might begin that are tried, each by its checksum."""
STEP, SUMMARY = 2, 5
"""Numbers of the fields of an event."""


def last_step(path: Path) -> int:
    """The furthest step of the last records; 0 where none is found.

    Raises:
        OSError: the file cannot be read.
    """
    with open_plain(path) as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - END))
        data = file.read(END)
    at = 0 if size <= END else _first(data)
    furthest = 0
    while at >= 0 and at + HEADER <= len(data) and _begins(data, at):
        (length,) = struct.unpack_from("<Q", data, at)
        end = at + HEADER + length
        if end + FOOTER > len(data):
            break
        event = dict(fields(data[at + HEADER : end]))
        step = event.get(STEP, 0)
        if SUMMARY in event and isinstance(step, int) and step < 1 << 63:
            furthest = max(furthest, step)
        at = end + FOOTER
    return furthest


def _first(data: bytes) -> int:
    """Where the first whole record begins; -1 for none.

    The upper half of a length is zero, and its checksum tells it from other zeros.
    """
    at = -1
    for _ in range(MOST_TRIED):
        at = data.find(b"\0\0\0\0", at + 1)
        if at < 0:
            return -1
        begin = at - 4
        if begin >= 0 and _begins(data, begin):
            return begin
    return -1


def _begins(data: bytes, at: int) -> bool:
    if at + HEADER > len(data):
        return False
    (crc,) = struct.unpack_from("<I", data, at + 8)
    return bool(crc == masked_crc(data[at : at + 8]))
