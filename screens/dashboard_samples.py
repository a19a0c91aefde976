"""The samples pane: answers to fixed prompts as training goes on, beside the reference model's."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens import dashboard_label
from rlhf_tui.screens.dashboard_answers import AnswersLayout, columns
from rlhf_tui.screens.dashboard_empty import why_empty
from rlhf_tui.screens.dashboard_pane import Pane, Seen, words
from rlhf_tui.screens.dashboard_steps import StepCursor
from rlhf_tui.screens.dashboard_written import where, written_rows
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.chart_axes import number
from rlhf_tui.screens.widgets.log_view import PagedView
from rlhf_tui.screens.widgets.work import work
from rlhf_tui.screens.widgets.wrapping import wrap
from rlhf_tui.tracking.sampled import Sampled, plain
from rlhf_tui.tracking.views import PaneLayout, Spot
from rlhf_tui.tracking.written import Written, newest

if TYPE_CHECKING:
    from rlhf_tui.screens.room import Room

WRITTEN = "all but reward models write answers to fixed prompts, at every evaluation."
Place = tuple[int, int]
"""Index of a step, index of a prompt."""


class SamplesPane(PagedView, Pane):
    """Answers at one step, a prompt after the other; the newest step until another is chosen."""

    TITLE = "samples"
    FINDS = "Find in prompts and completions"
    WORDS = words(right="step", line_down="prompt", overlay="", diff="diff", label="rank")

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs, follow=False)
        self.sampled = Sampled([])
        self.others: list[tuple[str, Sampled]] = []
        """Of the runs kept for comparison, by run id."""
        self.prompt = 0
        """Index of the prompt under the cursor."""
        self.as_diff = False
        self._steps = StepCursor()
        self._tops: list[int] = []
        """First row of each prompt."""
        self._run = ""
        self._empty = ""
        """What there is to say without samples."""
        self._written: list[Written] = []
        """What a generate run wrote last."""
        self._writer: RunInfo | None = None
        """The run that is shown, if it is a generate run."""
        self._where = ""
        """Where a generate run's completions are."""
        self._found: list[Place] = []
        self._back = Spot()
        """Where to begin."""
        self._aim = False
        """The prompt under the cursor is to be scrolled to once it is laid out."""

    # --- how it stands ------------------------------------------------------------------------

    def kept_layout(self) -> PaneLayout:
        return PaneLayout(self.sought, self.as_diff)

    def take_layout(self, layout: PaneLayout) -> None:
        self.sought, self.as_diff = layout.sought, layout.diff

    def kept_spot(self) -> Spot:
        return Spot(self._run, self._steps.chosen, self.prompt) if self._run else self._back

    def take_spot(self, spot: Spot) -> None:
        self._back = spot

    # --- what is shown ------------------------------------------------------------------------

    def tell(self, seen: Seen) -> None:
        if seen.run is None:
            return
        batch, run = seen.batch, seen.run
        self._empty = why_empty(run.info, "samples", WRITTEN, run.follower.problem)
        if run.info.run_id != self._run:
            back, self._back = self._back.of(run.info.run_id), Spot()
            self._run, self.prompt, self.top = run.info.run_id, back.index, 0
            self._steps.chosen, self._aim = back.step, back.index > 0
            self._look_for_written(seen, run.info)
        elif batch is not None and not (batch.samples or batch.samples_restarted):
            if self._writer is not None and (batch.rows or run.info.state != self._writer.state):
                self._look_for_written(seen, run.info)
            return
        self.sampled = Sampled(run.follower.samples)
        self.others = [(o.info.run_id, Sampled(o.follower.samples)) for o in seen.others]
        self._search()
        self.relayout()

    def _look_for_written(self, seen: Seen, info: RunInfo) -> None:
        """Of a generate run: read what it wrote last."""
        if self._writer is None or info.run_id != self._writer.run_id:
            self._written = []
        self._writer = info if info.kind == "generate" else None
        if self._writer is not None:
            home = not seen.source.only_shown
            self._where = where(info, cast("Room", self.screen).key if home else None)
            read = work(self._read_written, info)
            self.run_worker(read, group="written", exclusive=True)

    async def _read_written(self, info: RunInfo) -> None:
        try:
            self._written = await asyncio.to_thread(newest, Path(info.directory))
        except OSError as error:
            self._where = f"{self._where} It cannot be read: {error.strerror}."
        self.relayout()

    @property
    def place(self) -> int:
        """Index of the step that is shown."""
        return self._steps.place(self.sampled.steps)

    @property
    def step(self) -> int:
        """The step that is shown."""
        return self.sampled.steps[self.place] if self.sampled.steps else 0

    def relayout(self) -> None:
        width = self.size.width
        if not width:
            return
        if not self.sampled.prompts:
            if self._writer is None:
                self.fill(wrap([(self._empty, "dim")], width))
            else:
                of = (self._writer, self._written, self._where)
                self.fill(written_rows(*of, width, self.glyphs))
            return
        rows: list[Row] = [self._head(), []]
        self._tops = []
        prompts = list(self.sampled.prompts.values())
        self.prompt = min(self.prompt, len(prompts) - 1)
        layout = AnswersLayout(self.glyphs, width, self.sought, as_diff=self.as_diff)
        for index, answers in enumerate(prompts):
            self._tops.append(len(rows))
            place = index, len(prompts)
            shown = columns(answers, self.step, self.others)
            rows += [*layout.prompt(place, answers, shown, chosen=index == self.prompt), []]
        self.fill(rows)
        if self._aim:
            self._aim = False
            self.move(self._tops[self.prompt] - self.top)

    def _head(self) -> Row:
        steps = self.sampled.steps
        if not steps:
            return [("only other models have answered yet", "dim")]
        row: Row = [(f"step {self.step:,}", "strong"), (f"  {self.place + 1} of {len(steps)}", "")]
        reward, before = self.sampled.mean_reward(self.step), self.sampled.reference_reward()
        if reward is not None:
            row.append((f"   mean reward {number(reward)}", "accent"))
            if before is not None:
                row.append((f", reference {number(before)}", "dim"))
        if sum(len(text) for text, _ in row) > self.size.width:
            row[1] = (f"  {self.place + 1}/{len(steps)} ", "")
        return row

    def notes(self) -> tuple[str, str]:
        steps = len(self.sampled.steps)
        parts = ["diff to reference"] if self.as_diff else []
        if self.sought:
            parts.append(f"{len(self._found)} found")
        if steps:
            parts.append(f"step {self.place + 1}/{steps}")
        return "  ".join(parts), f"{self.place + 1}/{steps}" if steps else ""

    # --- keys ---------------------------------------------------------------------------------

    def turn(self, by: int) -> None:
        """To another step; far is the first or the last one. At the last one it follows."""
        self._steps.turn(by, self.sampled.steps)
        self.relayout()

    def line(self, by: int) -> None:
        """To another prompt; a line on where there is none."""
        if not self.sampled.prompts:
            self.move(by)
            return
        self._go(max(0, min(len(self.sampled.prompts) - 1, self.prompt + by)))

    def _go(self, prompt: int) -> None:
        self.prompt = prompt
        self.relayout()
        if prompt < len(self._tops):
            self.move(self._tops[prompt] - self.top)

    def diff(self) -> None:
        """Show what differs from the reference, or both texts again."""
        self.as_diff = not self.as_diff
        self.relayout()

    def find(self, query: str) -> str:
        self.sought = query
        self._search()
        self.relayout()
        if not query:
            return ""
        if not self._found:
            return f"No sample holds {query!r}."
        self._to(next((f for f in self._found if f >= (self.place, self.prompt)), self._found[0]))
        return ""

    def _search(self) -> None:
        """Where the text stands: every step and prompt, in this order."""
        self._found = []
        if not self.sought:
            return
        sought = self.sought.lower()
        for place, step in enumerate(self.sampled.steps):
            for prompt, (text, answers) in enumerate(self.sampled.prompts.items()):
                row = answers.policy.get(step)
                if row is not None and sought in f"{text}\n{plain(row.completion)}".lower():
                    self._found.append((place, prompt))

    def match(self, by: int) -> None:
        here = (self.place, self.prompt)
        if by > 0:
            after = [found for found in self._found if found > here] or self._found[:1]
        else:
            after = [found for found in self._found if found < here][::-1] or self._found[-1:]
        if after:
            self._to(after[0])

    def _to(self, found: Place) -> None:
        self._steps.go(found[0], self.sampled.steps)
        self._go(found[1])

    # --- to the labelling ---------------------------------------------------------------------

    def label(self) -> None:
        """Open the answer under the cursor and the reference's as an item to be ranked; one alone,
        or one like the reference's, to be rated."""
        prompts = list(self.sampled.prompts.values())
        if not prompts:
            self.app.notify(self._where if self._writer else "There is no sample to judge yet.")
            return
        answers = prompts[self.prompt]
        rows = [row for row in (answers.reference(), answers.at(self.step)) if row is not None]
        texts = {plain(row.completion) for row in rows}
        if not rows:
            self.app.notify("There is no answer to this prompt yet.")
            return
        room = cast("Room", self.screen)
        chosen = rows[-len(texts) :]
        self.app.run_worker(work(dashboard_label.judge, room, self._run, chosen), group="label")
