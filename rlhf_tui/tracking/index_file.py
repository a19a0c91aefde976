"""The file of an index: arrays of doubles behind a header, whole or of no use.

magic    8 bytes, with the version of this format
length   8 bytes, little-endian: of the header
header   JSON, `Header`: how far metrics.jsonl was read, what it looked like there, and where
         the arrays of every series and clock stand
arrays   doubles in the machine's own order, one after the other from the next multiple of 8
sum      8 bytes, little-endian: CRC-32 of all before
"""

from __future__ import annotations

import os
import struct
import sys
import tempfile
import zlib
from array import array
from contextlib import suppress
from pathlib import Path

import msgspec

from rlhf_tui.runs.tail import Place
from rlhf_tui.tracking.clock import Clock, TimeClock, XAxis
from rlhf_tui.tracking.metrics import Metrics
from rlhf_tui.tracking.pyramid import BLOCK, Pyramid
from rlhf_tui.tracking.series import Kept, Series

MAGIC = b"rlhfix\x03\n"
HEAD = struct.Struct("<8sQQ")
MOST_HEADER = 16 * 1024 * 1024
PIECE = 1024 * 1024


class KeptPyramid(msgspec.Struct, array_like=True):
    """Numbers of the arrays of each level; maxima only where they are other arrays."""

    low: list[int]
    high: list[int]


class KeptSeries(msgspec.Struct, array_like=True):
    """A series: where its arrays stand, and what is asked before they are loaded."""

    name: str
    steps: int
    values: KeptPyramid
    last: str
    """The newest value: JSON has no NaN."""


class KeptClock(msgspec.Struct, array_like=True):
    """A clock, likewise."""

    steps: int
    values: int
    state: list[str] = []
    """What a TimeClock knows beside its points."""


class Header(msgspec.Struct):
    """How far a metrics file was read, and what of it stands where."""

    order: str
    """The machine's byte order."""
    offset: int
    inode: int
    before: bytes
    looked_at: str
    """A hash of some of what the file held."""
    rows: int
    arrays: list[int]
    """Lengths, in the order in which they stand; numbers of arrays are places in this list."""
    sums: list[int]
    series: list[KeptSeries]
    clocks: dict[XAxis, KeptClock]


class IndexFile:
    """An open index; closed once no series needs it any more."""

    def __init__(self, descriptor: int) -> None:
        self.broken = False
        """Whether points could not be read any more that the header had promised."""
        self._descriptor = descriptor
        self._places: list[tuple[int, int, int]] = []
        """Of each array: where it begins, how many doubles it has, their sum."""

    def __del__(self) -> None:
        os.close(self._descriptor)

    def header(self) -> Header | None:
        """The header of a file that is whole; None for any other.

        Raises:
            OSError, msgspec.DecodeError: it cannot be read.
        """
        facts = os.fstat(self._descriptor)
        head = os.pread(self._descriptor, HEAD.size, 0)
        if len(head) < HEAD.size or facts.st_uid != os.geteuid():
            return None
        magic, length, found = HEAD.unpack(head)
        if magic != MAGIC or length > MOST_HEADER:
            return None
        encoded = os.pread(self._descriptor, length, HEAD.size)
        if zlib.crc32(encoded) != found:
            return None
        header = msgspec.json.decode(encoded, type=Header)
        at = _aligned(HEAD.size + length)
        for count, found in zip(header.arrays, header.sums, strict=True):
            self._places.append((at, count, found))
            at += count * 8
        return header if header.order == sys.byteorder and facts.st_size == at else None

    def load(self, number: int) -> array[float]:
        """An array by its number; empty, and the file marked as broken, if it is not as it was."""
        at, count, found = self._places[number]
        values = array("d", (0.0,)) * count
        if not count:
            return values
        try:
            read = os.preadv(self._descriptor, [memoryview(values).cast("B")], at)
        except OSError:
            read = 0
        if read == count * 8 and zlib.crc32(values) == found:
            return values
        self.broken = True
        return array("d")

    def metrics(self, header: Header) -> Metrics:
        """What is kept; series load their points when they are first looked at.

        Raises:
            ValueError: its parts do not belong together; whatever wrote that, nobody draws it.
        """
        if not all(_fits(one, header.arrays) for one in header.series):
            raise ValueError("a series whose arrays are not of one length")
        metrics = Metrics()
        metrics.rows = header.rows
        for one in header.series:
            metrics.series[one.name] = self._series(one)
        for axis, clock in header.clocks.items():
            metrics.clocks[axis] = self._clock(clock)
        return metrics

    def _series(self, kept: KeptSeries) -> Series:
        def load() -> tuple[array[float], Pyramid]:
            steps = self.load(kept.steps)
            low = [self.load(number) for number in kept.values.low]
            high = [
                low[level] if number == kept.values.low[level] else self.load(number)
                for level, number in enumerate(kept.values.high)
            ]
            if self.broken:
                return array("d"), Pyramid()
            return steps, Pyramid(low, high)

        count = self._places[kept.steps][1]
        return Series(kept.name, Kept(count, float(kept.last), load))

    def _clock(self, kept: KeptClock) -> Clock:
        clock = TimeClock() if kept.state else Clock()
        clock.steps, clock.values = self.load(kept.steps), self.load(kept.values)
        if len(clock.steps) != len(clock.values):
            raise ValueError("a clock whose arrays are not of one length")
        if isinstance(clock, TimeClock):
            clock.go_on([float(number) for number in kept.state])
        return clock


