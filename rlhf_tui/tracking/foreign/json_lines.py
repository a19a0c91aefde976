"""JSON Lines: an object a line, flat or nested; and LLaMA-Factory's trainer_log.jsonl among them.

LLaMA-Factory (its `LogCallback`): current_steps, total_steps, loss, lr, epoch, percentage,
elapsed_time and remaining_time as h:mm:ss, throughput (tokens a second) and total_tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlhf_tui.tracking.foreign.lines import LineTail
from rlhf_tui.tracking.foreign.reader import Piece, Telling
from rlhf_tui.tracking.foreign.values import Places, decode, flatten, number_in

TOTALS = ("total_steps", "max_steps", "num_steps")
"""Names of the number of steps in all."""
_PROGRESS = frozenset({*TOTALS, "percentage"})


class JsonLinesReader(Telling):
    """Any log of one JSON object a line."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._tail = LineTail(path)
        self._places = Places()
        self._bad = 0

    def read(self, limit: int) -> Piece:
        lines = self._tail.read(limit)
        piece = Piece([], self._tail.restarted, self._tail.more)
        if piece.restarted:
            self._places, self._bad, self.total, self.over = Places(), 0, 0, ""
        for line in lines:
            if not line.strip():
                continue
            try:
                row = decode(line)
            except ValueError:
                row = None
            if isinstance(row, dict):
                piece.rows.append(self._row(flatten(row)))
            else:
                self._bad += 1
        self.problem = ""
        if self._tail.too_long:
            self.problem = "Lines of more than 4 MiB are passed over."
        elif self._bad and lines:
            plural = "line is" if self._bad == 1 else "lines are"
            self.problem = f"{self._bad} {plural} no JSON object: passed over."
        return piece

    def _row(self, flat: dict[str, Any]) -> dict[str, float | None]:
        self.total = total_in(flat) or self.total
        row = self._places.row(flat)
        for name in _PROGRESS & row.keys():
            del row[name]
        return row


class LlamaFactoryReader(JsonLinesReader):
    """trainer_log.jsonl, which ends at 100 per cent."""

    def _row(self, flat: dict[str, Any]) -> dict[str, float | None]:
        row = super()._row(flat)
        # The model's result is logged after the last step once more, without a loss.
        over = bool(self.total) and row["step"] == self.total and "loss" not in flat
        self.over = "finished" if over and number_in(flat.get("eval_loss")) is None else ""
        left = flat.get("remaining_time")
        if isinstance(left, str):
            self.facts = {"LLaMA-Factory": {"remaining_time": left}}
        for name in ("elapsed_time", "remaining_time"):
            row.pop(name, None)
        return row


def total_in(flat: Mapping[str, Any]) -> int:
    """The number of steps in all that a row tells; 0 where it tells none."""
    for name in TOTALS:
        number = number_in(flat.get(name))
        if number is not None and 0 < number < 1e15:
            return int(number)
    return 0
