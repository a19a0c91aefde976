"""What can be done to a run from the dashboard, each asked of the hub."""

from __future__ import annotations

from rlhf_tui.errors import RlhfError
from rlhf_tui.screens.dashboard_ask import Ask
from rlhf_tui.screens.dashboard_live import Live
from rlhf_tui.screens.dashboard_source import ACTIVE


class Control(Live):
    """The actions on the chosen run."""

    def action_stop(self) -> None:
        info = self.runs.chosen
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
                self.run_worker(self._stop(info.run_id), group="ask")

        self.app.push_screen(Ask(question), answered)

    async def _stop(self, run_id: str) -> None:
        try:
            await self.source.stop(run_id)
        except RlhfError as error:
            self.notify(str(error), title="Not stopped", severity="error", markup=False)
            return
        self.look_again()

    def action_resume(self) -> None:
        info = self.runs.chosen
        if info is None:
            return
        if info.state not in ("stopped", "failed"):
            sentence = f"{info.run_id} is {info.state}: only stopped or failed runs resume."
            self.notify(sentence, markup=False)
            return
        self.run_worker(self._resume(info.run_id), group="ask")

    async def _resume(self, run_id: str) -> None:
        try:
            resumed = await self.source.resume(run_id)
        except RlhfError as error:
            self.notify(str(error), title="Not resumed", severity="error", markup=False)
            return
        self.notify("\n".join(resumed.notes), title=f"{run_id} is {resumed.state}", markup=False)
        self.look_again()