def _fits(kept: KeptSeries, lengths: list[int]) -> bool:
    """Whether a series has as many values as steps, and each level the blocks of the one below."""
    values = kept.values
    numbers = [kept.steps, *values.low, *values.high]
    if not values.low or len(values.low) != len(values.high):
        return False
    if min(numbers) < 0 or max(numbers) >= len(lengths):
        return False
    count = lengths[kept.steps]
    for low, high in zip(values.low, values.high, strict=True):
        if not lengths[low] == lengths[high] == count:
            return False
        count //= BLOCK
    return count == 0


class Arrays:
    """Arrays on their way into a file; equal steps of several series are kept once."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        self.sums: list[int] = []
        self.arrays: list[array[float]] = []
        self._steps: list[int] = []

    def put(self, values: array[float]) -> int:
        self.arrays.append(values)
        self.lengths.append(len(values))
        self.sums.append(zlib.crc32(values))
        return len(self.arrays) - 1

    def put_steps(self, steps: array[float]) -> int:
        for number in self._steps:
            known = self.arrays[number]
            if (
                len(known) == len(steps)
                and known[-1:] == steps[-1:]
                and known.tobytes() == steps.tobytes()
            ):
                return number
        self._steps.append(self.put(steps))
        return self._steps[-1]


def header_of(metrics: Metrics, place: Place, looked_at: str, arrays: Arrays) -> Header:
    """The header of what has been taken in up to a place; its points are put into `arrays`."""
    return Header(
        order=sys.byteorder,
        offset=place.offset,
        inode=place.inode,
        before=place.before,
        looked_at=looked_at,
        rows=metrics.rows,
        arrays=arrays.lengths,
        sums=arrays.sums,
        series=[_keep_series(one, arrays) for one in metrics.series.values()],
        clocks={axis: _keep_clock(one, arrays) for axis, one in metrics.clocks.items()},
    )


def _keep_series(series: Series, arrays: Arrays) -> KeptSeries:
    lows, highs = series.values.levels
    low = [arrays.put(values) for values in lows]
    high = [
        low[level] if values is lows[level] else arrays.put(values)
        for level, values in enumerate(highs)
    ]
    return KeptSeries(
        name=series.name,
        steps=arrays.put_steps(series.steps),
        values=KeptPyramid(low, high),
        last=str(series.last),
    )


def _keep_clock(clock: Clock, arrays: Arrays) -> KeptClock:
    kept = KeptClock(arrays.put_steps(clock.steps), arrays.put(clock.values))
    if isinstance(clock, TimeClock):
        kept.state = [str(number) for number in clock.state]
    return kept


def write(path: Path, header: Header, arrays: Arrays) -> None:
    encoded = msgspec.json.encode(header)
    start = HEAD.pack(MAGIC, len(encoded), zlib.crc32(encoded)) + encoded
    start += bytes(_aligned(len(start)) - len(start))
    descriptor, aside = tempfile.mkstemp(prefix=".", suffix=".aside", dir=path.parent)
    try:
        with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor
            file.write(start)
            for values in arrays.arrays:
                with memoryview(values) as view, view.cast("B") as data:
                    at = 0
                    while at < len(data):
                        at += file.write(data[at : at + PIECE])
        Path(aside).replace(path)
    finally:
        with suppress(OSError):
            Path(aside).unlink()  # only still there when the disk is full


def _aligned(size: int) -> int:
    return -(-size // 8) * 8
