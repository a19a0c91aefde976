"""What a row of another program's log says: its step, its moment, and its numbers by name.

A row here is a flat dict of names to numbers, with None for a text where a number may have stood;
`step` and `time` (seconds) are reserved, whatever the program called them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

STEPS = (
    "step",
    "_step",
    "global_step",
    "iteration",
    "iter",
    "current_steps",
    "current_step",
    "steps",
    "update",
    "epoch",
)
"""Names of what says where a row stands, best first."""
TIMES = ("time", "_timestamp", "timestamp", "wall_time", "datetime", "ts")
"""Names of a moment: seconds since 1970 or ISO 8601; or seconds since the beginning."""
ELAPSED = ("elapsed_time", "_runtime", "elapsed", "time_elapsed", "runtime")
"""Names of seconds since the beginning, or h:mm:ss."""
TOKENS = ("num_tokens", "num_input_tokens_seen", "total_tokens", "tokens_seen", "tokens")
SAMPLES = ("num_samples", "samples_seen", "consumed_samples", "samples", "episode")
MOST_NAMES = 1000
"""Numbers taken of one row."""
DEEPEST = 8
"""Levels of nested objects that are looked into."""
RELATIVE = 1e8
"""Seconds below which a time is no date: three years."""
_ELAPSED = re.compile(r"(?:(\d+) days?, )?(\d+):(\d\d):(\d\d(?:\.\d+)?)")


def decode(text: bytes | str) -> Any:
    """JSON as programs write it, Python's NaN and Infinity included.

    Raises:
        ValueError: it is none, or nested too deeply.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(str(error)) from error


def number_in(value: object) -> float | None:
    """A number, also one written as a text, NaN and Infinity too; None for anything else."""
    if type(value) is float:
        return value
    if isinstance(value, str):
        # Python would take 1_000 and Arabic digits for numbers, too.
        if len(value) > 40 or "_" in value or not value.isascii():
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]
    except ValueError:
        return None


def flatten(row: Mapping[str, Any]) -> dict[str, Any]:
    """Nested objects as names joined by `/`; at most `MOST_NAMES` of them, lists left out."""
    flat: dict[str, Any] = {}
    heap: list[tuple[str, Mapping[str, Any], int]] = [("", row, 1)]
    while heap:
        before, inner, depth = heap.pop()
        for name, value in inner.items():
            if isinstance(value, dict):
                if depth < DEEPEST:
                    heap.append((f"{before}{name}/", value, depth + 1))
            elif not isinstance(value, list):
                flat[f"{before}{name}"] = value
            if len(flat) >= MOST_NAMES:
                return flat
    return flat


def moment(value: object) -> float | None:
    """Seconds since 1970, of seconds, milli-, micro- or nanoseconds, or of ISO 8601."""
    number = number_in(value)
    if number is not None:
        for scale in (1e9, 1e6, 1e3):
            # Dates between 1973 and 5138, told by their size.
            if number / scale > RELATIVE:
                return number / scale
        return number if math.isfinite(number) else None
    if isinstance(value, str) and 8 <= len(value) <= 40:
        try:
            return datetime.fromisoformat(value.strip()).timestamp()
        except (ValueError, OverflowError, OSError):
            return None
    return None


def elapsed(value: object) -> float | None:
    """Seconds of `0:01:23`, `1 day, 1:55:25`, or a number."""
    if isinstance(value, str) and (match := _ELAPSED.fullmatch(value.strip())):
        days, hours, minutes, seconds = match.groups()
        try:
            return (int(days or 0) * 24 + int(hours)) * 3600 + int(minutes) * 60 + float(seconds)
        except ValueError:
            # Thousands of digits, which Python refuses to read.
            return None
    return number_in(value)


class Places:
    """Finds where each row of a log stands, whatever its program calls that.

    A row without a step stands where the one before stood; in a log without any, rows are counted.
    """

    def __init__(self) -> None:
        self.name = ""
        """What the step is called here; empty while no row had one."""
        self._rows = 0
        self._raw = -math.inf
        self._last = 0.0
        self._offset = 0.0
        self._epoch = -math.inf
        self._names: tuple[str, ...] = ()
        """Of the row before: in most logs all rows have the same."""
        self._metrics: list[str] = []
        self._times: list[tuple[str, _Read]] = []

    def row(self, flat: Mapping[str, Any]) -> dict[str, float | None]:
        """A flat row as numbers, with its `step` and, where it tells one, its `time`."""
        names = tuple(flat)
        if names != self._names:
            if not self.name:
                self.name = next((n for n in STEPS if number_in(flat.get(n)) is not None), "")
            self._names = names
            self._times = [(n, read) for n, read in _TIMES if n in flat]
            self._metrics = [n for n in names if n not in (self.name, "step", "time", *TIMES)]
        row: dict[str, float | None] = {"step": self._step(flat)}
        for name, read in self._times:
            when = read(flat[name])
            if when is not None:
                row["time"] = when
                break
        for name in self._metrics:
            value = flat[name]
            if value is not None:
                row[name] = value if type(value) is float else number_in(value)
        return row

    def _step(self, flat: Mapping[str, Any]) -> float:
        raw = number_in(flat.get(self.name)) if self.name else None
        if raw is None or not math.isfinite(raw):
            if not self.name:
                self._last = float(self._rows)
                self._rows += 1
            return self._last
        epoch = number_in(flat.get("epoch")) if self.name != "epoch" else None
        if epoch is not None:
            if raw <= self._raw and epoch > self._epoch > -math.inf:
                # Counted from the beginning of each epoch.
                self._offset = self._last + (1 if raw == 0 else 0)
            elif epoch < self._epoch and raw < self._raw:
                self._offset = 0.0
            self._epoch = epoch
        self._raw, self._last = raw, raw + self._offset
        return self._last


_Read = Callable[[object], float | None]
_TIMES: tuple[tuple[str, _Read], ...] = (
    *((name, moment) for name in TIMES),
    *((name, elapsed) for name in ELAPSED),
)
