"""The wire format of protobuf, as far as a glance at a log needs it.

The packages that decode the records in full take half a second to import; a list of runs is to show
their steps at once. Encoding: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field, a varint as it is unsigned; ends where data is broken."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if at < 0 or not number:
            return
        if kind == VARINT:
            value, at = varint(data, at)
            if at < 0:
                return
            yield number, value
            continue
        size = {FIXED64: 8, FIXED32: 4}.get(kind, -1)
        if kind == LENGTH:
            size, at = varint(data, at)
        if at < 0 or size < 0 or at + size > len(data):
            return
        yield number, data[at : at + size]
        at += size


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends; -1 where it does not."""
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    return 0, -1
