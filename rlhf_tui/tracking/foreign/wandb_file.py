"""W&B's run files, `run-ID.wandb`, as a run writes them, offline or not.

The container is LevelDB's log format with a header of its own (W&B's Go code: core/pkg/leveldb):
seven bytes `:W&B`, 0xBEE1, version 0; then blocks of 32 KiB of chunks, each with CRC-32 (zlib's,
over type and data), length (u16) and type (whole, first, middle, last), little endian; a block's
end too short for a chunk's header is empty. What is in it, `Record` protobufs, the `wandb` package
decodes; it has no reader of the container in Python.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any

from rlhf_tui.errors import UsageError
from rlhf_tui.runs.tail import open_plain
from rlhf_tui.tracking.foreign.json_lines import total_in
from rlhf_tui.tracking.foreign.reader import Piece, Telling
from rlhf_tui.tracking.foreign.values import Places, decode, flatten

MAGIC = b":W&B\xe1\xbe"
HEADER = 7
BLOCK = 32 * 1024
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4
LARGEST = 8 * 1024 * 1024
"""Bytes of a record beyond which it is no row of numbers: passed over."""
MISSING = UsageError(
    "Reading W&B's run files needs its package, which is not installed.",
    hint="pip install 'rlhf-tui[report]', or pip install wandb",
)


class Records:
    """The whole records of a growing file since the last read."""

    def __init__(self, path: Path, start: int = HEADER) -> None:
        """
        Args:
            start: where to begin to read: behind the header, or where a block begins.
        """
        self.path = path
        self.restarted = False
        self.more = False
        self.damaged = 0
        """Chunks whose checksum is wrong; the rest of their block is passed over."""
        self._offset = start
        self._inode = 0
        self._parts: list[bytes] | None = None
        self._held = 0

    def read(self, limit: int) -> list[bytes]:
        """About `limit` bytes of records; [] where nothing is new.

        Raises:
            OSError: the file cannot be read, for another reason than not being there.
        """
        self.restarted = self.more = False
        try:
            file = open_plain(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return []
        with file:
            facts = os.fstat(file.fileno())
            inode, size = facts.st_ino, facts.st_size
            if size < self._offset > HEADER or (self._inode and inode != self._inode):
                self._offset, self._parts, self.restarted = HEADER, None, True
            self._inode = inode
            file.seek(self._offset)
            data = file.read(limit + BLOCK)
        records, used = self._chunks(data)
        self._offset += used
        self.more = used > 0 and self._offset < size
        return records

    def _chunks(self, data: bytes) -> tuple[list[bytes], int]:
        records: list[bytes] = []
        at = 0
        while True:
            left = BLOCK - (self._offset + at) % BLOCK
            if left < HEADER:
                if at + left > len(data):
                    return records, at
                at += left
                continue
            if at + HEADER > len(data):
                return records, at
            crc, length, kind = struct.unpack_from("<IHB", data, at)
            end = at + HEADER + length
            if HEADER + length > left or not WHOLE <= kind <= LAST:
                # Nothing that stands here is a chunk: the next block begins with one.
                if at + left > len(data):
                    return records, at
                self._damage()
                at += left
                continue
            if end > len(data):
                return records, at
            if zlib.crc32(data[at + 6 : end]) != crc:
                self._damage()
                if at + left > len(data):
                    return records, at
                at += left
                continue
            if (record := self._join(kind, data[at + HEADER : end])) is not None:
                records.append(record)
            at = end

    def _damage(self) -> None:
        self.damaged += 1
        self._parts = None

    def _join(self, kind: int, part: bytes) -> bytes | None:
        if kind == WHOLE:
            self._parts = None
            return part
        if kind == FIRST:
            self._parts, self._held = [], 0
        if self._parts is None:
            return None
        self._held += len(part)
        if self._held > LARGEST:
            self._parts = None
            return None
        self._parts.append(part)
        if kind != LAST:
            return None
        record = b"".join(self._parts)
        self._parts = None
        return record


class WandbReader(Telling):
    """Config, history and summary of a run file; its printed lines from files/output.log."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            UsageError: the wandb package is not installed.
        """
        try:
            from wandb.proto import wandb_internal_pb2 as internal
        except ImportError:
            raise MISSING from None
        super().__init__()
        self._record = internal.Record
        self._records = Records(path)
        self._begin()

    def _begin(self) -> None:
        self._places = Places()
        self._config: dict[str, Any] = {}
        self._run: dict[str, Any] = {}
        self._summary: dict[str, Any] = {}
        self.over = ""

    def read(self, limit: int) -> Piece:
        from google.protobuf.message import DecodeError

        records = self._records.read(limit)
        piece = Piece([], self._records.restarted, self._records.more)
        if piece.restarted:
            self._begin()
        for data in records:
            try:
                record = self._record.FromString(data)
            except DecodeError:
                self._records.damaged += 1
                continue
            self._take(record, piece)
        if records:
            named = {"run": self._run, "config": self._config, "summary": self._summary}
            self.facts = {title: dict(values) for title, values in named.items() if values}
            self.total = total_in(self._config) or self.total
        damaged = self._records.damaged
        self.problem = f"{damaged} damaged pieces are passed over." if damaged else ""
        return piece

    def _take(self, record: Any, piece: Piece) -> None:
        kind = record.WhichOneof("record_type")
        if kind == "history":
            values = _values(record.history.item)
            if "_step" not in values:
                values["_step"] = record.history.step.num
            row = self._places.row(flatten(values))
            for name in ("_runtime", "_timestamp"):
                row.pop(name, None)
            piece.rows.append(row)
        elif kind == "run":
            self._take_run(record.run)
        elif kind == "config":
            self._config.update(_shown(_values(record.config.update)))
        elif kind == "summary":
            self._summary.update(_shown(_values(record.summary.update)))
        elif kind == "exit":
            code = record.exit.exit_code
            self.over = "failed" if code else "finished"
            self._run["exit code"] = code

    def _take_run(self, run: Any) -> None:
        self.title = run.display_name
        self._run = {
            "name": run.display_name,
            "project": run.project,
            "entity": run.entity,
            "group": run.run_group,
            "job type": run.job_type,
            "tags": ", ".join(run.tags),
            "notes": run.notes,
            "host": run.host,
        }
        self._config.update(_shown(_values(run.config.update)))


def _values(items: Any) -> dict[str, Any]:
    """Names to values; nested names joined by `/`, and what is no JSON left out."""
    values: dict[str, Any] = {}
    for item in items:
        name = "/".join(item.nested_key) if item.nested_key else item.key
        try:
            values[name] = decode(item.value_json)
        except ValueError:
            continue
    return values


def _shown(values: dict[str, Any]) -> dict[str, Any]:
    """Without what W&B notes for itself."""
    flat = flatten(values)
    return {name: value for name, value in flat.items() if not name.startswith("_")}
