"""What can be done to a run from the dashboard, each asked of the hub."""

from __future__ import annotations

from collections.abc import Callable

from rlhf_tui.errors import RlhfError, UsageError
from rlhf_tui.hub.messages import (
    DeleteRun,
    Done,
    MoveRun,
    PromoteRun,
    RunAnswer,
    RunInfo,
    SetPriority,
)
from rlhf_tui.runs.naming import check_priority
from rlhf_tui.screens.dashboard_marks import Marks
from rlhf_tui.screens.dashboard_source import ACTIVE
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.screens.widgets.work import work

RESUMED = ("stopped", "failed")
"""States of runs that can go on."""


def words_of(info: RunInfo | None, only_shown: str) -> dict[str, str]:
    """Empty words for the row of keys, by the ids of rows that do nothing to this run now.

    Args:
        only_shown: why no run can be changed here; empty where it can.
    """
    state = "" if info is None or only_shown else info.state
    taken = {"dashboard.stop": state not in ACTIVE, "dashboard.resume": state not in RESUMED}
    return {row: "" for row, away in taken.items() if away}


class Control(Marks):
    """The actions on the chosen run."""

    def action_stop(self) -> None:
        info = self.subject()
        if info is None:
            return
        if info.state not in ACTIVE:
            self.notify(f"{info.run_id} is not running: it is {info.state}.", markup=False)
            return
        question = f"Stop {info.run_id}? It saves a checkpoint first and can be resumed."
        if info.state == "queued":
            question = f"Take {info.run_id} out of the queue?"

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(work(self._stop, info.run_id), group="ask")

        self._ask(question, answered)

    def _ask(self, question: str, answered: Callable[[bool | None], None]) -> None:
        # Not needed before the first picture.
        from rlhf_tui.screens.dashboard_ask import Ask

        self.app.push_screen(Ask(question), answered)

    async def _stop(self, run_id: str) -> None:
        try:
            await self.source.stop(run_id)
        except RlhfError as error:
            self.notify(str(error), title="Not stopped", severity="error", markup=False)
            return
        self.look_again()

    def action_resume(self) -> None:
        info = self.subject()
        if info is None:
            return
        if info.state not in RESUMED:
            sentence = f"{info.run_id} is {info.state}: only stopped or failed runs resume."
            self.notify(sentence, markup=False)
            return
        self.run_worker(work(self._resume, info.run_id), group="ask")

    async def _resume(self, run_id: str) -> None:
        try:
            resumed = await self.source.resume(run_id)
        except RlhfError as error:
            self.notify(str(error), title="Not resumed", severity="error", markup=False)
            return
        self.notify("\n".join(resumed.notes), title=f"{run_id} is {resumed.state}", markup=False)
        self.look_again()

    # --- the queue ----------------------------------------------------------------------------

    def _waiting(self) -> RunInfo | None:
        """The chosen run, if it waits; else this is said."""
        info = self.subject()
        if info is not None and info.state != "queued":
            sentence = f"{info.run_id} is {info.state}: only a queued run has a turn to wait for."
            self.notify(sentence, markup=False)
            return None
        return info

    def action_move(self, by: int) -> None:
        """Move a waiting run in the queue: -1 is a place earlier."""
        info = self._waiting()
        if info is not None:
            self.change(MoveRun(info.run_id, by), RunAnswer, "Not moved")

    def action_priority(self) -> None:
        info = self._waiting()
        if info is None:
            return

        def typed(text: str | None) -> None:
            if text is not None and int(text) != info.priority:
                request = SetPriority(info.run_id, int(text))
                self.change(request, RunAnswer, "Priority not changed")

        from rlhf_tui.screens.dashboard_lines import LineAsk

        ask = LineAsk(
            f"Priority of {info.run_id}",
            str(info.priority),
            _priority,
            "the highest starts first, 0 is usual",
        )
        self.app.push_screen(ask, typed)

    # --- its model, and its end ---------------------------------------------------------------

    def action_promote(self) -> None:
        info = self.subject()
        if info is None:
            return
        if not info.current:
            sentence = f"{info.run_id} is the workspace's current policy."
            self.change(PromoteRun(info.run_id), RunAnswer, "Not promoted", lambda _: sentence)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.change(
                    PromoteRun(info.run_id, demote=True),
                    RunAnswer,
                    "Not taken back",
                    lambda _: "There is no current policy now.",
                )

        question = f"{info.run_id} is the current policy. Take that back, and have none?"
        self._ask(question, answered)

    def action_delete(self) -> None:
        info = self.subject()
        if info is None:
            return
        if info.state in ACTIVE:
            self.notify(f"{info.run_id} is {info.state}: stop it first.", markup=False)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                done = f"{info.run_id} is deleted."
                request = DeleteRun(info.run_id)
                self.change(request, Done, "Not deleted", lambda _: done, info.run_id)

        title = clean(info.title, encoding=self.glyphs.encoding).text.replace("\n", " ")
        named = f"{info.run_id} ({title})" if title else info.run_id
        question = (
            f"Delete {named} for good: its model, checkpoints, metrics and log?"
            " What it wrote for labelling stays."
        )
        self._ask(question, answered)


def _priority(text: str) -> int:
    """
    Raises:
        UsageError: no whole number, or out of all proportion.
    """
    try:
        return check_priority(int(text))
    except ValueError:
        raise UsageError("A priority is a whole number.") from None
