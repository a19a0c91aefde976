"""The head of the chosen run: name, state, progress, and the sentence that tells how it goes."""

from __future__ import annotations

import time

from rich.cells import cell_len, set_cell_size
from textual.events import Resize

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.canvas_view import CanvasView, Row
from rlhf_tui.screens.widgets.run_list import (
    ASCII_SIGNS,
    SIGNS,
    STYLES,
    duration,
    state_word,
    steps,
)
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.tracking.follow import Follower
from rlhf_tui.tracking.time_left import seconds_left

KINDS = {
    "sft": "supervised fine-tuning",
    "rm": "reward model",
    "ppo": "PPO",
    "dpo": "DPO",
    "kto": "KTO",
    "rloo": "RLOO",
    "grpo": "GRPO",
    "evaluate": "evaluation",
    "generate": "generation",
    "score": "scoring",
    "log": "log",
}


class RunHead(CanvasView):
    """Three rows above the panes."""

    DEFAULT_CSS = "RunHead { height: 3; }"

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.info: RunInfo | None = None
        self.problem = ""
        self.follower: Follower | None = None
        """What tells when it will end."""
        self._glyphs = glyphs

    def tell(
        self,
        info: RunInfo | None,
        problem: str = "",
        follower: Follower | None = None,
    ) -> None:
        """Tell of this run; `problem`, a sentence a line, replaces its own, or stands alone."""
        self.info, self.problem, self.follower = info, problem, follower
        self.redraw()

    def redraw(self) -> None:
        width = self.size.width
        if not width:
            return
        if self.info is None:
            told = (self.problem or "No run chosen.").split("\n")
            self.show([[(self._clean(line), "dim")] for line in told])
            return
        last: Row = [(self._cut(text, width), style) for text, style in self._told()]
        self.show([self._heading(self.info, width), self._progress(self.info, width), last])

    def _clean(self, text: str) -> str:
        return clean(text, encoding=self._glyphs.encoding).text.replace("\n", " ")

    def _cut(self, text: str, room: int) -> str:
        """A text of one row, its end left out where it does not fit."""
        more = self._glyphs.more
        return text if cell_len(text) <= room else set_cell_size(text, room - len(more)) + more

    def _heading(self, info: RunInfo, width: int) -> Row:
        word = state_word(info)
        sign = (ASCII_SIGNS if self._glyphs.encoding != "utf-8" else SIGNS)[word]
        right = f"{sign} {word}"
        title, run_id = self._clean(info.title), self._clean(info.run_id)
        dot = self._glyphs.dot
        left = f"  {KINDS[info.kind]}" + (f" {dot} {title}" if title else "")
        run_id = self._cut(run_id, max(1, width - len(right) - 1))
        room = width - cell_len(run_id) - len(right) - 1
        left = set_cell_size(self._cut(left, max(1, room)), max(0, room))
        return [(run_id, "strong"), (left, "dim"), (" ", ""), (right, STYLES[word])]

    def _progress(self, info: RunInfo, width: int) -> Row:
        if info.status is None or not info.status.step:
            return [(f"created {clock(info.created_ms)}", "dim")]
        step, total = info.status.step, info.status.total_steps
        facts = []
        if info.started_ms:
            facts.append(duration(((info.ended_ms or time.time() * 1000) - info.started_ms) / 1000))
        left = left_of(info, self.follower)
        if left is not None:
            facts.append(f"{'about ' if left >= 60 else ''}{duration(left)} left")
        if info.ended_ms:
            what = "last written" if state_word(info) == "quiet" else "ended"
            facts.append(f"{what} {clock(info.ended_ms)}")
        tail = ", ".join(facts)
        if not total:
            return [(f"step {step}  ", ""), (tail, "dim")]
        share = min(1.0, step / total)
        text = f" {steps(info)} {share:4.0%}  "
        if left is not None:
            when = f", ends {clock((time.time() + left) * 1000)}"
            tail += when if len(text) + len(tail) + len(when) + 9 <= width else ""
        length = max(8, min(40, width - len(text) - len(tail) - 1))
        full = round(length * share)
        return [
            (self._glyphs.full * full, STYLES[state_word(info)]),
            (self._glyphs.empty * (length - full), "rule"),
            (text, ""),
            (tail, "dim"),
        ]

    def _told(self) -> Row:
        info = self.info
        assert info is not None
        if self.problem:
            return [(self._clean(self.problem), "bad")]
        if state_word(info) == "lost" and info.status is not None:
            past = duration(time.time() - info.status.updated)
            return [(f"No sign of life for {past}: it hangs, or the machine does.", "bad")]
        text = info.message or (info.status.message if info.status else "")
        if info.state == "failed" and not text:
            text = "It failed and left no message: see its log."
        return [(self._clean(text), "bad" if info.state == "failed" else "")]

    def on_resize(self, event: Resize) -> None:
        self.redraw()


def left_of(info: RunInfo, follower: Follower | None) -> float | None:
    """Seconds until a running run's end; None where that cannot be told."""
    if state_word(info) != "running" or info.status is None:
        return None
    total, evaluations = info.status.total_steps, None
    if follower is not None and follower.plan is not None:
        evaluations = follower.plan.evaluations(follower.series, follower.clocks, total)
    return seconds_left(
        follower.clocks if follower is not None else {},
        info.status.step,
        total,
        started=info.started_ms / 1000,
        updated=info.status.updated,
        now=time.time(),
        began=info.status.running_since,
        first=info.status.first_step,
        evaluations=evaluations,
    )


def clock(milliseconds: float) -> str:
    """A point in time: the hour of today, else the day; `?` where no calendar has it."""
    try:
        then = time.localtime(milliseconds / 1000)
    except (OverflowError, ValueError, OSError):
        return "?"
    today = time.localtime(time.time())
    same_day = then[:3] == today[:3]
    return time.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M", then)
