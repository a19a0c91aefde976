"""TensorBoard event files: scalars, old style and encoded as tensors; texts and hyperparameters.

A file is a row of TFRecords: length (u64), its masked CRC-32C, the data, its masked CRC-32C, little
endian. The frame is read here, a bounded piece at a time from where the last read ended: the
`tensorboard` package's own loader imports TensorFlow where there is one, keeps to one file, and
takes any length that a file claims. What is in the frame is decoded by the package.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

from rlhf_tui.errors import UsageError
from rlhf_tui.runs.tail import open_plain
from rlhf_tui.tracking.foreign.reader import Piece, Telling

HEADER = 12
FOOTER = 4
LARGEST = 1024 * 1024
"""Bytes of a record beyond which it holds pictures or histograms, not scalars: passed over."""
MOST_FILES = 1000
TEXT = 4000
"""Characters kept of a text."""
MOST_TEXTS = 50
SCALARS = "scalars"
MISSING = UsageError(
    "Reading TensorBoard's event files needs its package, which is not installed.",
    hint="pip install 'rlhf-tui[report]', or pip install tensorboard",
)


def _table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _table()


def masked_crc(data: bytes) -> int:
    """CRC-32C (RFC 3720), rotated and moved as TFRecords have it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def begins_events(head: bytes) -> bool:
    """Whether a file begins with the header of a TFRecord."""
    if len(head) < HEADER:
        return False
    (crc,) = struct.unpack_from("<I", head, 8)
    return bool(masked_crc(head[:8]) == crc)


def event_files(directory: Path) -> list[Path]:
    """The event files right in a directory, in the order in which they were begun."""
    try:
        found = [path for path in directory.iterdir() if "tfevents" in path.name]
    except OSError:
        return []
    return sorted(found)[:MOST_FILES]


class _Place:
    """How far a file is read."""

    def __init__(self) -> None:
        self.offset = 0
        self.inode = 0
        self.broken = False


class EventsReader(Telling):
    """The event files of one directory, or one file."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            UsageError: the tensorboard package is not installed.
        """
        try:
            import tensorboard.compat.proto.event_pb2 as events
            from google.protobuf.message import DecodeError
        except ImportError:
            raise MISSING from None
        super().__init__()
        self._events = events
        self._undecodable = DecodeError
        self._path = path
        self._places: dict[Path, _Place] = {}
        self._plugins: dict[str, str] = {}

    def read(self, limit: int) -> Piece:
        piece = Piece()
        left = limit
        for path in event_files(self._path) if self._path.is_dir() else [self._path]:
            place = self._places.setdefault(path, _Place())
            taken = self._read_file(path, place, left, piece)
            if piece.restarted:
                # One of the files was replaced: all are taken again, in their order.
                self._places.clear()
                return Piece([], restarted=True, more=True)
            left -= taken
            if left <= 0:
                piece.more = True
                break
        return piece

    def _read_file(self, path: Path, place: _Place, limit: int, piece: Piece) -> int:
        """Take the whole records of about `limit` bytes; returns how many were read."""
        try:
            file = open_plain(path)
        except FileNotFoundError:
            return 0
        with file:
            facts = os.fstat(file.fileno())
            size = facts.st_size
            if size < place.offset or (place.inode and place.inode != facts.st_ino):
                piece.restarted = True
                return 0
            place.inode = facts.st_ino
            file.seek(place.offset)
            data = b"" if place.broken else file.read(max(limit, HEADER))
            start, at = place.offset, 0
            while at + HEADER <= len(data):
                (length,) = struct.unpack_from("<Q", data, at)
                if struct.unpack_from("<I", data, at + 8)[0] != masked_crc(data[at : at + 8]):
                    place.broken = True
                    self.problem = f"{path.name} is damaged after {start + at} bytes."
                    break
                end = at + HEADER + length + FOOTER
                if end > len(data):
                    if start + end > size:
                        # Half-written: the next read begins with it.
                        break
                    if length > LARGEST:
                        place.offset, piece.more = start + end, True
                        return max(at, 1)
                    file.seek(start + len(data))
                    data += file.read(end - len(data))
                    if end > len(data):
                        break
                body = data[at + HEADER : end - FOOTER]
                if length <= LARGEST:
                    self._take(body, data[end - FOOTER : end], piece, path)
                at = end
            place.offset = start + at
        return at

    def _take(self, body: bytes, crc: bytes, piece: Piece, path: Path) -> None:
        if struct.unpack("<I", crc)[0] != masked_crc(body):
            self.problem = f"{path.name} holds a damaged record: passed over."
            return
        try:
            event = self._events.Event.FromString(body)
        except self._undecodable:
            self.problem = f"{path.name} holds a record that is no event: passed over."
            return
        if event.HasField("summary"):
            row: dict[str, float | None] = {"step": float(event.step), "time": event.wall_time}
            for value in event.summary.value:
                self._value(value, row)
            if len(row) > 2:
                piece.rows.append(row)

    def _value(self, value: Any, row: dict[str, float | None]) -> None:
        plugin = value.metadata.plugin_data.plugin_name
        if plugin:
            # Told with the first value of a tag only.
            self._plugins.setdefault(value.tag, plugin)
        plugin = self._plugins.get(value.tag, "")
        if value.HasField("simple_value"):
            row[value.tag] = value.simple_value
        elif plugin == "hparams":
            self._hyperparameters(value.metadata.plugin_data.content)
        elif value.HasField("tensor"):
            if plugin == "text":
                self._text(value)
            elif plugin in (SCALARS, "") and _single(value.tensor):
                number = _scalar(value.tensor)
                if number is not None:
                    row[value.tag] = number

    def _text(self, value: Any) -> None:
        texts = self.facts.get("texts", {})
        if value.tensor.string_val and len(texts) < MOST_TEXTS:
            text = value.tensor.string_val[0][:TEXT].decode("utf-8", "replace")
            name = value.tag.removesuffix("/text_summary")
            self.facts = {**self.facts, "texts": {**texts, name: text}}

    def _hyperparameters(self, content: bytes) -> None:
        from tensorboard.plugins.hparams import plugin_data_pb2

        try:
            data = plugin_data_pb2.HParamsPluginData.FromString(content)
        except self._undecodable:
            return
        given = data.session_start_info.hparams
        values = {name: getattr(given[name], given[name].WhichOneof("kind") or "", None)
                  for name in list(given)[:1000]}  # fmt: skip
        if values:
            self.facts = {**self.facts, "hparams": values}


def _single(tensor: Any) -> bool:
    return all(dim.size == 1 for dim in tensor.tensor_shape.dim)


def _scalar(tensor: Any) -> float | None:
    """The number in a tensor of one; None for a text."""
    # Told apart here without numpy, which takes longer to import than a file to read.
    for values in (tensor.float_val, tensor.double_val, tensor.int_val, tensor.int64_val):
        if values:
            return float(values[0])
    if not tensor.tensor_content:
        return None
    from tensorboard.util.tensor_util import make_ndarray

    try:
        return float(make_ndarray(tensor).item())
    except (TypeError, ValueError):
        return None
